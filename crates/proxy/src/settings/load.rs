//! From files to [`Settings`].

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{Location, SettingsError, Warning};
use super::ini::{self, Document, Section};
use super::options::SectionKind;
use super::section_reader::SectionReader;
use super::surroundings::{Surroundings, ThisMachine};
use super::{Directory, Global, Service, Settings, Sources, conflicts};

/// A file and what is in it.
#[derive(Clone, Debug)]
pub struct Text {
    /// The file, for what errors say.
    pub file: Arc<Path>,
    /// Its octets.
    pub octets: Vec<u8>,
}

impl Settings {
    /// Reads and checks the files.
    ///
    /// As upstream does, a file of the folder that cannot be used is left out, and so is a section
    /// that an earlier file has; each with a warning.
    ///
    /// # Errors
    /// [`SettingsError`] names file and line, and has a line of help.
    pub fn load(sources: &Sources) -> Result<(Self, Vec<Warning>), SettingsError> {
        let main = read(&sources.file)?;
        let mut warnings = Vec::new();
        let snippets = sources
            .directory
            .as_deref()
            .map_or_else(Vec::new, |directory| snippets(directory, &mut warnings));
        let (settings, more) = Self::from_texts(&main, &snippets, &sources.socket, &ThisMachine)?;
        warnings.extend(more);
        Ok((settings, warnings))
    }

    /// Checks files that were read already: the first, and those of the folder in their order.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_texts<S: Surroundings + ?Sized>(
        main: &Text,
        snippets: &[Text],
        default_socket: &Path,
        surroundings: &S,
    ) -> Result<(Self, Vec<Warning>), SettingsError> {
        let mut document = ini::parse(&main.file, &main.octets)?;
        let mut warnings = Vec::new();
        for snippet in snippets {
            add(snippet, &mut document, &mut warnings);
        }
        let mut settings = Self {
            default_socket: default_socket.to_owned(),
            global: Global::default(),
            services: Vec::new(),
            directories: Vec::new(),
        };
        if let Some(section) = document.section("gssproxy") {
            let mut reader = SectionReader {
                section,
                surroundings,
                warnings: &mut warnings,
            };
            reader.check_names(SectionKind::Global);
            settings.global = Global::read(&mut reader)?;
        }
        for section in &document.sections {
            let mut reader = SectionReader {
                section,
                surroundings,
                warnings: &mut warnings,
            };
            settings.add_section(&mut reader)?;
        }
        if settings.services.is_empty() && settings.directories.is_empty() {
            return Err(SettingsError::NoServices {
                path: main.file.to_path_buf(),
            });
        }
        conflicts::check(&settings.services, &mut warnings)?;
        Ok((settings, warnings))
    }

    /// Every socket that services listen on, once each, the default one first.
    pub fn sockets(&self) -> Vec<&Path> {
        let mut sockets = vec![self.default_socket.as_path()];
        for service in &self.services {
            if let Some(socket) = service.socket.as_deref()
                && !sockets.contains(&socket)
            {
                sockets.push(socket);
            }
        }
        sockets
    }

    fn add_section<S: Surroundings + ?Sized>(
        &mut self,
        reader: &mut SectionReader<'_, S>,
    ) -> Result<(), SettingsError> {
        let section = reader.section;
        if let Some(name) = section.name.strip_prefix("service/") {
            let service = Service::read(name, &self.default_socket, reader)?;
            self.services.extend(service.map(Arc::new));
        } else if let Some(name) = section.name.strip_prefix("directory/") {
            let (directory, services) = Directory::read(name, reader)?;
            self.directories.push(directory);
            self.services.extend(services.into_iter().map(Arc::new));
        } else if !section.name.eq_ignore_ascii_case("gssproxy") {
            reader.warnings.push(ignored(section));
        }
        Ok(())
    }
}

fn ignored(section: &Section) -> Warning {
    let lower = section.name.to_ascii_lowercase();
    let help = if lower.starts_with("service/") || lower.starts_with("directory/") {
        let (kind, name) = section.name.split_once('/').unwrap_or_default();
        format!("write [{}/{name}]", kind.to_ascii_lowercase())
    } else if lower == "default" {
        "options stand below a header".to_owned()
    } else {
        "a service's section is called [service/NAME]".to_owned()
    };
    Warning::new(
        &section.location,
        format!("the section [{}] is ignored", section.name),
        help,
    )
}

fn read(path: &Path) -> Result<Text, SettingsError> {
    let octets = fs::read(path).map_err(|source| SettingsError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    Ok(Text {
        file: Arc::from(path),
        octets,
    })
}

/// The folder's `NN-*.conf` in the order of their names.
fn snippets(directory: &Path, warnings: &mut Vec<Warning>) -> Vec<Text> {
    let mut warn = |path: &Path, message: String| {
        let location = Location {
            file: Arc::from(path),
            line: 1,
        };
        warnings.push(Warning::new(&location, message, "check its permissions"));
    };
    let names = match ThisMachine.file_names(directory) {
        Ok(names) => names,
        Err(error) => {
            warn(directory, format!("the folder is left out: {error}"));
            return Vec::new();
        }
    };
    let mut paths: Vec<PathBuf> = names
        .iter()
        .filter(|name| is_snippet(name))
        .map(|name| directory.join(name))
        .collect();
    paths.sort();
    let mut texts = Vec::new();
    for path in paths {
        match read(&path) {
            Ok(text) => texts.push(text),
            Err(error) => warn(&path, format!("the file is left out: {error}")),
        }
    }
    texts
}

/// `NN-NAME.conf`
fn is_snippet(name: &OsStr) -> bool {
    let rest = name
        .to_str()
        .and_then(|name| name.strip_suffix(".conf"))
        .map(str::as_bytes);
    matches!(rest, Some([tens, ones, b'-', _, ..]) if tens.is_ascii_digit() && ones.is_ascii_digit())
}

/// Adds a file's sections to those of the files before it.
fn add(snippet: &Text, document: &mut Document, warnings: &mut Vec<Warning>) {
    let added = match ini::parse(&snippet.file, &snippet.octets) {
        Ok(added) => added,
        Err(error) => {
            let location = match &error {
                SettingsError::Syntax { location, .. } => location.clone(),
                _ => beginning(snippet),
            };
            let message = match &error {
                SettingsError::Syntax { syntax, .. } => {
                    format!("the whole file is left out: {syntax}")
                }
                other => format!("the whole file is left out: {other}"),
            };
            warnings.push(Warning::new(&location, message, error.help()));
            return;
        }
    };
    if let Some(foreign) = added.sections.iter().find(|section| !may_be_added(section)) {
        warnings.push(Warning::new(
            &foreign.location,
            format!(
                "the whole file is left out: it has a section [{}]",
                foreign.name
            ),
            "a file of the folder has [gssproxy], [service/NAME] and [directory/NAME] only",
        ));
        return;
    }
    for section in added.sections {
        match document.section(&section.name) {
            None => document.sections.push(section),
            Some(earlier) => {
                let message = format!(
                    "the section [{}] is ignored: {} has it already",
                    section.name, earlier.location
                );
                warnings.push(Warning::new(
                    &section.location,
                    message,
                    "sections of several files are not merged: move its options there",
                ));
            }
        }
    }
}

fn may_be_added(section: &Section) -> bool {
    section.name == "gssproxy"
        || section.name.starts_with("service/")
        || section.name.starts_with("directory/")
}

fn beginning(text: &Text) -> Location {
    Location {
        file: Arc::clone(&text.file),
        line: 1,
    }
}
