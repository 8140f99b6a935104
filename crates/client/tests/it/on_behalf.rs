//! Tickets in users' names, from MIT's KDC and Heimdal's.

use kerbstone_client::{
    Cache, ClientError, Context, Evidence, ForUser, LoginOptions, NoPrompter, WantedForUser,
    WantedOnBehalf, WantedService,
};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::message::Ticket;
use kerbstone_proto::name::Principal;
use kerbstone_testkit::lab::{Heimdal, Mit, Setup};

use crate::client::{memory, password, sign_in};

const SERVICE: &str = "HTTP/web.client.test";
const TARGET: &str = "imap/mail.client.test";

fn mit() -> Option<Mit> {
    let mit = Mit::start(&Setup::realm("CLIENT.TEST"))?;
    mit.add_user("alice", "wonderland");
    mit.add_user(SERVICE, "service");
    mit.admin(&["modprinc", "+ok_to_auth_as_delegate", SERVICE]);
    mit.add_service(TARGET);
    Some(mit)
}

/// Whoever passes names on must be able to pass tickets on.
fn sign_in_forwardable(context: &Context) -> Cache {
    sign_in_as(context, SERVICE, "service")
}

fn sign_in_as(context: &Context, name: &str, text: &str) -> Cache {
    let client = context.parse_principal(name).unwrap();
    let options = LoginOptions {
        forwardable: true,
        ..context.login_options(&client.realm).unwrap()
    };
    let ticket = context
        .login(&client, &options, password(text), &mut NoPrompter)
        .unwrap();
    let cache = Cache::new_memory();
    cache.replace(&ticket.to_cache(true)).unwrap();
    cache
}

fn for_alice(context: &Context) -> WantedForUser {
    WantedForUser::new(context.parse_principal("alice").unwrap())
}

/// What the service may do at `target` with this evidence.
fn on_behalf(
    context: &Context,
    cache: &Cache,
    user: &Principal,
    evidence: &[u8],
    target: &str,
) -> Result<kerbstone_proto::ccache::Credential, ClientError> {
    let target = context.parse_principal(target).unwrap();
    let evidence = Ticket::from_der(evidence).unwrap();
    let wish = WantedOnBehalf::new(user.clone(), target, evidence);
    context.ticket_on_behalf(cache, &wish)
}

#[test]
fn a_service_gets_a_ticket_to_itself_for_a_user_and_keeps_it() {
    let Some(mit) = mit() else { return };
    let context = memory(mit.krb5_conf());
    let cache = sign_in(&context, SERVICE, "service");
    let wish = for_alice(&context);
    let credential = context.ticket_for_user(&cache, &wish).unwrap();
    assert_eq!(ForUser::Name(credential.client.clone()), wish.user);
    assert_eq!(credential.server, cache.principal().unwrap());
    let again = context.ticket_for_user(&cache, &wish).unwrap();
    assert_eq!(credential, again);
}

#[test]
fn a_user_who_does_not_exist_is_told_from_one_who_may_not() {
    let Some(mit) = mit() else { return };
    let context = memory(mit.krb5_conf());
    let cache = sign_in(&context, SERVICE, "service");
    let nobody = WantedForUser::new(context.parse_principal("nobody").unwrap());
    let error = context.ticket_for_user(&cache, &nobody).unwrap_err();
    assert_eq!(
        error.krb_code(),
        Some(ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN)
    );
    assert!(error.help().contains("no user nobody"), "{}", error.help());
    mit.admin(&["modprinc", "-allow_tix", "alice"]);
    let error = context.ticket_for_user(&cache, &for_alice(&context));
    assert_eq!(
        error.unwrap_err().krb_code(),
        Some(ErrorCode::KDC_ERR_CLIENT_REVOKED)
    );
}

#[test]
fn says_what_is_missing_where_the_kdc_has_no_list() {
    let Some(mit) = mit() else { return };
    let context = memory(mit.krb5_conf());
    let cache = sign_in(&context, SERVICE, "service");
    let own = context
        .ticket_for_user(&cache, &for_alice(&context))
        .unwrap();
    let error = on_behalf(&context, &cache, &own.client, &own.ticket, TARGET).unwrap_err();
    assert!(
        matches!(error, ClientError::DelegationRefused(_)),
        "{error}"
    );
    assert!(
        error.help().contains("krbAllowedToDelegateTo"),
        "{}",
        error.help()
    );
}

