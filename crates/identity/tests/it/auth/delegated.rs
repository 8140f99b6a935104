//! Tokens by trusts and by application credentials.

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use kerbstone_identity::delegation::SecretHash;
use kerbstone_identity::model::{
    AccessRule, ApplicationCredential, Assignment, Extra, Id, Trust, User,
};
use serde_json::{Value, json};

use super::site::{NETWORK, Plan, Site, kerberos, negotiated, project, with_token};

const TRUST: &str = "fedcba9876543210fedcba9876543210";
const CREDENTIAL: &str = "0123456789abcdef0123456789abcdef";

fn trust(site: &Site, alter: impl FnOnce(&mut Trust)) {
    let mut trust = Trust {
        id: Id::from(TRUST),
        trustor_user_id: site.user_id("alice"),
        trustee_user_id: site.user_id("bob"),
        project_id: Some(site.project_id("demo")),
        impersonation: false,
        role_ids: vec![site.role_id("member")],
        expires_at: None,
        remaining_uses: None,
        redelegation_count: 0,
        redelegated_trust_id: None,
        deleted_at: None,
        extra: Extra::new(),
    };
    alter(&mut trust);
    site.change(|change| drop(change.put(trust)));
}

fn by_trust() -> Value {
    kerberos(Some(json!({"OS-TRUST:trust": {"id": TRUST}})))
}

fn site() -> Site {
    let site = Plan::default().start();
    site.user("bob");
    site
}

