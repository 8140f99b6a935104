//! Two services that answer the same calls: ours in this process, and the Keystone that is installed.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::Request;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use kerbstone_identity::auth::{Auth, AuthSettings};
use kerbstone_identity::bootstrap::Bootstrap;
use kerbstone_identity::directory::{Directory, DirectoryError};
use kerbstone_identity::http::router;
use kerbstone_identity::model::Interface;
use kerbstone_identity::observer::Note;
use kerbstone_identity::server::Arrival;
use kerbstone_identity::service::{Service, Settings};
use kerbstone_identity::token::{BlobSeal, KeyRepository, MethodCodes, TokenSeal};
use kerbstone_testkit::lab::{Keystone, KeystoneSetup};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The password of everybody but the administrator, at Keystone.
pub(crate) const PASSWORD: &str = "a password for Keystone";

/// Where our clients are told that we are.
const BASE: &str = "http://ours.example.org";

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// What ours leaves for whoever runs it.
    pub(crate) note: Option<Note>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// A call without its token.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

/// One of the two.
pub(crate) trait Side {
    fn base(&self) -> String;
    fn send(&self, asked: &Asked) -> Reply;
    /// Signs somebody in; gives their token.
    fn sign_in(&self, name: &str, domain: &Value, scope: Option<&Value>) -> Reply;
    /// What is sent to this one of a body meant for both.
    fn fit(&self, body: Value) -> Value {
        body
    }
}

/// Ours, as a gateway sees it.
pub(crate) struct Ours {
    runtime: Runtime,
    router: Router,
    _keys: TempDir,
}

impl Ours {
    pub(crate) fn start() -> Self {
        Self::with(Settings {
            public_endpoint: Some(BASE.to_owned()),
            ..Settings::default()
        })
    }

    pub(crate) fn with(settings_of_service: Settings) -> Self {
        let directory = Directory::in_memory().unwrap();
        let urls = [Interface::Public, Interface::Internal, Interface::Admin];
        let bootstrap = Bootstrap {
            administrator: "admin".to_owned(),
            project: "admin".to_owned(),
            region: Some("RegionOne".to_owned()),
            service: "keystone".to_owned(),
            urls: urls
                .map(|interface| (interface, format!("{BASE}/v3")))
                .to_vec(),
        };
        let made = directory.change(|change| bootstrap.make(change));
        made.map_err(|error: DirectoryError| error.to_string())
            .unwrap();
        let keys = TempDir::new().unwrap();
        let settings = AuthSettings::default();
        let codes = MethodCodes::new(&settings.methods);
        let repository = KeyRepository::set_up(keys.path(), 3, &mut rand::rng()).unwrap();
        let seal = TokenSeal::new(Arc::new(repository), codes);
        let folder = keys.path().join("credentials");
        let blob_keys = KeyRepository::set_up(&folder, 3, &mut rand::rng()).unwrap();
        let service = Service {
            directory,
            settings: settings_of_service,
            tokens: Arc::new(Auth::new(settings, seal)),
            blobs: Some(BlobSeal::new(Arc::new(blob_keys))),
            clock: Timestamp::now,
        };
        Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap(),
            router: router(Arc::new(service)),
            _keys: keys,
        }
    }
}

impl Side for Ours {
    fn base(&self) -> String {
        BASE.to_owned()
    }

    fn send(&self, asked: &Asked) -> Reply {
        let mut request = Request::builder()
            .method(asked.method.as_str())
            .uri(asked.path.as_str());
        for (name, value) in &asked.headers {
            request = request.header(name, value);
        }
        let body = asked.body.clone().map_or_else(Body::empty, Body::from);
        let request = request.extension(Arrival::Gateway(0)).body(body).unwrap();
        let service = TowerToHyperService::new(self.router.clone());
        self.runtime.block_on(async {
            let response = service.call(request).await.unwrap();
            let (head, body) = response.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            let headers = head.headers.iter();
            let headers =
                headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
            Reply {
                status: head.status.as_u16(),
                headers: headers.collect(),
                body: String::from_utf8(body.to_vec()).unwrap(),
                note: head.extensions.get().cloned(),
            }
        })
    }

    fn sign_in(&self, name: &str, domain: &Value, scope: Option<&Value>) -> Reply {
        let identity = json!({ "methods": ["kerberos"], "kerberos": {} });
        let domain = domain["name"].as_str().unwrap();
        self.send(&Asked {
            method: "POST".to_owned(),
            path: "/v3/auth/tokens".to_owned(),
            headers: vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                ("remote-user".to_owned(), name.to_owned()),
                ("remote-domain".to_owned(), domain.to_owned()),
                ("auth-type".to_owned(), "Negotiate".to_owned()),
            ],
            body: Some(auth(&identity, scope)),
        })
    }

    fn fit(&self, mut body: Value) -> Value {
        // People are proved by Kerberos here.
        if let Some(user) = body.get_mut("user").and_then(Value::as_object_mut) {
            user.remove("password");
        }
        body
    }
}

/// Keystone.
pub(crate) struct Theirs(pub(crate) Keystone);

impl Theirs {
    /// `None` when it is not installed.
    pub(crate) fn start() -> Option<Self> {
        let setup = KeystoneSetup {
            settings: "[identity]\npassword_hash_rounds = 4\n",
            ..KeystoneSetup::default()
        };
        Keystone::start(&setup).map(Self)
    }
}

impl Side for Theirs {
    fn base(&self) -> String {
        self.0.url().trim_end_matches("/v3").to_owned()
    }

    fn send(&self, asked: &Asked) -> Reply {
        let address = (Ipv4Addr::LOCALHOST, self.0.http_port());
        let mut stream = TcpStream::connect(address).unwrap();
        let (method, path) = (&asked.method, &asked.path);
        let mut head = format!(
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\n",
            address.1
        );
        for (name, value) in &asked.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = asked.body.as_deref().unwrap_or_default();
        head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        // An exception that Keystone does not catch makes uwsgi hang up.
        if answer.is_empty() {
            "HTTP/1.0 500 Hung Up\r\n\r\n".clone_into(&mut answer);
        }
        read(&answer)
    }

    fn sign_in(&self, name: &str, domain: &Value, scope: Option<&Value>) -> Reply {
        let password = match name {
            "admin" => Keystone::PASSWORD,
            _ => PASSWORD,
        };
        let user = json!({ "name": name, "domain": domain, "password": password });
        let identity = json!({ "methods": ["password"], "password": { "user": user } });
        self.send(&Asked {
            method: "POST".to_owned(),
            path: "/v3/auth/tokens".to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Some(auth(&identity, scope)),
        })
    }
}

fn auth(identity: &Value, scope: Option<&Value>) -> String {
    let mut auth = json!({ "identity": identity });
    if let Some(scope) = scope {
        auth["scope"] = scope.clone();
    }
    json!({ "auth": auth }).to_string()
}

fn read(answer: &str) -> Reply {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines.filter_map(|line| line.split_once(':'));
    Reply {
        status: status.parse().unwrap(),
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect(),
        body: body.to_owned(),
        note: None,
    }
}
