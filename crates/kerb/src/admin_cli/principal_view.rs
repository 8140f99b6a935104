//! A principal as `kerb admin principal show` prints it.

use std::collections::BTreeMap;

use kerbstone_admin::PrincipalView;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::{ALLOWED_TO_DELEGATE_FROM, ALLOWED_TO_DELEGATE_TO};
use serde::Serialize;

use super::table;
use super::typed_value::{say_length, say_time};
use crate::console::{Console, out};

/// The form of `--json`. Times are RFC 3339, lengths of time seconds.
#[derive(Serialize)]
pub(super) struct Row {
    principal: String,
    aliases: Vec<String>,
    attributes: Vec<String>,
    max_life: Option<u64>,
    max_renewable_life: Option<u64>,
    expires: Option<String>,
    password_expires: Option<String>,
    last_password_change: Option<String>,
    modified_by: String,
    modified_at: String,
    last_success: Option<String>,
    last_failed: Option<String>,
    failures: u32,
    locked_out_since: Option<String>,
    locked_out_until: Option<String>,
    policy: Option<String>,
    delegate_to: Vec<String>,
    delegate_from: Vec<String>,
    keys: Vec<KeyRow>,
    strings: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct KeyRow {
    kvno: u32,
    enctype: String,
    salt: String,
}

impl Row {
    pub(super) fn new(view: &PrincipalView) -> Self {
        let text = |time: Option<KerberosTime>| time.map(|time| time.to_string());
        Self {
            principal: view.principal.to_string(),
            aliases: names(&view.aliases),
            attributes: words(&view.attributes.to_string()),
            max_life: view.max_life.map(|life| life.as_secs()),
            max_renewable_life: view.max_renewable_life.map(|life| life.as_secs()),
            expires: text(view.expiration),
            password_expires: text(view.password_expiration),
            last_password_change: text(view.last_password_change),
            modified_by: view.modified_by.to_string(),
            modified_at: view.modified_at.to_string(),
            last_success: text(view.last_success),
            last_failed: text(view.last_failed),
            failures: view.failures,
            locked_out_since: text(view.locked_out_since),
            locked_out_until: text(view.locked_out_until),
            policy: view.policy.clone(),
            delegate_to: names(&view.delegate_to),
            delegate_from: names(&view.delegate_from),
            keys: view
                .keys
                .iter()
                .map(|key| KeyRow {
                    kvno: key.kvno,
                    enctype: key.enctype_name.clone(),
                    salt: key.salt.clone(),
                })
                .collect(),
            strings: view.strings.iter().cloned().collect(),
        }
    }
}

fn names(principals: &[Principal]) -> Vec<String> {
    principals.iter().map(ToString::to_string).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Prints it for people.
pub(super) fn print(view: &PrincipalView, console: &mut Console) {
    let or_none = |text: String| {
        if text.is_empty() {
            "none".to_owned()
        } else {
            text
        }
    };
    let mut facts = vec![
        ("principal", view.principal.to_string()),
        ("aliases", or_none(names(&view.aliases).join(", "))),
        ("attributes", or_none(view.attributes.to_string())),
        (
            "policy",
            view.policy.clone().unwrap_or_else(|| "none".to_owned()),
        ),
        ("max life", say_length(view.max_life, "the realm's")),
        (
            "max renewable life",
            say_length(view.max_renewable_life, "the realm's"),
        ),
        ("expires", say_time(view.expiration, "never")),
        (
            "password expires",
            say_time(view.password_expiration, "never"),
        ),
        (
            "last password change",
            say_time(view.last_password_change, "never"),
        ),
        ("last signed in", say_time(view.last_success, "not known")),
        ("last failed", say_time(view.last_failed, "not known")),
        ("failures since then", view.failures.to_string()),
        (
            "last modified",
            format!(
                "{} by {}",
                say_time(Some(view.modified_at), ""),
                view.modified_by
            ),
        ),
    ];
    if let Some(since) = view.locked_out_since {
        let until = say_time(view.locked_out_until, "until it is unlocked");
        facts.push(("locked out", format!("since {since}, {until}")));
    }
    for (what, list) in [
        ("acts for users at", &view.delegate_to),
        ("lets act for users", &view.delegate_from),
    ] {
        if !list.is_empty() {
            facts.push((what, names(list).join(", ")));
        }
    }
    let lists = [ALLOWED_TO_DELEGATE_TO, ALLOWED_TO_DELEGATE_FROM];
    let others = view
        .strings
        .iter()
        .filter(|(key, _)| !lists.contains(&key.as_str()));
    for (key, value) in others {
        facts.push(("string", format!("{key} = {value}")));
    }
    table::facts(facts, console);
    if view.keys.is_empty() {
        out!(console, "{:<28}none\n", "keys:");
        return;
    }
    let rows = view.keys.iter().map(|key| {
        [
            key.kvno.to_string(),
            key.enctype_name.clone(),
            key.salt.clone(),
        ]
    });
    table::print(["KVNO", "ENCTYPE", "SALT"], rows, console);
}
