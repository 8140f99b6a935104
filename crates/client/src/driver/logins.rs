//! Signing in and changing passwords on a real system.

use std::net::IpAddr;

use kerbstone_crypto::Enctype;
use kerbstone_proto::ccache::{CacheVersion, Credential};
use kerbstone_proto::krb5_conf::ConfError;
use kerbstone_proto::message::HostAddress;
use kerbstone_proto::name::{Principal, Realm};
use zeroize::Zeroizing;

use super::{Carriage, Context, NoPrompter, Prompter, configuration, locate, random};
use crate::cache::Cache;
use crate::clock::Offset;
use crate::error::ClientError;
use crate::exchange::Server;
use crate::login::{InitialTicket, Login, LoginOptions, Secret};
use crate::machine::Service;
use crate::password_change::{Outcome, PasswordChange};

impl Context {
    /// What krb5.conf says about logins to a realm.
    pub fn login_options(&self, realm: &Realm) -> Result<LoginOptions, ClientError> {
        let realm = realm.to_string_lossy();
        let defaults = self.conf.login_defaults(&realm);
        let settings = self.conf.libdefaults();
        let wrong = |error: ConfError| configuration(&error);
        let mut options = LoginOptions {
            forwardable: defaults.forwardable(),
            proxiable: defaults.proxiable(),
            default_options: settings.kdc_default_options(),
            canonicalize: defaults.canonicalize(),
            enctypes: settings.default_tkt_enctypes().map_err(wrong)?,
            clock_skew: settings.clockskew(),
            sync_time: settings.kdc_timesync(),
            renewable: defaults
                .renew_lifetime()
                .map_err(wrong)?
                .filter(|life| !life.is_zero()),
            addresses: self.bound_addresses(defaults.noaddresses()),
            ..LoginOptions::default()
        };
        if let Some(lifetime) = defaults.ticket_lifetime().map_err(wrong)? {
            options.lifetime = lifetime;
        }
        Ok(options)
    }

    /// The addresses that tickets are bound to: none, unless `noaddresses = false`.
    fn bound_addresses(&self, anywhere: bool) -> Vec<HostAddress> {
        if anywhere {
            return Vec::new();
        }
        let extra = self.conf.libdefaults().extra_addresses();
        let extra = extra.iter().filter_map(|text| text.parse::<IpAddr>().ok());
        let mut addresses = self.local_addresses();
        addresses.extend(extra.map(HostAddress::from));
        addresses
    }

    /// Signs in. When a replica refuses, the realm's primary is asked once more, as it learns of new passwords first.
    pub fn login(
        &self,
        client: &Principal,
        options: &LoginOptions,
        secret: Secret,
        prompter: &mut dyn Prompter,
    ) -> Result<InitialTicket, ClientError> {
        let mut login = self.begin_login(client, options, secret)?;
        let mut carriage = Carriage::default();
        let first = match self.drive(&mut login, prompter, &mut carriage) {
            Err(error) if worth_a_primary(&error) => error,
            outcome => return outcome.inspect(|ticket| self.note_ticket(ticket)),
        };
        if !self.has_another_primary(&client.realm, carriage.answered_by.as_ref()) {
            return Err(first);
        }
        let Some(secret) = login.secret().cloned() else {
            return Err(first);
        };
        self.trace
            .say(format_args!("Retrying AS request with primary KDC"));
        let mut login = self.begin_login(client, options, secret)?;
        let mut carriage = Carriage {
            primary_only: true,
            ..Carriage::default()
        };
        match self.drive(&mut login, prompter, &mut carriage) {
            Err(ClientError::Unreachable { .. } | ClientError::NoServers { .. }) => Err(first),
            outcome => outcome.inspect(|ticket| self.note_ticket(ticket)),
        }
    }

    fn note_ticket(&self, ticket: &InitialTicket) {
        if let Some(info) = &ticket.key_info {
            let text = |bytes: &Option<Vec<u8>>| {
                String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned()
            };
            self.trace.say(format_args!(
                "Selected etype info: etype {}, salt \"{}\", params \"{}\"",
                info.enctype.short_name(),
                text(&info.salt),
                text(&info.params)
            ));
            self.trace.say(format_args!(
                "AS key obtained from gak_fct: {}",
                info.enctype.short_name()
            ));
        }
        let session = ticket.credential.key.known_enctype();
        self.trace.say(format_args!(
            "Decrypted AS reply; session key is: {}",
            session.map_or("unknown", Enctype::short_name)
        ));
        let fast = if ticket.fast_available { "" } else { "un" };
        self.trace
            .say(format_args!("FAST negotiation: {fast}available"));
    }

    /// Whether the realm has a primary, and it is not the server that answered.
    fn has_another_primary(&self, realm: &Realm, answered: Option<&Server>) -> bool {
        let Some(answered) = answered else {
            return false;
        };
        let primaries = locate::servers(&self.conf, realm, Service::Kdc, true).unwrap_or_default();
        !primaries.is_empty()
            && !primaries.iter().any(|primary| {
                primary.host.eq_ignore_ascii_case(&answered.host) && primary.port == answered.port
            })
    }

    fn begin_login(
        &self,
        client: &Principal,
        options: &LoginOptions,
        secret: Secret,
    ) -> Result<Login, ClientError> {
        self.trace
            .say(format_args!("Getting initial credentials for {client}"));
        Login::new(
            client.clone(),
            options.clone(),
            secret,
            self.now(),
            &mut random(),
        )
    }

    /// Makes a login the content of a cache, in the layout of `ccache_type` and with the clock's offset where
    /// `kdc_timesync` wants it.
    pub fn keep_login(&self, cache: &Cache, ticket: &InitialTicket) -> Result<(), ClientError> {
        let settings = self.conf.libdefaults();
        let mut content = ticket.to_cache(settings.kdc_timesync());
        content.version = match settings.string("ccache_type") {
            Some("1") => CacheVersion::V1,
            Some("2") => CacheVersion::V2,
            Some("3") => CacheVersion::V3,
            _ => CacheVersion::V4,
        };
        let Credential { client, server, .. } = &ticket.credential;
        self.trace.say(format_args!(
            "Storing {client} -> {server} in {}",
            cache.name()
        ));
        cache.replace(&content)
    }

    /// Changes the password of the ticket's client, or sets that of `target`. The ticket is one for
    /// [`kadmin/changepw`](crate::password_change::service_name).
    pub fn change_password(
        &self,
        ticket: &InitialTicket,
        password: Zeroizing<String>,
        target: Option<Principal>,
    ) -> Result<Outcome, ClientError> {
        let offset = if self.conf.libdefaults().kdc_timesync() {
            ticket.offset
        } else {
            Offset::default()
        };
        let mut change = PasswordChange::new(ticket.credential.clone(), password, target, offset);
        self.drive(&mut change, &mut NoPrompter, &mut Carriage::default())
    }
}

/// A replica may not know yet what the primary does: whatever it refuses, but for what has nothing to do with its data.
const fn worth_a_primary(error: &ClientError) -> bool {
    !matches!(
        error,
        ClientError::Unreachable { .. }
            | ClientError::NoServers { .. }
            | ClientError::PromptInterrupted
            | ClientError::NoKeyInKeytab { .. }
            | ClientError::ClockSkew { .. }
    )
}
