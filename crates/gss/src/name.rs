//! Names as GSS has them: of people, of services on hosts, of principals, and exported.

use kerbstone_proto::name::Principal;

/// A name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// A service, on a host or on the host where the acceptor is.
    HostBased {
        /// `HTTP`, `host`, `imap`.
        service: String,
        /// The host.
        host: Option<String>,
    },
    /// A principal.
    Principal(Principal),
    /// Nobody.
    Anonymous,
}
