//! What becomes of tokens.

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use kerbstone_identity::auth::CatalogView;
use kerbstone_identity::directory::{Directory, DirectoryError};
use kerbstone_identity::model::{
    CatalogService, Credential, Endpoint, Extra, Id, Interface, Revocation, RevocationKey, Target,
    User,
};
use kerbstone_identity::service::Revoked;
use kerbstone_identity::token::{AuditIds, Grant, KeyRepository, MethodCodes, Payload, TokenSeal};
use serde_json::{Value, json};

use super::site::{GATEWAY, NETWORK, Plan, Site, kerberos, negotiated, project, with_token};

#[tokio::test]
async fn a_token_for_a_token_keeps_its_end_its_methods_and_its_chain() {
    let site = Plan::default().start();
    let first = site.token_of("alice", None).await;
    let said = site.said_of(&first).await.unwrap();
    let mut chain = vec![said["audit_ids"][0].clone()];
    let mut token = first;
    for _ in 0..3 {
        let answer = site
            .sign_in(&[], &with_token(&token, project("demo")))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let described = answer.json()["token"].take();
        assert_eq!(described["expires_at"], said["expires_at"]);
        assert_eq!(
            described["methods"],
            json!(["kerberos", "token", "external"])
        );
        assert_eq!(described["audit_ids"][1], chain[0]);
        assert!(!chain.contains(&described["audit_ids"][0]));
        chain.push(described["audit_ids"][0].clone());
        token = answer.token();
    }
}

