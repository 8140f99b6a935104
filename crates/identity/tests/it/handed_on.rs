//! What users hand on is handed on at ours as at Keystone: trusts, application credentials, access rules, credentials.
//!
//! Left out is what we do otherwise on purpose: links of application credentials, which lead nowhere at Keystone; null
//! for `unrestricted` where it is false; unknown attributes, which Keystone's database refuses.

use serde_json::{Value, json};

use crate::play::Play;
use crate::side::PASSWORD;

const ADMIN: &str = "admin";
const BOB: &str = "bob";

fn default_domain() -> Value {
    json!({ "name": "Default" })
}

/// Both, with the administrator and bob, who is nothing but there.
fn begin() -> Option<Play> {
    let mut play = Play::begin()?;
    let scope = json!({ "project": { "name": "admin", "domain": { "name": "Default" } } });
    play.sign_in(ADMIN, "admin", default_domain(), Some(scope));
    play.status(ADMIN, "GET", "/v3/users", None)
        .keep_named("me", "users", "admin");
    play.status(ADMIN, "GET", "/v3/projects", None)
        .keep_named("project", "projects", "admin");
    play.status(ADMIN, "GET", "/v3/roles", None)
        .keep_named("member", "roles", "member");
    let bob = json!({ "user": { "name": "bob", "password": PASSWORD } });
    play.status(ADMIN, "POST", "/v3/users", Some(bob))
        .keep("bob", "/user/id");
    play.sign_in(BOB, "bob", default_domain(), None);
    Some(play)
}

fn trust(changes: Value) -> Option<Value> {
    let mut trust = json!({
        "trustor_user_id": "{me}",
        "trustee_user_id": "{bob}",
        "impersonation": false,
        "project_id": "{project}",
        "roles": [{ "name": "member" }],
    });
    let members = trust.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::String(text) if text == "leave out" => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    Some(json!({ "trust": trust }))
}

#[test]
fn trusts_are_as_at_keystone() {
    let Some(mut play) = begin() else { return };
    let trusts = "/v3/OS-TRUST/trusts";
    let end = "2033-02-27T18:30:59.999999Z";
    // Its link to roles leaves out the folder that they are in, at Keystone.
    play.status(
        ADMIN,
        "POST",
        trusts,
        trust(json!({ "expires_at": end, "remaining_uses": 2 })),
    )
    .keep("trust", "/trust/id");
    play.call(ADMIN, "GET", trusts, None);
    for changes in [
        json!({ "roles": [] }),
        json!({ "roles": [{ "name": "nobody" }] }),
        json!({ "roles": [{ "id": "0123456789abcdef0123456789abcdef" }] }),
        json!({ "trustee_user_id": "0123456789abcdef0123456789abcdef" }),
        json!({ "trustor_user_id": "{bob}" }),
        json!({ "trustor_user_id": "leave out" }),
        json!({ "expires_at": "2001-01-01T00:00:00Z" }),
        json!({ "expires_at": "soon" }),
        json!({ "remaining_uses": 1, "allow_redelegation": true }),
        json!({ "project_id": "0123456789abcdef0123456789abcdef" }),
    ] {
        play.call(ADMIN, "POST", trusts, trust(changes));
    }
    for changes in [
        json!({ "impersonation": "leave out" }),
        json!({ "impersonation": "maybe" }),
        json!({ "remaining_uses": 0 }),
        json!({ "remaining_uses": "two" }),
        json!({ "allow_redelegation": true, "redelegation_count": 9 }),
        json!({ "allow_redelegation": true, "redelegation_count": 2 }),
    ] {
        play.status(ADMIN, "POST", trusts, trust(changes));
    }
    play.call(BOB, "GET", trusts, None)
        .call(BOB, "GET", "/v3/OS-TRUST/trusts?trustor_user_id={me}", None)
        .status(
            BOB,
            "GET",
            "/v3/OS-TRUST/trusts?trustee_user_id={bob}",
            None,
        )
        .status(BOB, "GET", "/v3/OS-TRUST/trusts/{trust}", None)
        .call(
            BOB,
            "GET",
            "/v3/OS-TRUST/trusts/{trust}/roles/{member}",
            None,
        )
        .call(
            BOB,
            "GET",
            "/v3/OS-TRUST/trusts/{trust}/roles/nothing",
            None,
        )
        .call(BOB, "DELETE", "/v3/OS-TRUST/trusts/{trust}", None)
        .call(ADMIN, "DELETE", "/v3/OS-TRUST/trusts/{trust}", None)
        .call(ADMIN, "DELETE", "/v3/OS-TRUST/trusts/{trust}", None)
        .call(ADMIN, "GET", "/v3/OS-TRUST/trusts/{trust}", None)
        .status(ADMIN, "PATCH", "/v3/OS-TRUST/trusts/{trust}", None);
    play.end();
}

