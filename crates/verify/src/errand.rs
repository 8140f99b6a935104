//! What one check does at the KDC, on a thread that may wait for it.

use std::sync::Arc;
use std::time::Instant;

use kerbstone_client::ticket_source::service_ticket;
use kerbstone_client::{
    ClientError, Context, InitialTicket, LoginOptions, NoPrompter, Secret, WantedService,
    password_change,
};
use kerbstone_crypto::{Enctype, IterationLimit, Key};
use kerbstone_gss::krb5::{Initiator, InitiatorOptions};
use kerbstone_gss::{GssFlags, Name, Refused, Step};
use kerbstone_proto::ccache::CredentialCache;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::{
    ServiceTicket, TicketSource, TicketSourceError, WantedTicket,
};
use zeroize::Zeroizing;

use crate::password_fault::PasswordFault;
use crate::turnstile::Place;

/// Who is asked about, and what is to be brought back.
pub(crate) struct Errand {
    pub(crate) context: Arc<Context>,
    pub(crate) client: Principal,
    pub(crate) password: Zeroizing<String>,
    /// Our own service, where the KDC has to prove itself.
    pub(crate) service: Option<Principal>,
    pub(crate) deadline: Instant,
    pub(crate) place: Place,
}

/// What came back.
pub(crate) struct Brought {
    pub(crate) tickets: CredentialCache,
    pub(crate) tgt: InitialTicket,
    /// A token for our own service.
    pub(crate) token: Option<Vec<u8>>,
}

impl Errand {
    /// Runs it; the place is free afterwards.
    pub(crate) fn run(self) -> Result<Brought, PasswordFault> {
        let outcome = self.fetch();
        let is_silent = matches!(outcome, Err(PasswordFault::KdcSilent(_)));
        self.place.gate.answered(!is_silent);
        outcome
    }

    fn fetch(&self) -> Result<Brought, PasswordFault> {
        let context = self.context.until(self.deadline);
        let options = LoginOptions {
            canonicalize: false,
            change_expired: false,
            ..context
                .login_options(&self.client.realm)
                .map_err(PasswordFault::Unable)?
        };
        let tgt = match self.login(&context, &options) {
            Ok(ticket) => ticket,
            Err(error) => return Err(self.refusal(&context, &options, error)),
        };
        if let Some(info) = &tgt.key_info {
            self.place.gate.learn(info);
        }
        let tickets = tgt.to_cache(options.sync_time);
        let token = match &self.service {
            Some(service) => Some(token_for(&context, &tickets, service)?),
            None => None,
        };
        Ok(Brought {
            tickets,
            tgt,
            token,
        })
    }

    fn login(
        &self,
        context: &Context,
        options: &LoginOptions,
    ) -> Result<InitialTicket, ClientError> {
        let secret = Secret::Password(self.password.clone());
        context.login(&self.client, options, secret, &mut NoPrompter)
    }

    fn refusal(
        &self,
        context: &Context,
        options: &LoginOptions,
        error: ClientError,
    ) -> PasswordFault {
        match error {
            ClientError::PasswordIncorrect { .. } | ClientError::PreauthenticationFailed { .. } => {
                PasswordFault::Wrong
            }
            ClientError::UnknownClient { .. } | ClientError::WrongRealm { .. } => {
                self.pretend(context, options);
                PasswordFault::Unknown("its realm does not have it".to_owned())
            }
            ClientError::PasswordExpired { .. } => self.expired(context, options),
            error => plain(error),
        }
    }

    /// That a password has expired is said to nobody but whoever knows it.
    fn expired(&self, context: &Context, options: &LoginOptions) -> PasswordFault {
        let options = LoginOptions {
            service: Some(password_change::service_name()),
            ..options.clone()
        };
        match self.login(context, &options) {
            Ok(_) => PasswordFault::Expired,
            Err(
                ClientError::PasswordIncorrect { .. } | ClientError::PreauthenticationFailed { .. },
            ) => PasswordFault::Wrong,
            Err(error) => plain(error),
        }
    }

    /// Does for a name that nobody has what a wrong password would have cost: a key and another question to the KDC.
    fn pretend(&self, context: &Context, options: &LoginOptions) {
        let known = self.place.gate.key_info();
        let enctype = known
            .as_ref()
            .map_or(Enctype::Aes256CtsHmacSha1_96, |info| info.enctype);
        let params = known.as_ref().and_then(|info| info.params.as_deref());
        let password = self.password.as_bytes();
        let salt = self.client.default_salt();
        let _key = Key::from_password(enctype, password, &salt, params, IterationLimit::DEFAULT);
        let _still_unknown = self.login(context, options);
    }
}

/// What any step may fail with.
fn plain(error: ClientError) -> PasswordFault {
    match error {
        ClientError::Unreachable { .. } | ClientError::NoServers { .. } => {
            PasswordFault::KdcSilent(error.to_string())
        }
        ClientError::Kdc {
            code:
                ErrorCode::KDC_ERR_CLIENT_REVOKED
                | ErrorCode::KDC_ERR_NAME_EXP
                | ErrorCode::KDC_ERR_CLIENT_NOTYET,
            ..
        } => PasswordFault::Locked(error),
        error => PasswordFault::Unable(error),
    }
}

fn token_for(
    context: &Context,
    tickets: &CredentialCache,
    service: &Principal,
) -> Result<Vec<u8>, PasswordFault> {
    let settings = context.ticket_settings(Some(tickets)).map_err(plain)?;
    let wish = WantedService::new(service.clone());
    let obtained = context
        .fetch_ticket(tickets, &wish, &settings)
        .map_err(plain)?;
    let mut ticket = OneTicket(service_ticket(&obtained.credential).map_err(plain)?);
    let options = InitiatorOptions {
        flags: GssFlags::EMPTY,
        ..InitiatorOptions::new(Name::Principal(service.clone()))
    };
    let now = settings.offset.apply(context.now());
    match Initiator::new(options).step(None, &mut ticket, now, &mut rand::rng()) {
        Ok(
            Step::Established {
                token: Some(token), ..
            }
            | Step::Continue { token },
        ) => Ok(token),
        Ok(Step::Established { token: None, .. }) => Ok(Vec::new()),
        Err(Refused { error, .. }) => Err(PasswordFault::Unproved(error)),
    }
}

/// The source of a ticket that is there already.
struct OneTicket(ServiceTicket);

impl TicketSource for OneTicket {
    fn client(&self) -> Result<Principal, TicketSourceError> {
        Ok(self.0.client.clone())
    }

    fn service_ticket(&mut self, _: &WantedTicket) -> Result<ServiceTicket, TicketSourceError> {
        Ok(self.0.clone())
    }

    fn forwarded_tgt(&mut self, _: &Principal) -> Result<ServiceTicket, TicketSourceError> {
        Err("nothing is delegated to prove a password".into())
    }
}
