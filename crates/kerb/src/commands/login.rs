//! `kerb login`: sign in.

use std::time::Duration;

use clap::Args;
use kerbstone_client::{Cache, ClientError, InitialTicket, LoginOptions, Secret};
use kerbstone_proto::name::Principal;

use crate::commands::asking::Asking;
use crate::commands::human;
use crate::compat::parse_lifetime;
use crate::console::{Console, err, out};
use crate::failure::Failure;
use crate::session::Session;

/// The command line of `kerb login` as typed.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// Who signs in: alice, alice@EXAMPLE.ORG. Without it, the owner of the cache, or the local user.
    principal: Option<String>,
    /// How long the ticket is valid: 10h, 8:30, 1d12h.
    #[arg(short, long, value_name = "TIME", value_parser = lifetime)]
    lifetime: Option<Duration>,
    /// How long it can be renewed: 7d.
    #[arg(short, long, value_name = "TIME", value_parser = lifetime)]
    renewable: Option<Duration>,
    /// When it becomes valid, from now: a postdated ticket.
    #[arg(short, long, value_name = "TIME", value_parser = lifetime)]
    start: Option<Duration>,
    /// The ticket may go with you to other hosts.
    #[arg(short, long, conflicts_with = "no_forwardable")]
    forwardable: bool,
    /// It stays on this host, whatever krb5.conf says.
    #[arg(short = 'F', long)]
    no_forwardable: bool,
    /// Proxies may be made of the ticket.
    #[arg(short, long, conflicts_with = "no_proxiable")]
    proxiable: bool,
    /// No proxies, whatever krb5.conf says.
    #[arg(short = 'P', long)]
    no_proxiable: bool,
    /// The ticket works from this host's addresses only.
    #[arg(short, long)]
    addresses: bool,
    /// Let the KDC answer with your canonical name and realm.
    #[arg(short = 'C', long)]
    canonicalize: bool,
    /// The name is an enterprise name, such as an e-mail address.
    #[arg(short = 'E', long)]
    enterprise: bool,
    /// Sign in with the default keytab instead of a password.
    #[arg(short = 'k', long)]
    default_keytab: bool,
    /// Sign in with this keytab.
    #[arg(short = 't', long, value_name = "FILE")]
    keytab: Option<String>,
    /// Sign in with the default client keytab.
    #[arg(short = 'i', long, conflicts_with = "keytab")]
    client_keytab: bool,
    /// The cache that the ticket goes to.
    #[arg(short, long, value_name = "CACHE")]
    cache: Option<String>,
    /// Get a ticket for this service instead of the ticket-granting ticket.
    #[arg(short = 'S', long, value_name = "SERVICE")]
    service: Option<String>,
    /// Say what is done.
    #[arg(short, long)]
    verbose: bool,
}

/// A typed lifetime.
pub(crate) fn lifetime(text: &str) -> Result<Duration, String> {
    let seconds = parse_lifetime(text).and_then(|seconds| u64::try_from(seconds).ok());
    seconds
        .filter(|&seconds| seconds > 0)
        .map(Duration::from_secs)
        .ok_or_else(|| "write a time as 10h, 8:30, 1d12h or 600 (seconds)".to_owned())
}

/// Who signs in, with what, and where the ticket goes.
struct Plan {
    client: Principal,
    options: LoginOptions,
    secret: Secret,
    cache: Cache,
    becomes_primary: bool,
}

