//! Bad input: the answer that Keystone gives, and nothing else happens.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::site::{GATEWAY, Plan};

#[tokio::test]
async fn bodies_that_are_wrong_are_400() {
    let site = Plan::default().start();
    let deep = format!("{{\"auth\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    let wide = format!(
        "{{\"auth\":{{\"identity\":{{\"methods\":[{}\"\"]}}}}}}",
        "\"x\",".repeat(20_000)
    );
    for body in [
        "",
        "{",
        "[]",
        "5",
        "null",
        "\"auth\"",
        "{}",
        r#"{"auth":null}"#,
        r#"{"auth":{}}"#,
        r#"{"auth":[]}"#,
        r#"{"auth":{"identity":[]}}"#,
        r#"{"auth":{"identity":{"methods":{}}}}"#,
        r#"{"auth":{"identity":{"methods":["password"]}}}"#,
        r#"{"auth":{"identity":{"methods":["password"],"password":[]}}}"#,
        r#"{"auth":{"identity":{"methods":["password"],"password":{"user":"alice"}}}}"#,
        r#"{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"a","password":"b"}}}}}"#,
        r#"{"auth":{"identity":{"methods":["token"],"token":{}}}}"#,
        r#"{"auth":{"identity":{"methods":["token"],"token":{"id":5}}}}"#,
        r#"{"auth":{"identity":{"methods":["application_credential"],"application_credential":5}}}"#,
        r#"{"auth":{"identity":{"methods":["application_credential"],"application_credential":{"name":"x","user":5}}}}"#,
        "\u{feff}{}",
        "{\"auth\": NaN}",
        deep.as_str(),
        wide.as_str(),
    ] {
        let post = Method::POST;
        let answer = site
            .ask(
                post,
                "/v3/auth/tokens",
                GATEWAY,
                &[],
                body.as_bytes().to_vec(),
            )
            .await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{body:.200} {}",
            answer.text
        );
        assert!(answer.text.len() < 2000, "{}", answer.text);
    }
}

#[tokio::test]
async fn a_body_of_megabytes_is_413_and_another_kind_of_body_400() {
    let site = Plan::default().start();
    let huge = vec![b' '; 200_000];
    let answer = site
        .ask(Method::POST, "/v3/auth/tokens", GATEWAY, &[], huge)
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let headers = [("content-type", "text/plain")];
    let answer = site
        .ask(
            Method::POST,
            "/v3/auth/tokens",
            GATEWAY,
            &headers,
            b"{}".to_vec(),
        )
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn unknown_methods_are_401_with_those_that_are_known() {
    let site = Plan::default().start();
    for method in ["totp", "oauth1", "foo", "", "a\u{0}b", "Password"] {
        let auth = json!({"identity": {"methods": [method], method: {}}});
        let answer = site.sign_in(&[], &auth).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method}");
        assert_eq!(
            answer.json(),
            json!({"error": {
                "code": 401, "title": "Unauthorized",
                "message": "Attempted to authenticate with an unsupported method.",
                "identity": {"methods": [
                    "external", "password", "token", "kerberos", "x509", "application_credential",
                ]},
            }}),
        );
    }
}

#[tokio::test]
async fn what_does_not_prove_anybody_is_401_in_the_same_words() {
    let site = Plan::default().start();
    let demo = site.project_id("demo");
    let identity =
        |method: &str, shown: Value| json!({"identity": {"methods": [method], method: shown}});
    let nobody = [
        json!({"identity": {"methods": []}}),
        identity("kerberos", json!({})),
        identity("external", json!({})),
        identity("x509", json!(null)),
        identity(
            "password",
            json!({"user": {"name": "alice", "domain": {"id": "default"}, "password": "x"}}),
        ),
        identity(
            "password",
            json!({"user": {"id": site.user_id("alice"), "password": "x"}}),
        ),
        identity(
            "password",
            json!({"user": {"id": "nobody", "password": "x"}}),
        ),
        identity(
            "password",
            json!({"user": {"name": "alice", "domain": {"id": "none"}, "password": "x"}}),
        ),
        json!({"identity": {"methods": []}, "scope": {"project": {"id": "none"}}}),
        json!({"identity": {"methods": []}, "scope": {"project": {"id": "default"}}}),
        json!({"identity": {"methods": []}, "scope": {"project": {"id": demo}}}),
        json!({"identity": {"methods": []}, "scope": {"OS-TRUST:trust": {"id": "none"}}}),
    ];
    for auth in nobody {
        let answer = site.sign_in(&[], &auth).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{auth}");
        assert_eq!(
            answer.message(),
            "The request you have made requires authentication.",
            "{auth}"
        );
    }
}

#[tokio::test]
async fn tokens_that_are_none_are_refused_wherever_they_stand() {
    let site = Plan::default().start();
    let admin = site.token_of("admin", super::site::project("admin")).await;
    let cut = &admin[..admin.len() - 1];
    let swapped = format!("{}{}", &admin[8..], &admin[..8]);
    let long = "gAAAAA".repeat(2000);
    for token in ["x", "gAAAAA", cut, &swapped, &long, "..", "%00", "null"] {
        let asked = site
            .call(Method::GET, "/v3/auth/tokens", &admin, token)
            .await;
        assert_eq!(
            (asked.status, asked.message().as_str()),
            (StatusCode::NOT_FOUND, "Could not recognize Fernet token")
        );
        assert_eq!(
            site.said_of(token).await,
            Err(StatusCode::UNAUTHORIZED),
            "{token}"
        );
        let exchanged = site
            .sign_in(&[], &super::site::with_token(token, None))
            .await;
        assert_eq!(exchanged.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn two_methods_must_be_of_the_same_user() {
    let site = Plan::default().start();
    let admin = site.token_of("admin", None).await;
    let auth = json!({"identity": {
        "methods": ["kerberos", "token"], "kerberos": {}, "token": {"id": admin},
    }});
    let answer = site.sign_in(&super::site::negotiated("alice"), &auth).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let answer = site.sign_in(&super::site::negotiated("admin"), &auth).await;
    assert_eq!(answer.status, StatusCode::CREATED);
}
