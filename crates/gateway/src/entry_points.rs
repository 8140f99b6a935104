//! The table of entry points, and which of them a request belongs to.
//!
//! Of those that take its host, listener, method and path the deepest decides; of equally deep ones the one that asks
//! about more; of those the one with the closer host. Two that cannot be told apart so are refused beforehand.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use std::cmp::Reverse;

use crate::entry_point::{Destination, EntryPoint};
use crate::place::{Asked, HostPattern};
use crate::rule::Rule;
use crate::variables::Variable;
use crate::way::Way;

/// Why a table of entry points is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTable {
    /// There is no way in.
    #[error("there is no entry point, so there is nothing to serve")]
    Empty,
    /// Two entry points are at the same place.
    #[error("two entry points are at {0}")]
    Twice(String),
    /// Some requests are for two entry points alike.
    #[error(
        "some requests are for {0} and for {1} alike: let one of them name what both do, or more"
    )]
    Alike(String, String),
    /// Nobody comes in.
    #[error("the entry point {0} has no way in")]
    NoWay(String),
    /// A way stands twice in the list.
    #[error("the entry point {0} has the way `{1}` twice")]
    WayTwice(String, &'static str),
    /// Ways behind the one that takes everybody.
    #[error("the entry point {0} has ways behind `none`, which takes everybody: put `none` last")]
    BehindNobody(String),
    /// A rule for people whom nobody asks who they are.
    #[error("the entry point {0} has a rule, but nobody is asked there who they are")]
    RuleWithoutAuthentication(String),
    /// The page about somebody, of whom nothing is known.
    #[error("the entry point {0} shows people who they are, but nobody is asked there")]
    WhoamiWithoutAuthentication(String),
}

/// All ways in.
#[derive(Clone, Debug)]
pub struct EntryPoints {
    points: Vec<EntryPoint>,
    /// In the order in which they are asked.
    rows: Vec<Row>,
    looks_at_methods: bool,
}

/// An entry point under one of its hosts.
#[derive(Clone, Debug)]
struct Row {
    point: usize,
    host: Option<HostPattern>,
    depth: usize,
    named: usize,
}

impl EntryPoints {
    /// Checks and orders a table.
    ///
    /// # Errors
    /// The first [`BadTable`] when it cannot be meant so.
    pub fn new(points: Vec<EntryPoint>) -> Result<Self, BadTable> {
        match Self::faults(&points).into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(Self::ordered(points)),
        }
    }

    /// Everything that is wrong with a table.
    pub fn faults(points: &[EntryPoint]) -> Vec<BadTable> {
        let mut faults = Vec::new();
        if points.is_empty() {
            faults.push(BadTable::Empty);
        }
        for (at, point) in points.iter().enumerate() {
            faults.extend(faults_of(point));
            let later = points.iter().skip(at.saturating_add(1));
            faults.extend(later.filter_map(|other| confusion(point, other)));
        }
        faults
    }

    /// The entry point of a request.
    pub fn of(&self, asked: &Asked<'_>) -> Option<&EntryPoint> {
        self.rows
            .iter()
            .find(|row| {
                row.host.as_ref().is_none_or(|host| host.takes(asked.host))
                    && self
                        .points
                        .get(row.point)
                        .is_some_and(|point| point.place.takes(asked))
            })
            .and_then(|row| self.points.get(row.point))
    }

    /// The entry point that takes every request by a listener that another one would take.
    pub fn shadow_of(&self, point: &EntryPoint, listener: &str) -> Option<&EntryPoint> {
        let own = &point.place;
        if !is_at(&own.listeners, listener) {
            return None;
        }
        self.points.iter().find(|other| {
            let place = &other.place;
            place.prefix.is_same_place(&own.prefix)
                && place.named() > own.named()
                && is_at(&place.listeners, listener)
                && (place.hosts.is_empty() || is_within(&own.hosts, &place.hosts))
                && (place.methods.is_empty() || is_within(&own.methods, &place.methods))
        })
    }

    /// All of them, as they stand in the settings.
    pub fn iter(&self) -> impl Iterator<Item = &EntryPoint> {
        self.points.iter()
    }

    /// Whether any decision is made by the method, so that a client may not say two.
    pub const fn look_at_methods(&self) -> bool {
        self.looks_at_methods
    }

    fn ordered(mut points: Vec<EntryPoint>) -> Self {
        for (number, point) in points.iter_mut().enumerate() {
            point.number = number;
        }
        let mut rows: Vec<Row> = points
            .iter()
            .enumerate()
            .flat_map(|(at, point)| rows_of(at, point))
            .collect();
        rows.sort_by_key(|row| {
            let closeness = row.host.as_ref().map_or(0, HostPattern::closeness);
            Reverse((row.depth, row.named, closeness))
        });
        let looks_at_methods = points.iter().any(|point| !point.place.methods.is_empty());
        Self {
            points,
            rows,
            looks_at_methods,
        }
    }
}

