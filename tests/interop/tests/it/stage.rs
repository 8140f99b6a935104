//! What most cases begin with: a realm with a user and a service, and a client without credentials.

use kerbstone_testkit::lab::{Server, Session, Setup, Suite};

pub(crate) const REALM: &str = "LAB.EXAMPLE";
pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const SERVICE: &str = "host/www.lab.example";
pub(crate) const TGT: &str = "krbtgt/LAB.EXAMPLE@LAB.EXAMPLE";

/// A server with `USER` and `SERVICE`, and a client that knows where it is.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) session: Session,
}

impl Stage {
    /// `None` when one of the two is not on this machine.
    pub(crate) fn set(client: Suite, server: Suite) -> Option<Self> {
        Self::with(client, server, &Setup::realm(REALM))
    }

    pub(crate) fn with(client: Suite, server: Suite, setup: &Setup) -> Option<Self> {
        if !client.is_present() {
            return None;
        }
        let server = Server::start(server, setup)?;
        server.add_user(USER, PASSWORD);
        server.add_service(SERVICE);
        let session = Session::new(client, server.krb5_conf());
        Some(Self { server, session })
    }

    /// The client has signed in.
    pub(crate) fn sign_in(&self, options: &[&str]) {
        self.session.sign_in(USER, PASSWORD, options).succeeded();
    }
}
