//! One run of `kerb admin`: the connection, the default realm, and words for what went wrong.

use std::path::Path;

use kerbstone_admin::client::{ClientError, Connection};
use kerbstone_admin::{Operation, Reply};
use kerbstone_proto::name::{NameError, Principal, Realm};

use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::session::Session;

/// A connection to the KDC and the console of whoever administers it.
pub(crate) struct Desk<'a> {
    connection: Connection,
    realm: Option<Realm>,
    pub(crate) console: &'a mut Console,
}

impl<'a> Desk<'a> {
    pub(crate) fn open(
        socket: &Path,
        realm: Option<Realm>,
        console: &'a mut Console,
    ) -> Result<Self, Failure> {
        let connection =
            Connection::open(socket).map_err(|error| failure("cannot administer", &error))?;
        Ok(Self {
            connection,
            realm,
            console,
        })
    }

    /// Has an operation performed; `what` says what could not be done otherwise.
    pub(crate) fn ask(&mut self, what: &str, operation: Operation) -> Result<Reply, Failure> {
        let done = self.connection.execute(operation);
        done.map_err(|error| failure(what, &error))
    }

    /// Takes a dump.
    pub(crate) fn dump(&mut self, out: &mut dyn std::io::Write) -> Result<u64, Failure> {
        let done = self.connection.dump(out);
        done.map_err(|error| failure("cannot dump the store", &error))
    }

    /// The realm that was named, the KDC's only one, or the default of krb5.conf.
    pub(crate) fn realm(&mut self) -> Result<Realm, Failure> {
        if let Some(realm) = &self.realm {
            return Ok(realm.clone());
        }
        let realms = self.realms()?;
        let realm = match realms.as_slice() {
            [only] => only.clone(),
            _ => Session::default_realm()
                .filter(|realm| realms.contains(realm))
                .ok_or_else(|| several(&realms))?,
        };
        self.realm = Some(realm.clone());
        Ok(realm)
    }

    pub(crate) fn realms(&mut self) -> Result<Vec<Realm>, Failure> {
        match self.ask("cannot list the realms", Operation::ListRealms)? {
            Reply::Realms(realms) => Ok(realms),
            _ => Err(unexpected()),
        }
    }

    /// A principal as typed, in the default realm when it names none.
    pub(crate) fn principal(&mut self, text: &str) -> Result<Principal, Failure> {
        let parsed = match Principal::parse(text, None) {
            Err(NameError::NoRealm) => Principal::parse(text, Some(&self.realm()?)),
            other => other,
        };
        parsed.map_err(|error| {
            let help = r"write it as alice, host/www.example.org or alice@REALM; \ takes the meaning of /, @ and \";
            mistyped(format!("{text:?}: {error}"), help)
        })
    }
}

/// An answer to another question.
pub(crate) fn unexpected() -> Failure {
    failure("cannot administer", &ClientError::Unexpected)
}

fn several(realms: &[Realm]) -> Failure {
    let names: Vec<String> = realms.iter().map(ToString::to_string).collect();
    let why = match names.as_slice() {
        [] => "the KDC has no realm yet".to_owned(),
        names => format!("the KDC has several realms: {}", names.join(", ")),
    };
    mistyped(why, "name one with --realm, or write name@REALM")
}

fn failure(what: &str, error: &ClientError) -> Failure {
    let mut failure = Failure::refused(what, error.to_string(), error.help());
    if matches!(error, ClientError::Unreachable { .. }) {
        failure.exit = Exit::NoAnswer;
    }
    failure
}

/// A command line that says nothing sensible.
fn mistyped(why: String, help: &str) -> Failure {
    let mut failure = Failure::refused("the command line is wrong", why, help);
    failure.exit = Exit::Usage;
    failure
}
