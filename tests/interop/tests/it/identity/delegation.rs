use super::service::{ALICE, BOB, Identity, PASSWORD};

/// A token for curl, by a body.
fn token(identity: &Identity, body: &str) -> (String, String) {
    let (status, answer) = identity.curl(
        "/auth/tokens",
        &["-i", "-H", "Content-Type: application/json", "-d", body],
    );
    let header = answer
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("x-subject-token:"));
    let token = header.map(|line| line.split_once(':').expect("a header").1.trim().to_owned());
    (status, token.unwrap_or_default())
}

fn by_password(name: &str, scope: &str) -> String {
    format!(
        r#"{{"auth":{{"identity":{{"methods":["password"],"password":{{"user":{{"name":"{name}","domain":{{"id":"default"}},"password":"{PASSWORD}"}}}}}}{scope}}}}}"#
    )
}

#[test]
fn a_trust_lets_somebody_act_for_another_until_it_is_taken_back() {
    let Some(identity) = Identity::start() else {
        return;
    };
    let made = identity
        .somebody(ALICE)
        .script(&format!(
            "user create --domain default {BOB}\n\
             trust create --project admin --role member --impersonate -f value -c id {ALICE} {BOB}\n"
        ))
        .succeeded();
    let trust = made.stdout.lines().rev().find_map(|line| {
        let word = line.trim_start_matches("(openstack) ").trim();
        (word.len() == 32).then_some(word)
    });
    let trust = trust.unwrap_or_else(|| panic!("{made}\n{}", identity.log()));
    let scope = format!(r#","scope":{{"OS-TRUST:trust":{{"id":"{trust}"}}}}"#);
    let (status, held) = token(&identity, &by_password(BOB, &scope));
    assert_eq!(status, "201", "{}", identity.log());
    let (own, subject) = (
        format!("X-Auth-Token: {held}"),
        format!("X-Subject-Token: {held}"),
    );
    let (status, body) = identity.curl("/auth/tokens", &["-H", &own, "-H", &subject]);
    assert_eq!(status, "200", "{body}");
    assert!(
        body.contains("OS-TRUST:trust") && body.contains("\"alice\""),
        "{body}"
    );
    let (status, _) = token(&identity, &by_password(ALICE, &scope));
    assert_ne!(status, "201", "a trust is for its trustee");

    identity
        .somebody(ALICE)
        .run(&["trust", "delete", trust])
        .succeeded();
    let (status, body) = identity.curl("/auth/projects", &["-H", &own]);
    assert!(status == "401" || status == "404", "{status} {body}");
    assert_ne!(token(&identity, &by_password(BOB, &scope)).0, "201");
}

#[test]
fn an_application_credential_holds_what_it_was_given_and_no_more() {
    let Some(identity) = Identity::start() else {
        return;
    };
    let (status, own) = token(
        &identity,
        &by_password(
            ALICE,
            r#","scope":{"project":{"name":"admin","domain":{"id":"default"}}}"#,
        ),
    );
    assert_eq!(status, "201", "{}", identity.log());
    let own = format!("X-Auth-Token: {own}");
    let post = |path: &str, header: &str, body: &str| {
        identity.curl(
            path,
            &[
                "-H",
                header,
                "-H",
                "Content-Type: application/json",
                "-d",
                body,
            ],
        )
    };
    let (_, me) = identity.curl("/users?name=alice", &["-H", &own]);
    let me = after(&me, "\"id\":\"");
    let path = format!("/users/{me}/application_credentials");
    let chosen = r#"{"application_credential":{"name":"chosen","secret":"s3cret","roles":[{"name":"reader"}]}}"#;
    let (status, body) = post(&path, &own, chosen);
    assert_eq!(status, "201", "{body}");
    assert!(body.contains("s3cret"), "{body}");
    let id = credential_id(&body, &path);
    let (_, shown) = identity.curl(&format!("{path}/{id}"), &["-H", &own]);
    assert!(!shown.contains("secret"), "{shown}");
    assert_eq!(post(&path, &own, chosen).0, "409");

    let sign_in = |secret: &str| {
        token(
            &identity,
            &format!(
                r#"{{"auth":{{"identity":{{"methods":["application_credential"],"application_credential":{{"id":"{id}","secret":"{secret}"}}}}}}}}"#
            ),
        )
    };
    assert_eq!(sign_in("wrong").0, "401");
    let (status, held) = sign_in("s3cret");
    assert_eq!(status, "201", "{}", identity.log());
    let held = format!("X-Auth-Token: {held}");
    // Neither more credentials, nor trusts, nor secrets, nor what an administrator may do.
    let another = r#"{"application_credential":{"name":"another"}}"#;
    assert_eq!(post(&path, &held, another).0, "403");
    let trust = format!(
        r#"{{"trust":{{"trustor_user_id":"{me}","trustee_user_id":"{me}","impersonation":false}}}}"#
    );
    assert_eq!(post("/OS-TRUST/trusts", &held, &trust).0, "403");
    let secret = format!(r#"{{"credential":{{"type":"totp","user_id":"{me}","blob":"x"}}}}"#);
    assert_eq!(post("/credentials", &held, &secret).0, "403");
    assert_eq!(identity.curl("/users", &["-H", &held]).0, "403");

    let (status, _) = identity.curl(&format!("{path}/{id}"), &["-X", "DELETE", "-H", &own]);
    assert_eq!(status, "204");
    let (status, body) = identity.curl("/auth/projects", &["-H", &held]);
    assert!(status == "401" || status == "404", "{status} {body}");
    assert_ne!(sign_in("s3cret").0, "201");
}

fn after<'a>(text: &'a str, before: &str) -> &'a str {
    let rest = text
        .split_once(before)
        .unwrap_or_else(|| panic!("no {before} in {text}"))
        .1;
    rest.split('"').next().expect("a value")
}

/// Roles in the body have ids too; the link is the credential's own.
fn credential_id(body: &str, path: &str) -> String {
    after(body, &format!("{path}/")).to_owned()
}
