//! Entry points: for which requests one is, how people show who they are there, who may come in, and what they find.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;

use crate::identity::Naming;
use crate::place::Place;
use crate::rate::Bucket;
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
    /// How often people may come, all together.
    pub rate: Option<Bucket>,
}

/// What is behind an entry point.
#[derive(Clone, Debug)]
pub enum Destination {
    /// A pool of servers, by its name.
    Pool(Arc<str>),
    /// The built-in page that shows people who they are.
    Whoami,
    /// The built-in page that ends sessions. Nobody is asked there who they are.
    SignOut,
    /// The built-in page that shows how the gateway is.
    Status,
    /// The built-in document that says by which ways identity APIs are entered.
    WaysIn,
}

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
            rate: None,
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