#[tokio::test]
async fn a_trustee_acts_with_the_trusts_roles_or_in_the_trustors_name() {
    let site = site();
    for impersonation in [false, true] {
        trust(&site, |trust| trust.impersonation = impersonation);
        let answer = site.sign_in(&negotiated("bob"), &by_trust()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let token = answer.json()["token"].take();
        let named = if impersonation { "alice" } else { "bob" };
        assert_eq!(token["user"]["name"], named);
        assert_eq!(
            token["OS-TRUST:trust"],
            json!({
                "id": TRUST,
                "trustor_user": {"id": site.user_id("alice")},
                "trustee_user": {"id": site.user_id("bob")},
                "impersonation": impersonation,
            })
        );
        assert_eq!(token["project"]["name"], "demo");
        assert_eq!(token["roles"].as_array().unwrap().len(), 2);
        assert_eq!(site.said_of(&answer.token()).await.unwrap(), token);
        let exchanged = site
            .sign_in(&[], &with_token(&answer.token(), project("demo")))
            .await;
        assert_eq!(exchanged.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn a_trust_that_does_not_hold_gives_nothing() {
    let site = site();
    let ask = async |who| site.sign_in(&negotiated(who), &by_trust()).await.status;
    let hour = SignedDuration::from_hours(1);
    let past = Timestamp::now().checked_sub(hour).unwrap();
    trust(&site, |trust| trust.expires_at = Some(past));
    assert_eq!(ask("bob").await, StatusCode::UNAUTHORIZED);
    trust(&site, |trust| trust.deleted_at = Some(past));
    assert_eq!(ask("bob").await, StatusCode::UNAUTHORIZED);
    trust(&site, |trust| trust.remaining_uses = Some(2));
    assert_eq!(ask("admin").await, StatusCode::FORBIDDEN);
    for expected in [
        StatusCode::CREATED,
        StatusCode::CREATED,
        StatusCode::FORBIDDEN,
    ] {
        assert_eq!(ask("bob").await, expected);
    }
    trust(&site, |trust| trust.role_ids.push(site.role_id("admin")));
    assert_eq!(ask("bob").await, StatusCode::FORBIDDEN);
    trust(&site, |_| {});
    let token = site.sign_in(&negotiated("bob"), &by_trust()).await.token();
    assert!(site.said_of(&token).await.is_ok());
    site.with::<User>(&site.user_id("alice"), |user| user.enabled = false);
    assert_eq!(site.said_of(&token).await, Err(StatusCode::UNAUTHORIZED));
}

fn credential(site: &Site, secret: &str, alter: impl FnOnce(&mut ApplicationCredential)) {
    let mut credential = ApplicationCredential {
        id: Id::from(CREDENTIAL),
        name: "backup".to_owned(),
        description: None,
        user_id: site.user_id("alice"),
        project_id: site.project_id("demo"),
        role_ids: vec![site.role_id("reader"), site.role_id("admin")],
        secret_hash: SecretHash::of_generated(secret).to_string(),
        expires_at: None,
        unrestricted: false,
        access_rule_ids: None,
    };
    alter(&mut credential);
    site.change(|change| drop(change.put(credential)));
}

fn shown(credential: &Value) -> Value {
    json!({"identity": {"methods": ["application_credential"], "application_credential": credential}})
}

#[tokio::test]
async fn an_application_credential_is_good_for_those_of_its_roles_that_its_owner_has() {
    let site = site();
    credential(&site, "s3cret", |_| {});
    for named in [
        json!({"id": CREDENTIAL, "secret": "s3cret"}),
        json!({"name": "backup", "secret": "s3cret", "user": {"id": site.user_id("alice")}}),
        json!({"name": "backup", "secret": "s3cret", "user": {"name": "alice", "domain": {"id": "default"}}}),
        // Another user beside the identifier changes nothing.
        json!({"id": CREDENTIAL, "secret": "s3cret", "user": {"id": site.user_id("admin")}}),
    ] {
        let answer = site.sign_in(&[], &shown(&named)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let token = answer.json()["token"].take();
        assert_eq!(token["user"]["name"], "alice");
        assert_eq!(token["methods"], json!(["application_credential"]));
        assert_eq!(
            token["roles"],
            json!([{"id": site.role_id("reader"), "name": "reader"}])
        );
        assert_eq!(
            token["application_credential"],
            json!({"id": CREDENTIAL, "name": "backup", "restricted": true}),
        );
        assert_eq!(site.said_of(&answer.token()).await.unwrap(), token);
        let exchanged = site
            .sign_in(&[], &with_token(&answer.token(), project("demo")))
            .await;
        assert_eq!(exchanged.status, StatusCode::FORBIDDEN);
    }
    for (named, status) in [
        (json!({"id": CREDENTIAL, "secret": "S3cret"}), 401),
        (json!({"id": CREDENTIAL}), 401),
        (json!({"id": "x", "secret": "s3cret"}), 404),
        (
            json!({"name": "other", "secret": "s3cret", "user": {"id": site.user_id("alice")}}),
            401,
        ),
        (
            json!({"name": "backup", "secret": "s3cret", "user": {"id": site.user_id("bob")}}),
            401,
        ),
        (json!({"name": "backup", "secret": "s3cret"}), 400),
        (json!({"secret": "s3cret"}), 400),
    ] {
        let answer = site.sign_in(&[], &shown(&named)).await;
        assert_eq!(answer.status.as_u16(), status, "{named} {answer:?}");
    }
    let mut scoped = shown(&json!({"id": CREDENTIAL, "secret": "s3cret"}));
    scoped["scope"] = project("demo").unwrap();
    let answer = site.sign_in(&[], &scoped).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.json()["error"]["identity"], json!({}));
}

#[tokio::test]
async fn a_token_by_a_credential_ends_no_later_than_it_and_with_its_roles() {
    let site = site();
    let soon = Timestamp::now()
        .checked_add(SignedDuration::from_mins(5))
        .unwrap();
    credential(&site, "s3cret", |credential| {
        credential.expires_at = Some(soon)
    });
    let named = shown(&json!({"id": CREDENTIAL, "secret": "s3cret"}));
    let answer = site.sign_in(&[], &named).await;
    let end: Timestamp = answer.json()["token"]["expires_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(end.as_second(), soon.as_second());
    let alice = site.user_id("alice");
    let lost: Vec<Id> = site
        .model()
        .all::<Assignment>()
        .into_iter()
        .filter(|one| one.actor == kerbstone_identity::model::Actor::User(alice.clone()))
        .map(|one| kerbstone_identity::model::Record::key(&**one))
        .collect();
    site.change(|change| {
        lost.iter()
            .for_each(|key| drop(change.remove::<Assignment>(key)))
    });
    assert_eq!(
        site.said_of(&answer.token()).await,
        Err(StatusCode::UNAUTHORIZED)
    );
}

#[tokio::test]
async fn access_rules_are_told_to_those_who_understand_them() {
    let site = site();
    let rule = AccessRule {
        id: Id::from("rule"),
        user_id: site.user_id("alice"),
        service: "compute".to_owned(),
        path: "/v2.1/servers".to_owned(),
        method: "GET".to_owned(),
    };
    site.change(|change| drop(change.put(rule)));
    credential(&site, "s3cret", |credential| {
        credential.access_rule_ids = Some(vec![Id::from("rule")]);
    });
    let named = shown(&json!({"id": CREDENTIAL, "secret": "s3cret"}));
    let token = site.sign_in(&[], &named).await.token();
    let admin = site.token_of("admin", project("admin")).await;
    let mut headers = vec![
        ("x-auth-token", admin.as_str()),
        ("x-subject-token", token.as_str()),
    ];
    let ask = async |headers: &[(&str, &str)]| {
        site.ask(Method::GET, "/v3/auth/tokens", NETWORK, headers, Vec::new())
            .await
    };
    assert_eq!(ask(&headers).await.status, StatusCode::NOT_FOUND);
    headers.push(("openstack-identity-access-rules", "1.0"));
    let answer = ask(&headers).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(
        answer.json()["token"]["application_credential"]["access_rules"],
        json!([{"id": "rule", "service": "compute", "path": "/v2.1/servers", "method": "GET"}]),
    );
}
