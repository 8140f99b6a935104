//! How passwords are checked: at which KDCs, and with which key of ours these prove that they are the right ones.

use std::path::Path;
use std::sync::Arc;

use kerbstone_client::{Context, Environment, KeytabFile};
use kerbstone_gss::replay::MemoryReplayCache;
use kerbstone_gss::{AcceptorCredential, AcceptorName};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_verify::{AcceptorSource, KdcProof, PasswordLimits, Passwords, ProxyDoor, Realms};

use super::service::ServiceError;
use super::settings::IdentitySettings;

/// What the settings say about realms, with what krb5.conf adds.
pub(super) struct Kerberos {
    context: Context,
    /// Realms and their domains, that of names without a realm first.
    pub(super) realms: Vec<(String, String)>,
}

impl Kerberos {
    /// Reads krb5.conf.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(settings: &IdentitySettings) -> Result<Self, ServiceError> {
        let mut environment = Environment::of_process();
        if let Some(path) = &settings.krb5_conf {
            environment.krb5_config = Some(path.to_string_lossy().into_owned());
        }
        let context = Context::new(environment)?;
        let default = context.default_realm().ok().map(|realm| realm.to_string());
        let mut realms: Vec<(String, String)> = match (settings.domains.is_empty(), &default) {
            (true, Some(realm)) => vec![(realm.clone(), "Default".to_owned())],
            _ => settings
                .domains
                .iter()
                .map(|(realm, domain)| (realm.clone(), domain.clone()))
                .collect(),
        };
        realms.sort_by_key(|(realm, _)| Some(realm) != default.as_ref());
        Ok(Self { context, realms })
    }

    /// What checks passwords; `None` without keys, or without realms.
    ///
    /// # Errors
    /// The keys cannot be used, or none of them is the service's.
    pub(super) fn passwords(
        self,
        settings: &IdentitySettings,
    ) -> Result<Option<Passwords>, ServiceError> {
        let mut names = self
            .realms
            .iter()
            .map(|(name, _)| Realm::from(name.as_str()));
        let Some(first) = names.next() else {
            return Ok(None);
        };
        let proof = match (&settings.keytab, &settings.proxy) {
            (None, None) => return Ok(None),
            (Some(keytab), None) => own_keys(settings, keytab)?,
            (None, Some(socket)) => KdcProof::Ticket {
                service: self.service_behind_proxy(settings)?,
                acceptors: Arc::new(AcceptorSource::proxy(ProxyDoor::at(socket.clone()))),
            },
            (Some(_), Some(_)) => return Err(ServiceError::Means),
        };
        let realms = Realms::only(first).and(names);
        let limits = PasswordLimits::default();
        Ok(Some(Passwords::new(
            Arc::new(self.context),
            realms,
            proof,
            limits,
        )))
    }

    /// A proxy does not say which keys it has: without a host the service is that of this one.
    fn service_behind_proxy(&self, settings: &IdentitySettings) -> Result<Principal, ServiceError> {
        let name = match settings.service.contains('/') {
            true => settings.service.clone(),
            false => {
                let host = nix::unistd::gethostname().map_err(std::io::Error::from)?;
                format!("{}/{}", settings.service, host.to_string_lossy())
            }
        };
        self.context
            .parse_principal(&name)
            .map_err(|_| ServiceError::NoSuchService(name))
    }
}

fn own_keys(settings: &IdentitySettings, path: &Path) -> Result<KdcProof, ServiceError> {
    let keytab = KeytabFile::parse(&path.to_string_lossy())?.load()?;
    let (service, host) = match settings.service.split_once('/') {
        Some((service, host)) => (service, Some(host)),
        None => (settings.service.as_str(), None),
    };
    let is_ours = |principal: &Principal| {
        let mut parts = principal.name.components.iter().map(|part| part.to_str());
        parts.next() == Some(Some(service))
            && host.is_none_or(|host| parts.next() == Some(Some(host)))
    };
    let principal = keytab
        .entries()
        .map(|entry| &entry.principal)
        .find(|principal| is_ours(principal))
        .cloned()
        .ok_or_else(|| ServiceError::NoSuchKey {
            keytab: path.to_owned(),
            service: settings.service.clone(),
        })?;
    let name = AcceptorName::HostBased {
        service: service.to_owned(),
        host: host.map(str::to_owned),
    };
    // The tickets accepted here were fetched here: nobody else ever sends one.
    let replays = Arc::new(MemoryReplayCache::new(&mut rand::rng()));
    let credential =
        AcceptorCredential::new(&keytab, name, replays).map_err(|source| ServiceError::Keys {
            keytab: path.to_owned(),
            source,
        })?;
    Ok(KdcProof::Ticket {
        service: principal,
        acceptors: Arc::new(AcceptorSource::keytab(credential)),
    })
}
