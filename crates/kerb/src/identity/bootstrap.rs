//! `kerb identity bootstrap`: the first user, project, roles and catalog.

use std::path::Path;

use clap::Args;
use kerbstone_identity::bootstrap::Bootstrap;
use kerbstone_identity::directory::{Directory, DirectoryError};
use kerbstone_identity::model::Interface;
use kerbstone_identity::token::{KeyRepository, TokenError};

use super::settings::IdentitySettings;
use crate::console::{Console, out};
use crate::failure::Failure;

const CANNOT: &str = "cannot make a beginning";

/// The command line of `kerb identity bootstrap`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The administrator: a user of the domain Default, whose principal this is when it has a realm.
    #[arg(long, value_name = "USER", default_value = "admin")]
    admin: String,
    /// The project in which they are one.
    #[arg(long, value_name = "NAME", default_value = "admin")]
    project: String,
    /// Where clients reach the service, with /v3; the other URLs are this one unless they are given.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Where other services reach it.
    #[arg(long, value_name = "URL")]
    internal_url: Option<String>,
    /// Where administrators reach it.
    #[arg(long, value_name = "URL")]
    admin_url: Option<String>,
    /// The region of these endpoints.
    #[arg(long, value_name = "REGION", default_value = "RegionOne")]
    region: String,
    /// The service's name in the catalog.
    #[arg(long, value_name = "NAME", default_value = "keystone")]
    service_name: String,
}

/// Makes what is missing, keys among it.
pub(super) fn run(
    typed: &Typed,
    settings: &IdentitySettings,
    console: &mut Console,
) -> Result<(), Failure> {
    KeyRepository::set_up(&settings.keys, settings.max_active_keys, &mut rand::rng())
        .map_err(|error| no_keys(CANNOT, &error))?;
    let directory = open(&settings.store, CANNOT)?;
    let done = directory
        .change(|change| typed.wanted().make(change))
        .map_err(|error| no_directory(CANNOT, &error))?;
    for one in &done {
        out!(console, "{one}\n");
    }
    if done.is_empty() {
        out!(console, "everything was there already\n");
    }
    Ok(())
}

impl Typed {
    fn wanted(&self) -> Bootstrap {
        let urls = [
            (Interface::Public, &self.public_url),
            (Interface::Internal, &self.internal_url),
            (Interface::Admin, &self.admin_url),
        ];
        let given = urls.into_iter().filter_map(|(interface, url)| {
            let url = url.as_ref().or(self.public_url.as_ref())?;
            Some((interface, url.trim_end_matches('/').to_owned()))
        });
        Bootstrap {
            administrator: self.admin.clone(),
            project: self.project.clone(),
            region: Some(self.region.clone()).filter(|region| !region.is_empty()),
            service: self.service_name.clone(),
            urls: given.collect(),
        }
    }
}

/// Opens the store, which no running service may have open.
pub(super) fn open(store: &Path, what: &str) -> Result<Directory, Failure> {
    Directory::open(store).map_err(|error| no_directory(what, &error))
}

fn no_directory(what: &str, error: &DirectoryError) -> Failure {
    Failure::refused(what, error.to_string(), directory_help(error))
}

/// What the administrator can do about a store that cannot be used.
pub(super) fn directory_help(error: &DirectoryError) -> &'static str {
    match error {
        DirectoryError::Io { .. } => {
            "make the folder of `store` in [identity], and let the service's user write there"
        }
        DirectoryError::InUse { .. } => {
            "the running service has it: change it with the openstack command, or stop the service first"
        }
        DirectoryError::Foreign { .. } => "name another file under `store` in [identity]",
        DirectoryError::TooNew { .. } => "use the version of kerb that wrote it",
        DirectoryError::Damaged { .. } => "restore the file from a copy",
        DirectoryError::Store { .. } => "look whether the disk is full",
    }
}

/// Keys of tokens that cannot be used or made.
pub(super) fn no_keys(what: &str, error: &TokenError) -> Failure {
    Failure::refused(what, error.to_string(), keys_help(error))
}

/// What the administrator can do about it.
pub(super) fn keys_help(error: &TokenError) -> &'static str {
    match error {
        TokenError::NoKeys(_) => "make keys: kerb identity fernet setup",
        TokenError::Repository { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            "make keys: kerb identity fernet setup"
        }
        _ => {
            "let the service's user read the folder of `keys` in [identity], and write it to rotate them"
        }
    }
}
