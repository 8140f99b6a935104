//! Members that speak uwsgi: the real server with a small application, and liars of our own.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::{Request, StatusCode};
use tempfile::TempDir;

use super::super::report::MemberState;
use super::super::settings::{CheckKind, CheckSettings};
use super::back_end::BackEnd;
use super::*;

const APPLICATION: &str = r#"
import json

def application(environ, start_response):
    body = environ["wsgi.input"].read()
    path = environ["PATH_INFO"]
    if path == "/teapot":
        start_response("418 I'm a teapot", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        return [b"short ", b"and stout"]
    if path == "/empty":
        start_response("204 No Content", [])
        return []
    if path == "/broken":
        raise RuntimeError("broken")
    seen = {key: value for key, value in environ.items() if isinstance(value, str)}
    seen["wsgi.url_scheme"] = environ["wsgi.url_scheme"]
    seen["body"] = body.decode("latin-1")
    text = json.dumps(seen).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    return [text]
"#;

/// The real server; gone when dropped.
struct Uwsgi {
    process: Child,
    folder: TempDir,
}

impl Uwsgi {
    /// On a machine without it there is nothing to test.
    async fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app.py"), APPLICATION).unwrap();
        let process = Command::new("uwsgi")
            .current_dir(folder.path())
            .args([
                "--plugin",
                "python3",
                "--wsgi-file",
                "app.py",
                "--need-app",
                "--die-on-term",
            ])
            .args(["--socket", "app.sock", "--buffer-size", "65535"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let uwsgi = Self { process, folder };
        let listening = async {
            while tokio::net::UnixStream::connect(uwsgi.folder.path().join("app.sock"))
                .await
                .is_err()
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), listening)
            .await
            .unwrap();
        Some(uwsgi)
    }

    fn member(&self) -> MemberSettings {
        member(format!(
            "uwsgi+unix:{}",
            self.folder.path().join("app.sock").display()
        ))
    }
}

impl Drop for Uwsgi {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

async fn environment(pool: &Arc<Pool>, request: Outbound) -> serde_json::Value {
    let (status, body) = answer(pool, request).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn the_real_server_sees_who_is_there_as_environment() {
    let Some(uwsgi) = Uwsgi::start().await else {
        return;
    };
    let pool = pool(vec![uwsgi.member()], |_| ());
    let mut request = outbound(
        Request::post("/v3/auth/t%C3%B6kens?nocatalog=%20&a=b")
            .header("content-type", "application/json")
            .header("x-auth-token", "abc")
            .header("x_forged", "1"),
        "{\"auth\":{}}",
    );
    request.told = vec![
        (Variable::User, "alice".to_owned()),
        (Variable::AuthType, "Negotiate".to_owned()),
        (Variable::Domain, "Default".to_owned()),
    ];
    request.front.mount = "/krb".to_owned();
    let seen = environment(&pool, request).await;
    for (name, value) in [
        ("REMOTE_USER", "alice"),
        ("AUTH_TYPE", "Negotiate"),
        ("REMOTE_DOMAIN", "Default"),
        ("REQUEST_METHOD", "POST"),
        ("SCRIPT_NAME", "/krb"),
        // WSGI shows octets as Latin-1.
        ("PATH_INFO", "/v3/auth/tÃ¶kens"),
        ("QUERY_STRING", "nocatalog=%20&a=b"),
        ("CONTENT_TYPE", "application/json"),
        ("CONTENT_LENGTH", "11"),
        ("HTTP_HOST", "www.example.test"),
        ("HTTP_X_AUTH_TOKEN", "abc"),
        ("REMOTE_ADDR", "192.0.2.7"),
        ("SERVER_PORT", "443"),
        ("wsgi.url_scheme", "https"),
        ("body", "{\"auth\":{}}"),
    ] {
        assert_eq!(seen[name], value, "{name} in {seen}");
    }
    assert!(seen.get("HTTP_X_FORGED").is_none() && seen.get("HTTP_REMOTE_USER").is_none());
}

#[tokio::test]
async fn the_real_servers_answers_come_as_they_are() {
    let Some(uwsgi) = Uwsgi::start().await else {
        return;
    };
    let pool = pool(vec![uwsgi.member()], |_| ());
    let response = pool.send(get("/teapot")).await.unwrap();
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
    let cookies = response.headers().get_all("set-cookie").iter();
    assert_eq!(cookies.collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert_eq!(text(response).await.unwrap(), "short and stout");
    assert_eq!(
        answer(&pool, get("/empty")).await,
        (StatusCode::NO_CONTENT, String::new())
    );
    // An application that fails before it has begun to answer makes uWSGI hang up.
    let error = refusal(&pool, get("/broken")).await;
    assert!(matches!(error, PoolError::Closed { .. }), "{error}");
    let long = "x".repeat(1 << 20);
    let seen = environment(&pool, post(long.clone())).await;
    assert!(seen["body"] == long);
    let head = pool.send(outbound(Request::head("/"), "")).await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(text(head).await.unwrap(), "");
}

#[tokio::test]
async fn headers_that_a_packet_cannot_carry_are_a_431() {
    let Some(uwsgi) = Uwsgi::start().await else {
        return;
    };
    let pool = pool(vec![uwsgi.member()], |_| ());
    let big = |length: usize| outbound(Request::get("/").header("x-big", "x".repeat(length)), "");
    let seen = environment(&pool, big(60_000)).await;
    assert_eq!(seen["HTTP_X_BIG"].as_str().unwrap().len(), 60_000);
    let error = refusal(&pool, big(65_400)).await;
    assert_eq!(error.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(pool.report().members[0].failed, 0);
}

#[tokio::test]
async fn the_real_server_is_checked_by_a_request() {
    let Some(uwsgi) = Uwsgi::start().await else {
        return;
    };
    let check = |path: &str| CheckSettings {
        kind: CheckKind::Http {
            path: path.to_owned(),
            host: None,
            expect: vec![200..=299],
        },
        interval: Duration::from_millis(20),
        ..CheckSettings::default()
    };
    for (path, state) in [("/", MemberState::Up), ("/broken", MemberState::Down)] {
        let pools = pools(vec![uwsgi.member()], |settings| {
            settings.check = Some(check(path))
        });
        let pool = pools.get("pool").unwrap();
        let steward = tokio::spawn(pools.steward(std::future::pending()));
        while pool.report().members[0].state != state {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        steward.abort();
    }
}

/// A server that reads a packet, says this and closes.
async fn saying(octets: &'static [u8]) -> Arc<Pool> {
    let back_end = BackEnd::start(move |mut client| async move {
        let mut header = [0; 4];
        tokio::io::AsyncReadExt::read_exact(&mut client.stream, &mut header)
            .await
            .unwrap();
        let mut packet = vec![0; usize::from(u16::from_le_bytes([header[1], header[2]]))];
        tokio::io::AsyncReadExt::read_exact(&mut client.stream, &mut packet)
            .await
            .unwrap();
        client.send(octets).await;
    })
    .await;
    pool(
        vec![member(format!("uwsgi://{}", back_end.address))],
        |settings| settings.retries = 0,
    )
}

#[tokio::test]
async fn a_cgi_like_answer_is_read_strictly() {
    let pool = saying(b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nnot here").await;
    assert_eq!(
        answer(&pool, get("/")).await,
        (StatusCode::NOT_FOUND, "not here".to_owned())
    );
    let pool = saying(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok and more").await;
    assert_eq!(answer(&pool, get("/")).await.1, "ok");
    assert_eq!(pool.report().members[0].idle, 0, "nothing is kept");
    for octets in [
        b"Content-Type: text/plain\r\n\r\nno status".as_slice(),
        b"\x00\x01\r\n\r\n",
    ] {
        let pool = saying(octets).await;
        let error = refusal(&pool, get("/")).await;
        assert!(matches!(error, PoolError::Malformed { .. }), "{error}");
    }
    let pool = saying(b"Status: 200\r\nContent-Length: 10\r\n\r\nshort").await;
    text(pool.send(get("/")).await.unwrap()).await.unwrap_err();
    let pool = saying(b"Status: 200 OK\r\nContent-").await;
    assert!(matches!(
        refusal(&pool, get("/")).await,
        PoolError::Closed { .. }
    ));
}
