//! What another Keystone knows, taken over with its ids, so that a site can move: names of servers' owners, quotas and
//! other services' databases all speak of ids.
//!
//! [`Collected`] is what its API has said; [`Collected::take_over`] puts it into a change. What is there under the same id
//! becomes as it is there; a name that another id has here is in the way, and then nothing is taken over.

mod assignments;
mod records;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::directory::{Change, DirectoryError};
use crate::model::{Assignment, Implication, Membership, Model, Record};

use assignments::{assignment, implications};
use records::{domain, endpoint, group, project, region, role, service, user};

/// A list of Keystone's, as it stood in the answer.
pub type List = Vec<Value>;

/// What a Keystone's API has said.
#[derive(Debug, Clone, Default)]
pub struct Collected {
    /// `GET /domains`
    pub domains: List,
    /// `GET /projects`
    pub projects: List,
    /// `GET /users`
    pub users: List,
    /// `GET /groups`
    pub groups: List,
    /// `GET /groups/{id}/users`: the group and its members' ids.
    pub members: Vec<(String, Vec<String>)>,
    /// `GET /roles`, and `GET /roles?domain_id=..` of each domain
    pub roles: List,
    /// `GET /role_inferences`
    pub inferences: List,
    /// `GET /role_assignments`
    pub assignments: List,
    /// `GET /regions`
    pub regions: List,
    /// `GET /services`
    pub services: List,
    /// `GET /endpoints`
    pub endpoints: List,
}

/// Why nothing was taken over.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Names that another id has here: begin with an empty store, and make the administrator afterwards.
    #[error("{}", .0.join("; "))]
    InTheWay(Vec<String>),
    /// The store cannot be written.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// What came of the records of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// They are new here.
    pub new: usize,
    /// They were here, and are otherwise now.
    pub changed: usize,
    /// They were here already.
    pub same: usize,
    /// They are about something that neither side has, or cannot be read.
    pub left_out: usize,
}

impl Collected {
    /// Takes everything over, or nothing; tells what came of each kind, by the name of its table.
    ///
    /// # Errors
    /// [`ImportError::InTheWay`]
    pub fn take_over(
        &self,
        change: &mut Change,
    ) -> Result<BTreeMap<&'static str, Tally>, ImportError> {
        let mut taking = Taking {
            change,
            tallies: BTreeMap::new(),
            in_the_way: Vec::new(),
        };
        taking.named("domains", &self.domains, domain, |model, one| {
            model
                .domain_by_name(&one.name)
                .map(|there| there.id.clone())
        });
        taking.named("projects", &self.projects, project, |model, one| {
            let domain = one.domain_id.as_ref()?;
            let there = model.project_by_name(domain, &one.name)?;
            Some(there.id.clone())
        });
        taking.named("users", &self.users, user, |model, one| {
            let there = model.user_by_name(&one.domain_id, &one.name)?;
            Some(there.id.clone())
        });
        taking.named("groups", &self.groups, group, |model, one| {
            let there = model.group_by_name(&one.domain_id, &one.name)?;
            Some(there.id.clone())
        });
        taking.named("roles", &self.roles, role, |model, one| {
            let there = model.role_by_name(one.domain_id.as_ref(), &one.name)?;
            Some(there.id.clone())
        });
        taking.all("regions", &self.regions, region);
        taking.all("services", &self.services, service);
        taking.all("endpoints", &self.endpoints, endpoint);
        taking.relations(self);
        match taking.in_the_way.is_empty() {
            true => Ok(taking.tallies),
            false => Err(ImportError::InTheWay(taking.in_the_way)),
        }
    }
}

/// A change under way.
struct Taking<'a> {
    change: &'a mut Change,
    tallies: BTreeMap<&'static str, Tally>,
    in_the_way: Vec<String>,
}

