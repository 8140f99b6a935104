//! What users do.

use std::sync::Arc;

use kerbstone_client::clock::Offset;
use kerbstone_client::password_change::service_name;
use kerbstone_client::{
    ClientError, InitialTicket, Login, LoginOptions, ObtainedTicket, Outcome, PasswordChange,
    Secret, TicketRequest, TicketSettings, WantedService,
};
use kerbstone_crypto::Enctype;
use kerbstone_proto::ccache::Credential;
use kerbstone_proto::name::Principal;
use zeroize::Zeroizing;

use super::registry::principal;
use super::{ClientId, VirtualSite};

impl VirtualSite {
    /// Signs in with a password.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn login(
        &mut self,
        client: ClientId,
        name: &str,
        password: &str,
        options: &LoginOptions,
    ) -> Result<InitialTicket, ClientError> {
        let secret = Secret::Password(Zeroizing::new(password.to_owned()));
        let now = self.clock_of(client);
        let rng = &mut self.clients[client.0].rng;
        let mut login = Login::new(principal(name), options.clone(), secret, now, rng)?;
        self.run(client, &mut login)
    }

    /// How a client asks for tickets when the KDC's clock is `offset` ahead of its own.
    #[must_use]
    pub fn ticket_settings(&self, client: ClientId, offset: Offset) -> TicketSettings {
        let conf = Arc::clone(&self.clients[client.0].conf);
        let settings = conf.libdefaults();
        TicketSettings {
            enctypes: Enctype::DEFAULT.to_vec(),
            clock_skew: settings.clockskew(),
            sync_time: settings.kdc_timesync(),
            offset,
            conf,
        }
    }

    /// Gets a ticket for a service, whose name carries its realm.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn service_ticket(
        &mut self,
        client: ClientId,
        tgt: &InitialTicket,
        service: &str,
    ) -> Result<ObtainedTicket, ClientError> {
        let settings = self.ticket_settings(client, tgt.offset);
        let now = self.clock_of(client);
        let mut request = TicketRequest::for_service(
            tgt.credential.client.clone(),
            WantedService::new(principal(service)),
            std::slice::from_ref(&tgt.credential),
            None,
            settings,
            now,
            &mut self.clients[client.0].rng,
        )?;
        self.run(client, &mut request)
    }

    /// Renews a ticket.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn renew(
        &mut self,
        client: ClientId,
        ticket: &Credential,
    ) -> Result<Credential, ClientError> {
        let settings = self.ticket_settings(client, Offset::default());
        let now = self.clock_of(client);
        let rng = &mut self.clients[client.0].rng;
        let mut request = TicketRequest::renew(ticket, settings, now, rng)?;
        self.run(client, &mut request).map(|got| got.credential)
    }

    /// Validates a postdated ticket.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn validate(
        &mut self,
        client: ClientId,
        ticket: &Credential,
    ) -> Result<Credential, ClientError> {
        let settings = self.ticket_settings(client, Offset::default());
        let now = self.clock_of(client);
        let rng = &mut self.clients[client.0].rng;
        let mut request = TicketRequest::validate(ticket, settings, now, rng)?;
        self.run(client, &mut request).map(|got| got.credential)
    }

    /// Gets a ticket for the password service with the old password, and changes it.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn change_password(
        &mut self,
        client: ClientId,
        name: &str,
        old: &str,
        new: &str,
    ) -> Result<Outcome, ClientError> {
        self.new_password(client, name, old, new, None)
    }

    /// Signs in as an administrator (`somebody/admin`) and sets another's password.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn set_password(
        &mut self,
        client: ClientId,
        (administrator, password): (&str, &str),
        whose: &str,
        new: &str,
    ) -> Result<Outcome, ClientError> {
        let target = Some(principal(whose));
        self.new_password(client, administrator, password, new, target)
    }

    fn new_password(
        &mut self,
        client: ClientId,
        name: &str,
        password: &str,
        new: &str,
        target: Option<Principal>,
    ) -> Result<Outcome, ClientError> {
        let options = LoginOptions {
            service: Some(service_name()),
            ..LoginOptions::default()
        };
        let ticket = self.login(client, name, password, &options)?;
        let new = Zeroizing::new(new.to_owned());
        let mut change = PasswordChange::new(ticket.credential, new, target, ticket.offset);
        self.run(client, &mut change)
    }
}
