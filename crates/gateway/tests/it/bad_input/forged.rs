//! Headers by which a client says who it is, on every kind of entry point.

use base64ct::{Base64, Encoding};
use kerbstone_gss::Step;
use kerbstone_gss::spnego::Initiator;

use super::Front;
use crate::site::Site;
use crate::tickets::{CLIENT, Tickets, now, options};

/// What applications, WSGI, CGI, Java containers and other gateways read identities from.
pub(super) const SPELLINGS: &[&str] = &[
    "Remote-User",
    "REMOTE_USER",
    "remote_user",
    "rEmOtE-uSeR",
    "Remote.User",
    "Remote~User",
    "X-Remote-User",
    "X_Remote_User",
    "X--Remote-User",
    "HTTP_REMOTE_USER",
    "Http-Remote-User",
    "HTTP_X_REMOTE_USER",
    "_Remote-User",
    "Remote-User-Id",
    "Remote-Groups",
    "REMOTE_DOMAIN",
    "Remote-Addr",
    "Auth-Type",
    "AUTH_TYPE",
    "X-Auth-User",
    "X-Auth-Request-User",
    "X-Authenticated-User",
    "Gss-Name",
    "GSS_NAME",
    "GSSAPI-Name",
    "KRB5CCNAME",
    "Krb5-Principal",
    "X-Forwarded-User",
    "X_FORWARDED_USER",
    "X-Forwarded-Email",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Client-Cert",
    "Forwarded",
    "SSL_CLIENT_S_DN",
    "Ssl-Client-I-Dn",
    "SSL_CLIENT_VERIFY",
    "X-SSL-Client-CN",
    "X-Client-Cert",
    "X-Client-DN",
    "X-User",
    "X-Username",
    "X-Real-IP",
    "X-WebAuth-User",
    "Client-IP",
];

pub(super) fn token(site: &Site) -> String {
    let mut tickets = Tickets { key: site.key() };
    let step = Initiator::new(options(None)).step(None, &mut tickets, now(), &mut rand::rng());
    let Ok(Step::Continue { token }) = step else {
        panic!("mutual authentication needs an answer");
    };
    Base64::encode_string(&token)
}

fn forgeries() -> String {
    let lines = SPELLINGS.iter().map(|name| format!("{name}: mallory\r\n"));
    lines.collect()
}

fn request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n")
}

