//! Requests that are answered, perhaps by another member than the first.

use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::settings::{StickBy, Stickiness};
use super::back_end::BackEnd;
use super::*;
use crate::transport::{Trust, TrustBy, TrustSettings};

#[tokio::test]
async fn a_request_goes_to_members_in_turn() {
    let (one, other) = (BackEnd::saying("one").await, BackEnd::saying("other").await);
    let pool = pool(vec![http(one.address), http(other.address)], |_| ());
    for words in ["one", "other", "one", "other"] {
        assert_eq!(
            answer(&pool, get("/")).await,
            (StatusCode::OK, words.to_owned())
        );
    }
    assert_eq!(
        one.requests()[0],
        "GET / HTTP/1.1\r\nhost: www.example.test\r\nremote_user: alice\r\n\r\n"
    );
    let report = pool.report();
    assert_eq!(report.members[0].served, 2);
    assert_eq!((report.current, report.members[0].idle), (0, 1));
}

#[tokio::test]
async fn what_concerns_a_members_connection_stays_there() {
    let sent = b"HTTP/1.1 200 OK\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 1\r\nContent-Length: 0\r\n\r\n";
    let back_end = BackEnd::sending(sent).await;
    let pool = pool(vec![http(back_end.address)], |_| ());
    let response = pool.send(get("/")).await.unwrap();
    let headers = response.headers();
    assert_eq!(
        (headers["x-kept"].as_bytes(), headers.len()),
        (&b"1"[..], 2)
    );
}

#[tokio::test]
async fn people_are_known_by_name_and_strangers_by_address() {
    let (one, other) = (BackEnd::saying("one").await, BackEnd::saying("other").await);
    let pool = pool(vec![http(one.address), http(other.address)], |settings| {
        settings.stickiness = Some(Stickiness {
            by: StickBy::User,
            ..Stickiness::default()
        });
    });
    let by = |user: Option<&str>| {
        let mut request = get("/");
        request.user = user.map(str::to_owned);
        request
    };
    let alice = answer(&pool, by(Some("alice"))).await.1;
    let bob = answer(&pool, by(Some("bob"))).await.1;
    let stranger = answer(&pool, by(None)).await.1;
    assert_ne!(alice, bob, "they come from one address");
    for _ in 0..3 {
        assert_eq!(answer(&pool, by(Some("alice"))).await.1, alice);
        assert_eq!(answer(&pool, by(None)).await.1, stranger);
    }
    assert_eq!(pool.report().sticky, 3);
}

#[tokio::test]
async fn a_request_goes_elsewhere_when_nobody_listens() {
    let other = BackEnd::saying("other").await;
    let pool = pool(
        vec![http(BackEnd::nowhere().await), http(other.address)],
        |_| (),
    );
    for _ in 0..3 {
        assert_eq!(answer(&pool, post("not idempotent")).await.1, "other");
    }
    let report = pool.report();
    assert_eq!(
        report.members[0].failed, 1,
        "it is asked once, and left alone then"
    );
    assert_eq!(report.members[1].retried, 1);
}

#[tokio::test]
async fn an_idempotent_request_goes_elsewhere_when_a_member_hangs_up() {
    let (bad, good) = (BackEnd::sending(b"").await, BackEnd::saying("good").await);
    let pool = pool(vec![http(bad.address), http(good.address)], |_| ());
    assert_eq!(answer(&pool, get("/")).await.1, "good");
    let put = outbound(Request::put("/"), "kept and sent again");
    assert_eq!(answer(&pool, put).await.1, "good");
    assert!(good.requests()[1].ends_with("content-length: 19\r\n\r\nkept and sent again"));
}

#[tokio::test]
async fn what_must_not_happen_twice_is_not_sent_twice() {
    let long = outbound(Request::put("/"), vec![b'x'; 65 << 10]);
    for request in [post("pay"), long] {
        let (bad, good) = (BackEnd::sending(b"").await, BackEnd::saying("good").await);
        let pool = pool(vec![http(bad.address), http(good.address)], |_| ());
        let error = refusal(&pool, request).await;
        assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
        assert!(matches!(error, PoolError::Closed { .. }), "{error}");
        assert_eq!((bad.connections(), good.connections()), (1, 0));
    }
}

