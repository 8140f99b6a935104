//! Entry points: for which requests one is, how people show who they are there, who may come in, and what they find.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use http::uri::{Authority, Scheme, Uri};

use crate::identity::Naming;
use crate::place::Place;
use crate::request_path::PathPrefix;
use crate::rule::Rule;
use crate::variables::{Domain, Variable};
use crate::way::Way;

/// One way in.
#[derive(Clone, Debug)]
pub struct EntryPoint {
    /// Which requests it is for.
    pub place: Place,
    /// How people show who they are. The first for which a request carries a proof decides.
    pub ways: Vec<Way>,
    /// Who of them may come in.
    pub rule: Rule,
    /// How they are called behind it.
    pub naming: Naming,
    /// What of them is told behind it.
    pub tell: Vec<Variable>,
    /// The domain of their names.
    pub domain: Domain,
    /// What stands behind it in place of the prefix.
    pub rewrite: Option<PathPrefix>,
    /// Whether what stands in `Authorization` is forwarded, even where it was a proof for us.
    pub is_authorization_forwarded: bool,
    /// The status in place of a 401 that the back end gives somebody who is known here.
    pub unknown_user: Option<StatusCode>,
    /// What is behind it.
    pub destination: Destination,
    /// What it is called in books: its place in words.
    label: Arc<str>,
    /// Which of all it is.
    pub(crate) number: usize,
}

/// What is behind an entry point.
#[derive(Clone, Debug)]
pub enum Destination {
    /// Another server.
    BackEnd(BackEnd),
    /// The built-in page that shows people who they are.
    Whoami,
    /// The built-in page that shows how the gateway is.
    Status,
}

/// A server behind the gateway, spoken to over HTTP/1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackEnd {
    authority: Authority,
}

/// Why a back end's address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a back end as http://HOST:PORT, without a path")]
pub struct BadBackEnd;

impl EntryPoint {
    /// Everybody who has a ticket comes in, and the usual is told.
    pub fn new(place: Place, destination: Destination) -> Self {
        Self {
            label: place.to_string().into(),
            place,
            ways: vec![Way::Negotiate],
            rule: Rule::default(),
            naming: Naming::default(),
            tell: Variable::USUAL.to_vec(),
            domain: Domain::default(),
            rewrite: None,
            is_authorization_forwarded: false,
            unknown_user: None,
            destination,
            number: 0,
        }
    }

    /// Which of all entry points it is, as they stand in the settings.
    pub const fn number(&self) -> usize {
        self.number
    }

    /// What it is called in books: `POST /krb/v3`.
    pub const fn label(&self) -> &Arc<str> {
        &self.label
    }

    /// Whether that way is among those.
    pub fn has(&self, way: Way) -> bool {
        self.ways.contains(&way)
    }

    /// Whether somebody who comes in may be known by name.
    pub fn names_people(&self) -> bool {
        self.ways.iter().any(|way| way.names_people())
    }
}

impl fmt::Display for EntryPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

impl BackEnd {
    /// Reads `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// [`BadBackEnd`] for another scheme, a path, or somebody's password in it.
    pub fn parse(text: &str) -> Result<Self, BadBackEnd> {
        let uri: Uri = text.parse().map_err(|_| BadBackEnd)?;
        let is_plain = uri.scheme() == Some(&Scheme::HTTP)
            && uri.query().is_none()
            && matches!(uri.path(), "" | "/");
        let authority = uri.into_parts().authority.ok_or(BadBackEnd)?;
        if !is_plain || authority.as_str().contains('@') {
            return Err(BadBackEnd);
        }
        Ok(Self { authority })
    }

    /// Host and port.
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_back_end_is_a_host_and_a_port() {
        assert_eq!(
            BackEnd::parse("http://127.0.0.1:8080/")
                .unwrap()
                .authority(),
            "127.0.0.1:8080"
        );
        for bad in [
            "https://127.0.0.1",
            "127.0.0.1:80",
            "http://h/app",
            "http://u:p@h",
            "http://",
            "ftp://h",
        ] {
            assert_eq!(BackEnd::parse(bad), Err(BadBackEnd), "{bad}");
        }
    }
}
