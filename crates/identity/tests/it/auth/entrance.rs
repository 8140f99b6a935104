//! Who is let in by the front.

use http::{Method, StatusCode};
use kerbstone_identity::model::{Id, Project, Target, User};
use serde_json::json;

use super::site::{GATEWAY, NETWORK, Plan, REALM, domain, kerberos, negotiated, project};

#[tokio::test]
async fn a_person_with_a_ticket_gets_a_token_for_their_project() {
    let site = Plan::default().start();
    let answer = site
        .sign_in(&negotiated("alice"), &kerberos(project("demo")))
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let token = answer.json()["token"].take();
    assert_eq!(token["methods"], json!(["kerberos", "external"]));
    assert_eq!(token["user"]["name"], "alice");
    assert_eq!(
        token["user"]["domain"],
        json!({"id": "default", "name": "Default"})
    );
    assert_eq!(token["project"]["name"], "demo");
    assert_eq!(token["is_domain"], false);
    let mut roles: Vec<&str> = token["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| role["name"].as_str().unwrap())
        .collect();
    roles.sort_unstable();
    assert_eq!(roles, ["member", "reader"]);
    assert_eq!(token["catalog"][0]["type"], "identity");
    assert_eq!(answer.header("vary"), Some("X-Auth-Token"));
    assert_eq!(site.said_of(&answer.token()).await.unwrap(), token);
}

#[tokio::test]
async fn only_the_front_is_believed_and_only_when_it_negotiated() {
    let site = Plan::default().start();
    let body = json!({ "auth": kerberos(None) }).to_string().into_bytes();
    let said = negotiated("alice");
    let post = Method::POST;
    let forged = site
        .ask(post, "/v3/auth/tokens", NETWORK, &said, body)
        .await;
    assert_eq!(forged.status, StatusCode::UNAUTHORIZED);
    for said in [
        vec![],
        vec![("remote_user", "alice"), ("auth_type", "Basic")],
        vec![("remote_user", "nobody"), ("auth_type", "Negotiate")],
        vec![("remote_user", ""), ("auth_type", "Negotiate")],
        vec![
            ("remote_user", "alice"),
            ("remote-user", "admin"),
            ("auth_type", "Negotiate"),
        ],
        vec![
            ("remote_user", "alice"),
            ("remote_domain", "nowhere"),
            ("auth_type", "Negotiate"),
        ],
    ] {
        let answer = site.sign_in(&said, &kerberos(None)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{said:?}");
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Keystone uri=\"http://cloud.test/main/v3\""),
        );
        assert_eq!(
            answer.json(),
            json!({"error": {
                "code": 401, "title": "Unauthorized",
                "message": "The request you have made requires authentication.",
            }}),
        );
    }
}

