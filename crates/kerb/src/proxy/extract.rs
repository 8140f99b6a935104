//! `--extract-ccache`: a stored credential of a proxy as a plain cache, for whoever can read the key that it is sealed
//! with. The key is the default keytab's, as with upstream: KRB5_KTNAME names another.

use kerbstone_client::Environment;
use kerbstone_proxy::desk::{DeskEnvironment, ccache_form};

use crate::failure::Failure;

/// Writes what is sealed in the cache `from` to the cache `into`, or to the default one.
///
/// # Errors
/// There is nothing sealed in it, the key is another, or a cache cannot be read or written.
pub(crate) fn extract(from: &str, into: Option<&str>) -> Result<(), Failure> {
    let environment = DeskEnvironment {
        kerberos: Environment::of_process(),
        ..DeskEnvironment::default()
    };
    let extracted = ccache_form::extract(environment, from, into);
    extracted.map(|_| ()).map_err(|error| {
        let what = format!("cannot extract a credential from {from}");
        let help = "its key is that of the proxy's service: name the keytab with KRB5_KTNAME";
        Failure::refused(what, error.to_string(), help)
    })
}
