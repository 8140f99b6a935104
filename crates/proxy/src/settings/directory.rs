//! The directory model: one socket per credential, and the file system says who may use it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::error::{Location, SettingsError, ValueFault, Warning};
use super::ini::Entry;
use super::options::SectionKind;
use super::section_reader::{SectionReader, refusal};
use super::service::{CredStoreElement, CredUsage, Mechs, Service};
use super::service_reader;
use super::surroundings::Surroundings;

/// A section `[directory/NAME]`: a folder of sockets, one for each of its credentials, which stand
/// among [`Settings::services`](super::Settings::services).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The section's name without `directory/`.
    pub name: String,
    /// Where the section begins.
    pub location: Location,
    /// The folder; the daemon makes it when it is not there.
    pub path: PathBuf,
    /// Owner; the daemon's uid when absent.
    pub owner: Option<u32>,
    /// Group; the daemon's when absent.
    pub group: Option<u32>,
    /// Permission bits.
    pub mode: u32,
}

/// Who may enter the folder when the file does not say.
const FOLDER_MODE: u32 = 0o755;

/// Who may connect to its sockets when the file does not say.
const SOCKET_MODE: u32 = 0o660;

impl Directory {
    /// The folder, and a service for each of its credentials.
    ///
    /// # Errors
    /// [`SettingsError`]
    pub(super) fn read<S: Surroundings + ?Sized>(
        name: &str,
        reader: &mut SectionReader<'_, S>,
    ) -> Result<(Self, Vec<Service>), SettingsError> {
        reader.check_names(SectionKind::Directory);
        reader.required("path")?;
        let directory = Self {
            name: name.to_owned(),
            location: reader.section.location.clone(),
            path: reader.absolute_path("path")?.unwrap_or_default(),
            owner: reader.user("owner")?,
            group: reader.group("group")?,
            mode: reader.mode("mode")?.unwrap_or(FOLDER_MODE),
        };
        if reader.entry("ccaches").is_none() {
            reader.required("keytabs")?;
        }
        let mechs = match reader.entry("mechs") {
            Some(entry) => service_reader::mechs(reader, entry),
            None => Mechs {
                krb5: true,
                spnego: false,
            },
        };
        if mechs == Mechs::default() {
            return Ok((directory, Vec::new()));
        }
        let mut model = Service::with_credentials(name, mechs, reader)?;
        model.allow_any_uid = true;
        if reader.entry("socket_mode").is_none() {
            model.socket_access.mode = SOCKET_MODE;
        }
        let services = directory.services(&model, reader)?;
        Ok((directory, services))
    }

    fn services<S: Surroundings + ?Sized>(
        &self,
        model: &Service,
        reader: &mut SectionReader<'_, S>,
    ) -> Result<Vec<Service>, SettingsError> {
        let mut services: Vec<Service> = Vec::new();
        for option in ["keytabs", "ccaches"] {
            let Some(entry) = reader.entry(option) else {
                continue;
            };
            for file in matching_files(option, entry, reader)? {
                let Some(stem) = file.file_stem().and_then(OsStr::to_str) else {
                    continue;
                };
                let socket = self.path.join(format!("{stem}.sock"));
                if services
                    .iter()
                    .any(|service| service.socket.as_deref() == Some(&socket))
                {
                    let message = format!(
                        "{} would have the socket of another file, {}, and has none",
                        file.display(),
                        socket.display()
                    );
                    reader.warn(entry, message, "rename one of the two");
                    continue;
                }
                // Whoever accepts without a keytab would get the host's.
                let cred_usage = match option {
                    "ccaches" => CredUsage::Initiate,
                    _ => model.cred_usage,
                };
                services.push(Service {
                    name: format!("{}/{stem}", self.name),
                    cred_store: store(option, &file, cred_usage),
                    socket: Some(socket),
                    cred_usage,
                    ..model.clone()
                });
            }
        }
        Ok(services)
    }
}

/// The files that a `FOLDER/PATTERN` means, in the order of their names.
fn matching_files<S: Surroundings + ?Sized>(
    option: &'static str,
    entry: &Entry,
    reader: &mut SectionReader<'_, S>,
) -> Result<Vec<PathBuf>, SettingsError> {
    let (folder, pattern) = entry.value.rsplit_once('/').unwrap_or_default();
    if !entry.value.starts_with('/') {
        return Err(refusal(entry, option, ValueFault::RelativePath));
    }
    if folder.contains(['*', '?']) {
        return Err(refusal(entry, option, ValueFault::WildcardInFolder));
    }
    let folder = Path::new(if folder.is_empty() { "/" } else { folder });
    let names = match reader.surroundings.file_names(folder) {
        Ok(names) => names,
        Err(error) => {
            let message = format!("cannot read {}: {error}", folder.display());
            reader.warn(entry, message, "make the folder, then reload");
            return Ok(Vec::new());
        }
    };
    let mut files: Vec<PathBuf> = names
        .iter()
        .filter_map(|name| name.to_str())
        .filter(|name| !name.starts_with('.') && matches(pattern.as_bytes(), name.as_bytes()))
        .map(|name| folder.join(name))
        .collect();
    files.sort();
    if files.is_empty() {
        reader.warnings.push(Warning::new(
            &entry.location,
            format!("no file matches {}", entry.value),
            "add one, then reload",
        ));
    }
    Ok(files)
}

/// A file's name may have a `%`, which is nobody's uid here.
fn store(option: &str, file: &Path, usage: CredUsage) -> Vec<CredStoreElement> {
    let path = file.display().to_string().replace('%', "%%");
    let element = |key: &str| CredStoreElement {
        key: key.to_owned(),
        value: format!("FILE:{path}"),
    };
    match (option, usage) {
        ("ccaches", _) => vec![element("ccache")],
        (_, CredUsage::Accept) => vec![element("keytab")],
        (_, CredUsage::Initiate) => vec![element("client_keytab")],
        (_, CredUsage::Both) => vec![element("keytab"), element("client_keytab")],
    }
}

/// Whether a name is of this pattern: `*` stands for any octets, `?` for one.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut pattern, mut name) = (pattern, name);
    // Behind the last `*`, and what it has not yet swallowed.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => return true,
            (Some((b'*', rest)), _) => {
                retry = Some((rest, name));
                pattern = rest;
            }
            (Some((wanted, rest)), Some((octet, shorter)))
                if *wanted == b'?' || wanted == octet =>
            {
                (pattern, name) = (rest, shorter);
            }
            _ => {
                let Some((rest, [_, shorter @ ..])) = retry else {
                    return false;
                };
                retry = Some((rest, shorter));
                (pattern, name) = (rest, shorter);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (pattern, name, fits) in [
            ("*.keytab", "web.keytab", true),
            ("*.keytab", ".keytab", true),
            ("*.keytab", "web.keytab~", false),
            ("web?.k*b", "web1.keytab", true),
            ("web?", "web", false),
            ("*", "", true),
            ("", "a", false),
            ("a*b*c", "aXbXbYc", true),
            ("a*b*c", "aXbXbY", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes()),
                fits,
                "{pattern} {name}"
            );
        }
    }
}