#[test]
fn application_credentials_and_their_rules_are_as_at_keystone() {
    let Some(mut play) = begin() else { return };
    let credentials = "/v3/users/{me}/application_credentials";
    let rule = json!({ "service": "compute", "method": "GET", "path": "/servers/*" });
    let one = json!({ "name": "one", "roles": [{ "name": "member" }], "access_rules": [rule] });
    let wanted = |credential: Value| Some(json!({ "application_credential": credential }));
    play.status(ADMIN, "POST", credentials, wanted(one.clone()))
        .keep("one", "/application_credential/id")
        .keep("rule", "/application_credential/access_rules/0/id");
    for credential in [
        one,
        json!({ "name": "two", "roles": [{ "name": "nobody" }] }),
        json!({ "name": "two", "expires_at": "2001-01-01T00:00:00Z" }),
        json!({ "name": "" }),
    ] {
        play.call(ADMIN, "POST", credentials, wanted(credential));
    }
    for credential in [
        json!({}),
        json!({ "name": "two", "unrestricted": "maybe" }),
        json!({ "name": "two", "access_rules": [{ "service": "compute", "method": "STEAL", "path": "/" }] }),
        json!({ "name": "two", "access_rules": [{ "service": "compute", "method": "GET", "path": "x" }] }),
        json!({ "name": "two", "access_rules": "all" }),
        json!({ "name": "two", "unrestricted": true, "expires_at": "2033-02-27T18:30:59" }),
    ] {
        play.status(ADMIN, "POST", credentials, wanted(credential));
    }
    play.status(ADMIN, "GET", credentials, None)
        .status(
            ADMIN,
            "GET",
            "/v3/users/{me}/application_credentials?name=one",
            None,
        )
        .status(
            ADMIN,
            "GET",
            "/v3/users/{me}/application_credentials/{one}",
            None,
        )
        .call(
            ADMIN,
            "GET",
            "/v3/users/{me}/application_credentials/nothing",
            None,
        )
        .call(BOB, "GET", credentials, None)
        .call(
            BOB,
            "GET",
            "/v3/users/{me}/application_credentials/{one}",
            None,
        )
        .status(BOB, "POST", credentials, wanted(json!({ "name": "three" })))
        .status(ADMIN, "GET", "/v3/users/{me}/access_rules", None)
        .status(ADMIN, "GET", "/v3/users/{me}/access_rules/{rule}", None)
        .call(ADMIN, "GET", "/v3/users/{me}/access_rules/nothing", None)
        .call(BOB, "GET", "/v3/users/{me}/access_rules", None)
        .call(ADMIN, "DELETE", "/v3/users/{me}/access_rules/{rule}", None)
        .call(
            ADMIN,
            "DELETE",
            "/v3/users/{me}/application_credentials/{one}",
            None,
        )
        .call(ADMIN, "DELETE", "/v3/users/{me}/access_rules/{rule}", None)
        .call(ADMIN, "DELETE", "/v3/users/{me}/access_rules/{rule}", None);
    play.end();
}

#[test]
fn credentials_and_empty_lists_are_as_at_keystone() {
    let Some(mut play) = begin() else { return };
    let wanted = |credential: Value| Some(json!({ "credential": credential }));
    let ec2 = json!({
        "type": "ec2",
        "user_id": "{me}",
        "project_id": "{project}",
        "blob": "{\"access\": \"a\", \"secret\": \"s\"}",
    });
    let with = |name: &str, value: Value| {
        let mut changed = ec2.clone();
        changed[name] = value;
        wanted(changed)
    };
    play.call(ADMIN, "POST", "/v3/credentials", wanted(ec2.clone()))
        .keep("ec2", "/credential/id")
        .call(ADMIN, "POST", "/v3/credentials", wanted(ec2.clone()))
        .call(
            ADMIN,
            "POST",
            "/v3/credentials",
            with("blob", json!("text")),
        )
        .call(ADMIN, "POST", "/v3/credentials", with("blob", json!("{}")))
        .status(ADMIN, "POST", "/v3/credentials", with("blob", json!({})))
        .status(
            ADMIN,
            "POST",
            "/v3/credentials",
            wanted(json!({ "type": "totp" })),
        );
    play.call(ADMIN, "GET", "/v3/credentials", None)
        .call(ADMIN, "GET", "/v3/credentials?type=totp", None)
        .call(ADMIN, "GET", "/v3/credentials/{ec2}", None)
        .call(BOB, "GET", "/v3/credentials/{ec2}", None)
        .call(BOB, "GET", "/v3/credentials/nothing", None)
        .call(ADMIN, "GET", "/v3/credentials/nothing", None)
        .call(BOB, "GET", "/v3/credentials", None);
    let blob = |blob: &str| wanted(json!({ "blob": blob }));
    play.call(
        ADMIN,
        "PATCH",
        "/v3/credentials/{ec2}",
        blob("{\"access\": \"a\", \"secret\": \"t\"}"),
    )
    .call(
        ADMIN,
        "PATCH",
        "/v3/credentials/{ec2}",
        blob("{\"access\": \"a\", \"trust_id\": \"t\"}"),
    )
    .status(
        ADMIN,
        "PATCH",
        "/v3/credentials/{ec2}",
        wanted(json!({ "type": "cert" })),
    )
    .call(BOB, "DELETE", "/v3/credentials/{ec2}", None)
    .call(ADMIN, "DELETE", "/v3/credentials/{ec2}", None)
    .call(ADMIN, "DELETE", "/v3/credentials/{ec2}", None);
    for list in ["policies", "limits", "registered_limits", "limits/model"] {
        play.call(ADMIN, "GET", &format!("/v3/{list}"), None);
    }
    play.call(ADMIN, "GET", "/v3/policies/nothing", None)
        .call(ADMIN, "GET", "/v3/limits/nothing", None)
        .call(ADMIN, "GET", "/v3/OS-REVOKE/events", None)
        .call(BOB, "GET", "/v3/OS-REVOKE/events", None)
        .call(ADMIN, "GET", "/v3/OS-REVOKE/events?since=yesterday", None);
    play.end();
}
