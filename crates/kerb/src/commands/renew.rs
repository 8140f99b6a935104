//! `kerb renew`: prolong a ticket without a password.

use clap::Args;
use kerbstone_client::ClientError;
use kerbstone_proto::ccache::Credential;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::name::Principal;

use crate::commands::human;
use crate::console::{Console, out};
use crate::failure::Failure;
use crate::session::Session;

/// The command line of `kerb renew`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The cache whose ticket is renewed.
    #[arg(short, long, value_name = "CACHE")]
    cache: Option<String>,
    /// Renew the ticket for this service instead of the ticket-granting ticket.
    #[arg(short = 'S', long, value_name = "SERVICE")]
    service: Option<String>,
    /// Make a postdated ticket usable now that its time has come.
    #[arg(short = 'v', long)]
    validate: bool,
}

/// Renews or validates.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    let what = if typed.validate {
        "cannot validate the ticket"
    } else {
        "cannot renew the ticket"
    };
    let session =
        Session::with_cache(typed.cache.as_deref()).map_err(|error| Failure::of(what, &error))?;
    let ticket = again(typed, &session).map_err(|error| explain(what, &error))?;
    let now = session.now();
    let left = human::duration(ticket.endtime.unix().saturating_sub(now));
    out!(console, "{} is valid for {left}", ticket.server);
    if !ticket.renew_till.is_zero() {
        out!(
            console,
            ", renewable for {}",
            human::duration(ticket.renew_till.unix().saturating_sub(now))
        );
    }
    out!(console, "\n");
    Ok(())
}

fn again(typed: &Typed, session: &Session) -> Result<Credential, ClientError> {
    let cache = session.default_cache()?;
    let realm = cache.principal()?.realm;
    let server = match &typed.service {
        Some(service) => Principal::new(Session::service_name(service)?, realm),
        None => Principal::krbtgt(&realm, &realm),
    };
    match typed.validate {
        true => session.validate(&cache, Some(&server)),
        false => session.renew(&cache, Some(&server)),
    }
}

fn explain(what: &str, error: &ClientError) -> Failure {
    let mut failure = Failure::of(what, error);
    if matches!(
        error,
        ClientError::Kdc {
            code: ErrorCode::KDC_ERR_BADOPTION,
            ..
        }
    ) {
        failure.help = "the ticket is not renewable, or no longer; sign in for a renewable one: kerb login -r 7d".into();
    }
    failure
}
