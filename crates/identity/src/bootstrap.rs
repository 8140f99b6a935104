//! The first things that a directory needs: somebody who may do everything else, and where the service is.
//!
//! What `keystone-manage bootstrap` makes, and as often as one likes: what is there stays, what is missing is made, an
//! administrator who was disabled may sign in again, and URLs become those that are given.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::directory::{Change, DirectoryError};
use crate::model::{
    Actor, Assignment, CatalogService, DEFAULT_DOMAIN, Endpoint, Extra, Id, Implication, Interface,
    Project, Region, Role, Target, User,
};

/// The roles, each of which implies the next.
const ROLES: [&str; 3] = ["admin", "member", "reader"];

/// What there shall be.
#[derive(Debug, Clone, Default)]
pub struct Bootstrap {
    /// The administrator: a user of the domain `default`. A name with a realm becomes the user of that principal.
    pub administrator: String,
    /// The project in which they are one.
    pub project: String,
    /// The region of the endpoints.
    pub region: Option<String>,
    /// The name of the identity service in the catalog.
    pub service: String,
    /// Its URLs, with `/v3`; none are made for interfaces that are not named.
    pub urls: Vec<(Interface, String)>,
}

/// Something that was made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done(String);

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Bootstrap {
    /// Makes what is missing; gives what was done, which is nothing the second time.
    ///
    /// # Errors
    /// None of its own: the type is the one of [`crate::directory::Directory::change`].
    pub fn make(&self, change: &mut Change) -> Result<Vec<Done>, DirectoryError> {
        let mut done = Vec::new();
        default_domain(change, &mut done);
        let project = self.project(change, &mut done);
        let user = user(change, &self.administrator, &mut done);
        let roles = ROLES.map(|name| role(change, name, &mut done));
        for pair in roles.windows(2) {
            if let [prior, implied] = pair {
                implication(change, prior, implied, &mut done);
            }
        }
        let [admin, ..] = &roles;
        for target in [Target::Project(project), Target::System] {
            assignment(change, &user, target, admin, &mut done);
        }
        self.region(change, &mut done);
        self.catalog(change, &mut done);
        Ok(done)
    }

    fn project(&self, change: &mut Change, done: &mut Vec<Done>) -> Id {
        let domain = Id::from(DEFAULT_DOMAIN);
        if let Some(there) = change.project_by_name(&domain, &self.project) {
            return there.id.clone();
        }
        done.push(Done(format!("made the project {}", self.project)));
        let project = Project {
            id: Id::random(),
            name: self.project.clone(),
            description: Some("Bootstrap project for initializing the cloud.".to_owned()),
            domain_id: Some(domain.clone()),
            parent_id: Some(domain),
            ..enabled_project()
        };
        change.put(project).id.clone()
    }

    fn region(&self, change: &mut Change, done: &mut Vec<Done>) {
        let Some(region) = &self.region else { return };
        if change.get::<Region>(region).is_none() {
            done.push(Done(format!("made the region {region}")));
            change.put(Region {
                id: Id::from(region.as_str()),
                description: String::new(),
                parent_region_id: None,
                extra: Extra::new(),
            });
        }
    }

    fn catalog(&self, change: &mut Change, done: &mut Vec<Done>) {
        if self.urls.is_empty() {
            return;
        }
        let there = change
            .all::<CatalogService>()
            .into_iter()
            .find(|service| service.kind == "identity")
            .map(|service| service.id.clone());
        let service = there.unwrap_or_else(|| {
            done.push(Done(format!("made the service {}", self.service)));
            let name = Map::from_iter([("name".to_owned(), json!(self.service))]);
            let service = CatalogService {
                id: Id::random(),
                kind: "identity".to_owned(),
                enabled: true,
                extra: name,
            };
            change.put(service).id.clone()
        });
        for (interface, url) in &self.urls {
            self.endpoint(change, &service, *interface, url, done);
        }
    }

    fn endpoint(
        &self,
        change: &mut Change,
        service: &Id,
        interface: Interface,
        url: &str,
        done: &mut Vec<Done>,
    ) {
        let region_id = self.region.as_deref().map(Id::from);
        let there = change
            .all::<Endpoint>()
            .into_iter()
            .find(|one| {
                one.service_id == *service
                    && one.interface == interface
                    && (region_id.is_none() || one.region_id == region_id)
            })
            .cloned();
        match there {
            Some(there) if there.url == url => {}
            Some(there) => {
                done.push(Done(format!(
                    "moved the {} endpoint to {url}",
                    interface.name()
                )));
                change.put(Endpoint {
                    url: url.to_owned(),
                    ..(*there).clone()
                });
            }
            None => {
                done.push(Done(format!(
                    "made the {} endpoint {url}",
                    interface.name()
                )));
                change.put(Endpoint {
                    id: Id::random(),
                    interface,
                    region_id,
                    service_id: service.clone(),
                    url: url.to_owned(),
                    enabled: true,
                    extra: Extra::new(),
                });
            }
        }
    }
}

