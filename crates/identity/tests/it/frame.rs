//! What our API does with requests that Keystone's front end would not even read to the end, and behind a gateway.

use kerbstone_identity::service::Settings;
use serde_json::{Value, json};

use crate::side::{Asked, Ours, Reply, Side};

/// The administrator's calls.
struct Admin {
    ours: Ours,
    token: String,
}

impl Admin {
    fn of(settings: Settings) -> Self {
        let ours = Ours::with(settings);
        let domain = json!({ "name": "Default" });
        let project = json!({ "project": { "name": "admin", "domain": domain } });
        let reply = ours.sign_in("admin", &domain, Some(&project));
        assert_eq!(reply.status, 201, "{}", reply.body);
        let token = reply.headers["x-subject-token"].clone();
        Self { ours, token }
    }

    fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Reply {
        self.ask_with(method, path, body, &[])
    }

    fn ask_with(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let own = [
            ("x-auth-token", self.token.as_str()),
            ("host", "backend:5000"),
        ];
        let headers = own.iter().chain(headers);
        self.ours.send(&Asked {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.map(str::to_owned),
        })
    }
}

fn error(reply: &Reply) -> (u16, u64, String) {
    let body = reply.json();
    let code = body["error"]["code"].as_u64().unwrap_or_default();
    let message = body["error"]["message"].as_str().unwrap_or_default();
    (reply.status, code, message.to_owned())
}

#[test]
fn what_is_too_large_too_deep_or_unknown_is_told_in_json() {
    let admin = Admin::of(Settings::default());
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(120_000));
    let (status, code, message) = error(&admin.ask("POST", "/v3/users", Some(&large)));
    assert_eq!((status, code), (413, 413));
    assert!(message.contains("max_request_body_size"), "{message}");

    let deep = format!("{}{}", "{\"a\":[".repeat(2000), "]}".repeat(2000));
    let (status, code, message) = error(&admin.ask("POST", "/v3/users", Some(&deep)));
    assert_eq!((status, code), (400, 400));
    assert!(message.contains("valid JSON"), "{message}");

    for (method, path, expected) in [
        ("GET", "/v3/nothing", 404),
        ("GET", "/v3/users/a/b/c/d", 404),
        ("PUT", "/v3/users", 405),
        ("DELETE", "/v3/role_assignments", 405),
    ] {
        let (status, code, message) = error(&admin.ask(method, path, None));
        assert_eq!(
            (status, code),
            (expected, u64::from(expected)),
            "{method} {path}"
        );
        assert!(!message.is_empty());
    }
}

#[test]
fn every_answer_has_an_id_of_its_own_and_varies_by_token() {
    let admin = Admin::of(Settings::default());
    let replies = ["/", "/v3", "/v3/users", "/nothing"].map(|path| admin.ask("GET", path, None));
    let mut ids: Vec<&str> = Vec::new();
    for reply in &replies {
        assert_eq!(reply.headers["vary"], "X-Auth-Token");
        ids.push(&reply.headers["x-openstack-request-id"]);
    }
    assert!(
        ids.iter()
            .all(|id| id.starts_with("req-") && id.len() == 40),
        "{ids:?}"
    );
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), replies.len());
}

#[test]
fn links_lead_to_where_the_client_came_from() {
    let admin = Admin::of(Settings::default());
    let front = [
        ("x-forwarded-host", "cloud.example.org:8443"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-prefix", "/krb"),
    ];
    let reply = admin
        .ask_with("GET", "/v3/users?name=admin", None, &front)
        .json();
    assert_eq!(
        reply["links"]["self"],
        "https://cloud.example.org:8443/krb/v3/users?name=admin"
    );
    let own = reply["users"][0]["links"]["self"].as_str().unwrap();
    assert!(
        own.starts_with("https://cloud.example.org:8443/krb/v3/users/"),
        "{own}"
    );
    let reply = admin.ask("GET", "/v3", None).json();
    assert_eq!(
        reply["version"]["links"][0]["href"],
        "http://backend:5000/v3/"
    );
}

#[test]
fn the_api_stands_under_a_prefix_too() {
    let admin = Admin::of(Settings {
        prefix: "/main".to_owned(),
        ..Settings::default()
    });
    for path in ["/main", "/main/"] {
        let reply = admin.ask("GET", path, None);
        assert_eq!(reply.status, 300);
        assert_eq!(reply.headers["location"], "http://backend:5000/main/v3/");
    }
    let reply = admin.ask("GET", "/main/v3/regions/", None);
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.json()["links"]["self"],
        "http://backend:5000/main/v3/regions"
    );
    let reply = admin.ours.send(&Asked {
        method: "GET".to_owned(),
        path: "/main/v3/users".to_owned(),
        headers: vec![("host".to_owned(), "backend:5000".to_owned())],
        body: None,
    });
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.headers["www-authenticate"],
        "Keystone uri=\"http://backend:5000/main/v3\""
    );
}

