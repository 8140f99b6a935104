//! A realm in memory and those who administer it.

use std::sync::{Arc, Mutex};

use kerbstone_admin::acl::Acl;
use kerbstone_admin::{
    AdminError, Administration, AuditSink, Authority, Caller, KeySource, LocalUser, Operation,
    PrincipalChanges, PrincipalView, Reply,
};
use kerbstone_crypto::Enctype;
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use kerbstone_realm::{Keysalt, MasterKey, RealmSettings, RedbStore, Registrar, Stamp, Vault};
use rand::SeedableRng;
use rand::rngs::StdRng;

pub(crate) const REALM: &str = "EXAMPLE.TEST";

/// A user who is neither root nor the tests' own.
pub(crate) const STRANGER: u32 = 54_321;

#[derive(Debug, Default)]
pub(crate) struct Lines(Mutex<Vec<String>>);

impl AuditSink for Lines {
    fn record(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

pub(crate) struct Site {
    pub(crate) administration: Arc<Administration>,
    pub(crate) lines: Arc<Lines>,
    now: KerberosTime,
}

impl Site {
    /// A realm with these rules in its `kadm5.acl`.
    pub(crate) fn new(rules: &str) -> Self {
        let store = Arc::new(RedbStore::in_memory().unwrap());
        let vault = Arc::new(Vault::create(store, MasterKey::new(&[7; 32])).unwrap());
        let mut settings = RealmSettings::new(realm());
        // One kind of key, so that passwords cost little time.
        settings.keysalts = vec![Keysalt::normal(Enctype::Aes256CtsHmacSha1_96)];
        let now = KerberosTime::from_unix(1_700_000_000);
        let stamp = Stamp {
            by: principal("test"),
            at: now,
        };
        let registrar = Registrar::new(Arc::clone(&vault));
        let mut rng = StdRng::seed_from_u64(1);
        registrar.create_realm(&settings, &stamp, &mut rng).unwrap();
        let acl = Acl::parse(rules, Some(&realm())).unwrap();
        let lines = Arc::new(Lines::default());
        let sink: Arc<dyn AuditSink> = Arc::<Lines>::clone(&lines);
        let administration = Administration::new(vault, Authority::new([], acl));
        Self {
            administration: Arc::new(administration.with_audit(sink)),
            lines,
            now,
        }
    }

    pub(crate) fn run(&self, caller: &Caller, operation: Operation) -> Result<Reply, AdminError> {
        let now = Timestamp::from(self.now);
        let mut rng = StdRng::seed_from_u64(rand::random());
        self.administration
            .execute(caller, operation, now, &mut rng)
    }

    /// As root of the KDC's host.
    pub(crate) fn root(&self, operation: Operation) -> Result<Reply, AdminError> {
        self.run(&root(), operation)
    }

    pub(crate) fn add(&self, name: &str, password: &str) -> Principal {
        let operation = create(name, KeySource::Password(password.as_bytes().into()));
        self.root(operation).unwrap();
        principal(name)
    }

    pub(crate) fn show(&self, name: &str) -> PrincipalView {
        let principal = principal(name);
        match self.root(Operation::GetPrincipal { principal }).unwrap() {
            Reply::Principal(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now = KerberosTime::from_unix(self.now.unix() + seconds);
    }

    pub(crate) fn audit(&self) -> Vec<serde_json::Value> {
        let lines = self.lines.0.lock().unwrap();
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

pub(crate) fn create(name: &str, keys: KeySource) -> Operation {
    Operation::CreatePrincipal {
        principal: principal(name),
        keys,
        keysalts: None,
        changes: PrincipalChanges::default(),
    }
}

pub(crate) fn realm() -> Realm {
    Realm::from(REALM)
}

pub(crate) fn principal(text: &str) -> Principal {
    Principal::parse(text, Some(&realm())).unwrap()
}

pub(crate) fn root() -> Caller {
    Caller::Local(LocalUser {
        uid: 0,
        pid: Some(1),
        name: "root".to_owned(),
    })
}

pub(crate) fn stranger() -> Caller {
    Caller::Local(LocalUser {
        uid: STRANGER,
        pid: None,
        name: "mallory".to_owned(),
    })
}

pub(crate) fn remote(name: &str) -> Caller {
    Caller::Principal(principal(name))
}

/// MIT's name for the code of a refusal.
pub(crate) fn code(result: Result<Reply, AdminError>) -> &'static str {
    result.expect_err("refused").kadm5_code().message()
}
