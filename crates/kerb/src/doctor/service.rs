//! Whether the KDC has the service that clients ask for, and if not, which name it has instead.

use kerbstone_client::diagnosis::PrincipalState;
use kerbstone_client::{ClientError, Context};
use kerbstone_proto::name::{NameType, Principal, PrincipalName, Realm};

use super::finding::{Area, Cause, Finding, advice};
use super::names::{Named, host_of, reverse_counts, same_host};
use super::witness::{Answer, Witness};

/// Other realms that are asked whether the service is theirs.
const OTHER_REALMS: usize = 4;

/// What asking for a service came to.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) findings: Vec<Finding>,
    /// The principal under which the KDC has it.
    pub(super) principal: Option<Principal>,
}

/// Looks for a service as clients do, and if it is not there, in other realms and by the host's other names. `realms` are
/// those whose KDCs answer, the one that clients turn to first.
pub(super) fn find(named: &Named, realms: &[Realm], context: &Context, witness: &Witness) -> Found {
    let home = realms.first();
    let mut asked: Vec<Principal> = Vec::new();
    let mut first = None;
    for principal in &named.asked {
        let mut principal = principal.clone();
        let is_open = principal.realm.is_empty();
        if is_open {
            let fallback = home.or(named.target.realm.as_ref());
            let Some(realm) = fallback else { continue };
            principal.realm = realm.clone();
        }
        asked.push(principal.clone());
        if !realms.contains(&principal.realm) {
            continue;
        }
        let answer = match is_open {
            true => witness.ask_anywhere(&principal, &principal.realm),
            false => witness.ask(&principal),
        };
        if answer.exists() != Some(false) {
            return told(&principal, &answer);
        }
        first.get_or_insert(answer);
    }
    let Some(wanted) = asked.first() else {
        return Found {
            findings: vec![Finding::note(
                Area::Service,
                named.target.shown(),
                "not asked for, as no KDC answers",
            )],
            principal: None,
        };
    };
    let other = variants(named, wanted, realms)
        .into_iter()
        .filter(|variant| !asked.contains(variant))
        .find(|variant| witness.ask(variant).exists() == Some(true));
    let finding = match &other {
        Some(other) => elsewhere(named, wanted, other, realms, context),
        None => missing(named, wanted, first.as_ref()),
    };
    Found {
        findings: vec![finding],
        principal: other,
    }
}

/// The service by each name of its host in each realm, the likeliest first.
fn variants(named: &Named, wanted: &Principal, realms: &[Realm]) -> Vec<Principal> {
    let typed = named.target.host.as_str();
    let short = typed.split('.').next().unwrap_or(typed);
    let mut hosts: Vec<String> = Vec::new();
    let known = [
        Some(typed),
        named.canonical.as_deref(),
        named.reverse.as_deref(),
        Some(short),
    ];
    for host in known.into_iter().flatten() {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if !hosts.contains(&host) && host.parse::<std::net::IpAddr>().is_err() {
            hosts.push(host);
        }
    }
    if let Some(host) = host_of(wanted).filter(|host| !hosts.contains(host)) {
        hosts.push(host);
    }
    let explicit = named
        .target
        .realm
        .iter()
        .filter(|realm| realms.contains(realm));
    let mut places: Vec<&Realm> = vec![];
    for realm in std::iter::once(&wanted.realm).chain(explicit).chain(realms) {
        if realms.contains(realm) && !places.contains(&realm) {
            places.push(realm);
        }
    }
    let service = named.target.service.as_str();
    let in_realm = |realm: &&Realm| -> Vec<Principal> {
        let of = |host: &String| {
            let name = PrincipalName::new(NameType::PRINCIPAL, [service, host.as_str()]);
            Principal::new(name, (*realm).clone())
        };
        hosts.iter().map(of).collect()
    };
    places
        .iter()
        .take(OTHER_REALMS)
        .flat_map(in_realm)
        .collect()
}

