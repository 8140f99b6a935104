use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Actor, Assignment, Id, Model, Project, Role, Target};

/// How many projects may stand above one another; more is a loop in what was stored.
const DEEPEST: usize = 64;

impl Model {
    /// The roles that a user has somewhere: their own and their groups', inherited and implied ones too, without roles
    /// of one domain. Sorted by id.
    #[must_use]
    pub fn roles_held(&self, user: &Id, target: &Target) -> Vec<Arc<Role>> {
        let mut held = self.roles_given(user, target);
        self.add_implied(&mut held);
        held.iter()
            .filter_map(|id| self.roles.get(id))
            .filter(|role| role.domain_id.is_none())
            .cloned()
            .collect()
    }

    /// The roles that a user was given somewhere, themselves or by a group or from above, without what they imply.
    #[must_use]
    pub fn roles_given(&self, user: &Id, target: &Target) -> BTreeSet<Id> {
        let above = match target {
            Target::Project(id) => self.above(id),
            Target::Domain(_) | Target::System => Vec::new(),
        };
        let mut given = BTreeSet::new();
        for assignment in self.assignments_touching(user) {
            let holds = if assignment.inherited {
                above.contains(&assignment.target)
            } else {
                assignment.target == *target
            };
            if holds {
                given.insert(assignment.role_id.clone());
            }
        }
        given
    }

    /// Adds what the roles imply, and what that implies.
    pub fn add_implied(&self, roles: &mut BTreeSet<Id>) {
        let mut open: Vec<Id> = roles.iter().cloned().collect();
        while let Some(prior) = open.pop() {
            for implied in self.indexes.implied.of(&prior) {
                if roles.insert(implied.clone()) {
                    open.push(implied.clone());
                }
            }
        }
    }

    /// The projects on which a user has a role, sorted by id.
    #[must_use]
    pub fn projects_of(&self, user: &Id) -> Vec<&Arc<Project>> {
        let mut ids: Vec<&Id> = Vec::new();
        for assignment in self.assignments_touching(user) {
            match (&assignment.target, assignment.inherited) {
                (Target::Project(id), false) => ids.push(id),
                (Target::Project(id) | Target::Domain(id), true) => {
                    ids.extend(self.subtree(id).into_iter().map(|project| &project.id));
                }
                (Target::Domain(_), false) | (Target::System, _) => {}
            }
        }
        ids.sort_unstable();
        ids.dedup();
        let held = |id: &&Id| {
            !self
                .roles_held(user, &Target::Project((*id).clone()))
                .is_empty()
        };
        let held = ids.into_iter().filter(held);
        held.filter_map(|id| self.projects.get(id)).collect()
    }

    /// The domains on which a user has a role, sorted by id.
    #[must_use]
    pub fn domains_of(&self, user: &Id) -> Vec<&Arc<Project>> {
        let mut ids: Vec<&Id> = Vec::new();
        for assignment in self.assignments_touching(user) {
            if let (Target::Domain(id), false) = (&assignment.target, assignment.inherited) {
                ids.push(id);
            }
        }
        ids.sort_unstable();
        ids.dedup();
        let held = |id: &&Id| {
            !self
                .roles_held(user, &Target::Domain((*id).clone()))
                .is_empty()
        };
        let held = ids.into_iter().filter(held);
        held.filter_map(|id| self.domain(id)).collect()
    }

    /// The assignments of a user and of their groups.
    fn assignments_touching(&self, user: &Id) -> Vec<&Assignment> {
        let groups = self.indexes.groups_of_user.of(user).cloned();
        let actors = std::iter::once(Actor::User(user.clone())).chain(groups.map(Actor::Group));
        let of = |actor| {
            self.indexes
                .assignments_of_actor
                .of(&actor)
                .collect::<Vec<_>>()
        };
        actors.flat_map(of).collect()
    }

    /// Where roles that hold on this project may be inherited from: the projects above it and its domain.
    #[must_use]
    pub fn above(&self, project: &str) -> Vec<Target> {
        let mut above: Vec<Target> = Vec::new();
        for parent in self.parents(project) {
            above.push(if parent.is_domain {
                Target::Domain(parent.id.clone())
            } else {
                Target::Project(parent.id.clone())
            });
        }
        above
    }

    /// The projects above this one, nearest first, with its domain last.
    pub fn parents(&self, project: &str) -> impl Iterator<Item = &Arc<Project>> {
        let parent_of = |project: &Arc<Project>| {
            let parent = project.parent_id.as_ref()?;
            self.projects.get(parent)
        };
        let first = self.projects.get(project).and_then(parent_of);
        std::iter::successors(first, move |project| parent_of(project)).take(DEEPEST)
    }

    /// The projects below this one, each before those below it.
    #[must_use]
    pub fn subtree(&self, project: &str) -> Vec<&Arc<Project>> {
        let mut open: Vec<&Id> = self.indexes.children.of(project).collect();
        let mut found: Vec<&Arc<Project>> = Vec::new();
        while let Some(id) = open.pop() {
            if let Some(project) = self.projects.get(id) {
                found.push(project);
                open.extend(self.indexes.children.of(id));
            }
        }
        found
    }
}
