//! What reaches servers that other people wrote: uWSGI over its own protocol, and Python's.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kerbstone_gateway::Limits;
use kerbstone_testkit::lab::{self, Port};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::forged::{SPELLINGS, token};
use super::{NEXT, before, statuses};
use crate::client::connect;
use crate::site::Site;
use crate::tickets::CLIENT;

/// Answers with everything that it was told, and how much of a body there was.
const WSGI: &str = r#"
import json
def application(environ, start_response):
    body = environ["wsgi.input"].read()
    told = {name: value for name, value in environ.items() if isinstance(value, str)}
    answer = json.dumps({"environ": told, "body": body.decode("latin-1")}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]
"#;

/// The same over HTTP, by the server of Python's library.
const HTTP: &str = r#"
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while True:
                size = int(self.rfile.readline(), 16)
                piece = self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    break
                body += piece
        answer = json.dumps({"line": self.requestline, "headers": self.headers.items(), "body": body.decode("latin-1")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    do_GET = do_POST = do_PUT = do_DELETE = answer
    def log_message(self, *_):
        pass
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

struct Program {
    process: Child,
    port: Port,
    _folder: TempDir,
}

impl Program {
    fn start(script: &str, command: impl FnOnce(&str, u16) -> Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (path, port) = (folder.path().join("app.py"), Port::claim());
        fs::write(&path, script).unwrap();
        let process = command(path.to_str().unwrap(), port.number())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let program = Self {
            process,
            port,
            _folder: folder,
        };
        let is_up = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            TcpStream::connect(("127.0.0.1", program.port.number())).is_ok()
        });
        assert!(is_up, "the program does not listen");
        program
    }

    fn uwsgi() -> Option<Self> {
        lab::require("uwsgi_python3", "uwsgi-core uwsgi-plugin-python3").then(|| {
            Self::start(WSGI, |script, port| {
                let mut command = Command::new("uwsgi_python3");
                command.args([
                    "--socket",
                    &format!("127.0.0.1:{port}"),
                    "--wsgi-file",
                    script,
                ]);
                command.args(["--buffer-size", "65535", "--need-app", "--die-on-term"]);
                command
            })
        })
    }

    fn python() -> Option<Self> {
        lab::require("python3", "python3").then(|| {
            Self::start(HTTP, |script, port| {
                let mut command = Command::new("python3");
                command.args([script, &port.to_string()]);
                command
            })
        })
    }

    fn address(&self, protocol: &str) -> String {
        format!("{protocol}://127.0.0.1:{}", self.port.number())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// Every answer's body as an object, until the gateway closes.
async fn told(site: &Site, octets: &str) -> Vec<Value> {
    let mut stream = connect(site).await;
    stream.write_all(octets.as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    let _closed = stream.read_to_end(&mut answers).await;
    let text = String::from_utf8_lossy(&answers);
    let bodies = text.split("HTTP/1.1 200").skip(1);
    bodies
        .map(|answer| {
            let start = answer.find('{').unwrap_or_else(|| panic!("{text}"));
            let mut objects = serde_json::Deserializer::from_str(&answer[start..]).into_iter();
            objects.next().unwrap().unwrap()
        })
        .collect()
}

fn forged(path: &str, more: &str) -> String {
    let lines: String = SPELLINGS
        .iter()
        .map(|name| format!("{name}: mallory\r\n"))
        .collect();
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{lines}{more}\r\n")
}

#[tokio::test]
async fn uwsgi_is_told_by_the_gateway_alone_who_is_there() {
    let Some(uwsgi) = Program::uwsgi() else {
        return;
    };
    let site = before(&uwsgi.address("uwsgi"), Limits::default()).await;
    // `Proxy` would be the proxy of every program that CGI starts.
    let more = "Proxy: http://mallory\r\nContent_Length: 7\r\nContent_Type: mallory/x\r\nScript_Name: /mallory\r\nPath_Info: /mallory\r\nHTTPS: mallory\r\nServer_Name: mallory\r\nWsgi.url_scheme: mallory\r\nRequest_Method: mallory\r\nUwsgi-File: /mallory\r\nUWSGI_SCRIPT: mallory\r\n";
    for path in ["/open", "/mapped"] {
        let answers = told(&site, &forged(path, more)).await;
        let environ = &answers[0]["environ"];
        for name in [
            "REMOTE_USER",
            "AUTH_TYPE",
            "REMOTE_DOMAIN",
            "GSS_NAME",
            "HTTP_PROXY",
            "SSL_CLIENT_S_DN",
            "HTTP_REMOTE_USER",
            "HTTP_X_FORWARDED_USER",
            "UWSGI_FILE",
            "UWSGI_SCRIPT",
        ] {
            assert!(environ.get(name).is_none(), "{name}: {environ}");
        }
        let own = [
            "SCRIPT_NAME",
            "PATH_INFO",
            "HTTPS",
            "SERVER_NAME",
            "REQUEST_METHOD",
            "CONTENT_LENGTH",
            "CONTENT_TYPE",
            "wsgi.url_scheme",
            "REMOTE_ADDR",
            "QUERY_STRING",
            "REQUEST_URI",
        ];
        for name in own {
            let value = environ
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default();
            assert!(!value.contains("mallory"), "{name}: {environ}");
        }
    }
    let proof = format!("authorization: Negotiate {}\r\n{more}", token(&site));
    let answers = told(&site, &forged("/closed", &proof)).await;
    let environ = &answers[0]["environ"];
    assert_eq!(environ["REMOTE_USER"], CLIENT, "{environ}");
    assert_eq!(environ["AUTH_TYPE"], "Negotiate", "{environ}");
    assert!(environ.get("HTTP_AUTHORIZATION").is_none(), "{environ}");
}

#[tokio::test]
async fn uwsgi_gets_one_request_for_one_and_all_of_its_body() {
    let Some(uwsgi) = Program::uwsgi() else {
        return;
    };
    let site = before(&uwsgi.address("uwsgi"), Limits::default()).await;
    let smuggled = "GET /open/smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let chunked = format!(
        "POST /open HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{smuggled}\r\n0\r\nremote-user: mallory\r\n\r\n{NEXT}",
        smuggled.len()
    );
    let answers = told(&site, &chunked).await;
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0]["body"], smuggled);
    assert_eq!(answers[1]["environ"]["PATH_INFO"], "/open/next");
    assert_eq!(answers[1]["body"], "");
}

