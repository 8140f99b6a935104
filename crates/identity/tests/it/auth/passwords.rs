//! Passwords, which MIT's KDC checks.

use std::sync::Arc;

use http::StatusCode;
use kerbstone_client::{Context, Environment, KeytabFile};
use kerbstone_gss::replay::MemoryReplayCache;
use kerbstone_gss::{AcceptorCredential, AcceptorName};
use kerbstone_identity::model::User;
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_testkit::lab::{Mit, Setup};
use kerbstone_verify::{AcceptorSource, KdcProof, PasswordLimits, Passwords, Realms};
use serde_json::{Value, json};

use super::site::{Plan, REALM, project};

const SERVICE: &str = "HTTP/identity.cloud.test@CLOUD.TEST";

fn passwords(kdc: &Mit) -> Arc<Passwords> {
    kdc.add_service(SERVICE);
    let keytab = kdc.keytab(SERVICE);
    let keytab = KeytabFile::parse(&keytab.to_string_lossy())
        .unwrap()
        .load()
        .unwrap();
    let replays = Arc::new(MemoryReplayCache::new(&mut rand::rng()));
    let credential = AcceptorCredential::new(&keytab, AcceptorName::Any, replays).unwrap();
    let environment = Environment {
        krb5_config: Some(kdc.krb5_conf().display().to_string()),
        ..Environment::default()
    };
    let proof = KdcProof::Ticket {
        service: Principal::parse(SERVICE, None).unwrap(),
        acceptors: Arc::new(AcceptorSource::keytab(credential)),
    };
    Arc::new(Passwords::new(
        Arc::new(Context::new(environment).unwrap()),
        Realms::only(Realm::from(REALM)),
        proof,
        PasswordLimits::default(),
    ))
}

fn auth(user: Value, password: &str, scope: Option<Value>) -> Value {
    let mut user = user;
    user["password"] = json!(password);
    let mut auth = json!({"identity": {"methods": ["password"], "password": {"user": user}}});
    if let Some(scope) = scope {
        auth["scope"] = scope;
    }
    auth
}

fn named(name: &str) -> Value {
    json!({"name": name, "domain": {"id": "default"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kdc_says_whether_a_password_is_somebodys() {
    let Some(kdc) = Mit::start(&Setup::realm(REALM)) else {
        return;
    };
    for name in ["alice", "carol", "newcomer", "a.liddell"] {
        kdc.add_user(name, "wonderland");
    }
    let mut plan = Plan::default().open_to_newcomers();
    plan.passwords = Some(passwords(&kdc));
    let site = plan.start();
    site.user("nobody");
    let carol = site.user("carol");
    site.with::<User>(&carol, |user| {
        user.principal = Some(format!("a.liddell@{REALM}"))
    });
    let alice = json!({"id": site.user_id("alice")});
    let by_domain_name = json!({"name": "alice", "domain": {"name": "Default"}});
    for (user, password, scope, status) in [
        (
            named("alice"),
            "wonderland",
            project("demo"),
            StatusCode::CREATED,
        ),
        (alice.clone(), "wonderland", None, StatusCode::CREATED),
        (by_domain_name, "wonderland", None, StatusCode::CREATED),
        (
            named("newcomer"),
            "wonderland",
            project("demo"),
            StatusCode::CREATED,
        ),
        (named("carol"), "wonderland", None, StatusCode::CREATED),
        (named("alice"), "Wonderland", None, StatusCode::UNAUTHORIZED),
        (alice, "", None, StatusCode::UNAUTHORIZED),
        (
            named("nobody"),
            "wonderland",
            None,
            StatusCode::UNAUTHORIZED,
        ),
        (
            named("stranger"),
            "wonderland",
            None,
            StatusCode::UNAUTHORIZED,
        ),
        (
            named("alice@OTHER.TEST"),
            "wonderland",
            None,
            StatusCode::UNAUTHORIZED,
        ),
        (
            named("alice\\@CLOUD.TEST"),
            "wonderland",
            None,
            StatusCode::UNAUTHORIZED,
        ),
        (
            named("HTTP/identity.cloud.test"),
            "wonderland",
            None,
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        let answer = site
            .sign_in(&[], &auth(user.clone(), password, scope))
            .await;
        assert_eq!(answer.status, status, "{user} {answer:?}");
        if status == StatusCode::CREATED {
            assert_eq!(answer.json()["token"]["methods"], json!(["password"]));
        }
        assert!(!answer.text.contains("wonderland"));
    }
    assert!(
        site.model()
            .user_by_name(&"default".into(), "stranger")
            .is_none()
    );
    let carol_is = site
        .model()
        .user_by_principal(&format!("a.liddell@{REALM}"))
        .cloned();
    assert_eq!(carol_is.unwrap().name, "carol");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kdc_that_is_silent_is_not_the_persons_fault() {
    let Some(mut kdc) = Mit::start(&Setup::realm(REALM)) else {
        return;
    };
    let plan = Plan {
        passwords: Some(passwords(&kdc)),
        ..Plan::default()
    };
    let site = plan.start();
    kdc.stop();
    let answer = site
        .sign_in(&[], &auth(named("alice"), "wonderland", None))
        .await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert!(answer.header("retry-after").is_some());
}
