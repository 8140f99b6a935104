//! People with tickets, and initiators that do what browsers do not.

use base64ct::{Base64, Encoding};
use kerbstone_gateway::Limits;
use kerbstone_gateway::channel_bindings::tls_server_end_point;
use kerbstone_gss::spnego::Initiator;
use kerbstone_gss::{ChannelBindings, GssFlags, Oid, Step, krb5};
use tokio::io::AsyncWriteExt;

use crate::client::{Stream, connect, read_answer};
use crate::site::{Manners, Site};
use crate::tickets::{CLIENT, Tickets, now, options};

async fn site() -> Site {
    Site::start(Manners::Echo, Limits::default()).await
}

fn token_of(step: Step) -> Vec<u8> {
    match step {
        Step::Continue { token } => token,
        Step::Established { token, .. } => token.expect("a token for the gateway"),
    }
}

fn first_token(initiator: &mut Initiator, site: &Site) -> Vec<u8> {
    let mut tickets = Tickets { key: site.key() };
    token_of(
        initiator
            .step(None, &mut tickets, now(), &mut rand::rng())
            .unwrap(),
    )
}

async fn present(stream: &mut Stream, token: &[u8]) -> String {
    let token = Base64::encode_string(token);
    let request = format!(
        "GET /closed HTTP/1.1\r\nhost: localhost\r\nauthorization: Negotiate {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    read_answer(stream).await
}

/// The token in an answer's `WWW-Authenticate`.
fn answered(answer: &str) -> Option<Vec<u8>> {
    let lines = answer.split("\r\n").take_while(|line| !line.is_empty());
    let mut tokens = lines.filter_map(|line| line.strip_prefix("www-authenticate: Negotiate "));
    tokens
        .next()
        .map(|token| Base64::decode_vec(token).unwrap())
}

#[tokio::test]
async fn both_sides_prove_themselves_with_spnego_and_with_krb5_alone() {
    let site = site().await;
    let mut stream = connect(&site).await;
    let mut tickets = Tickets { key: site.key() };
    let (mut spnego, mut bare) = (
        Initiator::new(options(None)),
        krb5::Initiator::new(options(None)),
    );
    let mut step_spnego = |input: Option<&[u8]>, tickets: &mut Tickets| {
        spnego.step(input, tickets, now(), &mut rand::rng())
    };
    let mut step_bare = |input: Option<&[u8]>, tickets: &mut Tickets| {
        bare.step(input, tickets, now(), &mut rand::rng())
    };
    type Side<'a> =
        &'a mut dyn FnMut(Option<&[u8]>, &mut Tickets) -> Result<Step, kerbstone_gss::Refused>;
    let sides: [Side<'_>; 2] = [&mut step_spnego, &mut step_bare];
    for side in sides {
        let first = token_of(side(None, &mut tickets).unwrap());
        let answer = present(&mut stream, &first).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:.400}");
        assert!(
            answer.contains(&format!("remote_user: {CLIENT}\r\n")),
            "{answer}"
        );
        let proof = answered(&answer).expect("the gateway's proof");
        match side(Some(&proof), &mut tickets).unwrap() {
            Step::Established { context, .. } => {
                assert!(context.flags().contains(GssFlags::MUTUAL))
            }
            Step::Continue { .. } => panic!("the gateway thinks that it is over"),
        }
    }
}

#[tokio::test]
async fn a_token_is_taken_once_over_whichever_connection() {
    let site = site().await;
    let token = first_token(&mut Initiator::new(options(None)), &site);
    let (mut one, mut other) = (connect(&site).await, connect(&site).await);
    assert!(present(&mut one, &token).await.starts_with("HTTP/1.1 200 "));
    for stream in [&mut one, &mut other] {
        let answer = present(stream, &token).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer:.400}");
        assert!(answer.contains("accepted before"), "{answer}");
    }
    assert_eq!(site.back_end_requests(), 1);
}

#[tokio::test]
async fn a_proof_for_this_channel_is_taken_and_one_for_another_is_not() {
    let site = site().await;
    let mut stream = connect(&site).await;
    let here = tls_server_end_point(&site.certificate()).unwrap();
    let elsewhere = [&here[..here.len() - 1], b"?"].concat();
    for (bindings, status) in [(Some(here), "200"), (None, "200"), (Some(elsewhere), "401")] {
        let bindings = bindings.map(ChannelBindings::application_data);
        let token = first_token(&mut Initiator::new(options(bindings)), &site);
        let answer = present(&mut stream, &token).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer:.400}"
        );
        assert_eq!(
            answer.contains("something stands between you and this server"),
            status == "401"
        );
    }
}

/// An initiator whose favourite is not spoken here, so that the gateway asks for krb5 first.
fn roundabout() -> Initiator {
    Initiator::new(options(None)).offer(vec![Oid::NTLMSSP, Oid::KRB5])
}

#[tokio::test]
async fn a_negotiation_of_several_legs_goes_on_over_its_connection() {
    let site = site().await;
    let mut stream = connect(&site).await;
    let mut tickets = Tickets { key: site.key() };
    let mut initiator = roundabout();
    let mut token = first_token(&mut initiator, &site);
    let mut legs = 1;
    let answer = loop {
        let answer = present(&mut stream, &token).await;
        if !answer.starts_with("HTTP/1.1 401 ") || legs > 4 {
            break answer;
        }
        legs += 1;
        let input = answered(&answer).expect("what the gateway wants");
        let step = initiator.step(Some(&input), &mut tickets, now(), &mut rand::rng());
        token = token_of(step.unwrap());
    };
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:.400}");
    assert!(legs > 1, "one leg is no negotiation");
}

#[tokio::test]
async fn a_negotiation_does_not_go_on_over_another_connection() {
    let site = site().await;
    let (mut own, mut other) = (connect(&site).await, connect(&site).await);
    let mut tickets = Tickets { key: site.key() };
    let mut initiator = roundabout();
    let first = first_token(&mut initiator, &site);
    let asked = answered(&present(&mut own, &first).await).expect("what the gateway speaks");
    let step = initiator.step(Some(&asked), &mut tickets, now(), &mut rand::rng());
    let second = token_of(step.unwrap());
    let answer = present(&mut other, &second).await;
    assert!(
        answer.contains("Your ticket was not accepted"),
        "{answer:.400}"
    );
}

#[tokio::test]
async fn who_came_before_over_a_connection_is_forgotten() {
    let site = site().await;
    let mut stream = connect(&site).await;
    let token = first_token(&mut Initiator::new(options(None)), &site);
    assert!(
        present(&mut stream, &token)
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    stream
        .write_all(b"GET /closed HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer:.400}");
}