#[test]
fn a_long_list_is_cut_and_says_so() {
    let admin = Admin::of(Settings {
        list_limit: Some(2),
        ..Settings::default()
    });
    let reply = admin.ask("GET", "/v3/roles", None).json();
    assert_eq!(reply["roles"].as_array().unwrap().len(), 2);
    assert_eq!(reply["truncated"], true);
    let reply = admin.ask("GET", "/v3/regions", None).json();
    assert_eq!(reply.get("truncated"), None);
}

#[test]
fn a_principal_is_one_users_and_passwords_are_refused_in_words() {
    let admin = Admin::of(Settings::default());
    let post = |user: Value| {
        let body = json!({ "user": user }).to_string();
        admin.ask("POST", "/v3/users", Some(&body))
    };
    let alice = post(json!({ "name": "alice", "principal": "alice@EXAMPLE.ORG" }));
    assert_eq!(alice.status, 201, "{}", alice.body);
    assert_eq!(alice.json()["user"]["principal"], "alice@EXAMPLE.ORG");
    let other = post(json!({ "name": "other", "principal": "alice@EXAMPLE.ORG" }));
    assert_eq!(other.status, 409, "{}", other.body);
    let (status, _, message) = error(&post(json!({ "name": "bob", "password": "secret" })));
    assert_eq!(status, 403);
    assert!(
        message.contains("Kerberos") && !message.contains("secret"),
        "{message}"
    );

    let id = alice.json()["user"]["id"].as_str().unwrap().to_owned();
    let path = format!("/v3/users/{id}");
    for (change, expected) in [
        (json!({ "email": "a@x" }), json!("alice@EXAMPLE.ORG")),
        (json!({ "principal": null }), Value::Null),
    ] {
        let body = json!({ "user": change }).to_string();
        let reply = admin.ask("PATCH", &path, Some(&body));
        assert_eq!(
            reply.json()["user"]["principal"],
            expected,
            "{}",
            reply.body
        );
    }
    let body = json!({ "user": { "original_password": "a", "password": "b" } }).to_string();
    let (status, _, message) = error(&admin.ask("POST", &format!("{path}/password"), Some(&body)));
    assert_eq!(status, 403);
    assert!(message.contains("Kerberos"), "{message}");
}

#[test]
fn who_asked_and_why_they_were_refused_is_left_for_the_log() {
    let admin = Admin::of(Settings::default());
    let id = admin.ask("GET", "/v3/users?name=admin", None);
    let user = id.json()["users"][0]["id"].as_str().unwrap().to_owned();
    let note = id.note.unwrap();
    assert_eq!(note.user, Some(user.clone()));
    assert!(note.audit_id.is_some() && note.why.is_none(), "{note:?}");

    let note = admin.ask("GET", "/v3/users/nope", None).note.unwrap();
    assert_eq!(note.user, Some(user));
    assert_eq!(note.why.as_deref(), Some("Could not find user: nope."));

    let note = admin.ours.send(&Asked {
        method: "GET".to_owned(),
        path: "/v3/users".to_owned(),
        headers: Vec::new(),
        body: None,
    });
    let why = note.note.unwrap().why.unwrap();
    assert!(why.contains("X-Auth-Token"), "{why}");
}
