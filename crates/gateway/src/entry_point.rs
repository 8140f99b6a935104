//! The table of entry points: a path, how people show who they are there, who may come in, and what they find.

use http::uri::{Authority, Scheme, Uri};

use crate::identity::Naming;
use crate::request_path::{PathPrefix, RequestPath};
use crate::rule::Rule;

/// One way in.
#[derive(Clone, Debug)]
pub struct EntryPoint {
    /// Where it begins.
    pub prefix: PathPrefix,
    /// How people show who they are.
    pub authentication: Authentication,
    /// Who of them may come in.
    pub rule: Rule,
    /// How they are called behind it.
    pub naming: Naming,
    /// What is behind it.
    pub destination: Destination,
}

/// How people show who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// Not at all: everybody comes in, nobody is known.
    Nobody,
    /// By Kerberos, with `Negotiate`.
    Negotiate,
}

/// What is behind an entry point.
#[derive(Clone, Debug)]
pub enum Destination {
    /// Another server.
    BackEnd(BackEnd),
    /// The built-in page that shows people who they are.
    Whoami,
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

/// Why a table of entry points is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTable {
    /// There is no way in.
    #[error("there is no entry point, so there is nothing to serve")]
    Empty,
    /// Two entry points are at the same place.
    #[error("two entry points are at {0}")]
    Twice(String),
    /// A rule for people whom nobody asks who they are.
    #[error("the entry point {0} has a rule, but nobody is asked there who they are")]
    RuleWithoutAuthentication(String),
    /// The page about somebody, of whom nothing is known.
    #[error("the entry point {0} shows people who they are, but nobody is asked there")]
    WhoamiWithoutAuthentication(String),
}

/// All ways in, the deepest first.
#[derive(Clone, Debug)]
pub struct EntryPoints(Vec<EntryPoint>);

impl EntryPoints {
    /// Checks and orders a table.
    ///
    /// # Errors
    /// [`BadTable`] when it cannot be meant so.
    pub fn new(mut points: Vec<EntryPoint>) -> Result<Self, BadTable> {
        if points.is_empty() {
            return Err(BadTable::Empty);
        }
        for (at, point) in points.iter().enumerate() {
            let is_same = |other: &EntryPoint| other.prefix.is_same_place(&point.prefix);
            if points.iter().skip(at + 1).any(is_same) {
                return Err(BadTable::Twice(point.prefix.to_string()));
            }
            point.check()?;
        }
        points.sort_by_key(|point| std::cmp::Reverse(point.prefix.depth()));
        Ok(Self(points))
    }

    /// The entry point of a path: the deepest that covers it.
    pub fn of(&self, path: &RequestPath) -> Option<&EntryPoint> {
        self.0.iter().find(|point| point.prefix.covers(path))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &EntryPoint> {
        self.0.iter()
    }
}

impl EntryPoint {
    fn check(&self) -> Result<(), BadTable> {
        if self.authentication != Authentication::Nobody {
            return Ok(());
        }
        let place = self.prefix.to_string();
        if self.rule != Rule::default() {
            return Err(BadTable::RuleWithoutAuthentication(place));
        }
        match self.destination {
            Destination::Whoami => Err(BadTable::WhoamiWithoutAuthentication(place)),
            Destination::BackEnd(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(prefix: &str, authentication: Authentication) -> EntryPoint {
        EntryPoint {
            prefix: PathPrefix::parse(prefix).unwrap(),
            authentication,
            rule: Rule::default(),
            naming: Naming::default(),
            destination: Destination::BackEnd(BackEnd::parse("http://127.0.0.1:80").unwrap()),
        }
    }

    fn place(points: &EntryPoints, path: &str) -> Option<String> {
        let path = RequestPath::of(path).unwrap();
        points.of(&path).map(|point| point.prefix.to_string())
    }

    #[test]
    fn the_deepest_entry_point_decides_wherever_it_stands_in_the_file() {
        let points =
            ["/", "/app/admin", "/app"].map(|prefix| point(prefix, Authentication::Negotiate));
        let points = EntryPoints::new(points.to_vec()).unwrap();
        assert_eq!(place(&points, "/app/admin/x").unwrap(), "/app/admin");
        assert_eq!(place(&points, "/app//admin").unwrap(), "/app/admin");
        assert_eq!(place(&points, "/application").unwrap(), "/");
    }

    #[test]
    fn a_path_without_an_entry_point_leads_nowhere() {
        let points = EntryPoints::new(vec![point("/app", Authentication::Negotiate)]).unwrap();
        assert_eq!(place(&points, "/"), None);
    }

    #[test]
    fn one_place_has_one_entry_point() {
        let twice = ["/app", "/app/"].map(|prefix| point(prefix, Authentication::Negotiate));
        assert!(matches!(
            EntryPoints::new(twice.to_vec()),
            Err(BadTable::Twice(_))
        ));
        assert!(matches!(EntryPoints::new(Vec::new()), Err(BadTable::Empty)));
    }

    #[test]
    fn a_rule_needs_people_who_are_known() {
        let mut open = point("/", Authentication::Nobody);
        open.rule.users = vec!["alice".to_owned()];
        let refused = EntryPoints::new(vec![open]);
        assert!(matches!(
            refused,
            Err(BadTable::RuleWithoutAuthentication(_))
        ));
    }

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
