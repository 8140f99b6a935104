use std::path::{Path, PathBuf};

use super::{Addresses, Heimdal, Kerb, Mit, Setup, Suite};

/// A realm of whichever suite, for tests in which the server is a parameter.
#[derive(Debug)]
pub enum Server {
    /// MIT's KDC.
    Mit(Mit),
    /// Heimdal's KDC.
    Heimdal(Heimdal),
    /// Ours.
    Kerb(Kerb),
}

/// Asks whichever lab it is the same question.
macro_rules! ask {
    ($server:expr, $lab:ident => $question:expr) => {
        match $server {
            Server::Mit($lab) => $question,
            Server::Heimdal($lab) => $question,
            Server::Kerb($lab) => $question,
        }
    };
}

impl Server {
    /// Starts a realm of the suite; `None` when its programs are not here.
    #[must_use]
    pub fn start(suite: Suite, setup: &Setup) -> Option<Self> {
        match suite {
            Suite::Mit => Mit::start(setup).map(Self::Mit),
            Suite::Heimdal => Heimdal::start(setup).map(Self::Heimdal),
            Suite::Kerb => Some(Self::Kerb(Kerb::start(setup))),
        }
    }

    /// Adds a principal with a password.
    pub fn add_user(&self, name: &str, password: &str) {
        ask!(self, lab => lab.add_user(name, password));
    }

    /// Adds a principal with random keys.
    pub fn add_service(&self, name: &str) {
        ask!(self, lab => lab.add_service(name));
    }

    /// Writes a principal's present keys to a keytab of its own.
    #[must_use]
    pub fn keytab(&self, name: &str) -> PathBuf {
        ask!(self, lab => lab.keytab(name))
    }

    /// A trust with another realm in both directions, keyed by a password that the other side is given too.
    pub fn trust(&self, other: &str, password: &str) {
        ask!(self, lab => lab.trust(other, password));
    }

    /// Where the servers listen.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        ask!(self, lab => lab.addresses())
    }

    /// The realm's name.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.addresses().realm
    }

    /// A `krb5.conf` for clients of this realm.
    #[must_use]
    pub fn krb5_conf(&self) -> &Path {
        ask!(self, lab => lab.krb5_conf())
    }

    /// The lab's folder, for files of the test.
    #[must_use]
    pub fn folder(&self) -> &Path {
        ask!(self, lab => lab.folder())
    }

    /// What the KDC has logged.
    #[must_use]
    pub fn log(&self) -> String {
        ask!(self, lab => lab.log())
    }
}