#[tokio::test]
async fn scoped_tokens_are_exchanged_only_where_the_settings_allow() {
    let mut plan = Plan::default();
    plan.settings.allow_rescope_scoped_token = false;
    let site = plan.start();
    let unscoped = site.token_of("alice", None).await;
    let scoped = site
        .sign_in(&[], &with_token(&unscoped, project("demo")))
        .await;
    assert_eq!(scoped.status, StatusCode::CREATED);
    let again = site
        .sign_in(&[], &with_token(&scoped.token(), project("demo")))
        .await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    assert_eq!(
        again.message(),
        "You are not authorized to perform the requested action: rescope a scoped token."
    );
    site.grant_at("alice", Target::System, "admin");
    let system = site
        .token_of("alice", Some(json!({"system": {"all": true}})))
        .await;
    let narrowed = site
        .sign_in(&[], &with_token(&system, project("demo")))
        .await;
    assert_eq!(narrowed.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_worth_nothing_and_others_are() {
    let site = Plan::default().start();
    let (one, other) = (
        site.token_of("alice", None).await,
        site.token_of("alice", None).await,
    );
    let gone = site
        .call(Method::DELETE, "/v3/auth/tokens", &one, &one)
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(site.said_of(&one).await, Err(StatusCode::UNAUTHORIZED));
    let asked = site
        .call(Method::GET, "/v3/auth/tokens", &other, &one)
        .await;
    assert_eq!(
        (asked.status, asked.message()),
        (StatusCode::NOT_FOUND, "Failed to validate token".to_owned())
    );
    let exchanged = site.sign_in(&[], &with_token(&one, None)).await;
    assert_eq!(exchanged.status, StatusCode::NOT_FOUND);
    assert!(site.said_of(&other).await.is_ok());
}

#[tokio::test]
async fn what_is_revoked_takes_what_it_names_and_nothing_else() {
    type Which = fn(&Site) -> Revoked;
    let cases: [(Which, [bool; 3]); 7] = [
        // alice on demo, alice unscoped, admin on demo
        (
            |site| Revoked::User(site.user_id("alice")),
            [false, false, true],
        ),
        (
            |site| {
                Revoked::UserAt(
                    site.user_id("alice"),
                    Target::Project(site.project_id("demo")),
                )
            },
            [false, true, true],
        ),
        (
            |site| Revoked::At(Target::Project(site.project_id("demo"))),
            [false, true, false],
        ),
        (
            |_| Revoked::At(Target::Domain(Id::from("default"))),
            [false, false, false],
        ),
        (
            |site| Revoked::Role(site.role_id("member")),
            [false, true, false],
        ),
        (|_| Revoked::Trust(Id::from("another")), [true, true, true]),
        (|_| Revoked::User(Id::from("another")), [true, true, true]),
    ];
    for (which, hold) in cases {
        let site = Plan::default().start();
        site.grant("admin", "demo", "admin");
        let tokens = [
            site.token_of("alice", project("demo")).await,
            site.token_of("alice", None).await,
            site.token_of("admin", project("demo")).await,
        ];
        let which = which(&site);
        let tokens_of = site.service.tokens.clone();
        site.change(|change| tokens_of.revoke(change, &which, Timestamp::now()));
        for (token, holds) in tokens.iter().zip(hold) {
            assert_eq!(site.said_of(token).await.is_ok(), holds, "{which:?}");
        }
    }
}

#[tokio::test]
async fn events_go_when_every_token_that_they_could_match_has_ended() {
    let site = Plan::default().start();
    let tokens = site.service.tokens.clone();
    let count = || site.model().all::<Revocation>().len();
    let revoke = |hours| {
        let then = Timestamp::now()
            .checked_add(SignedDuration::from_hours(hours))
            .unwrap();
        let which = Revoked::User(Id::from("x"));
        site.change(|change| tokens.revoke(change, &which, then));
    };
    revoke(0);
    revoke(1);
    // An hour of life, two days of questions afterwards, half an hour more.
    revoke(49);
    assert_eq!(count(), 3);
    revoke(50);
    assert_eq!(count(), 3);
    revoke(200);
    assert_eq!(count(), 1);
}

#[tokio::test]
async fn a_token_follows_what_becomes_of_its_user() {
    let site = Plan::default().start();
    let token = site.token_of("alice", project("demo")).await;
    assert!(site.said_of(&token).await.is_ok());
    let alice = site.user_id("alice");
    site.with::<User>(&alice, |user| user.name = "alicia".to_owned());
    assert_eq!(
        site.said_of(&token).await.unwrap()["user"]["name"],
        "alicia"
    );
    site.with::<User>(&alice, |user| user.enabled = false);
    assert_eq!(site.said_of(&token).await, Err(StatusCode::UNAUTHORIZED));
    // A service that asks about it is told that it is none, not that the service itself has to sign in again.
    let admin = site.token_of("admin", project("admin")).await;
    let asked = site
        .call(Method::GET, "/v3/auth/tokens", &admin, &token)
        .await;
    assert_eq!(asked.status, StatusCode::NOT_FOUND);
    assert_eq!(asked.message(), format!("Could not find token: {token}."));
    site.with::<User>(&alice, |user| user.enabled = true);
    assert!(site.said_of(&token).await.is_ok());
}

/// A token made with the site's keys, by whoever shares them.
fn sealed(site: &Site, age: SignedDuration, left: SignedDuration) -> String {
    let keys = KeyRepository::open(site.keys.path(), 3).unwrap();
    let methods = [
        "external",
        "password",
        "token",
        "kerberos",
        "x509",
        "application_credential",
    ];
    let seal = TokenSeal::new(std::sync::Arc::new(keys), MethodCodes::new(&methods));
    let now = Timestamp::now();
    let payload = Payload {
        user_id: site.user_id("alice").to_string(),
        methods: vec!["kerberos".to_owned()],
        grant: Grant::Project(site.project_id("demo").to_string()),
        expires_at: now.checked_add(left).unwrap(),
        audit: AuditIds {
            own: "3T2dc1CGQxyJsHdDu1xkcw".to_owned(),
            chain: None,
        },
    };
    let made = now.checked_sub(age).unwrap();
    seal.seal(&payload, made, &mut rand::rng()).unwrap().0
}

#[tokio::test]
async fn an_expired_token_is_described_for_a_while_to_whoever_asks_for_that() {
    let site = Plan::default().start();
    let admin = site.token_of("admin", project("admin")).await;
    let hours = SignedDuration::from_hours;
    let lately = sealed(&site, hours(3), -hours(2));
    let ask = async |path: &str, token: &str| site.call(Method::GET, path, &admin, token).await;
    let refused = ask("/v3/auth/tokens", &lately).await;
    assert_eq!(
        (refused.status, refused.message()),
        (StatusCode::NOT_FOUND, "Failed to validate token".to_owned())
    );
    assert_eq!(
        ask("/v3/auth/tokens?allow_expired=1", &lately).await.status,
        StatusCode::OK
    );
    assert_eq!(
        ask("/v3/auth/tokens?allow_expired=0", &lately).await.status,
        StatusCode::NOT_FOUND
    );
    let long_ago = sealed(&site, hours(60), -hours(49));
    assert_eq!(
        ask("/v3/auth/tokens?allow_expired=1", &long_ago)
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    let future = sealed(&site, -hours(1), hours(2));
    assert_eq!(
        ask("/v3/auth/tokens", &future).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(site.said_of(&lately).await, Err(StatusCode::UNAUTHORIZED));
}

#[tokio::test]
async fn catalogs_are_of_the_project_and_of_the_entry() {
    let mut plan = Plan::default();
    plan.settings.catalog_views = vec![CatalogView {
        entry: "/main".to_owned(),
        leave_out: vec!["/v2.0".to_owned()],
    }];
    let site = plan.start();
    let service = CatalogService {
        id: Id::from("00compute"),
        kind: "compute".to_owned(),
        enabled: true,
        extra: Extra::new(),
    };
    site.change(|change| drop(change.put(service)));
    for (id, url) in [
        ("e1", "http://compute/v2.1/$(project_id)s"),
        ("e2", "http://compute/v2.0/%(tenant_id)s"),
        ("e3", "http://compute/$(nonsense)s"),
    ] {
        site.change(|change| {
            change.put(Endpoint {
                id: Id::from(id),
                interface: Interface::Public,
                region_id: None,
                service_id: Id::from("00compute"),
                url: url.to_owned(),
                enabled: true,
                extra: Extra::new(),
            });
        });
    }
    site.project("other");
    site.grant("alice", "other", "member");
    for name in ["demo", "other"] {
        let token = site.token_of("alice", project(name)).await;
        let answer = site.call(Method::GET, "/v3/auth/catalog", &token, "").await;
        let urls: Vec<Value> = answer.json()["catalog"][0]["endpoints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|endpoint| endpoint["url"].clone())
            .collect();
        let id = site.project_id(name);
        assert_eq!(urls, [json!(format!("http://compute/v2.1/{id}"))]);
        assert_eq!(
            site.said_of(&token).await.unwrap()["catalog"],
            answer.json()["catalog"]
        );
    }
    let token = site.token_of("alice", project("demo")).await;
    let by_another_entry = [
        ("x-auth-token", token.as_str()),
        ("x-forwarded-prefix", "/krb"),
    ];
    for (arrival, count) in [(GATEWAY, 2), (NETWORK, 1)] {
        let path = "/v3/auth/catalog";
        let answer = site
            .ask(Method::GET, path, arrival, &by_another_entry, Vec::new())
            .await;
        let endpoints = answer.json()["catalog"][0]["endpoints"].take();
        assert_eq!(endpoints.as_array().unwrap().len(), count, "{endpoints}");
    }
    let path = "/v3/auth/tokens?nocatalog";
    let answer = site.call(Method::GET, path, &token, &token).await;
    assert!(answer.json()["token"].get("catalog").is_none());
    let unscoped = site.token_of("alice", None).await;
    let refused = site
        .call(Method::GET, "/v3/auth/catalog", &unscoped, "")
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn whoever_asks_about_anothers_token_must_be_allowed_to() {
    let site = Plan::default().start();
    let (alice, admin) = (
        site.token_of("alice", project("demo")).await,
        site.token_of("admin", project("admin")).await,
    );
    for method in [Method::GET, Method::HEAD, Method::DELETE] {
        let answer = site
            .call(method.clone(), "/v3/auth/tokens", &alice, &admin)
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method}");
    }
    let head = site
        .call(Method::HEAD, "/v3/auth/tokens", &admin, &alice)
        .await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
    assert_eq!(head.header("x-subject-token"), Some(alice.as_str()));
    let none = site
        .ask(
            Method::GET,
            "/v3/auth/tokens",
            NETWORK,
            &[("x-auth-token", &admin)],
            Vec::new(),
        )
        .await;
    assert_eq!(
        (none.status, none.message()),
        (StatusCode::NOT_FOUND, "No token in the request".to_owned())
    );
}

#[tokio::test]
async fn lists_of_where_one_may_be() {
    let site = Plan::default().start();
    let token = site.token_of("alice", None).await;
    let ask = async |path: &str| site.call(Method::GET, path, &token, "").await.json();
    let projects = ask("/v3/auth/projects").await;
    assert_eq!(projects["projects"][0]["name"], "demo");
    assert_eq!(projects["projects"].as_array().unwrap().len(), 1);
    assert_eq!(
        projects["links"]["self"],
        "http://cloud.test/main/v3/auth/projects"
    );
    assert_eq!(ask("/v3/auth/domains").await["domains"], json!([]));
    assert_eq!(ask("/v3/auth/system").await["system"], json!([]));
    site.grant_at("alice", Target::System, "reader");
    assert_eq!(
        ask("/v3/auth/system").await["system"],
        json!([{"all": true}])
    );
}

#[tokio::test]
async fn two_factors_are_shown_one_after_the_other_with_a_receipt() {
    let site = Plan::default().start();
    let alice = site.user_id("alice");
    site.with::<User>(&alice, |user| {
        let rules = json!([["external", "kerberos", "x509"], ["password"], "nonsense"]);
        user.options
            .insert("multi_factor_auth_rules".to_owned(), rules);
    });
    let first = site
        .sign_in(&negotiated("alice"), &kerberos(project("demo")))
        .await;
    assert_eq!(first.status, StatusCode::UNAUTHORIZED, "{first:?}");
    let receipt = first.header("openstack-auth-receipt").unwrap();
    let body = first.json();
    assert_eq!(body["receipt"]["user"]["id"], json!(alice));
    assert_eq!(body["receipt"]["methods"], json!(["kerberos", "external"]));
    assert_eq!(
        body["required_auth_methods"],
        json!([["external", "kerberos", "x509"]])
    );
    let auth =
        json!({"identity": {"methods": ["x509"], "x509": {}}, "scope": project("demo").unwrap()});
    let said = |who| {
        [
            ("remote_user", who),
            ("ssl_client_s_dn", "CN=x"),
            ("openstack-auth-receipt", receipt),
        ]
    };
    let second = site.sign_in(&said("alice"), &auth).await;
    assert_eq!(second.status, StatusCode::CREATED, "{second:?}");
    assert_eq!(
        second.json()["token"]["methods"],
        json!(["x509", "kerberos", "external"])
    );
    let anothers = site.sign_in(&said("admin"), &auth).await;
    assert_eq!(anothers.status, StatusCode::UNAUTHORIZED);
    assert!(
        anothers
            .message()
            .starts_with("Could not find auth receipt: "),
        "{anothers:?}"
    );
}

#[test]
fn what_was_taken_back_stays_so_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.redb");
    let event = Revocation {
        number: 7,
        user_id: Some(Id::from("alice")),
        issued_before: Some(Timestamp::UNIX_EPOCH),
        ..Revocation::default()
    };
    let directory = Directory::open(&path).unwrap();
    directory
        .change(|change| {
            change.put(event.clone());
            Ok::<_, DirectoryError>(())
        })
        .unwrap();
    drop(directory);
    let model = Directory::open(&path).unwrap().read();
    assert_eq!(
        **model.get::<Revocation>(&Revocation::key_of(7)).unwrap(),
        event
    );
    let under = RevocationKey::User(Id::from("alice"));
    let found: Vec<u64> = model.indexes().revocations.under(&under).copied().collect();
    assert_eq!(found, [7]);
}

#[tokio::test]
async fn a_code_of_six_digits_is_a_factor_and_is_taken_once() {
    let mut plan = Plan::default();
    plan.settings.methods.push("totp".to_owned());
    let site = plan.start();
    let alice = site.user_id("alice");
    let now = Timestamp::now();
    let blob = site.service.blobs.as_ref().unwrap();
    let blob = blob
        .seal("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", now, &mut rand::rng())
        .unwrap();
    site.change(|change| {
        change.put(Credential {
            id: Id::from("c"),
            user_id: alice.clone(),
            project_id: None,
            kind: "totp".to_owned(),
            blob,
            extra: Extra::new(),
        });
    });
    let code = std::process::Command::new("/usr/bin/python3")
        .args(["-c", "import base64,hmac,struct,time;m=hmac.digest(b'12345678901234567890',struct.pack('>q',int(time.time())//30),'sha1');o=m[-1]&15;print('%06d'%((struct.unpack('>I',m[o:o+4])[0]&0x7fffffff)%1000000))"])
        .output()
        .unwrap();
    let code = String::from_utf8(code.stdout).unwrap().trim().to_owned();
    let auth = |code: &str| json!({"identity": {"methods": ["totp"], "totp": {"user": {"id": alice, "passcode": code}}}});
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(
        site.sign_in(&[], &auth(wrong)).await.status,
        StatusCode::UNAUTHORIZED
    );
    let first = site.sign_in(&[], &auth(&code)).await;
    assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
    assert_eq!(first.json()["token"]["methods"], json!(["totp"]));
    assert_eq!(
        site.sign_in(&[], &auth(&code)).await.status,
        StatusCode::UNAUTHORIZED
    );
}
