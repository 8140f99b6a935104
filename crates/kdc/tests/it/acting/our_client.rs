//! Services act for users with our own client, also where MIT's databases cannot: over realms, and by the names of
//! another system.

use kerbstone_client::{
    Cache, ClientError, Context, Environment, LoginOptions, NoPrompter, Secret, WantedForUser,
    WantedOnBehalf,
};
use kerbstone_kdc::{HostRealms, KdcConfig, Referrals};
use kerbstone_proto::ccache::Credential;
use kerbstone_proto::message::Ticket;
use kerbstone_proto::name::{Principal, PrincipalName, Realm};
use zeroize::Zeroizing;

use super::{BACK, FAR, FRONT, admit};
use crate::peers::Lab;
use crate::site::{PASSWORD, REALM, Site};

fn site() -> Site {
    let site = Site::at(Site::now_by_the_wall());
    site.add_user(FRONT);
    site.add_user(BACK);
    site
}

fn context(lab: &Lab) -> Context {
    Context::new(Environment {
        krb5_config: Some(lab.configuration.display().to_string()),
        ccname: Some(Cache::new_memory().name().to_string()),
        ..Environment::default()
    })
    .unwrap()
}

/// The service's tickets, which it may pass on.
fn signed_in(context: &Context) -> Cache {
    let service = context.parse_principal(FRONT).unwrap();
    let options = LoginOptions {
        forwardable: true,
        ..context.login_options(&service.realm).unwrap()
    };
    let secret = Secret::Password(Zeroizing::new(PASSWORD.to_owned()));
    let ticket = context
        .login(&service, &options, secret, &mut NoPrompter)
        .unwrap();
    let cache = Cache::new_memory();
    cache.replace(&ticket.to_cache(true)).unwrap();
    cache
}

fn for_user(context: &Context, cache: &Cache, user: &str) -> Result<Credential, ClientError> {
    let user = context.parse_principal(user).unwrap();
    context.ticket_for_user(cache, &WantedForUser::new(user))
}

fn go_on(
    context: &Context,
    cache: &Cache,
    evidence: &Credential,
    target: Principal,
) -> Result<Credential, ClientError> {
    let shown = Ticket::from_der(&evidence.ticket).unwrap();
    let wish = WantedOnBehalf::new(evidence.client.clone(), target, shown);
    context.ticket_on_behalf(cache, &wish)
}

#[test]
fn our_client_goes_on_as_it_is_listed_or_admitted_and_no_further() {
    let site = site();
    let lab = Lab::start(&site);
    let context = context(&lab);
    let cache = signed_in(&context);
    let own = for_user(&context, &cache, "alice").unwrap();
    let back = context.parse_principal(BACK).unwrap();
    let refused = go_on(&context, &cache, &own, back.clone()).unwrap_err();
    assert!(
        matches!(refused, ClientError::DelegationRefused(_)),
        "{refused}"
    );
    admit(&site, BACK, &[FRONT]);
    let there = go_on(&context, &cache, &own, back.clone()).unwrap();
    assert_eq!((there.client, there.server), (own.client, back));
}

#[test]
fn our_client_finds_a_user_by_the_name_of_another_system() {
    let site = site();
    let lab = Lab::start(&site);
    let context = context(&lab);
    let cache = signed_in(&context);
    let user = context.parse_enterprise(&format!("alice@{REALM}")).unwrap();
    let own = context
        .ticket_for_user(&cache, &WantedForUser::new(user))
        .unwrap();
    assert_eq!(own.client, context.parse_principal("alice").unwrap());
    let nobody = context.parse_enterprise("nobody@elsewhere.test").unwrap();
    let error = context.ticket_for_user(&cache, &WantedForUser::new(nobody));
    assert!(matches!(error, Err(ClientError::UnknownClient { .. })));
}

#[test]
fn our_client_acts_over_realms() {
    let site = site();
    site.add_realm(FAR);
    site.trust(REALM, FAR);
    site.trust(FAR, REALM);
    site.add_user(&format!("bob@{FAR}"));
    let target = format!("HTTP/www.other.test@{FAR}");
    site.add_service(&target);
    admit(&site, &target, &[FRONT]);
    let mut hosts = HostRealms::new();
    hosts.set(".other.test", FAR);
    let config = KdcConfig {
        referrals: Referrals {
            hosts,
            ..Referrals::default()
        },
        ..KdcConfig::default()
    };
    let lab = Lab::serving(site.kdc_with(config), "");
    let context = context(&lab);
    let cache = signed_in(&context);
    let bobs = for_user(&context, &cache, &format!("bob@{FAR}")).unwrap();
    assert_eq!(bobs.client.realm, Realm::from(FAR));
    assert_eq!(bobs.server, context.parse_principal(FRONT).unwrap());
    let own = for_user(&context, &cache, "alice").unwrap();
    let somewhere = Principal::new(
        PrincipalName::service("HTTP", "www.other.test"),
        Realm::from(""),
    );
    let there = go_on(&context, &cache, &own, somewhere).unwrap();
    assert_eq!(there.client, own.client);
    let ticket = Ticket::from_der(&there.ticket).unwrap();
    assert_eq!(ticket.realm, Realm::from(FAR));
    let by_realm = context.parse_principal(&target).unwrap();
    let refused = go_on(&context, &cache, &own, by_realm).unwrap_err();
    assert!(!refused.help().is_empty(), "{refused}");
}