fn is_at(listeners: &[String], listener: &str) -> bool {
    listeners.is_empty() || listeners.iter().any(|one| one == listener)
}

/// Whether a list that is not empty has nothing that the other has not.
fn is_within<T: PartialEq>(inner: &[T], outer: &[T]) -> bool {
    !inner.is_empty() && inner.iter().all(|one| outer.contains(one))
}

fn rows_of(at: usize, point: &EntryPoint) -> Vec<Row> {
    let row = |host| Row {
        point: at,
        host,
        depth: point.place.prefix.depth(),
        named: point.place.named(),
    };
    if point.place.hosts.is_empty() {
        return vec![row(None)];
    }
    let hosts = point.place.hosts.iter().cloned();
    hosts.map(|host| row(Some(host))).collect()
}

fn faults_of(point: &EntryPoint) -> Vec<BadTable> {
    let place = point.to_string();
    let mut faults = Vec::new();
    if point.ways.is_empty() {
        faults.push(BadTable::NoWay(place.clone()));
    }
    for (at, way) in point.ways.iter().enumerate() {
        if point.ways.iter().take(at).any(|earlier| earlier == way) {
            faults.push(BadTable::WayTwice(place.clone(), way.name()));
        }
    }
    let nobody = point.ways.iter().position(|way| *way == Way::Nobody);
    if nobody.is_some_and(|at| at.saturating_add(1) < point.ways.len()) {
        faults.push(BadTable::BehindNobody(place.clone()));
    }
    if !point.names_people() && !point.ways.is_empty() {
        if point.rule != Rule::default() {
            faults.push(BadTable::RuleWithoutAuthentication(place.clone()));
        }
        if matches!(point.destination, Destination::Whoami) {
            faults.push(BadTable::WhoamiWithoutAuthentication(place));
        }
    }
    faults
}

/// Why a request could be for both, if one could.
fn confusion(one: &EntryPoint, other: &EntryPoint) -> Option<BadTable> {
    let (a, b) = (&one.place, &other.place);
    if !a.prefix.is_same_place(&b.prefix) || a.named() != b.named() || !a.overlaps(b) {
        return None;
    }
    let same_hosts = a.hosts.iter().any(|host| b.hosts.contains(host));
    let hosts_decide = !a.hosts.is_empty() && !b.hosts.is_empty();
    if hosts_decide && !same_hosts {
        // Exact before below, the longer domain before the shorter one: always told apart.
        return None;
    }
    Some(match one.label() == other.label() || a.named() == 0 {
        true => BadTable::Twice(one.to_string()),
        false => BadTable::Alike(one.to_string(), other.to_string()),
    })
}

/// What is worth a word without being wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// A proof for us goes to somebody else as well.
    #[error(
        "{0} forwards `Authorization`: whoever is behind it can use people's passwords, and connections to it may keep \
             people's identities"
    )]
    AuthorizationForwarded(String),
    /// Nobody needs to show anything.
    #[error(
        "{0} has `none` beside other ways: whoever shows nothing comes in as nobody, so what is behind it must refuse them"
    )]
    NobodyBesideOthers(String),
    /// A token is not judged here.
    #[error(
        "{0} lets tokens pass without a word about whose they are, and has a rule: the rule is not for them"
    )]
    RuleBesideToken(String),
    /// A variable that nobody there has.
    #[error("{0} tells `{1}`, which needs the way `certificate`")]
    NoCertificateToTell(String, &'static str),
    /// A session that nothing begins.
    #[error("{0} goes on with sessions, and no way here or elsewhere begins one")]
    SessionWithoutBeginning(String),
    /// A browser's own window comes first.
    #[error(
        "{0} has `form` and `basic`: browsers ask for a password by themselves, and the form is seen only after that"
    )]
    FormBehindBasic(String),
    /// Passwords by two ways.
    #[error(
        "{0} has `form` without `session`: the password would be asked for again on every page"
    )]
    FormWithoutSession(String),
}

