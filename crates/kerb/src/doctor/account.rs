//! Whether a principal can sign in, by what the KDC says before any proof.

use kerbstone_client::diagnosis::PrincipalState;
use kerbstone_client::{ClientError, Context};
use kerbstone_crypto::Enctype;
use kerbstone_proto::name::Principal;

use super::finding::{Area, Cause, Finding, advice};

/// Asks about one principal. No failed login is counted for it.
pub(super) fn check(principal: &Principal, context: &Context) -> Finding {
    let offered = context
        .login_options(&principal.realm)
        .map_or_else(|_| Enctype::DEFAULT.to_vec(), |options| options.enctypes);
    match context.ask_about(principal, &offered) {
        Ok(told) => judge(principal, &told.state),
        Err(ClientError::Unreachable { .. } | ClientError::NoServers { .. }) => Finding::note(
            Area::Account,
            principal,
            "not asked about, as no KDC answers",
        ),
        Err(error) => Finding::warning(
            Area::Account,
            principal,
            Cause::Refused,
            format!("could not be asked about: {error}"),
            advice(&error, "see the KDC's log for its reason"),
        ),
    }
}

fn judge(principal: &Principal, state: &PrincipalState) -> Finding {
    let problem = |cause, says: String, help: String| {
        Finding::problem(Area::Account, principal, cause, says, help)
    };
    match state {
        PrincipalState::Known { .. } => Finding::ok(Area::Account, principal, "may sign in"),
        PrincipalState::Unknown => problem(
            Cause::UnknownPrincipal,
            format!("the realm {} has no such principal", principal.realm),
            "check the spelling and the realm".to_owned(),
        ),
        PrincipalState::Elsewhere(Some(realm)) => problem(
            Cause::UnknownPrincipal,
            format!("the KDC says that it belongs to the realm {realm}"),
            format!("sign in as {}@{realm}", principal.name),
        ),
        PrincipalState::Elsewhere(None) => problem(
            Cause::UnknownPrincipal,
            "the KDC says that it belongs to another realm".to_owned(),
            "write the right realm after the @".to_owned(),
        ),
        PrincipalState::KeyExpired => problem(
            Cause::KeyExpired,
            "the password (key) has expired or must be changed, and the KDC gives no ticket before that".to_owned(),
            format!("change it: kerb password {principal}, or kpasswd {principal}"),
        ),
        PrincipalState::AccountExpired => problem(
            Cause::AccountExpired,
            "the account has expired".to_owned(),
            format!("an administrator prolongs it: kadmin modprinc -expire never {principal}"),
        ),
        PrincipalState::Revoked => problem(
            Cause::AccountRevoked,
            "the account is locked or disabled".to_owned(),
            format!("an administrator unlocks it: kadmin modprinc -unlock +allow_tix {principal}"),
        ),
        PrincipalState::NoCommonEnctype => problem(
            Cause::NoCommonEnctype,
            "the KDC has no key for it of an encryption type that this host allows".to_owned(),
            format!("change the password (kpasswd {principal}) for new keys, or widen permitted_enctypes in krb5.conf"),
        ),
        PrincipalState::Refused { code, text } => {
            let words = if text.is_empty() { String::new() } else { format!(" ({text})") };
            Finding::warning(
                Area::Account,
                principal,
                Cause::Refused,
                format!("the KDC says of it: {code}{words}"),
                "see the KDC's log for its reason",
            )
        }
    }
}
