//! The tree of sections and relations, and how it is asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::{ConfError, Location};
use super::parser;
use super::source::{FileSource, NoFiles};

/// `name = value` somewhere in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// The value, unquoted.
    pub value: String,
    /// Where it is written.
    pub at: Location,
    /// Whether it was marked with `*`: no later value is to be added.
    pub(super) is_final: bool,
}

/// What a pair of braces, a `[section]` or a whole file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) is_final: bool,
    pub(super) sections: BTreeMap<String, Self>,
    pub(super) relations: BTreeMap<String, Vec<Relation>>,
}

impl Section {
    /// The section at `path`, made if it is not there.
    pub(super) fn descend(&mut self, path: &[String]) -> &mut Self {
        path.iter().fold(self, |section, name| {
            section.sections.entry(name.clone()).or_default()
        })
    }

    /// Adds a relation, unless one of its name was marked final.
    pub(super) fn add(&mut self, name: &str, relation: Relation) {
        if self
            .sections
            .get(name)
            .is_some_and(|section| section.is_final)
        {
            return;
        }
        let same = self.relations.entry(name.to_owned()).or_default();
        if !same.iter().any(|earlier| earlier.is_final) {
            same.push(relation);
        }
    }

    fn has_final_member(&self) -> bool {
        let relations = self.relations.values().flatten();
        relations
            .map(|relation| relation.is_final)
            .chain(self.sections.values().map(|section| section.is_final))
            .any(|is_final| is_final)
    }
}

/// The configuration of one or several files, in the order of the search path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    files: Vec<Section>,
}

impl Profile {
    /// Reads the files at `paths`, as MIT does: those which are missing are passed over, and so are
    /// those that may not be read if others may; a directory stands for the files that `includedir`
    /// would take from it.
    ///
    /// # Errors
    /// A file is not of the grammar, includes one that cannot be read, or all that exist are
    /// unreadable.
    pub fn load(paths: &[PathBuf], source: &dyn FileSource) -> Result<Self, ConfError> {
        parser::load(paths, source).map(|files| Self { files })
    }

    /// Reads one text that includes no files. Errors call it `krb5.conf`.
    ///
    /// # Errors
    /// It is not of the grammar.
    pub fn parse(text: &str) -> Result<Self, ConfError> {
        let root = parser::parse(Path::new("krb5.conf"), text.as_bytes(), &NoFiles)?;
        Ok(Self { files: vec![root] })
    }

    /// Every value of the relation at `names` (sections from the outside in, then its name), the
    /// first file's first. A file in which the relation or a section around it is final is the last
    /// one that is asked.
    pub fn relations<'a>(&'a self, names: &[&str]) -> impl Iterator<Item = &'a Relation> + use<'a> {
        let mut found = Vec::new();
        if let Some((name, sections)) = names.split_last() {
            for file in &self.files {
                let (section, mut last) = enter(file, sections);
                let here = section.and_then(|section| section.relations.get(*name));
                for relation in here.into_iter().flatten() {
                    last |= relation.is_final;
                    found.push(relation);
                }
                if last {
                    break;
                }
            }
        }
        found.into_iter()
    }

    /// The first value of the relation at `names`, which is the one that counts for most of them.
    #[must_use]
    pub fn relation(&self, names: &[&str]) -> Option<&Relation> {
        self.relations(names).next()
    }

    /// The text of [`Profile::relation`].
    #[must_use]
    pub fn string(&self, names: &[&str]) -> Option<&str> {
        self.relation(names).map(|relation| relation.value.as_str())
    }

    /// The names of the subsections of the section at `names`, each once.
    #[must_use]
    pub fn subsections(&self, names: &[&str]) -> Vec<&str> {
        self.members(names, |section| section.sections.keys().collect())
    }

    /// The names of the relations in the section at `names`, each once.
    #[must_use]
    pub fn relation_names(&self, names: &[&str]) -> Vec<&str> {
        self.members(names, |section| section.relations.keys().collect())
    }

    fn members(&self, names: &[&str], of: fn(&Section) -> Vec<&String>) -> Vec<&str> {
        let mut members: Vec<&str> = Vec::new();
        for file in &self.files {
            let (section, mut last) = enter(file, names);
            if let Some(section) = section {
                last |= section.has_final_member();
                for name in of(section) {
                    if !members.contains(&name.as_str()) {
                        members.push(name);
                    }
                }
            }
            if last {
                break;
            }
        }
        members
    }
}

/// The section at `names` in a file, and whether one on the way was final.
fn enter<'a>(file: &'a Section, names: &[&str]) -> (Option<&'a Section>, bool) {
    let mut section = file;
    let mut is_final = false;
    for name in names {
        let Some(inner) = section.sections.get(*name) else {
            return (None, is_final);
        };
        section = inner;
        is_final |= section.is_final;
    }
    (Some(section), is_final)
}