#[tokio::test]
async fn a_server_of_pythons_gets_one_request_for_one() {
    let Some(python) = Program::python() else {
        return;
    };
    let site = before(&python.address("http"), Limits::default()).await;
    let smuggled = "GET /open/smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for request in [
        format!(
            "POST /open HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{smuggled}",
            smuggled.len()
        ),
        format!(
            "POST /open HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{smuggled}\r\n0\r\n\r\n",
            smuggled.len()
        ),
        format!(
            "POST /open HTTP/1.1\nhost: localhost\ncontent-length: {}\n\n{smuggled}",
            smuggled.len()
        ),
    ] {
        let answers = told(&site, &format!("{request}{NEXT}")).await;
        assert_eq!(answers.len(), 2, "{request}");
        assert_eq!(answers[0]["body"], smuggled);
        assert_eq!(answers[1]["line"], "GET /open/next HTTP/1.1");
    }
    let answers = told(&site, &forged("/open", "")).await;
    assert!(
        !answers[0].to_string().contains("mallory"),
        "{}",
        answers[0]
    );
}

#[tokio::test]
async fn variables_that_do_not_fit_are_a_clear_refusal() {
    let Some(uwsgi) = Program::uwsgi() else {
        return;
    };
    let site = before(&uwsgi.address("uwsgi"), Limits::default()).await;
    let long = format!("x-long: {}\r\n", "y".repeat(15_000)).repeat(6);
    let mut stream = connect(&site).await;
    let request =
        format!("GET /open HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{long}\r\n");
    let _sent = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _closed = stream.read_to_end(&mut answer).await;
    assert_eq!(statuses(&String::from_utf8_lossy(&answer)), [431]);
}
