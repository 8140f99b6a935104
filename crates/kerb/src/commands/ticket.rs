//! `kerb ticket`: tickets for services.

use clap::Args;
use kerbstone_client::{Cache, ClientError, ForUser, KeytabFile};
use kerbstone_crypto::Enctype;
use kerbstone_proto::ccache::Credential;
use kerbstone_proto::message::Ticket;
use kerbstone_proto::name::Principal;

use crate::commands::human;
use crate::compat::describe_enctype;
use crate::console::{Console, err, out};
use crate::failure::{Exit, Failure};
use crate::session::{ServiceWish, Session, UserWish, opens};

/// The command line of `kerb ticket`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The services: HTTP/www.example.org, or with -S the hosts.
    #[arg(required_unless_present = "for_user")]
    services: Vec<String>,
    /// The cache with the ticket-granting ticket.
    #[arg(short, long, value_name = "CACHE")]
    cache: Option<String>,
    /// What the hosts named offer: host, HTTP, ...
    #[arg(short = 'S', long, value_name = "SERVICE")]
    service: Option<String>,
    /// Ask for a session key of this encryption type.
    #[arg(short = 'e', long, value_name = "ENCTYPE", value_parser = enctype)]
    enctype: Option<Enctype>,
    /// Prove that a key in this keytab opens the ticket.
    #[arg(short, long, value_name = "FILE")]
    keytab: Option<String>,
    /// Let the KDC answer with the service's canonical name.
    #[arg(short = 'C', long)]
    canonicalize: bool,
    /// Take the ticket from the cache or fail; ask no KDC.
    #[arg(long)]
    cached_only: bool,
    /// Leave the cache as it is.
    #[arg(long)]
    no_store: bool,
    /// In the name of this user, whom the cache's owner knows in another way: a ticket to the owner itself, which must be a
    /// service (S4U2Self).
    #[arg(long = "for", value_name = "USER", conflicts_with = "u2u")]
    for_user: Option<String>,
    /// The user's name is one of another system, as alice@corp.example.
    #[arg(short = 'E', long, requires = "for_user")]
    enterprise: bool,
    /// With --for: go on to the services named, in the user's name (S4U2Proxy).
    #[arg(long, requires = "for_user")]
    proxy: bool,
    /// User to user: the service is the owner of this cache.
    #[arg(long, value_name = "CACHE")]
    u2u: Option<String>,
}

fn enctype(text: &str) -> Result<Enctype, String> {
    text.parse().map_err(|_| {
        let known: Vec<&str> = Enctype::DEFAULT
            .iter()
            .map(|enctype| enctype.name())
            .collect();
        format!("the encryption types are {}", known.join(", "))
    })
}

/// Gets each ticket and says what it is; goes on after a failure.
pub(crate) fn run(typed: Typed, console: &mut Console) -> Result<(), Failure> {
    let begin = |error: ClientError| Failure::of("cannot get tickets", &error);
    let session = Session::with_cache(typed.cache.as_deref()).map_err(begin)?;
    let cache = session.default_cache().map_err(begin)?;
    let owner = cache.principal().map_err(begin)?;
    let other = typed
        .u2u
        .as_deref()
        .map(|name| Cache::parse(name).and_then(|cache| session.own_tgt(&cache)));
    let second_ticket = other.transpose().map_err(begin)?;
    let keytab = typed
        .keytab
        .as_deref()
        .map(|name| session.keytab(Some(name)))
        .transpose()
        .map_err(begin)?;
    let means = Means {
        cache: &cache,
        keytab: keytab.as_ref(),
        session: &session,
        evidence: evidence(&typed, &owner, &cache, &session, console)?,
    };
    let mut outcome = Ok(());
    for name in &typed.services {
        let wish = wish(&typed, name, second_ticket.clone(), &session);
        let one = wish.and_then(|wish| get(wish, &means, console));
        let Err(failure) = one else { continue };
        // The last failure is told by whoever called.
        if let Err(earlier) = std::mem::replace(&mut outcome, Err(failure)) {
            err!(console, "{earlier}");
        }
    }
    outcome.map_err(|failure: Failure| match failure.exit {
        Exit::NoTicket => failure,
        _ if failure.help.is_empty() => Failure {
            help: format!("signed in as {owner}"),
            ..failure
        },
        _ => failure,
    })
}

/// What tickets are got with.
struct Means<'a> {
    cache: &'a Cache,
    keytab: Option<&'a KeytabFile>,
    session: &'a Session,
    /// The user's ticket to the cache's owner, who then acts for the user.
    evidence: Option<Credential>,
}

