//! A realm with people, and a service of ours that checks their passwords.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kerbstone_client::{Context, Environment, KeytabFile};
use kerbstone_gss::replay::MemoryReplayCache;
use kerbstone_gss::{AcceptorCredential, AcceptorName};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::Timestamp;
use kerbstone_testkit::lab::{Kerb, Mit, Setup};
use kerbstone_verify::{
    AcceptorSource, KdcProof, PasswordFault, PasswordLimits, Passwords, Realms, Verified,
};
use zeroize::Zeroizing;

pub(crate) const REALM: &str = "VERIFY.TEST";
pub(crate) const SERVICE: &str = "HTTP/www.verify.test@VERIFY.TEST";

/// Whose KDC it is.
pub(crate) enum Lab {
    Mit(Mit),
    Kerb(Kerb),
}

impl Lab {
    /// Both, as far as they are there: alice (`wonderland`) and the service.
    pub(crate) fn all() -> Vec<Self> {
        Self::all_of(REALM)
    }

    pub(crate) fn all_of(realm: &str) -> Vec<Self> {
        let mit = Mit::start(&Setup::realm(realm)).map(Self::Mit);
        let kerb = Self::Kerb(Kerb::start(&Setup::realm(realm)));
        let labs: Vec<Self> = mit.into_iter().chain([kerb]).collect();
        for lab in &labs {
            lab.add_user("alice", "wonderland");
            lab.add_service();
        }
        labs
    }

    pub(crate) fn add_user(&self, name: &str, password: &str) {
        match self {
            Self::Mit(mit) => mit.add_user(name, password),
            Self::Kerb(kerb) => kerb.add_user(name, password),
        }
    }

    fn add_service(&self) {
        match self {
            Self::Mit(mit) => mit.add_service(SERVICE),
            Self::Kerb(kerb) => kerb.add_service(SERVICE),
        }
    }

    pub(crate) fn expire_password(&self, name: &str) {
        match self {
            Self::Mit(mit) => mit.admin(&["modprinc", "-pwexpire", "yesterday", name]),
            Self::Kerb(kerb) => kerb.admin(&[
                "principal",
                "modify",
                name,
                "--password-expires",
                "2020-01-01",
            ]),
        };
    }

    /// So that no right password helps.
    pub(crate) fn lock(&self, name: &str) {
        match self {
            Self::Mit(mit) => mit.admin(&["modprinc", "-allow_tix", name]),
            Self::Kerb(kerb) => kerb.admin(&["principal", "lock", name]),
        };
    }

    pub(crate) fn keytab(&self) -> PathBuf {
        match self {
            Self::Mit(mit) => mit.keytab(SERVICE),
            Self::Kerb(kerb) => kerb.keytab(SERVICE),
        }
    }

    pub(crate) fn krb5_conf(&self) -> &Path {
        match self {
            Self::Mit(mit) => mit.krb5_conf(),
            Self::Kerb(kerb) => kerb.krb5_conf(),
        }
    }

    pub(crate) fn stop(&mut self) {
        match self {
            Self::Mit(mit) => mit.stop(),
            Self::Kerb(kerb) => kerb.stop(),
        }
    }

    pub(crate) fn passwords(&self) -> Passwords {
        self.passwords_with(PasswordLimits::default())
    }

    pub(crate) fn passwords_with(&self, limits: PasswordLimits) -> Passwords {
        passwords(self.krb5_conf(), acceptors(&self.keytab()), limits)
    }
}

pub(crate) fn acceptors(keytab: &Path) -> Arc<AcceptorSource> {
    let keytab = KeytabFile::parse(&keytab.to_string_lossy())
        .unwrap()
        .load()
        .unwrap();
    let replays = Arc::new(MemoryReplayCache::new(&mut rand::rng()));
    let credential = AcceptorCredential::new(&keytab, AcceptorName::Any, replays).unwrap();
    Arc::new(AcceptorSource::keytab(credential))
}

pub(crate) fn passwords(
    krb5_conf: &Path,
    acceptors: Arc<AcceptorSource>,
    limits: PasswordLimits,
) -> Passwords {
    let proof = KdcProof::Ticket {
        service: Principal::parse(SERVICE, None).unwrap(),
        acceptors,
    };
    Passwords::new(
        context(krb5_conf),
        Realms::only(Realm::from(REALM)),
        proof,
        limits,
    )
}

pub(crate) fn context(krb5_conf: &Path) -> Arc<Context> {
    let environment = Environment {
        krb5_config: Some(krb5_conf.display().to_string()),
        ..Environment::default()
    };
    Arc::new(Context::new(environment).unwrap())
}

pub(crate) async fn check(
    passwords: &Passwords,
    name: &str,
    password: &str,
) -> Result<Verified, PasswordFault> {
    let password = Zeroizing::new(password.to_owned());
    passwords.check(name, &password, now()).await
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_duration(std::time::UNIX_EPOCH.elapsed().unwrap())
}

pub(crate) fn patient_for(seconds: u64) -> PasswordLimits {
    PasswordLimits {
        patience: Duration::from_secs(seconds),
        ..PasswordLimits::default()
    }
}