#[tokio::test]
async fn a_principal_is_its_user_whatever_the_user_is_called() {
    let site = Plan::default().start();
    let alice = site.user_id("alice");
    site.with::<User>(&alice, |user| {
        user.principal = Some(format!("a.liddell@{REALM}"))
    });
    let answer = site
        .sign_in(&negotiated(&format!("a.liddell@{REALM}")), &kerberos(None))
        .await;
    assert_eq!(answer.json()["token"]["user"]["id"], json!(alice));
    let elsewhere = [
        ("remote_user", "admin"),
        ("auth_type", "Negotiate"),
        ("gss_name", "admin@ELSEWHERE.TEST"),
    ];
    let answer = site.sign_in(&elsewhere, &kerberos(None)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    // The principal alice is somebody else now, and so is one of another realm.
    for said in [format!("alice@{REALM}"), "alice@ELSEWHERE.TEST".to_owned()] {
        let answer = site.sign_in(&negotiated(&said), &kerberos(None)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{said}");
    }
}

#[tokio::test]
async fn whoever_is_seen_first_becomes_a_user_where_the_settings_allow() {
    let closed = Plan::default().start();
    let said = format!("bob@{REALM}");
    let answer = closed.sign_in(&negotiated(&said), &kerberos(None)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let site = Plan::default().open_to_newcomers().start();
    for _ in 0..2 {
        let answer = site.sign_in(&negotiated(&said), &kerberos(None)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let token = answer.json()["token"].take();
        assert_eq!(token["user"]["name"], "bob");
        assert_eq!(token["user"]["id"], json!(site.user_id("bob")));
        assert_eq!(token["project"]["name"], "demo");
    }
    for nobody in ["host/www", "bob@ELSEWHERE.TEST", "a b", "x/y@CLOUD.TEST"] {
        let answer = site.sign_in(&negotiated(nobody), &kerberos(None)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{nobody}");
    }
}

#[tokio::test]
async fn who_or_what_is_disabled_is_not_let_in() {
    let site = Plan::default().start();
    let demo = site.project_id("demo");
    let alice = site.user_id("alice");
    site.with::<Project>(&demo, |project| project.enabled = false);
    let answer = site
        .sign_in(&negotiated("alice"), &kerberos(project("demo")))
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(
        site.sign_in(&negotiated("alice"), &kerberos(None))
            .await
            .status
            .is_success()
    );
    site.with::<User>(&alice, |user| user.enabled = false);
    let answer = site.sign_in(&negotiated("alice"), &kerberos(None)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn tokens_count_where_they_were_asked_for_and_nowhere_without_a_role() {
    let site = Plan::default().start();
    let ask = async |scope| site.sign_in(&negotiated("alice"), &kerberos(scope)).await;
    for refused in [
        domain("default"),
        project("admin"),
        Some(json!({"system": {"all": true}})),
        project("none"),
    ] {
        assert_eq!(
            ask(refused.clone()).await.status,
            StatusCode::UNAUTHORIZED,
            "{refused:?}"
        );
    }
    for (scope, key) in [
        (None, "none"),
        (Some(json!("unscoped")), "none"),
        (Some(json!({"unscoped": {}})), "none"),
    ] {
        let token = ask(scope).await.json()["token"].take();
        for absent in ["project", "domain", "system", "roles", "catalog", key] {
            assert!(token.get(absent).is_none(), "{token}");
        }
    }
    site.grant_at("alice", Target::System, "reader");
    site.grant_at("alice", Target::Domain(Id::from("default")), "reader");
    let token = ask(Some(json!({"system": {"all": true}}))).await.json()["token"].take();
    assert_eq!(token["system"], json!({"all": true}));
    assert_eq!(token["roles"][0]["name"], "reader");
    assert!(token.get("catalog").is_some());
    let token = ask(domain("default")).await.json()["token"].take();
    assert_eq!(token["domain"], json!({"id": "default", "name": "Default"}));
    let demo = site.project_id("demo");
    site.with::<User>(&site.user_id("alice"), |user| {
        user.default_project_id = Some(demo.clone())
    });
    assert_eq!(
        ask(None).await.json()["token"]["project"]["id"],
        json!(demo)
    );
    let explicit = ask(Some(json!({"unscoped": {}}))).await;
    assert!(explicit.json()["token"].get("project").is_none());
}

#[tokio::test]
async fn the_holder_of_a_certificate_of_a_trusted_issuer_needs_no_token() {
    let issuer = "CN=Cloud CA,O=Cloud";
    let mut plan = Plan::default();
    plan.settings.trusted_issuers = vec![issuer.to_owned()];
    let site = plan.start();
    site.grant("admin", "demo", "admin");
    let said = |who| {
        [
            ("remote_user", who),
            ("ssl_client_i_dn", issuer),
            ("ssl_client_s_dn", "CN=x"),
        ]
    };
    let users = async |arrival, headers: &[(&str, &str)]| {
        site.ask(Method::GET, "/v3/users", arrival, headers, Vec::new())
            .await
            .status
    };
    let demo = site.project_id("demo");
    let by_id = [said("admin").as_slice(), &[("x-project-id", demo.as_str())]].concat();
    let by_name = [
        said("admin").as_slice(),
        &[
            ("x-project-name", "demo"),
            ("x-project-domain-id", "default"),
        ],
    ]
    .concat();
    assert_eq!(users(GATEWAY, &by_id).await, StatusCode::OK);
    assert_eq!(users(GATEWAY, &by_name).await, StatusCode::OK);
    assert_eq!(users(NETWORK, &by_id).await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        users(GATEWAY, &said("admin")).await,
        StatusCode::BAD_REQUEST
    );
    let member = [said("alice").as_slice(), &[("x-project-id", demo.as_str())]].concat();
    assert_eq!(users(GATEWAY, &member).await, StatusCode::FORBIDDEN);
    let stranger = [
        [
            ("remote_user", "admin"),
            ("ssl_client_i_dn", "CN=Another CA"),
        ]
        .as_slice(),
        &[("x-project-id", demo.as_str())],
    ]
    .concat();
    assert_eq!(users(GATEWAY, &stranger).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_certificate_signs_in_by_x509() {
    let site = Plan::default().start();
    let auth =
        json!({"identity": {"methods": ["x509"], "x509": {}}, "scope": project("demo").unwrap()});
    let without = site.sign_in(&[("remote_user", "alice")], &auth).await;
    assert_eq!(without.status, StatusCode::UNAUTHORIZED);
    let said = [("remote_user", "alice"), ("ssl_client_s_dn", "CN=alice")];
    let answer = site.sign_in(&said, &auth).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert!(
        answer.json()["token"]["methods"]
            .as_array()
            .unwrap()
            .contains(&json!("x509"))
    );
}
