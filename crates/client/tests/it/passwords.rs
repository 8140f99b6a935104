//! Changing and setting passwords at MIT's kadmind.

use kerbstone_client::password_change::{ResultCode, service_name};
use kerbstone_client::{InitialTicket, LoginOptions, NoPrompter};
use kerbstone_testkit::lab::{Mit, Setup};
use zeroize::Zeroizing;

use crate::client::{REALM, login, memory, mit_realm, mit_realm_with, password};

fn change_ticket(mit: &Mit, name: &str, text: &str) -> (kerbstone_client::Context, InitialTicket) {
    let context = memory(mit.krb5_conf());
    let client = context.parse_principal(name).unwrap();
    let options = LoginOptions {
        service: Some(service_name()),
        ..context.login_options(&client.realm).unwrap()
    };
    let ticket = context
        .login(&client, &options, password(text), &mut NoPrompter)
        .unwrap();
    (context, ticket)
}

fn new(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

#[test]
fn changes_ones_own_password() {
    let Some(mit) = mit_realm() else { return };
    let (context, ticket) = change_ticket(&mit, "alice", "wonderland");
    let outcome = context
        .change_password(&ticket, new("looking glass"), None)
        .unwrap();
    assert_eq!(outcome.code, ResultCode::SUCCESS);
    assert!(login(&context, "alice", "wonderland").is_err());
    login(&context, "alice", "looking glass").unwrap();
}

#[test]
fn an_administrator_sets_somebody_elses_password() {
    let Some(mit) = mit_realm() else { return };
    mit.add_user("root/admin", "toor");
    let (context, ticket) = change_ticket(&mit, "root/admin", "toor");
    let bob = context.parse_principal("bob").unwrap();
    let outcome = context
        .change_password(&ticket, new("mason"), Some(bob.clone()))
        .unwrap();
    assert!(outcome.is_success(), "{outcome:?}");
    login(&context, "bob", "mason").unwrap();

    let (context, ticket) = change_ticket(&mit, "alice", "wonderland");
    let outcome = context
        .change_password(&ticket, new("stolen"), Some(bob))
        .unwrap();
    assert_eq!(outcome.code_text(), "Access denied");
}

#[test]
fn passes_on_why_a_password_is_refused() {
    let Some(mit) = mit_realm_with(&Setup::realm(REALM)) else {
        return;
    };
    mit.admin(&["addpol", "-minlength", "12", "long"]);
    mit.admin(&["modprinc", "-policy", "long", "alice"]);
    let (context, ticket) = change_ticket(&mit, "alice", "wonderland");
    let outcome = context
        .change_password(&ticket, new("short"), None)
        .unwrap();
    assert_eq!(outcome.code, ResultCode::SOFTERROR);
    assert!(outcome.message.contains("12"), "{}", outcome.message);
    login(&context, "alice", "wonderland").unwrap();
}
