//! Ours beside a Keystone, over the same keys and about the same people: each believes what the other gave out, and says
//! the same about it.

use std::collections::BTreeSet;
use std::fs;

use http::Method;
use kerbstone_identity::auth::AuthSettings;
use kerbstone_identity::directory::Change;
use kerbstone_identity::model::{
    Actor, Assignment, CatalogService, Endpoint, Extra, Id, Implication, Interface, Project, Role,
    Target, User,
};
use kerbstone_testkit::lab::Keystone;
use serde_json::{Value, json};

use super::site::{GATEWAY, NETWORK, Plan, Site, kerberos, negotiated, project, with_token};
use crate::side::{Asked, Reply, Side as _, Theirs};

/// Both.
struct Pair {
    theirs: Theirs,
    ours: Site,
}

impl Pair {
    /// `None` when Keystone is not installed.
    fn start() -> Option<Self> {
        let theirs = Theirs::start()?;
        let mut plan = Plan::default();
        // Tokens name methods by their place in this list.
        plan.settings.methods = AuthSettings::default().methods;
        for file in fs::read_dir(theirs.0.folder().join("fernet")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), plan.keys.path().join(file.file_name())).unwrap();
        }
        let ours = plan.start_empty();
        let pair = Self { theirs, ours };
        let token = pair.at_keystone(project("admin"));
        let ask = |path: &str| pair.get_theirs(path, &token, "").json();
        let everything = [
            "domains",
            "projects",
            "users",
            "roles",
            "services",
            "endpoints",
        ]
        .map(|kind| (kind, ask(&format!("/v3/{kind}"))[kind].take()));
        let assignments = ask("/v3/role_assignments")["role_assignments"].take();
        let inferences = ask("/v3/role_inferences")["role_inferences"].take();
        pair.ours.change(|change| {
            for (kind, list) in &everything {
                list.as_array()
                    .unwrap()
                    .iter()
                    .for_each(|one| copy(change, kind, one));
            }
            for one in assignments.as_array().unwrap() {
                change.put(assignment(one));
            }
            for one in inferences.as_array().unwrap() {
                for implied in one["implies"].as_array().unwrap() {
                    change.put(Implication {
                        prior_role_id: id(&one["prior_role"]["id"]),
                        implied_role_id: id(&implied["id"]),
                    });
                }
            }
        });
        Some(pair)
    }

    fn send_theirs(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Reply {
        let mut headers: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        self.theirs.send(&Asked {
            method: method.to_owned(),
            path: path.to_owned(),
            headers,
            body,
        })
    }

    fn get_theirs(&self, path: &str, token: &str, subject: &str) -> Reply {
        let headers = [("x-auth-token", token), ("x-subject-token", subject)];
        let headers = if subject.is_empty() {
            &headers[..1]
        } else {
            &headers
        };
        self.send_theirs("GET", path, headers, None)
    }

    /// A token of Keystone's administrator.
    fn at_keystone(&self, scope: Option<Value>) -> String {
        let user =
            json!({"name": "admin", "domain": {"id": "default"}, "password": Keystone::PASSWORD});
        let mut auth = json!({"identity": {"methods": ["password"], "password": {"user": user}}});
        if let Some(scope) = scope {
            auth["scope"] = scope;
        }
        self.exchanged_there(&auth)
    }

    fn exchanged_there(&self, auth: &Value) -> String {
        let body = json!({ "auth": auth }).to_string();
        let reply = self.send_theirs("POST", "/v3/auth/tokens", &[], Some(body));
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.headers["x-subject-token"].clone()
    }

    /// What each says of a token, to whom the token belongs.
    async fn said_of(&self, token: &str) -> [Value; 2] {
        let ours = self
            .ours
            .call(Method::GET, "/v3/auth/tokens", token, token)
            .await;
        let theirs = self.get_theirs("/v3/auth/tokens", token, token);
        assert_eq!(
            (ours.status.as_u16(), theirs.status),
            (200, 200),
            "{} {}",
            ours.text,
            theirs.body
        );
        [ours.json(), theirs.json()].map(sorted)
    }
}

fn id(value: &Value) -> Id {
    Id::from(value.as_str().unwrap())
}