fn told(asked: &Principal, answer: &Answer) -> Found {
    let mut principal = asked;
    let referred;
    let finding = match answer {
        Answer::Ticket(ticket) => {
            referred = Principal::new(asked.name.clone(), ticket.realm.clone());
            principal = &referred;
            let part = &ticket.enc_part;
            let enctype = crate::compat::describe_enctype(part.etype);
            let version = match &part.kvno {
                Some(kvno) => format!("key version {}", kvno.0),
                None => "a key without version".to_owned(),
            };
            Finding::ok(
                Area::Service,
                principal,
                format!("the KDC gives tickets for it, with {version}, {enctype}"),
            )
        }
        Answer::Unknown => return missing_alone(principal),
        Answer::NoWay { client, told } if told.state.is_known() => Finding::problem(
            Area::Service,
            principal,
            Cause::NoTrust,
            format!(
                "the realm {} has it, and {client} gets no ticket there: no trust leads from {} to it",
                principal.realm, client.realm
            ),
            format!(
                "sign in to {}, name the way under [capaths] in krb5.conf, or make a trust between the realms",
                principal.realm
            ),
        ),
        Answer::Seen(told) | Answer::NoWay { told, .. } => seen(principal, &told.state),
        Answer::Refused(error) => refused(principal, error),
        Answer::Silence(error) => Finding::note(
            Area::Service,
            principal,
            format!("could not be asked for: {error}"),
        ),
    };
    Found {
        principal: (answer.exists() == Some(true)).then(|| principal.clone()),
        findings: vec![finding],
    }
}

fn missing_alone(principal: &Principal) -> Found {
    let says = format!("the realm {} has no such service", principal.realm);
    Found {
        findings: vec![Finding::problem(
            Area::Service,
            principal,
            Cause::MissingService,
            says,
            addition(principal),
        )],
        principal: None,
    }
}

fn seen(principal: &Principal, state: &PrincipalState) -> Finding {
    let signed_in = "sign in (kerb login) and run this again to know its key version";
    match state {
        PrincipalState::Revoked => Finding::problem(
            Area::Service,
            principal,
            Cause::AccountRevoked,
            "the KDC has it, and it is disabled or locked",
            format!("unlock it: kadmin modprinc -unlock +allow_tix {principal}"),
        ),
        PrincipalState::AccountExpired => Finding::problem(
            Area::Service,
            principal,
            Cause::AccountExpired,
            "the KDC has it, and the principal has expired",
            format!("prolong it: kadmin modprinc -expire never {principal}"),
        ),
        PrincipalState::Elsewhere(realm) => Finding::warning(
            Area::Service,
            principal,
            Cause::RealmMapping,
            match realm {
                Some(realm) => format!("the KDC says that it belongs to the realm {realm}"),
                None => "the KDC says that it belongs to another realm".to_owned(),
            },
            "name the host's realm under [domain_realm] in krb5.conf",
        ),
        PrincipalState::Refused { code, text } => {
            let words = if text.is_empty() {
                code.to_string()
            } else {
                format!("{code} ({text})")
            };
            Finding::warning(
                Area::Service,
                principal,
                Cause::Refused,
                format!("the KDC says of it: {words}"),
                signed_in,
            )
        }
        _ => Finding::ok(Area::Service, principal, "the KDC knows it").with_help(signed_in),
    }
}

fn refused(principal: &Principal, error: &ClientError) -> Finding {
    use kerbstone_proto::error_code::ErrorCode;

    let code = error.krb_code();
    let (cause, says, help) = match code {
        Some(ErrorCode::KDC_ERR_SERVICE_EXP) => (
            Cause::AccountExpired,
            "the KDC has it, and the principal has expired".to_owned(),
            format!("prolong it: kadmin modprinc -expire never {principal}"),
        ),
        Some(ErrorCode::KDC_ERR_MUST_USE_USER2USER) => (
            Cause::Refused,
            "the KDC has it as a person, to whom no tickets are given".to_owned(),
            format!("if it is a service: kadmin modprinc +allow_svr {principal}"),
        ),
        Some(ErrorCode::KDC_ERR_ETYPE_NOSUPP) => (
            Cause::NoCommonEnctype,
            "the KDC has it, with no key of an encryption type that this host allows".to_owned(),
            format!(
                "give it new keys (kadmin cpw -randkey {principal}, then ktadd), or widen permitted_enctypes in krb5.conf"
            ),
        ),
        Some(ErrorCode::KRB_AP_ERR_SKEW) => (
            Cause::ClockSkew,
            "no ticket for it, as the clocks differ too much".to_owned(),
            "set the clock and keep it by NTP: chronyc makestep".to_owned(),
        ),
        _ => {
            let help = advice(error, "see the KDC's log for its reason");
            (
                Cause::Refused,
                format!("the KDC gives no ticket for it: {error}"),
                help,
            )
        }
    };
    Finding::problem(Area::Service, principal, cause, says, help)
}