/// Makes somebody a user with the role `member` in a project of the domain `default`, as far as both are there.
///
/// # Errors
/// None of its own, as for [`Bootstrap::make`].
pub fn admit_member(
    change: &mut Change,
    name: &str,
    project: &str,
) -> Result<Vec<Done>, DirectoryError> {
    let mut done = Vec::new();
    let project = change.project_by_name(&Id::from(DEFAULT_DOMAIN), project);
    let role = change.role_by_name(None, "member");
    if let Some((project, role)) = project.cloned().zip(role.cloned()) {
        let user = user(change, name, &mut done);
        let target = Target::Project(project.id.clone());
        assignment(change, &user, target, &role.id, &mut done);
    }
    Ok(done)
}

/// A user of the domain `default`, who may sign in.
fn user(change: &mut Change, full: &str, done: &mut Vec<Done>) -> Id {
    let domain = Id::from(DEFAULT_DOMAIN);
    let (name, principal) = match full.rsplit_once('@') {
        Some((name, _)) => (name, Some(full.to_owned())),
        None => (full, None),
    };
    let there = change.user_by_name(&domain, name).cloned();
    let user = match there {
        None => {
            done.push(Done(format!("made the user {name}")));
            User {
                id: Id::random(),
                name: name.to_owned(),
                domain_id: domain,
                enabled: true,
                principal,
                default_project_id: None,
                options: Extra::new(),
                extra: Extra::new(),
            }
        }
        Some(there) => {
            let is_as_wanted =
                there.enabled && (principal.is_none() || there.principal == principal);
            if is_as_wanted {
                return there.id.clone();
            }
            done.push(Done(format!("let the user {name} sign in")));
            User {
                enabled: true,
                principal: principal.or_else(|| there.principal.clone()),
                ..(*there).clone()
            }
        }
    };
    change.put(user).id.clone()
}

fn default_domain(change: &mut Change, done: &mut Vec<Done>) {
    if change.domain(DEFAULT_DOMAIN).is_none() {
        done.push(Done("made the domain Default".to_owned()));
        change.put(Project {
            id: Id::from(DEFAULT_DOMAIN),
            name: "Default".to_owned(),
            description: Some("The default domain".to_owned()),
            is_domain: true,
            ..enabled_project()
        });
    }
}

fn enabled_project() -> Project {
    Project {
        id: Id::from(""),
        name: String::new(),
        description: None,
        domain_id: None,
        parent_id: None,
        is_domain: false,
        enabled: true,
        tags: Default::default(),
        options: Extra::new(),
        extra: Extra::new(),
    }
}

fn role(change: &mut Change, name: &str, done: &mut Vec<Done>) -> Id {
    if let Some(there) = change.role_by_name(None, name) {
        return there.id.clone();
    }
    done.push(Done(format!("made the role {name}")));
    let role = Role {
        id: Id::random(),
        name: name.to_owned(),
        domain_id: None,
        description: None,
        // As Keystone's: nobody takes the administrators' role away by mistake.
        options: Map::from_iter([("immutable".to_owned(), Value::Bool(true))]),
        extra: Extra::new(),
    };
    change.put(role).id.clone()
}