/// MIT's KDC knows lists only where its principals are in a directory.
fn mit_in_directory() -> Option<Mit> {
    let mit = Mit::start_in_directory(&Setup::realm("CLIENT.TEST"))?;
    mit.add_user("alice", "wonderland");
    mit.add_user(SERVICE, "service");
    mit.admin(&["modprinc", "+ok_to_auth_as_delegate", SERVICE]);
    mit.add_service(TARGET);
    mit.add_service("imap/other.client.test");
    mit.allow_delegation(SERVICE, TARGET);
    Some(mit)
}

#[test]
fn mit_lets_a_service_go_on_in_the_users_name() {
    let Some(mit) = mit_in_directory() else {
        return;
    };
    let context = memory(mit.krb5_conf());
    let cache = sign_in_forwardable(&context);
    let own = context
        .ticket_for_user(&cache, &for_alice(&context))
        .unwrap();
    assert!(own.flags.contains(TicketFlags::FORWARDABLE));
    let there = on_behalf(&context, &cache, &own.client, &own.ticket, TARGET).unwrap();
    assert_eq!(there.client, own.client);
    assert_eq!(there.server, context.parse_principal(TARGET).unwrap());
    let again = on_behalf(&context, &cache, &own.client, &own.ticket, TARGET).unwrap();
    assert_eq!(there, again);
    let other = "imap/other.client.test";
    let error = on_behalf(&context, &cache, &own.client, &own.ticket, other);
    assert!(matches!(error, Err(ClientError::DelegationRefused(_))));
    // With the user's own ticket as well: nobody had to vouch for her then.
    let alices = sign_in_as(&context, "alice", "wonderland");
    let service = WantedService::new(context.parse_principal(SERVICE).unwrap());
    let shown = context.service_ticket(&alices, &service).unwrap();
    let there = on_behalf(&context, &cache, &shown.client, &shown.ticket, TARGET).unwrap();
    assert_eq!(there.client, shown.client);
}

fn heimdal() -> Option<Heimdal> {
    let heimdal = Heimdal::start(&Setup::realm("CLIENT.TEST"))?;
    heimdal.add_user("alice", "wonderland");
    heimdal.add_user(SERVICE, "service");
    heimdal.add_service(TARGET);
    heimdal.admin(&[
        "modify",
        "--attributes=+trusted-for-delegation",
        &format!("--constrained-delegation={TARGET}@CLIENT.TEST"),
        SERVICE,
    ]);
    Some(heimdal)
}

#[test]
fn heimdal_lets_a_service_go_on_in_the_users_name() {
    let Some(heimdal) = heimdal() else { return };
    let context = memory(heimdal.krb5_conf());
    let cache = sign_in_forwardable(&context);
    let own = context
        .ticket_for_user(&cache, &for_alice(&context))
        .unwrap();
    assert!(own.flags.contains(TicketFlags::FORWARDABLE));
    let there = on_behalf(&context, &cache, &own.client, &own.ticket, TARGET).unwrap();
    assert_eq!(there.client, own.client);
    assert_eq!(there.server, context.parse_principal(TARGET).unwrap());
    let again = on_behalf(&context, &cache, &own.client, &own.ticket, TARGET).unwrap();
    assert_eq!(there, again);
}

#[test]
fn a_cache_of_a_user_opens_the_services_on_the_list() {
    let Some(heimdal) = heimdal() else { return };
    let context = memory(heimdal.krb5_conf());
    let cache = sign_in_forwardable(&context);
    let content = context.impersonate(&cache, &for_alice(&context)).unwrap();
    let users = Cache::new_memory();
    users.replace(&content).unwrap();
    let evidence = Evidence::in_cache(&content).unwrap().unwrap();
    assert_eq!(evidence.impersonator, cache.principal().unwrap());
    let target = WantedService::new(context.parse_principal(TARGET).unwrap());
    let there = context.service_ticket(&users, &target).unwrap();
    assert_eq!(there.client, context.parse_principal("alice").unwrap());
    let itself = WantedService::new(evidence.impersonator);
    let own = context.service_ticket(&users, &itself).unwrap();
    assert_eq!(own, evidence.credential);
    heimdal.add_service("imap/other.client.test");
    let other = context.parse_principal("imap/other.client.test").unwrap();
    let error = context.service_ticket(&users, &WantedService::new(other));
    assert!(matches!(error, Err(ClientError::DelegationRefused(_))));
}
