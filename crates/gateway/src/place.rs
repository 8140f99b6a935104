//! Which requests an entry point is for: their host, listener, method and path.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use std::fmt;

use http::{HeaderValue, Method};

use crate::request_path::{PathPrefix, RequestPath};

/// Where an entry point is. What is empty is not asked about.
#[derive(Clone, Debug)]
pub struct Place {
    /// Hosts that the client names.
    pub hosts: Vec<HostPattern>,
    /// Names of the listeners that it comes by.
    pub listeners: Vec<String>,
    /// Methods; whoever names GET means HEAD too.
    pub methods: Vec<Method>,
    /// Where the paths begin.
    pub prefix: PathPrefix,
}

/// A host, or all below a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// `www.example.test`.
    Exact(String),
    /// `*.example.test`, kept as `.example.test`.
    Below(String),
}

/// Why a host in the settings is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no host: write www.example.com, or *.example.com for all below it, without a port")]
pub struct BadHost(String);

/// A host as decisions need it: in lower case, without port and without a final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

/// What an entry point is chosen by.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The host that the client named.
    pub host: &'a HostName,
    /// The listener that it came by.
    pub listener: &'a str,
    /// The method.
    pub method: &'a Method,
    /// The path.
    pub path: &'a RequestPath,
}

impl Place {
    /// All requests below a path.
    pub const fn below(prefix: PathPrefix) -> Self {
        Self {
            hosts: Vec::new(),
            listeners: Vec::new(),
            methods: Vec::new(),
            prefix,
        }
    }

    /// Whether a request is for here, whatever its host.
    pub(crate) fn takes(&self, asked: &Asked<'_>) -> bool {
        self.prefix.covers(asked.path)
            && (self.listeners.is_empty() || self.listeners.iter().any(|one| one == asked.listener))
            && (self.methods.is_empty() || self.methods.iter().any(|one| means(one, asked.method)))
    }

    /// How many of host, listener and method it asks about.
    pub(crate) fn named(&self) -> usize {
        [
            !self.hosts.is_empty(),
            !self.listeners.is_empty(),
            !self.methods.is_empty(),
        ]
        .into_iter()
        .filter(|is_named| *is_named)
        .count()
    }

    /// Whether some request is for both, hosts apart.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let listeners = share(&self.listeners, &other.listeners, |one, other| one == other);
        let methods = share(&self.methods, &other.methods, |one, other| {
            means(one, other) || means(other, one)
        });
        listeners && methods
    }
}

/// Whether two lists have something in common; an empty one has everything.
fn share<T>(one: &[T], other: &[T], is_same: impl Fn(&T, &T) -> bool) -> bool {
    one.is_empty()
        || other.is_empty()
        || one
            .iter()
            .any(|one| other.iter().any(|other| is_same(one, other)))
}

fn means(named: &Method, asked: &Method) -> bool {
    named == asked || (named == Method::GET && asked == Method::HEAD)
}

impl HostPattern {
    /// Reads `www.example.test` or `*.example.test`.
    ///
    /// # Errors
    /// [`BadHost`] for what cannot be the name of a host.
    pub fn parse(text: &str) -> Result<Self, BadHost> {
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        let (below, bare) = match name.strip_prefix('*') {
            Some(rest) => (true, rest.strip_prefix('.').unwrap_or("")),
            None => (false, name.as_str()),
        };
        let is_name = !bare.is_empty()
            && !bare.contains(['*', '/', '@', ' '])
            && !bare.contains([':', '[', ']']);
        match (is_name, below) {
            (false, _) => Err(BadHost(text.to_owned())),
            (true, true) => Ok(Self::Below(format!(".{bare}"))),
            (true, false) => Ok(Self::Exact(name)),
        }
    }

    /// Whether it is that host.
    pub fn takes(&self, host: &HostName) -> bool {
        match self {
            Self::Exact(name) => *name == host.0,
            Self::Below(domain) => host.0.len() > domain.len() && host.0.ends_with(domain.as_str()),
        }
    }

    /// The exact one before the longer domain before the shorter one.
    pub(crate) const fn closeness(&self) -> usize {
        match self {
            Self::Exact(_) => usize::MAX,
            Self::Below(domain) => domain.len(),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(domain) => write!(f, "*{domain}"),
        }
    }
}

impl HostName {
    /// The host of `Host` or `:authority`.
    pub fn of(authority: &HeaderValue) -> Self {
        Self::parse(&String::from_utf8_lossy(authority.as_bytes()))
    }

    /// The host of `www.example.test:443` or `[::1]:443`.
    pub fn parse(authority: &str) -> Self {
        let name = match authority.find(']') {
            Some(end) => authority.split_at(end).0.trim_start_matches('[').to_owned(),
            None => authority
                .split(':')
                .next()
                .unwrap_or_default()
                .trim_end_matches('.')
                .to_ascii_lowercase(),
        };
        Self(name)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.methods.is_empty() {
            let methods: Vec<&str> = self.methods.iter().map(Method::as_str).collect();
            write!(f, "{} ", methods.join("|"))?;
        }
        if !self.hosts.is_empty() {
            let hosts: Vec<String> = self.hosts.iter().map(HostPattern::to_string).collect();
            f.write_str(&hosts.join("|"))?;
        }
        write!(f, "{}", self.prefix)?;
        if !self.listeners.is_empty() {
            write!(f, " at {}", self.listeners.join("|"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_the_same_however_it_is_spelled() {
        for spelled in [
            "www.example.test",
            "WWW.Example.Test",
            "www.example.test:8443",
            "www.example.test.",
            "www.example.test.:443",
        ] {
            assert!(
                HostPattern::parse("www.example.test.")
                    .unwrap()
                    .takes(&HostName::parse(spelled)),
                "{spelled}"
            );
        }
        assert_eq!(HostName::parse("[::1]:443").as_str(), "::1");
    }

    #[test]
    fn a_domain_takes_what_is_below_it_and_not_itself() {
        let below = HostPattern::parse("*.Example.test").unwrap();
        for (host, is_taken) in [
            ("a.example.test", true),
            ("a.b.example.test", true),
            ("example.test", false),
            (".example.test", false),
            ("evilexample.test", false),
        ] {
            assert_eq!(below.takes(&HostName::parse(host)), is_taken, "{host}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in ["", "*", "*.", "a*.example.test", "h:443", "u@h", "h/x"] {
            assert!(HostPattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn whoever_names_get_means_head_too() {
        let mut place = Place::below(PathPrefix::parse("/").unwrap());
        place.methods = vec![Method::GET];
        let asked = |method| {
            place.takes(&Asked {
                host: &HostName::parse("h"),
                listener: "main",
                method: &method,
                path: &RequestPath::of("/x").unwrap(),
            })
        };
        assert!(asked(Method::GET) && asked(Method::HEAD));
        assert!(!asked(Method::POST));
    }

    #[test]
    fn a_place_says_where_it_is() {
        let mut place = Place::below(PathPrefix::parse("/krb/v3").unwrap());
        assert_eq!(place.to_string(), "/krb/v3");
        place.methods = vec![Method::POST];
        place.hosts = vec![HostPattern::parse("*.example.test").unwrap()];
        place.listeners = vec!["main".to_owned()];
        assert_eq!(place.to_string(), "POST *.example.test/krb/v3 at main");
    }
}
