//! Whether somebody who is known may come in, and what is told of them behind the entry point.

use crate::certificate::ClientCertificate;
use crate::entry_point::{Destination, EntryPoint};
use crate::groups::Wanted;
use crate::identity::{Identity, Naming};
use crate::rule::Denied;
use crate::table::Table;
use crate::variables::{Facts, Variable};

/// Somebody may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// How they are called behind the entry point; none where nobody needs a name.
    pub user: Option<String>,
    /// What is told of them. No value has a control character in it.
    pub told: Vec<(Variable, String)>,
}

impl Table {
    /// Whether somebody may come in at an entry point, over a connection with that certificate. Their groups are looked up
    /// as far as they matter there.
    ///
    /// # Errors
    /// [`Denied`] says why not.
    pub async fn admit(
        &self,
        entry_point: &EntryPoint,
        identity: &mut Identity,
        certificate: Option<&ClientCertificate>,
        delegated_cache: Option<&str>,
    ) -> Result<Admission, Denied> {
        let wanted = match entry_point.tell.contains(&Variable::Groups) {
            true => Some(Wanted::All),
            false if entry_point.rule.groups.is_empty() => None,
            false => Some(Wanted::Some(&entry_point.rule.groups)),
        };
        if let Some(wanted) = wanted {
            identity.groups = self.groups.of(identity, wanted).await;
        }
        entry_point.rule.admit(identity, certificate)?;
        let user = entry_point.naming.of(identity);
        if matches!(
            entry_point.destination,
            Destination::Whoami | Destination::Status | Destination::SignOut | Destination::WaysIn
        ) {
            return Ok(Admission {
                user,
                told: Vec::new(),
            });
        }
        if user.is_none() && entry_point.naming == Naming::LocalName {
            return Err(Denied::NoLocalName);
        }
        let facts = Facts {
            identity,
            user: user.as_deref(),
            domain: &entry_point.domain,
            domains: &self.domains,
            delegated_cache,
        };
        let told = told(&facts, &entry_point.tell)?;
        Ok(Admission { user, told })
    }
}

fn told(facts: &Facts<'_>, tell: &[Variable]) -> Result<Vec<(Variable, String)>, Denied> {
    let mut told = Vec::with_capacity(tell.len());
    for variable in tell {
        match facts.value(*variable) {
            Some(value) if value.contains(char::is_control) => return Err(Denied::Unspeakable),
            Some(value) => told.push((*variable, value)),
            // A back end would take another domain for the one that it is not told of.
            None if *variable == Variable::Domain => return Err(Denied::NoDomain),
            None => {}
        }
    }
    Ok(told)
}
