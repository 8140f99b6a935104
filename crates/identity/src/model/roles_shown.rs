use std::collections::BTreeSet;

use super::{Actor, Assignment, Id, Model, Role, Target};

/// Which assignments are wanted; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of this user.
    pub user: Option<Id>,
    /// Of this group.
    pub group: Option<Id>,
    /// Of this role.
    pub role: Option<Id>,
    /// On this project.
    pub project: Option<Id>,
    /// On the projects below it too.
    pub with_subtree: bool,
    /// On this domain.
    pub domain: Option<Id>,
    /// On the system.
    pub system: bool,
    /// Those for projects below their target, or those for it.
    pub inherited: Option<bool>,
}

/// An assignment with what it came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    /// Who has it.
    pub actor: Actor,
    /// Where.
    pub target: Target,
    /// What.
    pub role_id: Id,
    /// Whether it is for the projects below its target; only where it is shown as it was given.
    pub inherited: bool,
    /// The group that it came by.
    pub by_group: Option<Id>,
    /// The project or domain above that it came from.
    pub from: Option<Target>,
    /// The role that implied it.
    pub by_role: Option<Id>,
}

impl Model {
    /// Assignments as they were given.
    #[must_use]
    pub fn assignments_given(&self, wanted: &Wanted) -> Vec<Shown> {
        let projects = self.projects_wanted(wanted);
        let mut actors = Vec::new();
        actors.extend(wanted.user.clone().map(Actor::User));
        actors.extend(wanted.group.clone().map(Actor::Group));
        let candidates = self.candidates(&actors).into_iter();
        let meant = candidates.filter(|one| {
            wanted.role.as_ref().is_none_or(|role| one.role_id == *role)
                && wanted.inherited.is_none_or(|inherited| {
                    one.inherited == inherited || one.target == Target::System
                })
                && is_where(one, wanted, projects.as_ref())
        });
        meant.map(shown).collect()
    }

    /// Assignments as they work: each user's own, with groups, inheritance and implied roles spread out, and without
    /// roles of one domain.
    #[must_use]
    pub fn assignments_working(&self, wanted: &Wanted) -> Vec<Shown> {
        let projects = self.projects_wanted(wanted);
        let inherited = if wanted.domain.is_some() {
            Some(false)
        } else {
            wanted.inherited
        };
        let mut working = Vec::new();
        let mut actors = Vec::new();
        if let Some(user) = &wanted.user {
            let groups = self.indexes.groups_of_user.of(user).cloned();
            actors.push(Actor::User(user.clone()));
            actors.extend(groups.map(Actor::Group));
        }
        for one in self.candidates(&actors) {
            if one.target == Target::System
                || inherited.is_some_and(|inherited| one.inherited != inherited)
            {
                continue;
            }
            for spread in self.spread(one, wanted, projects.as_ref()) {
                working.push(spread);
            }
        }
        let mut working = self.with_implied(working);
        working.retain(|one| {
            let role = self.roles.get(&one.role_id);
            role.is_some_and(|role: &std::sync::Arc<Role>| role.domain_id.is_none())
                && wanted.role.as_ref().is_none_or(|role| one.role_id == *role)
        });
        working
    }

    fn projects_wanted(&self, wanted: &Wanted) -> Option<BTreeSet<Id>> {
        let project = wanted.project.as_ref()?;
        let mut projects = BTreeSet::from([project.clone()]);
        if wanted.with_subtree {
            projects.extend(
                self.subtree(project)
                    .into_iter()
                    .map(|below| below.id.clone()),
            );
        }
        Some(projects)
    }

    /// The assignments of these; all of them when nobody is named.
    fn candidates(&self, actors: &[Actor]) -> Vec<&Assignment> {
        if actors.is_empty() {
            let mut all: Vec<&Assignment> = self.assignments.values().map(|one| &**one).collect();
            all.sort_unstable();
            return all;
        }
        let of = |actor| self.indexes.assignments_of_actor.of(actor);
        actors.iter().flat_map(of).collect()
    }

    /// One assignment for each user and each project that it works for.
    fn spread(
        &self,
        one: &Assignment,
        wanted: &Wanted,
        projects: Option<&BTreeSet<Id>>,
    ) -> Vec<Shown> {
        let actors: Vec<(Actor, Option<Id>)> = match &one.actor {
            Actor::User(_) => vec![(one.actor.clone(), None)],
            Actor::Group(group) => {
                let members = self.indexes.members.of(group);
                let members = members
                    .filter(|user| wanted.user.as_ref().is_none_or(|wanted| *user == wanted));
                members
                    .map(|user| (Actor::User(user.clone()), Some(group.clone())))
                    .collect()
            }
        };
        let targets = self.targets(one, wanted, projects);
        let mut spread = Vec::new();
        for (actor, by_group) in &actors {
            for (target, from) in &targets {
                spread.push(Shown {
                    actor: actor.clone(),
                    target: target.clone(),
                    role_id: one.role_id.clone(),
                    inherited: false,
                    by_group: by_group.clone(),
                    from: from.clone(),
                    by_role: None,
                });
            }
        }
        spread
    }

    fn targets(
        &self,
        one: &Assignment,
        wanted: &Wanted,
        projects: Option<&BTreeSet<Id>>,
    ) -> Vec<(Target, Option<Target>)> {
        if !one.inherited {
            let is_meant = is_where(one, wanted, projects);
            return is_meant
                .then(|| (one.target.clone(), None))
                .into_iter()
                .collect();
        }
        let (Target::Project(source) | Target::Domain(source)) = &one.target else {
            return Vec::new();
        };
        let below = self.subtree(source).into_iter();
        let meant =
            below.filter(|project| projects.is_none_or(|projects| projects.contains(&project.id)));
        meant
            .map(|project| {
                (
                    Target::Project(project.id.clone()),
                    Some(one.target.clone()),
                )
            })
            .collect()
    }

    fn with_implied(&self, working: Vec<Shown>) -> Vec<Shown> {
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        let mut open = working;
        open.reverse();
        while let Some(one) = open.pop() {
            if !seen.insert(one.clone()) {
                continue;
            }
            for implied in self.indexes.implied.of(&one.role_id) {
                open.push(Shown {
                    role_id: implied.clone(),
                    by_role: Some(one.role_id.clone()),
                    ..one.clone()
                });
            }
            all.push(one);
        }
        all
    }
}

fn shown(one: &Assignment) -> Shown {
    Shown {
        actor: one.actor.clone(),
        target: one.target.clone(),
        role_id: one.role_id.clone(),
        inherited: one.inherited,
        by_group: None,
        from: None,
        by_role: None,
    }
}

fn is_where(one: &Assignment, wanted: &Wanted, projects: Option<&BTreeSet<Id>>) -> bool {
    match &one.target {
        Target::Project(id) => {
            !wanted.system
                && wanted.domain.is_none()
                && projects.is_none_or(|projects| projects.contains(id))
        }
        Target::Domain(id) => {
            !wanted.system
                && projects.is_none()
                && wanted.domain.as_ref().is_none_or(|domain| domain == id)
        }
        Target::System => wanted.system || (projects.is_none() && wanted.domain.is_none()),
    }
}
