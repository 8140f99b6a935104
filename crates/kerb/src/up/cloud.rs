//! The site's identity service: its people have a project there, and its catalog leads back to the gateway.

use std::fmt::Display;

use kerbstone_identity::bootstrap::{Bootstrap, admit_member};
use kerbstone_identity::directory::{Directory, DirectoryError};
use kerbstone_identity::model::Interface;
use kerbstone_identity::token::KeyRepository;

use super::first_start::PEOPLE;
use super::role;
use super::site::Site;
use crate::failure::Failure;

/// Who knows about projects, and its keys.
const STORE: &str = "identity.redb";
const KEYS: &str = "fernet";
/// What people come for.
pub(crate) const PROJECT: &str = "demo";
const REGION: &str = "RegionOne";

/// The way in to the identity service that shows a ticket.
pub(crate) const BY_TICKET: &str = "krb/v3";
/// The way in that shows a certificate.
pub(crate) const BY_CERTIFICATE: &str = "x509/v3";
/// The way in that shows a password or a token.
pub(crate) const BY_PASSWORD: &str = "main/v3";

/// What the identity service's section says first, and how the gateway lets people in to it.
pub(super) const SECTION: &str = r#"store = "identity.redb"
keys = "fernet"
socket = "run/identity"
proxy = "run/proxy"
service = "HTTP/localhost"
krb5_conf = "krb5.conf"
audit = "identity.jsonl"
metrics = ""
# Not `external`: it would count a second time for whoever shows a ticket or a certificate.
methods = ["password", "token", "application_credential", "kerberos", "x509"]
# A principal of the realm becomes a user when it comes for the first time; what it may do is another matter.
create_users = true

[identity.domains]
"REALM" = "Default"

[[gateway.pool]]
name = "identity"
members = ["unix:run/identity"]

# Passwords and tokens are in the body of a request, and the identity service's affair.
[[gateway.entry]]
path = "/main/v3"
ways = ["none"]
rewrite = "/v3"
pool = "identity"

[[gateway.entry]]
path = "/admin/v3"
ways = ["none"]
rewrite = "/v3"
pool = "identity"

# A ticket buys a token here; with the token everything else is as it is anywhere.
[[gateway.entry]]
path = "/krb/v3/auth/tokens"
methods = ["POST"]
ways = ["negotiate"]
rewrite = "/v3/auth/tokens"
pool = "identity"

[[gateway.entry]]
path = "/krb/v3"
ways = ["none"]
rewrite = "/v3"
pool = "identity"

# Clients that find their way in by themselves read it here: the plugin v3kerbstone of packaging/python.
[[gateway.entry]]
path = "/.well-known/kerbstone"
ways = ["none"]
page = "ways-in"
"#;

/// Makes what is missing, and lets the catalog name the address at which the gateway listens this time.
///
/// # Errors
/// The files cannot be written or are somebody else's.
pub(super) fn settle(site: &Site) -> Result<(), Failure> {
    let refused = |error: &dyn Display| {
        Failure::refused(
            "cannot prepare the identity service",
            error.to_string(),
            "mend the file, or name another folder to start a new site: kerb up DIR",
        )
    };
    KeyRepository::set_up(
        &site.path(KEYS),
        KeyRepository::MAX_ACTIVE,
        &mut rand::rng(),
    )
    .map_err(|error| refused(&error))?;
    let directory = Directory::open(&site.path(STORE)).map_err(|error| refused(&error))?;
    people(site, &directory).map_err(|error| refused(&error))
}

fn people(site: &Site, directory: &Directory) -> Result<(), DirectoryError> {
    let url = url(site, BY_PASSWORD);
    let named = |person: &str| format!("{person}@{}", site.realm());
    let [administrator, members @ ..] = PEOPLE;
    let first = Bootstrap {
        administrator: named(administrator),
        project: PROJECT.to_owned(),
        region: Some(REGION.to_owned()),
        service: "kerbstone".to_owned(),
        urls: [Interface::Public, Interface::Internal, Interface::Admin]
            .map(|interface| (interface, url.clone()))
            .to_vec(),
    };
    directory.change(|change| {
        first.make(change)?;
        for member in members {
            admit_member(change, &named(member), PROJECT)?;
        }
        Ok(())
    })
}

/// Where a way in is.
pub(crate) fn url(site: &Site, way: &str) -> String {
    format!("{}{way}", role::front_page(site))
}