#[tokio::test]
async fn a_member_that_is_about_to_start_is_waited_for() {
    let address = BackEnd::nowhere().await;
    let pool = pool(vec![http(address)], |_| ());
    let sending = tokio::spawn({
        let pool = Arc::clone(&pool);
        async move { answer(&pool, get("/")).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let _back_end = BackEnd::at(listener, |client| client.say_on("late"));
    assert_eq!(sending.await.unwrap().1, "late");
}

#[tokio::test]
async fn retries_have_an_end() {
    let pool = pool(vec![http(BackEnd::nowhere().await)], |settings| {
        settings.retries = 2
    });
    let error = refusal(&pool, get("/")).await;
    assert!(matches!(error, PoolError::Unreachable { .. }), "{error}");
    assert_eq!(pool.report().members[0].failed, 3);
}

#[tokio::test]
async fn a_body_goes_up_in_any_length_and_the_answer_comes_down() {
    let back_end = BackEnd::start(|mut client| async move {
        while let Some(request) = client.request().await {
            let body = request.split_once("\r\n\r\n").unwrap().1;
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n");
            client.send(answer.as_bytes()).await;
        }
    })
    .await;
    let pool = pool(vec![http(back_end.address)], |_| ());
    for length in [1, 8191, 8192, 8193, 65536, 1 << 20] {
        let body = "x".repeat(length);
        assert_eq!(answer(&pool, post(body.clone())).await.1, body);
    }
    assert_eq!(back_end.connections(), 1);
}

#[tokio::test]
async fn members_are_reached_over_unix_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 1024];
        for _ in 0..2 {
            let length = stream.read(&mut buffer).await.unwrap();
            assert!(buffer[..length].starts_with(b"GET / HTTP/1.1\r\n"));
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nunix")
                .await
                .unwrap();
        }
    });
    let pool = pool(vec![member(format!("unix:{}", path.display()))], |_| ());
    assert_eq!(answer(&pool, get("/")).await.1, "unix");
    assert_eq!(answer(&pool, get("/")).await.1, "unix");
}

#[tokio::test]
async fn a_protocol_is_changed_and_octets_go_both_ways() {
    let back_end = BackEnd::start(|mut client| async move {
        let request = client.request().await.unwrap();
        assert!(request.contains("upgrade: websocket\r\nconnection: upgrade\r\n"), "{request}");
        client
            .send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nhello")
            .await;
        let mut buffer = [0; 4];
        client.stream.read_exact(&mut buffer).await.unwrap();
        client.send(&buffer).await;
    })
    .await;
    let pool = pool(vec![http(back_end.address)], |_| ());
    let mut response = pool
        .send(outbound(
            Request::get("/").header("upgrade", "websocket"),
            "",
        ))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers()["upgrade"], "websocket");
    let mut tunnel = response.body_mut().take_tunnel().unwrap();
    let mut greeting = [0; 5];
    tunnel.read_exact(&mut greeting).await.unwrap();
    tunnel.write_all(b"ping").await.unwrap();
    let mut pong = [0; 4];
    tunnel.read_exact(&mut pong).await.unwrap();
    assert_eq!((&greeting, &pong), (b"hello", b"ping"));
    assert_eq!(pool.report().current, 1);
    drop(tunnel);
    assert_eq!(pool.report().current, 0);
}

/// A TLS server with a certificate for `k.example.test`, and the folder where its authority's is.
async fn tls_back_end() -> (SocketAddr, tempfile::TempDir, [u8; 32]) {
    use sha2::Digest;
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["k.example.test".to_owned()];
    let certificate = rcgen::CertificateParams::new(names)
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
    let fingerprint = sha2::Sha256::digest(certificate.der()).into();
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let name = stream
                .get_ref()
                .1
                .server_name()
                .unwrap_or("nobody")
                .to_owned();
            let mut buffer = [0; 1024];
            while stream
                .read(&mut buffer)
                .await
                .is_ok_and(|length| length > 0)
            {
                let length = name.len();
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{name}");
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
    });
    (address, folder, fingerprint)
}

#[tokio::test]
async fn a_member_is_believed_for_its_authority_its_fingerprint_or_for_nothing() {
    let (address, folder, fingerprint) = tls_back_end().await;
    let mut wrong = fingerprint;
    wrong[0] ^= 1;
    let authority = || TrustBy::Authorities(folder.path().join("ca.pem"));
    for (by, name, expected) in [
        (authority(), Some("k.example.test"), Some("k.example.test")),
        (authority(), Some("other.example.test"), None),
        (authority(), None, None),
        (
            TrustBy::Fingerprint(fingerprint),
            Some("any.example.test"),
            Some("any.example.test"),
        ),
        (TrustBy::Fingerprint(wrong), Some("k.example.test"), None),
        (TrustBy::Nothing, None, Some("nobody")),
    ] {
        let trust = Trust::new(TrustSettings {
            by: by.clone(),
            name: name.map(str::to_owned),
            own: None,
        });
        let one = MemberSettings {
            trust: Some(trust.unwrap()),
            ..member(format!("https://{address}"))
        };
        let pool = pool(vec![one], |settings| settings.retries = 0);
        match expected {
            Some(seen) => {
                assert_eq!(answer(&pool, get("/")).await.1, seen);
                assert_eq!(answer(&pool, get("/")).await.1, seen);
                assert_eq!(
                    pool.report().members[0].connected,
                    1,
                    "TLS connections are kept"
                );
            }
            None => {
                let error = refusal(&pool, get("/")).await;
                assert!(
                    matches!(error, PoolError::Unreachable { .. }),
                    "{by:?} {name:?}: {error}"
                );
            }
        }
    }
}
