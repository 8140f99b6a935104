//! A service in this process, with people and a catalog, asked as its router is asked.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use kerbstone_identity::auth::{Auth, AuthSettings, FirstSight, RealmOfDomain};
use kerbstone_identity::bootstrap::Bootstrap;
use kerbstone_identity::directory::{Change, Directory, DirectoryError};
use kerbstone_identity::model::{
    Actor, Assignment, Extra, Id, Interface, Model, Project, Record, Target, User,
};
use kerbstone_identity::server::Arrival;
use kerbstone_identity::service::{Service, Settings};
use kerbstone_identity::token::{BlobSeal, KeyRepository, MethodCodes, TokenSeal};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(super) const REALM: &str = "CLOUD.TEST";
pub(super) const URL: &str = "http://cloud.test/main/v3";

/// The service, and what its answers look like from outside.
pub(super) struct Site {
    pub(super) service: Arc<Service>,
    router: Router,
    pub(super) keys: TempDir,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

/// What can be different about a site.
pub(super) struct Plan {
    pub(super) settings: AuthSettings,
    pub(super) passwords: Option<Arc<kerbstone_verify::Passwords>>,
    pub(super) keys: TempDir,
}

impl Default for Plan {
    fn default() -> Self {
        let methods = [
            "external",
            "password",
            "token",
            "kerberos",
            "x509",
            "application_credential",
        ];
        Self {
            settings: AuthSettings {
                methods: methods.map(str::to_owned).to_vec(),
                realms: vec![RealmOfDomain {
                    realm: REALM.to_owned(),
                    domain: "default".to_owned(),
                }],
                ..AuthSettings::default()
            },
            passwords: None,
            keys: TempDir::new().unwrap(),
        }
    }
}

impl Plan {
    pub(super) fn open_to_newcomers(mut self) -> Self {
        self.settings.first_sight = Some(FirstSight {
            domains: Vec::new(),
            project: Some("demo".to_owned()),
            roles: vec!["member".to_owned()],
        });
        self
    }

    /// With people.
    pub(super) fn start(self) -> Site {
        let site = self.start_empty();
        site.settle();
        site
    }

    /// Without anybody.
    pub(super) fn start_empty(self) -> Site {
        let keys = KeyRepository::set_up(self.keys.path(), 3, &mut rand::rng()).unwrap();
        let seal = TokenSeal::new(Arc::new(keys), MethodCodes::new(&self.settings.methods));
        let mut auth = Auth::new(self.settings, seal);
        if let Some(passwords) = self.passwords {
            auth = auth.with_passwords(passwords);
        }
        let blobs = KeyRepository::set_up(&self.keys.path().join("blobs"), 3, &mut rand::rng());
        let service = Arc::new(Service {
            directory: Directory::in_memory().unwrap(),
            settings: Settings {
                public_endpoint: Some(URL.to_owned()),
                ..Settings::default()
            },
            tokens: Arc::new(auth),
            blobs: Some(BlobSeal::new(Arc::new(blobs.unwrap()))),
            clock: Timestamp::now,
        });
        Site {
            router: kerbstone_identity::http::router(Arc::clone(&service)),
            service,
            keys: self.keys,
        }
    }
}

impl Site {
    /// `admin`, who may do everything, and `alice`, a member of the project `demo`.
    fn settle(&self) {
        let first = Bootstrap {
            administrator: "admin".to_owned(),
            project: "admin".to_owned(),
            region: Some("RegionOne".to_owned()),
            service: "keystone".to_owned(),
            urls: vec![
                (Interface::Public, URL.to_owned()),
                (Interface::Internal, URL.to_owned()),
                (Interface::Admin, URL.to_owned()),
            ],
        };
        self.change(|change| drop(first.make(change).unwrap()));
        self.project("demo");
        self.user("alice");
        self.grant("alice", "demo", "member");
    }

    pub(super) fn change<T>(&self, make: impl FnOnce(&mut Change) -> T) -> T {
        self.service
            .directory
            .change(|change| Ok::<T, DirectoryError>(make(change)))
            .unwrap()
    }

    pub(super) fn model(&self) -> Arc<Model> {
        self.service.directory.read()
    }

    pub(super) fn user(&self, name: &str) -> Id {
        let user = User {
            id: Id::random(),
            name: name.to_owned(),
            domain_id: Id::from("default"),
            enabled: true,
            principal: None,
            default_project_id: None,
            options: Extra::new(),
            extra: Extra::new(),
        };
        self.change(|change| change.put(user).id.clone())
    }