fn some_id(value: &Value) -> Option<Id> {
    value.as_str().map(Id::from)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Puts what Keystone's API shows into our directory.
fn copy(change: &mut Change, kind: &str, one: &Value) {
    let id = id(&one["id"]);
    let extra = || -> Extra {
        let name = one.get("name").cloned();
        name.map(|name| ("name".to_owned(), name))
            .into_iter()
            .collect()
    };
    match kind {
        "domains" | "projects" => drop(change.put(Project {
            id,
            name: text(&one["name"]),
            description: None,
            domain_id: some_id(&one["domain_id"]),
            parent_id: some_id(&one["parent_id"]),
            is_domain: kind == "domains",
            enabled: true,
            tags: BTreeSet::new(),
            options: Extra::new(),
            extra: Extra::new(),
        })),
        "users" => drop(change.put(User {
            id,
            name: text(&one["name"]),
            domain_id: Id::from(one["domain_id"].as_str().unwrap()),
            enabled: true,
            principal: None,
            default_project_id: None,
            options: Extra::new(),
            extra: Extra::new(),
        })),
        "roles" => drop(change.put(Role {
            id,
            name: text(&one["name"]),
            domain_id: None,
            description: None,
            options: Extra::new(),
            extra: Extra::new(),
        })),
        "services" => drop(change.put(CatalogService {
            id,
            kind: text(&one["type"]),
            enabled: true,
            extra: extra(),
        })),
        _ => drop(change.put(Endpoint {
            id,
            interface: match one["interface"].as_str().unwrap() {
                "admin" => Interface::Admin,
                "internal" => Interface::Internal,
                _ => Interface::Public,
            },
            region_id: some_id(&one["region_id"]),
            service_id: Id::from(one["service_id"].as_str().unwrap()),
            url: text(&one["url"]),
            enabled: true,
            extra: Extra::new(),
        })),
    }
}

fn assignment(one: &Value) -> Assignment {
    let scope = &one["scope"];
    Assignment {
        actor: Actor::User(id(&one["user"]["id"])),
        target: match (
            some_id(&scope["project"]["id"]),
            some_id(&scope["domain"]["id"]),
        ) {
            (Some(project), _) => Target::Project(project),
            (_, Some(domain)) => Target::Domain(domain),
            _ => Target::System,
        },
        role_id: id(&one["role"]["id"]),
        inherited: false,
    }
}

/// With lists in one order: Keystone has none.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(list) => {
            let mut list: Vec<Value> = list.into_iter().map(sorted).collect();
            list.sort_by_key(Value::to_string);
            Value::Array(list)
        }
        Value::Object(object) => object
            .into_iter()
            .map(|(key, value)| (key, sorted(value)))
            .collect(),
        other => other,
    }
}

#[tokio::test]
async fn each_says_of_the_others_tokens_what_the_other_says() {
    let Some(pair) = Pair::start() else { return };
    let system = Some(json!({"system": {"all": true}}));
    let scopes = [None, project("admin"), system];
    let mut tokens = Vec::new();
    for scope in scopes {
        tokens.push(pair.at_keystone(scope.clone()));
        let answer = pair
            .ours
            .sign_in(&negotiated("admin"), &kerberos(scope))
            .await;
        tokens.push(answer.token());
    }
    let unscoped = tokens[0].clone();
    tokens.push(
        pair.ours
            .sign_in(&[], &with_token(&unscoped, project("admin")))
            .await
            .token(),
    );
    tokens.push(pair.exchanged_there(&with_token(&tokens[1], project("admin"))));
    let both_ways = pair.exchanged_there(&with_token(&tokens[6], project("admin")));
    tokens.push(both_ways);
    for (place, token) in tokens.iter().enumerate() {
        let [ours, theirs] = pair.said_of(token).await;
        assert_eq!(ours, theirs, "token {place}");
    }
    let catalog = |answer: &Value| sorted(answer["catalog"].clone());
    let ours = pair
        .ours
        .call(Method::GET, "/v3/auth/catalog", &tokens[2], "")
        .await;
    let theirs = pair.get_theirs("/v3/auth/catalog", &tokens[2], "");
    assert_eq!(catalog(&ours.json()), catalog(&theirs.json()));
}