impl EntryPoints {
    /// What is worth a word without being wrong.
    pub fn doubts(&self) -> Vec<Doubt> {
        let lonely = self
            .points
            .iter()
            .filter(|point| point.has(Way::Session) && !self.points.iter().any(begins_sessions));
        let lonely = lonely.map(|point| Doubt::SessionWithoutBeginning(point.to_string()));
        self.points
            .iter()
            .flat_map(doubts_of)
            .chain(lonely)
            .collect()
    }
}

fn begins_sessions(point: &EntryPoint) -> bool {
    let mut ways = point.ways.iter();
    point.has(Way::Session) && ways.any(|way| way.names_people() && *way != Way::Session)
}

fn doubts_of(point: &EntryPoint) -> Vec<Doubt> {
    let place = || point.to_string();
    let mut doubts = Vec::new();
    if point.is_authorization_forwarded && (point.has(Way::Basic) || point.has(Way::Negotiate)) {
        doubts.push(Doubt::AuthorizationForwarded(place()));
    }
    if point.has(Way::Nobody) && point.names_people() {
        doubts.push(Doubt::NobodyBesideOthers(place()));
    }
    if point.has(Way::Token) && point.rule != Rule::default() {
        doubts.push(Doubt::RuleBesideToken(place()));
    }
    if !point.has(Way::Certificate) {
        let untold = point.tell.iter().find(|one| one.is_of_a_certificate());
        doubts.extend(untold.map(|one: &Variable| Doubt::NoCertificateToTell(place(), one.name())));
    }
    if point.has(Way::Form) && point.has(Way::Basic) {
        doubts.push(Doubt::FormBehindBasic(place()));
    }
    doubts
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::place::{HostName, Place};
    use crate::request_path::{PathPrefix, RequestPath};

    fn point(prefix: &str) -> EntryPoint {
        with(prefix, |_| {})
    }

    fn with(prefix: &str, change: impl FnOnce(&mut Place)) -> EntryPoint {
        let mut place = Place::below(PathPrefix::parse(prefix).unwrap());
        change(&mut place);
        EntryPoint::new(place, Destination::Pool("v3".into()))
    }

    fn hosts(names: &[&str]) -> Vec<HostPattern> {
        names
            .iter()
            .map(|name| HostPattern::parse(name).unwrap())
            .collect()
    }

    fn found(points: &EntryPoints, request: &str) -> Option<String> {
        let (method, rest) = request.split_once(' ').unwrap();
        let (host, path) = rest.split_at(rest.find('/').unwrap());
        let (path, listener) = path.split_once(" at ").unwrap_or((path, "main"));
        let asked = Asked {
            host: &HostName::parse(host),
            listener,
            method: &method.parse().unwrap(),
            path: &RequestPath::of(path).unwrap(),
        };
        points.of(&asked).map(|point| point.to_string())
    }

    #[test]
    fn the_deepest_entry_point_decides_wherever_it_stands_in_the_file() {
        let points = EntryPoints::new(["/", "/app/admin", "/app"].map(point).to_vec()).unwrap();
        assert_eq!(found(&points, "GET h/app/admin/x").unwrap(), "/app/admin");
        assert_eq!(found(&points, "GET h/app//admin").unwrap(), "/app/admin");
        assert_eq!(found(&points, "GET h/application").unwrap(), "/");
    }

    #[test]
    fn a_path_without_an_entry_point_leads_nowhere() {
        let points = EntryPoints::new(vec![point("/app")]).unwrap();
        assert_eq!(found(&points, "GET h/"), None);
    }

    #[test]
    fn of_equally_deep_ones_the_one_that_names_more_decides() {
        let table = vec![
            point("/v3"),
            with("/v3", |place| place.methods = vec![Method::POST]),
            with("/v3", |place| {
                place.methods = vec![Method::POST];
                place.hosts = hosts(&["*.example.test"]);
            }),
            with("/v3", |place| {
                place.methods = vec![Method::POST];
                place.hosts = hosts(&["www.example.test"]);
            }),
        ];
        let points = EntryPoints::new(table).unwrap();
        for (request, place) in [
            ("GET www.example.test/v3", "/v3"),
            ("POST other/v3/x", "POST /v3"),
            ("POST ftp.example.test/v3", "POST *.example.test/v3"),
            ("POST WWW.example.test:443/v3", "POST www.example.test/v3"),
        ] {
            assert_eq!(found(&points, request).unwrap(), place, "{request}");
        }
    }

    #[test]
    fn a_listener_has_entry_points_of_its_own() {
        let x509 = with("/x509", |place| place.listeners = vec!["x509".to_owned()]);
        let points = EntryPoints::new(vec![x509]).unwrap();
        assert_eq!(found(&points, "GET h/x509 at main"), None);
        assert!(found(&points, "GET h/x509 at x509").is_some());
    }

    #[test]
    fn one_that_another_takes_everything_from_is_known() {
        let main = || vec!["main".to_owned()];
        let points = EntryPoints::new(vec![
            with("/v3", |place| place.methods = vec![Method::POST]),
            with("/v3", |place| {
                place.methods = vec![Method::GET, Method::POST];
                place.listeners = main();
            }),
            point("/v3"),
        ])
        .unwrap();
        let [post, more, all] = points.points.as_slice() else {
            panic!("{points:?}")
        };
        let shadow = |point, listener| points.shadow_of(point, listener).map(ToString::to_string);
        assert_eq!(shadow(post, "main").unwrap(), more.to_string());
        assert_eq!(shadow(post, "x509"), None);
        assert_eq!(shadow(all, "main"), None);
        assert_eq!(shadow(more, "main"), None);
    }

    #[test]
    fn two_that_cannot_be_told_apart_are_refused() {
        let alike = vec![
            with("/v3", |place| place.methods = vec![Method::POST]),
            with("/v3", |place| place.hosts = hosts(&["www.example.test"])),
        ];
        assert!(matches!(
            EntryPoints::new(alike),
            Err(BadTable::Alike(_, _))
        ));
        let apart = vec![
            with("/v3", |place| place.methods = vec![Method::POST]),
            with("/v3", |place| place.methods = vec![Method::GET]),
            with("/v3", |place| place.methods = vec![Method::DELETE]),
        ];
        assert!(EntryPoints::new(apart).is_ok());
        let head = vec![
            with("/v3", |place| place.methods = vec![Method::HEAD]),
            with("/v3", |place| place.methods = vec![Method::GET]),
        ];
        assert!(EntryPoints::new(head).is_err(), "GET means HEAD too");
    }

    #[test]
    fn one_place_has_one_entry_point() {
        let twice = ["/app", "/app/"].map(point);
        assert!(matches!(
            EntryPoints::new(twice.to_vec()),
            Err(BadTable::Twice(_))
        ));
        assert!(matches!(EntryPoints::new(Vec::new()), Err(BadTable::Empty)));
    }

    #[test]
    fn a_rule_needs_people_who_are_known() {
        let mut open = point("/");
        open.ways = vec![Way::Nobody];
        open.rule.users = vec!["alice".into()];
        assert!(matches!(
            EntryPoints::new(vec![open]),
            Err(BadTable::RuleWithoutAuthentication(_))
        ));
    }

    #[test]
    fn everything_that_is_wrong_is_found_at_once() {
        let mut nowhere = point("/a");
        nowhere.ways = Vec::new();
        let mut odd = point("/b");
        odd.ways = vec![Way::Nobody, Way::Negotiate, Way::Negotiate];
        let faults = EntryPoints::faults(&[nowhere, odd]);
        assert_eq!(faults.len(), 3, "{faults:?}");
    }

    #[test]
    fn what_may_not_be_meant_so_is_worth_a_word() {
        let mut point = point("/");
        point.ways = vec![Way::Negotiate, Way::Basic, Way::Form, Way::Nobody];
        point.is_authorization_forwarded = true;
        point.tell = vec![Variable::SubjectDn];
        let points = EntryPoints::new(vec![point]).unwrap();
        assert_eq!(points.doubts().len(), 4, "{:?}", points.doubts());
    }
}