/// The service is there by another name than clients ask for.
fn elsewhere(
    named: &Named,
    wanted: &Principal,
    other: &Principal,
    realms: &[Realm],
    context: &Context,
) -> Finding {
    let host = host_of(wanted).unwrap_or_default();
    if wanted.realm != other.realm {
        let other_host = host_of(other).unwrap_or_else(|| host.clone());
        let silent = if realms.contains(&wanted.realm) {
            format!("{} has no such service", wanted.realm)
        } else {
            format!("no KDC of {} answers", wanted.realm)
        };
        let (says, help) = match &named.mapped_at {
            Some(at) => (
                format!(
                    "{at} puts {host} into the realm {}, but {silent} and {} has {}",
                    wanted.realm, other.realm, other.name
                ),
                format!("correct {at}: {other_host} = {}", other.realm),
            ),
            None => (
                format!(
                    "clients ask in the realm {}, but {silent} and {} has {}",
                    wanted.realm, other.realm, other.name
                ),
                format!(
                    "add under [domain_realm] in krb5.conf: {other_host} = {}",
                    other.realm
                ),
            ),
        };
        return Finding::problem(Area::Service, wanted, Cause::RealmMapping, says, help);
    }
    let by_reverse = named
        .reverse
        .as_deref()
        .is_some_and(|name| same_host(name, &host))
        && named
            .canonical
            .as_deref()
            .is_none_or(|name| !same_host(name, &host))
        && !same_host(&named.target.host, &host);
    let has = format!("the realm {} has {} instead", other.realm, other.name);
    if by_reverse && reverse_counts(context.conf()) {
        return Finding::problem(
            Area::Service,
            wanted,
            Cause::ReverseDns,
            format!("clients ask for it because reverse DNS calls the host {host}; {has}"),
            format!(
                "set rdns = false under [libdefaults] in krb5.conf, or correct the PTR record of {}",
                named.target.host
            ),
        );
    }
    if !same_host(&named.target.host, &host) {
        return Finding::problem(
            Area::Service,
            wanted,
            Cause::CanonicalName,
            format!(
                "clients ask for it because {} is {host} by its canonical name in DNS; {has}",
                named.target.host
            ),
            format!(
                "set dns_canonicalize_hostname = fallback under [libdefaults] in krb5.conf, or {}",
                addition(wanted)
            ),
        );
    }
    Finding::problem(
        Area::Service,
        wanted,
        Cause::MissingService,
        format!("the KDC has no such service; {has}"),
        format!("use that name of the host, or {}", addition(wanted)),
    )
}

fn missing(named: &Named, wanted: &Principal, first: Option<&Answer>) -> Finding {
    match first {
        None => Finding::note(
            Area::Service,
            wanted,
            format!("not asked for, as no KDC of {} answers", wanted.realm),
        ),
        // Active Directory knows names of services as no clients.
        Some(Answer::Seen(_) | Answer::NoWay { .. }) => Finding::problem(
            Area::Service,
            wanted,
            Cause::MissingService,
            format!(
                "the KDC of {} knows no principal of this name, nor of another name of {} (asked without a ticket, \
                 which Active Directory answers so for every service)",
                wanted.realm, named.target.host
            ),
            addition(wanted),
        ),
        Some(_) => Finding::problem(
            Area::Service,
            wanted,
            Cause::MissingService,
            format!(
                "the realm {} has no such service, nor one by another name of {}",
                wanted.realm, named.target.host
            ),
            addition(wanted),
        ),
    }
}

fn addition(principal: &Principal) -> String {
    format!(
        "add it (MIT: kadmin addprinc -randkey {principal}; ours: kerb admin principal add {principal} --random-key), \
         then write its keytab on the host"
    )
}