fn implication(change: &mut Change, prior: &Id, implied: &Id, done: &mut Vec<Done>) {
    let implication = Implication {
        prior_role_id: prior.clone(),
        implied_role_id: implied.clone(),
    };
    let key = Implication::key_of(prior, implied);
    if change.get::<Implication>(&key).is_none() {
        done.push(Done("let one role imply the next".to_owned()));
        change.put(implication);
    }
}

fn assignment(change: &mut Change, user: &Id, target: Target, role: &Id, done: &mut Vec<Done>) {
    let actor = Actor::User(user.clone());
    let wanted = Assignment {
        actor: actor.clone(),
        target,
        role_id: role.clone(),
        inherited: false,
    };
    if !change.indexes().assignments_of_actor.has(&actor, &wanted) {
        let place = match &wanted.target {
            Target::System => "the system",
            _ => "the project",
        };
        done.push(Done(format!("gave a user a role on {place}")));
        change.put(wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Directory;

    fn wanted() -> Bootstrap {
        Bootstrap {
            administrator: "root".to_owned(),
            project: "admin".to_owned(),
            region: Some("RegionOne".to_owned()),
            service: "keystone".to_owned(),
            urls: vec![(Interface::Public, "https://one.example/v3".to_owned())],
        }
    }

    fn make(directory: &Directory, wanted: &Bootstrap) -> Vec<String> {
        let done = directory.change(|change| wanted.make(change)).unwrap();
        done.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_second_time_nothing_is_done() {
        let directory = Directory::in_memory().unwrap();
        assert!(!make(&directory, &wanted()).is_empty());
        assert!(make(&directory, &wanted()).is_empty());
        let model = directory.read();
        let user = model.user_by_name(&DEFAULT_DOMAIN.into(), "root").unwrap();
        let names = |target: &Target| -> Vec<String> {
            let held = model.roles_held(&user.id, target);
            let mut names: Vec<_> = held.iter().map(|role| role.name.clone()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&Target::System), ["admin", "member", "reader"]);
        let project = model
            .project_by_name(&DEFAULT_DOMAIN.into(), "admin")
            .unwrap();
        assert_eq!(names(&Target::Project(project.id.clone())).len(), 3);
    }

    #[test]
    fn a_member_has_no_more_than_that() {
        let directory = Directory::in_memory().unwrap();
        make(&directory, &wanted());
        let admit = || directory.change(|change| admit_member(change, "bob@EXAMPLE.TEST", "admin"));
        assert!(!admit().unwrap().is_empty());
        assert!(admit().unwrap().is_empty());
        let model = directory.read();
        let domain = DEFAULT_DOMAIN.into();
        let bob = model.user_by_name(&domain, "bob").unwrap();
        assert_eq!(bob.principal.as_deref(), Some("bob@EXAMPLE.TEST"));
        let project = model.project_by_name(&domain, "admin").unwrap();
        let held = model.roles_held(&bob.id, &Target::Project(project.id.clone()));
        let mut names: Vec<&str> = held.iter().map(|role| role.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["member", "reader"]);
    }

    #[test]
    fn a_disabled_administrator_may_sign_in_again_and_urls_move() {
        let directory = Directory::in_memory().unwrap();
        make(&directory, &wanted());
        directory
            .change(|change| {
                let user = change.user_by_name(&DEFAULT_DOMAIN.into(), "root").cloned();
                let user = user.expect("the administrator");
                change.put(User {
                    enabled: false,
                    ..(*user).clone()
                });
                Ok::<_, DirectoryError>(())
            })
            .unwrap();
        let moved = Bootstrap {
            administrator: "root@EXAMPLE.ORG".to_owned(),
            urls: vec![(Interface::Public, "https://two.example/v3".to_owned())],
            ..wanted()
        };
        assert_eq!(
            make(&directory, &moved),
            [
                "let the user root sign in",
                "moved the public endpoint to https://two.example/v3"
            ]
        );
        let model = directory.read();
        let user = model.user_by_principal("root@EXAMPLE.ORG").unwrap();
        assert!(user.enabled);
        assert_eq!(model.all::<Endpoint>().len(), 1);
    }
}