/// The ticket in the user's name to the cache's owner, if somebody is to act for a user.
fn evidence(
    typed: &Typed,
    owner: &Principal,
    cache: &Cache,
    session: &Session,
    console: &mut Console,
) -> Result<Option<Credential>, Failure> {
    let Some(name) = &typed.for_user else {
        return Ok(None);
    };
    let cannot = format!("cannot get a ticket for {name}");
    if typed.proxy == typed.services.is_empty() {
        return Err(Failure::misused(
            cannot,
            "services are named with --proxy, and with it only",
            format!(
                "--for alone gets a ticket to {owner}; --for {name} --proxy SERVICE goes on to the service"
            ),
        ));
    }
    let user = session
        .principal(name, typed.enterprise)
        .map_err(|error| Failure::of(format!("cannot read {name}"), &error))?;
    let wish = UserWish {
        user: ForUser::Name(user),
        enctype: typed.enctype,
        cached_only: typed.cached_only,
        store: !typed.no_store,
    };
    let credential = session
        .ticket_for_user(cache, wish)
        .map_err(|error| Failure::of(&cannot, &error))?;
    if !typed.proxy {
        let ticket = read(&credential, &cannot)?;
        let user = Some(&credential.client);
        describe(owner, &credential, &ticket, user, session.now(), console);
    }
    Ok(Some(credential))
}

fn wish(
    typed: &Typed,
    name: &str,
    second_ticket: Option<Ticket>,
    session: &Session,
) -> Result<ServiceWish, Failure> {
    let server = match &typed.service {
        Some(service) => session.service_principal(service, name),
        None => session
            .principal(name, false)
            .map_err(|error| Failure::of(format!("cannot read {name}"), &error))?,
    };
    Ok(ServiceWish {
        enctype: typed.enctype,
        second_ticket,
        canonicalize: typed.canonicalize,
        cached_only: typed.cached_only,
        store: !typed.no_store,
        ..ServiceWish::new(server)
    })
}

fn get(wish: ServiceWish, means: &Means<'_>, console: &mut Console) -> Result<(), Failure> {
    let server = wish.server.clone();
    let cannot = format!("cannot get a ticket for {server}");
    let credential = match &means.evidence {
        Some(evidence) => means.session.ticket_on_behalf(means.cache, evidence, wish),
        None => means.session.service_ticket(means.cache, wish),
    };
    let credential = credential.map_err(|error| Failure::of(&cannot, &error))?;
    let ticket = read(&credential, &cannot)?;
    let user = means.evidence.as_ref().map(|evidence| &evidence.client);
    let now = means.session.now();
    describe(&server, &credential, &ticket, user, now, console);
    match means.keytab {
        None => Ok(()),
        Some(keytab) => prove(keytab, &server, &ticket, console),
    }
}

fn read(credential: &Credential, cannot: &str) -> Result<Ticket, Failure> {
    Ticket::from_der(&credential.ticket).map_err(|error| {
        Failure::refused(
            cannot,
            error.to_string(),
            "the cache is damaged: kerb logout, kerb login",
        )
    })
}

fn describe(
    server: &Principal,
    credential: &Credential,
    ticket: &Ticket,
    user: Option<&Principal>,
    now: i64,
    console: &mut Console,
) {
    let left = human::duration(credential.endtime.unix().saturating_sub(now));
    let version = ticket
        .enc_part
        .kvno
        .map_or_else(String::new, |kvno| format!(", key version {}", kvno.0));
    let enctype = describe_enctype(ticket.enc_part.etype);
    let name = user.map_or_else(String::new, |user| format!(" in the name of {user}"));
    out!(
        console,
        "{server}{name}: valid for {left}{version}, {enctype}\n"
    );
}

fn prove(
    keytab: &KeytabFile,
    server: &Principal,
    ticket: &Ticket,
    console: &mut Console,
) -> Result<(), Failure> {
    let what = format!("{} does not open the ticket for {server}", keytab.name());
    match opens(keytab, ticket) {
        Ok(()) => {
            out!(console, "{server}: {} opens it\n", keytab.name());
            Ok(())
        }
        Err(Some(error)) => Err(Failure::of(what, &error)),
        Err(None) => Err(Failure::refused(
            what,
            "no key fits",
            has(keytab, server, ticket),
        )),
    }
}

/// What the keytab holds for the service, beside what the ticket needs.
fn has(keytab: &KeytabFile, server: &Principal, ticket: &Ticket) -> String {
    let Ok(content) = keytab.load() else {
        return String::new();
    };
    let mut versions: Vec<u32> = content
        .entries()
        .filter(|entry| entry.principal == *server)
        .map(|entry| entry.kvno)
        .collect();
    versions.sort_unstable();
    versions.dedup();
    let needed = ticket.enc_part.kvno.map_or(0, |kvno| kvno.0);
    let enctype = describe_enctype(ticket.enc_part.etype);
    if versions.is_empty() {
        return format!(
            "the keytab has no key of {server}; extract one with key version {needed} ({enctype})"
        );
    }
    let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
    format!(
        "the ticket names key version {needed} ({enctype}), the keytab has {}; extract the keys again",
        versions.join(", ")
    )
}
