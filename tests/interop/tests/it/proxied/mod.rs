//! Applications with MIT's library whose keys lie behind a daemon: Debian's plugin at our daemon, our plugin at Debian's,
//! and ours at ours, in every `GSSPROXY_BEHAVIOR`.

mod changes;
mod pairing;
mod servers;
mod stand;

use self::pairing::{Behavior, Pairing};
use self::stand::{Door, Stand};

/// What every application does.
const EVERYWHERE: &[&str] = &[
    "acquire",
    "acquire_by_name",
    "init_and_accept",
    "without_mutual",
    "acquired_once",
    "wrap",
    "mic",
    "replayed_message",
    "replayed_request",
    "inquire",
    "several_keys",
    "spnego",
    "channel_bindings",
    "delegation",
    "delegated_stored",
    "no_ci_flags",
    "unknown_service",
    "garbage",
];
/// What Debian's plugin (0.9.1) does not do: it fails these, or dies in them.
const WITH_OUR_PLUGIN: &[&str] = &["names", "localname", "export_context", "export_credential"];
/// What Debian's daemon (0.9.1) does not do: an acquired credential accepts for any key of the keytab there.
const AT_OUR_DAEMON: &[&str] = &["wrong_key"];

fn walk(pairing: Pairing, behavior: Behavior) {
    let Some(stand) = Stand::start(pairing) else {
        return;
    };
    let mut cases = EVERYWHERE.to_vec();
    if pairing.has_our_plugin() {
        cases.extend(WITH_OUR_PLUGIN);
    }
    if pairing.has_our_daemon() {
        cases.extend(AT_OUR_DAEMON);
    }
    stand.application(Door::Both, behavior).walks(&cases);
    // Tickets of other enctypes would lie in the service's cache by now.
    stand
        .application(Door::Enctypes, behavior)
        .walks(&["allowed_enctypes"]);
    stand
        .application(Door::NoDelegation, behavior)
        .walks(&["no_delegation_by_policy"]);
}

fn nothing_goes_to_the_daemon(pairing: Pairing) {
    let Some(stand) = Stand::start(pairing) else {
        return;
    };
    let mut application = stand.application(Door::Both, Behavior::LocalOnly);
    application.walks(&["no_credential"]);
    application
        .with_own_keys()
        .walks(&["acquire", "init_and_accept", "wrap", "mic"]);
    let acquired = stand.cache(Door::Both).exists();
    assert!(!acquired, "the daemon was asked");
}

fn own_keys_come_first_or_last(pairing: Pairing) {
    let Some(stand) = Stand::start(pairing) else {
        return;
    };
    stand
        .application(Door::Both, Behavior::LocalFirst)
        .with_own_keys()
        .walks(&["init_and_accept"]);
    let was_asked = || stand.cache(Door::Both).exists();
    assert!(!was_asked(), "the application's own keys come first");
    stand
        .application(Door::Both, Behavior::Unsaid)
        .with_own_keys()
        .walks(&["init_and_accept"]);
    assert!(was_asked(), "the daemon comes first where nothing is said");
    stand
        .application(Door::Nowhere, Behavior::RemoteFirst)
        .with_own_keys()
        .walks(&["init_and_accept", "wrap"]);
    stand
        .application(Door::Nowhere, Behavior::RemoteOnly)
        .with_own_keys()
        .walks(&["no_credential"]);
}

fn services_act_for_users(pairing: Pairing, behavior: Behavior) {
    let Some(stand) = Stand::start(pairing) else {
        return;
    };
    stand
        .application(Door::Transition, behavior)
        .walks(&["protocol_transition", "no_constrained_delegation"]);
    stand
        .application(Door::Delegation, behavior)
        .walks(&["protocol_transition", "constrained_delegation"]);
}

fn only_the_named_program_gets_the_key(pairing: Pairing) {
    let Some(stand) = Stand::start(pairing) else {
        return;
    };
    stand
        .application(Door::Program, Behavior::RemoteOnly)
        .walks(&["init_and_accept"]);
    stand
        .application(Door::OtherProgram, Behavior::RemoteOnly)
        .walks(&["no_credential"]);
}

macro_rules! in_each_pairing {
    ($($module:ident: $pairing:ident;)+) => {$(
        mod $module {
            use super::*;

            const PAIRING: Pairing = Pairing::$pairing;

            #[test]
            fn applications_find_the_daemon_when_they_have_nothing() {
                walk(PAIRING, Behavior::LocalFirst);
            }

            #[test]
            fn applications_ask_the_daemon_first() {
                walk(PAIRING, Behavior::RemoteFirst);
            }

            #[test]
            fn applications_ask_the_daemon_alone() {
                walk(PAIRING, Behavior::RemoteOnly);
            }

            #[test]
            fn applications_ask_nobody() {
                nothing_goes_to_the_daemon(PAIRING);
            }

            #[test]
            fn own_keys_count_as_the_behavior_says() {
                own_keys_come_first_or_last(PAIRING);
            }

            #[test]
            fn services_act_for_users_as_their_service_allows() {
                for behavior in [Behavior::LocalFirst, Behavior::RemoteFirst, Behavior::RemoteOnly] {
                    services_act_for_users(PAIRING, behavior);
                }
            }

            #[test]
            fn a_program_is_known_by_its_path() {
                only_the_named_program_gets_the_key(PAIRING);
            }

            #[test]
            fn services_come_go_and_move_with_a_reload() {
                changes::services_change(PAIRING);
            }

            #[test]
            fn apache_runs_with_a_keytab_that_it_cannot_read() {
                servers::apache_has_no_keytab(PAIRING);
            }

            #[test]
            fn curl_is_somebody_without_a_ticket() {
                servers::curl_has_no_ticket(PAIRING);
            }

            #[test]
            fn a_user_has_a_proxy_of_their_own_that_ends_when_idle() {
                changes::a_users_own_daemon(PAIRING);
            }
        }
    )+};
}

in_each_pairing! {
    their_plugin_at_our_daemon: TheirPluginOurDaemon;
    our_plugin_at_their_daemon: OurPluginTheirDaemon;
    our_plugin_at_our_daemon: OursBoth;
}

/// sshd imports the client's name from its exported form, which Debian's plugin (0.9.1) cannot at any daemon.
#[test]
fn sshd_runs_with_our_plugin_and_a_keytab_that_it_cannot_read() {
    for pairing in [Pairing::OurPluginTheirDaemon, Pairing::OursBoth] {
        servers::sshd_has_no_keytab(pairing);
    }
}

/// The cases themselves are right when the peer's two halves pass them.
#[test]
fn their_plugin_at_their_daemon_passes_the_same_cases() {
    walk(Pairing::TheirsBoth, Behavior::RemoteFirst);
    services_act_for_users(Pairing::TheirsBoth, Behavior::RemoteFirst);
    only_the_named_program_gets_the_key(Pairing::TheirsBoth);
    changes::services_change(Pairing::TheirsBoth);
    changes::a_users_own_daemon(Pairing::TheirsBoth);
    nothing_goes_to_the_daemon(Pairing::TheirsBoth);
    own_keys_come_first_or_last(Pairing::TheirsBoth);
    servers::apache_has_no_keytab(Pairing::TheirsBoth);
    servers::curl_has_no_ticket(Pairing::TheirsBoth);
}