#[tokio::test]
async fn nobody_says_who_they_are_where_nobody_is_asked() {
    let front = Front::start().await;
    for (path, more) in [
        ("/open", ""),
        ("/mapped", ""),
        ("/token", "x-auth-token: gAAAA\r\n"),
        ("/token", "authorization: Bearer gAAAA\r\n"),
    ] {
        let request = request(path, &format!("{}{more}", forgeries()));
        assert_eq!(front.statuses(request.as_bytes()).await, [200], "{path}");
    }
    let received = front.recorder.received();
    assert_eq!(received.len(), 4);
    for one in &received {
        assert!(!format!("{one:?}").contains("mallory"), "{one:?}");
        assert_eq!(one.header("x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(one.header("x-forwarded-proto"), ["https"]);
        assert!(one.header("remote_user").is_empty(), "{one:?}");
    }
    assert_eq!(received[1].line, "GET /inner HTTP/1.1");
    assert_eq!(
        received[2].header("x-auth-token"),
        ["gAAAA"],
        "a token passes on"
    );
}

#[tokio::test]
async fn whoever_has_a_ticket_is_its_owner_and_nobody_else() {
    let front = Front::start().await;
    let authorization = format!("authorization: Negotiate {}\r\n", token(&front.site));
    let request = request(
        "/closed",
        &format!("{}{authorization}{}", forgeries(), forgeries()),
    );
    assert_eq!(front.statuses(request.as_bytes()).await, [200]);
    let received = &front.recorder.received()[0];
    assert!(!format!("{received:?}").contains("mallory"), "{received:?}");
    assert_eq!(received.header("remote_user"), [CLIENT]);
    assert!(
        received.header("authorization").is_empty(),
        "the proof stays here"
    );
}

#[tokio::test]
async fn a_name_in_the_query_a_cookie_or_the_path_is_nobodys() {
    let front = Front::start().await;
    let request = request(
        "/open/REMOTE_USER=mallory?REMOTE_USER=mallory",
        "cookie: REMOTE_USER=mallory\r\n",
    );
    assert_eq!(front.statuses(request.as_bytes()).await, [200]);
    assert!(
        front.recorder.received()[0]
            .header("remote_user")
            .is_empty()
    );
}

#[tokio::test]
async fn two_proofs_are_none() {
    for headers in [
        "authorization: Negotiate YIIB\r\nauthorization: Negotiate YIIC\r\n",
        "authorization: Basic eDp5\r\nauthorization: Negotiate YIIC\r\n",
        "authorization: Negotiate YIIB, Negotiate YIIC\r\n",
        "authorization: Negotiate YIIB YIIC\r\n",
        "authorization: Negotiate\r\n",
        "authorization: Negotiate \r\n",
        "authorization: Negotiate YII=B\r\n",
        "authorization: Negotiate \u{e9}\r\n",
    ] {
        let front = Front::start().await;
        let statuses = front.statuses(request("/closed", headers).as_bytes()).await;
        assert!(
            matches!(statuses.as_slice(), [400 | 401]),
            "{headers}: {statuses:?} (RFC 9110 11.6.2)"
        );
        assert!(front.recorder.received().is_empty(), "{headers}");
    }
    // A good one does not help a second one.
    let front = Front::start().await;
    let good = format!("authorization: Negotiate {}\r\n", token(&front.site));
    let statuses = front
        .statuses(request("/closed", &good.repeat(2)).as_bytes())
        .await;
    assert!(matches!(statuses.as_slice(), [400 | 401]), "{statuses:?}");
    assert!(front.recorder.received().is_empty());
}

#[tokio::test]
async fn tokens_that_are_cut_changed_or_sent_again_let_nobody_in() {
    let front = Front::start().await;
    let good = token(&front.site);
    let whole = Base64::decode_vec(&good).unwrap();
    let mut tries = vec![
        whole[..whole.len() / 2].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        whole.repeat(2),
    ];
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut changed = whole.clone();
        changed[at] ^= 0x20;
        tries.push(changed);
    }
    for octets in tries {
        let header = format!(
            "authorization: Negotiate {}\r\n",
            Base64::encode_string(&octets)
        );
        let answer = front.answers(request("/closed", &header).as_bytes()).await;
        let statuses = super::statuses(&answer);
        // A change that DER or the ticket does not notice is no harm: it is alice's all the same.
        let is_alice = || {
            let received = front.recorder.received();
            received
                .iter()
                .all(|one| one.header("remote_user") == [CLIENT])
        };
        assert!(
            matches!(statuses.as_slice(), [400 | 401 | 403]) || is_alice(),
            "{answer}"
        );
    }
    let front = Front::start().await;
    let header = format!("authorization: Negotiate {}\r\n", token(&front.site));
    let once = request("/closed", &header);
    assert_eq!(front.statuses(once.as_bytes()).await, [200]);
    assert_eq!(front.statuses(once.as_bytes()).await, [401], "a replay");
    assert_eq!(front.recorder.received().len(), 1);
}

#[tokio::test]
async fn a_connection_remembers_nobody() {
    let front = Front::start().await;
    let header = format!("authorization: Negotiate {}\r\n", token(&front.site));
    let first = request("/closed", &header).replace("connection: close\r\n", "");
    let answers = front
        .answers(format!("{first}{}", request("/closed", "")).as_bytes())
        .await;
    assert_eq!(super::statuses(&answers), [200, 401]);
    assert_eq!(front.recorder.received().len(), 1);
}

#[tokio::test]
async fn cve_2026_88007_connections_to_back_ends_know_nobody() {
    let front = Front::start().await;
    let header = format!("authorization: Negotiate {}\r\n", token(&front.site));
    assert_eq!(
        front.statuses(request("/closed", &header).as_bytes()).await,
        [200]
    );
    assert_eq!(front.statuses(request("/open", "").as_bytes()).await, [200]);
    let received = front.recorder.received();
    let connections: Vec<usize> = received.iter().map(|one| one.connection).collect();
    assert_eq!(
        connections,
        [0, 0],
        "a kept connection is shared by everybody"
    );
    for one in &received {
        assert!(one.header("authorization").is_empty(), "{one:?}");
    }
    assert_eq!(received[0].header("remote_user"), [CLIENT]);
    assert!(
        received[1].header("remote_user").is_empty(),
        "{:?}",
        received[1]
    );
}

#[tokio::test]
async fn cve_2026_22797_what_keystonemiddleware_tells_its_service_is_nobody_elses_to_say() {
    let front = Front::start().await;
    let headers: String = [
        "X-Identity-Status",
        "X-User-Id",
        "X-User-Name",
        "X-User-Domain-Id",
        "X-User-Domain-Name",
        "X-Roles",
        "X_Roles",
        "X-Is-Admin-Project",
        "X-Service-Roles",
        "X-Service-User-Id",
        "X-Service-Identity-Status",
    ]
    .iter()
    .map(|name| format!("{name}: mallory\r\n"))
    .collect();
    let more = "x-auth-token: gAAAA\r\nx-project-id: demo\r\n";
    let request = request("/token", &format!("{headers}{more}"));
    assert_eq!(front.statuses(request.as_bytes()).await, [200]);
    let received = &front.recorder.received()[0];
    assert!(!format!("{received:?}").contains("mallory"), "{received:?}");
    assert_eq!(
        received.header("x-project-id"),
        ["demo"],
        "tokenless clients say it"
    );
}