/// Signs in.
pub(crate) fn run(typed: Typed, console: &mut Console) -> Result<(), Failure> {
    let session = Session::with_cache(typed.cache.as_deref())
        .map_err(|error| Failure::of("cannot sign in", &error))?;
    let plan = plan(&typed, &session).map_err(|error| Failure::of("cannot sign in", &error))?;
    if typed.verbose {
        err!(
            console,
            "signing in as {}, ticket to {}\n",
            plan.client,
            plan.cache.name()
        );
    }
    let cannot = format!("cannot sign in as {}", plan.client);
    let ticket = session
        .login(
            &plan.client,
            &plan.options,
            plan.secret,
            &mut Asking::new(console),
        )
        .map_err(|error| Failure::of(&cannot, &error))?;
    let kept = session.keep_login(&plan.cache, &ticket);
    let kept = kept.and_then(|()| {
        if plan.becomes_primary {
            plan.cache.switch_to()
        } else {
            Ok(())
        }
    });
    kept.map_err(|error| Failure::of("signed in, but cannot keep the ticket", &error))?;
    greet(&ticket, &plan.cache, session.now(), console);
    Ok(())
}

fn plan(typed: &Typed, session: &Session) -> Result<Plan, ClientError> {
    let client = session.in_default_realm(&client(typed, session)?)?;
    let collection = session.collection()?;
    Ok(Plan {
        options: options(typed, session, &client)?,
        secret: secret(typed, session)?,
        cache: collection.cache_for_login(&client)?,
        becomes_primary: collection.holds_many(),
        client,
    })
}

fn client(typed: &Typed, session: &Session) -> Result<Principal, ClientError> {
    if let Some(name) = &typed.principal {
        return session.principal(name, typed.enterprise);
    }
    if typed.client_keytab {
        let keytab = session.client_keytab()?;
        let content = keytab.load()?;
        let first = content.entries().next();
        return first
            .map(|entry| entry.principal.clone())
            .ok_or_else(|| ClientError::Keytab {
                name: keytab.name().to_owned(),
                why: "the keytab is empty".to_owned(),
            });
    }
    if typed.default_keytab || typed.keytab.is_some() {
        return Ok(session.host_principal());
    }
    match session.default_cache()?.principal() {
        Ok(owner) => Ok(owner),
        Err(_) => session.principal(&Session::local_user().unwrap_or_default(), typed.enterprise),
    }
}

fn options(
    typed: &Typed,
    session: &Session,
    client: &Principal,
) -> Result<LoginOptions, ClientError> {
    let mut options = session.login_options(&client.realm)?;
    options.forwardable = (options.forwardable || typed.forwardable) && !typed.no_forwardable;
    options.proxiable = (options.proxiable || typed.proxiable) && !typed.no_proxiable;
    options.canonicalize |= typed.canonicalize;
    options.lifetime = typed.lifetime.unwrap_or(options.lifetime);
    options.renewable = typed.renewable.or(options.renewable);
    options.start = typed.start;
    if typed.addresses {
        options.addresses = Session::local_addresses();
    }
    options.service = typed
        .service
        .as_deref()
        .map(Session::service_name)
        .transpose()?;
    Ok(options)
}

fn secret(typed: &Typed, session: &Session) -> Result<Secret, ClientError> {
    let keytab = match &typed.keytab {
        Some(name) => session.keytab(Some(name))?,
        None if typed.client_keytab => session.client_keytab()?,
        None if typed.default_keytab => session.keytab(None)?,
        None => return Ok(Secret::Prompt),
    };
    Ok(Secret::Keys {
        entries: keytab.load()?.entries().cloned().collect(),
        keytab: keytab.name().to_owned(),
    })
}

fn greet(ticket: &InitialTicket, cache: &Cache, now: i64, console: &mut Console) {
    const WEEK: i64 = 604_800;
    let held = &ticket.credential;
    let left = human::duration(held.endtime.unix().saturating_sub(now));
    out!(console, "Signed in as {} for {left}", held.client);
    if !held.renew_till.is_zero() {
        let renewable = human::duration(held.renew_till.unix().saturating_sub(now));
        out!(console, ", renewable for {renewable}");
    }
    out!(console, " ({})\n", cache.name());
    if let Some((expires, warned)) = ticket.password_expires {
        let left = expires.unix().saturating_sub(now);
        if warned || (0..WEEK).contains(&left) {
            out!(
                console,
                "The password expires {}; choose a new one: kerb password\n",
                human::until(expires.unix(), now)
            );
        }
    }
}