    pub(super) fn project(&self, name: &str) -> Id {
        let project = Project {
            id: Id::random(),
            name: name.to_owned(),
            description: None,
            domain_id: Some(Id::from("default")),
            parent_id: Some(Id::from("default")),
            is_domain: false,
            enabled: true,
            tags: std::collections::BTreeSet::default(),
            options: Extra::new(),
            extra: Extra::new(),
        };
        self.change(|change| change.put(project).id.clone())
    }

    pub(super) fn user_id(&self, name: &str) -> Id {
        let default = Id::from("default");
        self.model()
            .user_by_name(&default, name)
            .unwrap()
            .id
            .clone()
    }

    pub(super) fn project_id(&self, name: &str) -> Id {
        let default = Id::from("default");
        self.model()
            .project_by_name(&default, name)
            .unwrap()
            .id
            .clone()
    }

    pub(super) fn role_id(&self, name: &str) -> Id {
        self.model().role_by_name(None, name).unwrap().id.clone()
    }

    pub(super) fn grant(&self, user: &str, project: &str, role: &str) {
        let target = Target::Project(self.project_id(project));
        self.grant_at(user, target, role);
    }

    pub(super) fn grant_at(&self, user: &str, target: Target, role: &str) {
        let assignment = Assignment {
            actor: Actor::User(self.user_id(user)),
            target,
            role_id: self.role_id(role),
            inherited: false,
        };
        self.change(|change| drop(change.put(assignment)));
    }

    /// Changes a record.
    pub(super) fn with<R: Record + Clone>(&self, id: &str, alter: impl FnOnce(&mut R)) {
        self.change(|change| {
            let mut record = (**change.get::<R>(id).unwrap()).clone();
            alter(&mut record);
            change.put(record);
        });
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        arrival: Arrival,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(arrival);
        let response = TowerToHyperService::new(self.router.clone())
            .call(request)
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Asks for a token, by way of a gateway that says this.
    pub(super) async fn sign_in(&self, said: &[(&str, &str)], auth: &Value) -> Answer {
        let body = json!({ "auth": auth }).to_string().into_bytes();
        self.ask(Method::POST, "/v3/auth/tokens", GATEWAY, said, body)
            .await
    }

    /// A token of somebody for whom the gateway speaks.
    pub(super) async fn token_of(&self, user: &str, scope: Option<Value>) -> String {
        let answer = self.sign_in(&negotiated(user), &kerberos(scope)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.token()
    }

    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        subject: &str,
    ) -> Answer {
        let headers = [("x-auth-token", token), ("x-subject-token", subject)];
        self.ask(method, path, NETWORK, &headers, Vec::new()).await
    }

    /// What a token says to its owner, or the status of the refusal.
    pub(super) async fn said_of(&self, token: &str) -> Result<Value, StatusCode> {
        let answer = self
            .call(Method::GET, "/v3/auth/tokens", token, token)
            .await;
        match answer.status {
            StatusCode::OK => Ok(answer.json()["token"].take()),
            refused => Err(refused),
        }
    }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(super) fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn token(&self) -> String {
        self.header("x-subject-token").unwrap().to_owned()
    }
}

pub(super) const GATEWAY: Arrival = Arrival::Gateway(0);
pub(super) const NETWORK: Arrival = Arrival::Network(std::net::SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    1,
));

pub(super) fn negotiated(user: &str) -> [(&str, &str); 2] {
    [("remote_user", user), ("auth_type", "Negotiate")]
}

pub(super) fn kerberos(scope: Option<Value>) -> Value {
    with_scope(
        json!({ "identity": { "methods": ["kerberos"], "kerberos": {} } }),
        scope,
    )
}

pub(super) fn with_token(token: &str, scope: Option<Value>) -> Value {
    let identity = json!({ "identity": { "methods": ["token"], "token": { "id": token } } });
    with_scope(identity, scope)
}

pub(super) fn project(name: &str) -> Option<Value> {
    Some(json!({ "project": { "name": name, "domain": { "id": "default" } } }))
}

pub(super) fn domain(id: &str) -> Option<Value> {
    Some(json!({ "domain": { "id": id } }))
}

fn with_scope(mut auth: Value, scope: Option<Value>) -> Value {
    if let Some(scope) = scope {
        auth["scope"] = scope;
    }
    auth
}
