//! Proofs that are bound to the TLS channel, by either of its names.

use base64ct::{Base64, Encoding};
use kerbstone_gateway::Limits;
use kerbstone_gateway::channel_bindings::tls_server_end_point;
use kerbstone_gss::spnego::Initiator;
use kerbstone_gss::{ChannelBindings, Step};
use tokio::io::AsyncWriteExt;

use crate::client::{Stream, connect, read_answer};
use crate::site::{Manners, Site};
use crate::tickets::{Tickets, now, options};

fn end_point(site: &Site) -> ChannelBindings {
    ChannelBindings::application_data(tls_server_end_point(&site.certificate()).unwrap())
}

fn exporter(stream: &Stream) -> ChannelBindings {
    let connection = stream.get_ref().1;
    let label = b"EXPORTER-Channel-Binding";
    let key = connection
        .export_keying_material([0; 32], label, None)
        .unwrap();
    ChannelBindings::application_data([&b"tls-exporter:"[..], &key].concat())
}

async fn enter(site: &Site, stream: &mut Stream, bindings: Option<ChannelBindings>) -> String {
    let mut tickets = Tickets { key: site.key() };
    let mut initiator = Initiator::new(options(bindings));
    let step = initiator.step(None, &mut tickets, now(), &mut rand::rng());
    let Ok(Step::Continue { token }) = step else {
        panic!("{step:?}");
    };
    let request = format!(
        "GET /closed HTTP/1.1\r\nhost: localhost\r\nauthorization: Negotiate {}\r\n\r\n",
        Base64::encode_string(&token)
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    read_answer(stream).await
}

#[tokio::test]
async fn a_client_may_bind_to_the_certificate_or_to_the_connection() {
    let site = Site::start(Manners::Echo, Limits::default()).await;
    let mut stream = connect(&site).await;
    for bindings in [Some(end_point(&site)), Some(exporter(&stream)), None] {
        let answer = enter(&site, &mut stream, bindings.clone()).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 "),
            "{bindings:?}: {answer:.300}"
        );
    }
}

#[tokio::test]
async fn what_is_bound_to_another_connection_is_refused() {
    let site = Site::start(Manners::Echo, Limits::default()).await;
    let (mut stream, other) = (connect(&site).await, connect(&site).await);
    let answer = enter(&site, &mut stream, Some(exporter(&other))).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer:.300}");
    assert_eq!(site.back_end_requests(), 0);
}