#[tokio::test]
async fn both_refuse_in_the_same_words() {
    let Some(pair) = Pair::start() else { return };
    let admin = pair.at_keystone(project("admin"));
    let credential = json!({"id": "x", "secret": "y"});
    let mut bodies: Vec<String> = [
        "",
        "{",
        "[]",
        "7",
        "{}",
        r#"{"auth":null}"#,
        r#"{"auth":{}}"#,
        r#"{"auth":[]}"#,
        r#"{"auth":"x"}"#,
    ]
    .map(str::to_owned)
    .to_vec();
    let user =
        |user: Value| json!({"identity": {"methods": ["password"], "password": {"user": user}}});
    let identity = json!({"methods": ["token"], "token": {"id": admin}});
    let scoped = |scope: Value| json!({"identity": identity.clone(), "scope": scope});
    let auths = [
        json!({"identity": {}}),
        json!({"identity": {"methods": "x"}}),
        json!({"identity": {"methods": [1]}}),
        json!({"identity": {"methods": []}}),
        json!({"identity": {"methods": ["password"]}}),
        json!({"identity": {"methods": ["nothing"]}}),
        json!({"identity": {"methods": ["nothing"], "nothing": {}}}),
        json!({"identity": {"methods": ["kerberos"], "kerberos": {}}}),
        json!({"identity": {"methods": ["password"], "password": 5}}),
        json!({"identity": {"methods": ["token"], "token": {}}}),
        json!({"identity": {"methods": ["token"], "token": {"id": true}}}),
        json!({"identity": {"methods": ["token"], "token": {"id": "x"}}}),
        json!({"identity": {"methods": ["token"], "token": {"id": format!("{admin}A")}}}),
        json!({"identity": {"methods": ["application_credential"], "application_credential": {}}}),
        json!({"identity": {"methods": ["application_credential"], "application_credential": {"name": "x"}}}),
        json!({"identity": {"methods": ["application_credential"], "application_credential": credential}}),
        json!({"identity": {"methods": ["application_credential"], "application_credential": credential},
            "scope": {"project": {"id": "x"}}}),
        user(json!({})),
        user(json!({"name": ""})),
        user(json!({"name": "x"})),
        user(json!({"name": "x", "domain": {}})),
        user(json!({"name": "x", "domain": {"id": "nowhere"}})),
        user(json!({"name": "nobody", "domain": {"id": "default"}, "password": "x"})),
        user(json!({"name": "admin", "domain": {"id": "default"}, "password": "x"})),
        user(json!({"id": "nobody", "password": "x"})),
        user(json!({"id": {}, "password": "x"})),
        scoped(json!(null)),
        scoped(json!(5)),
        scoped(json!({})),
        scoped(json!({"project": {}})),
        scoped(json!({"project": "x"})),
        scoped(json!({"project": {"id": "nothing"}})),
        scoped(json!({"project": {"id": "default"}})),
        scoped(json!({"project": {"name": "admin"}})),
        scoped(json!({"project": {"name": "admin", "domain": {"name": "nowhere"}}})),
        scoped(json!({"project": {"name": "admin", "domain": {}}})),
        scoped(json!({"domain": {"id": "default"}})),
        scoped(json!({"domain": {"name": "nowhere"}})),
        scoped(json!({"domain": {"id": "default"}, "unscoped": {}})),
        scoped(json!({"system": {"all": 1}})),
        scoped(json!({"OS-TRUST:trust": {}})),
        scoped(json!({"OS-TRUST:trust": {"id": "nothing"}})),
    ];
    bodies.extend(auths.iter().map(|auth| json!({ "auth": auth }).to_string()));
    for body in bodies {
        let theirs = pair.send_theirs("POST", "/v3/auth/tokens", &[], Some(body.clone()));
        let octets = body.clone().into_bytes();
        let ours = pair
            .ours
            .ask(Method::POST, "/v3/auth/tokens", GATEWAY, &[], octets)
            .await;
        let [mut ours_said, mut theirs_said] = [ours.json(), theirs.json()];
        for said in [&mut ours_said, &mut theirs_said] {
            // What follows is Keystone's schema in Python.
            let message = said["error"]["message"].as_str().unwrap();
            let first = message.lines().next().unwrap().to_owned();
            said["error"]["message"] = json!(first);
        }
        assert_eq!(ours_said, theirs_said, "{body}");
        assert_eq!(ours.status.as_u16(), theirs.status, "{body}");
        assert_eq!(
            ours.header("www-authenticate").is_some(),
            theirs.headers.contains_key("www-authenticate"),
            "{body}"
        );
    }
    for headers in [
        &[][..],
        &[("x-auth-token", "x")],
        &[("x-auth-token", admin.as_str())],
        &[("x-auth-token", admin.as_str()), ("x-subject-token", "x")],
        &[("x-auth-token", "x"), ("x-subject-token", admin.as_str())],
    ] {
        for method in ["GET", "HEAD", "DELETE"] {
            let theirs = pair.send_theirs(method, "/v3/auth/tokens", headers, None);
            let asked = Method::from_bytes(method.as_bytes()).unwrap();
            let ours = pair
                .ours
                .ask(asked, "/v3/auth/tokens", NETWORK, headers, Vec::new())
                .await;
            assert_eq!(ours.status.as_u16(), theirs.status, "{method} {headers:?}");
            if method != "HEAD" {
                assert_eq!(ours.json(), theirs.json(), "{method} {headers:?}");
            }
        }
    }
}