impl Taking<'_> {
    /// Records whose names nobody else may have.
    fn named<R: Record + PartialEq>(
        &mut self,
        table: &'static str,
        list: &[Value],
        read: impl Fn(&Value) -> Option<R>,
        holder: impl Fn(&Model, &R) -> Option<crate::model::Id>,
    ) {
        for value in list {
            let Some(record) = read(value) else {
                self.tally(table).left_out += 1;
                continue;
            };
            match holder(self.change, &record) {
                Some(id) if id != record.key() => {
                    let name = value
                        .get("name")
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    self.in_the_way.push(format!(
                        "{table}: {name} is {id} here and {} there",
                        record.key()
                    ));
                }
                _ => self.put(table, record),
            }
        }
    }

    fn all<R: Record + PartialEq>(
        &mut self,
        table: &'static str,
        list: &[Value],
        read: impl Fn(&Value) -> Option<R>,
    ) {
        for value in list {
            match read(value) {
                Some(record) => self.put(table, record),
                None => self.tally(table).left_out += 1,
            }
        }
    }

    fn relations(&mut self, collected: &Collected) {
        for (group, members) in &collected.members {
            for member in members {
                let record = Membership {
                    group_id: group.as_str().into(),
                    user_id: member.as_str().into(),
                };
                self.put_if("memberships", record, assignments::membership_holds);
            }
        }
        for record in collected.inferences.iter().flat_map(implications) {
            self.put_if::<Implication>("implications", record, assignments::implication_holds);
        }
        for value in &collected.assignments {
            match assignment(value) {
                Some(record) => {
                    self.put_if::<Assignment>("assignments", record, assignments::assignment_holds);
                }
                None => self.tally("assignments").left_out += 1,
            }
        }
    }

    /// Puts a relation whose ends are there.
    fn put_if<R: Record + PartialEq>(
        &mut self,
        table: &'static str,
        record: R,
        holds: impl Fn(&Model, &R) -> bool,
    ) {
        match holds(self.change, &record) {
            true => self.put(table, record),
            false => self.tally(table).left_out += 1,
        }
    }

    fn put<R: Record + PartialEq>(&mut self, table: &'static str, record: R) {
        let there = self.change.get::<R>(&record.key());
        let is_same = there.map(|there| **there == record);
        let tally = self.tally(table);
        match is_same {
            Some(true) => {
                tally.same += 1;
                return;
            }
            Some(false) => tally.changed += 1,
            None => tally.new += 1,
        }
        self.change.put(record);
    }

    fn tally(&mut self, table: &'static str) -> &mut Tally {
        self.tallies.entry(table).or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::directory::Directory;
    use crate::model::{Target, User};

    fn theirs() -> Collected {
        Collected {
            domains: vec![json!({ "id": "default", "name": "Default", "enabled": true })],
            projects: vec![json!({
                "id": "p", "name": "demo", "domain_id": "default", "parent_id": "default",
                "enabled": true, "is_domain": false, "tags": ["blue"], "options": {}, "cost": 7,
                "links": { "self": "http://elsewhere/" },
            })],
            users: vec![json!({
                "id": "u", "name": "alice", "domain_id": "default", "enabled": true,
                "password_expires_at": null, "options": {}, "email": "a@example.org",
            })],
            groups: vec![json!({ "id": "g", "name": "staff", "domain_id": "default" })],
            members: vec![("g".to_owned(), vec!["u".to_owned(), "gone".to_owned()])],
            roles: vec![
                json!({ "id": "r", "name": "admin", "domain_id": null, "options": { "immutable": true } }),
                json!({ "id": "s", "name": "member", "domain_id": null }),
            ],
            inferences: vec![json!({ "prior_role": { "id": "r" }, "implies": [{ "id": "s" }] })],
            assignments: vec![
                json!({ "role": { "id": "r" }, "user": { "id": "u" }, "scope": { "project": { "id": "p" } } }),
                json!({ "role": { "id": "s" }, "group": { "id": "g" }, "scope":
                        { "domain": { "id": "default" }, "OS-INHERIT:inherited_to": "projects" } }),
                json!({ "role": { "id": "r" }, "user": { "id": "gone" }, "scope": { "system": { "all": true } } }),
            ],
            regions: vec![json!({ "id": "north", "description": "", "parent_region_id": null })],
            services: vec![
                json!({ "id": "c", "type": "compute", "enabled": true, "name": "nova" }),
            ],
            endpoints: vec![
                json!({ "id": "e", "interface": "public", "region_id": "north",
                "region": "north", "service_id": "c", "url": "http://nova/", "enabled": true }),
            ],
        }
    }

    fn take(directory: &Directory, collected: &Collected) -> BTreeMap<&'static str, Tally> {
        directory
            .change(|change| collected.take_over(change))
            .unwrap()
    }

    #[test]
    fn ids_and_roles_are_as_they_were_and_the_second_time_nothing_is_new() {
        let directory = Directory::in_memory().unwrap();
        let tallies = take(&directory, &theirs());
        assert_eq!(
            tallies["assignments"],
            Tally {
                new: 2,
                left_out: 1,
                ..Tally::default()
            }
        );
        assert_eq!(
            tallies["memberships"],
            Tally {
                new: 1,
                left_out: 1,
                ..Tally::default()
            }
        );
        let model = directory.read();
        let held = model.roles_held(&"u".into(), &Target::Project("p".into()));
        assert_eq!(held.len(), 2);
        let user = model.get::<User>("u").unwrap();
        assert_eq!(user.extra["email"], "a@example.org");
        assert_eq!(user.extra.len(), 1, "{:?}", user.extra);
        let again = take(&directory, &theirs());
        assert!(
            again.values().all(|tally| tally.new + tally.changed == 0),
            "{again:?}"
        );
    }

    #[test]
    fn a_name_that_another_id_has_is_in_the_way() {
        let directory = Directory::in_memory().unwrap();
        take(&directory, &theirs());
        let mut other = theirs();
        other.users[0]["id"] = json!("another");
        let refused = directory.change(|change| other.take_over(change));
        let error = refused.unwrap_err().to_string();
        assert_eq!(error, "users: alice is u here and another there");
    }
}
