use super::Change;
use crate::model::{
    AccessRule, Actor, ApplicationCredential, Assignment, Credential, Endpoint, Group, Id,
    Implication, Limit, Membership, Project, Record, Role, Target, Trust, User,
};

impl Change {
    /// Takes out a user with all that is theirs: roles, places in groups, credentials, trusts from and for them.
    pub fn remove_user(&mut self, id: &str) {
        let id = &Id::from(id);
        self.remove_assignments_of(&Actor::User(id.clone()));
        let groups: Vec<Id> = self.indexes().groups_of_user.of(id).cloned().collect();
        for group in groups {
            self.remove::<Membership>(&Membership::key_of(&group, id));
        }
        self.remove_where::<ApplicationCredential>(|credential| credential.user_id == *id);
        self.remove_where::<AccessRule>(|rule| rule.user_id == *id);
        self.remove_where::<Credential>(|credential| credential.user_id == *id);
        self.remove_where::<Trust>(|trust| {
            trust.trustor_user_id == *id || trust.trustee_user_id == *id
        });
        self.remove::<User>(id);
    }

    /// Takes out a group with its roles and members' places in it.
    pub fn remove_group(&mut self, id: &str) {
        let id = &Id::from(id);
        self.remove_assignments_of(&Actor::Group(id.clone()));
        let members: Vec<Id> = self.indexes().members.of(id).cloned().collect();
        for user in members {
            self.remove::<Membership>(&Membership::key_of(id, &user));
        }
        self.remove::<Group>(id);
    }

    /// Takes out a role, wherever it was given or implied.
    pub fn remove_role(&mut self, id: &str) {
        self.remove_where::<Assignment>(|assignment| assignment.role_id == *id);
        self.remove_where::<Implication>(|implication| {
            implication.prior_role_id == *id || implication.implied_role_id == *id
        });
        self.remove_where::<ApplicationCredential>(|credential| {
            credential.role_ids.iter().any(|role| *role == *id)
        });
        self.remove::<Role>(id);
    }

    /// Takes out one project with the roles, credentials, trusts and limits on it; those below it must be gone.
    pub fn remove_project(&mut self, id: &str) {
        let id = &Id::from(id);
        self.remove_assignments_on(&Target::Project(id.clone()));
        self.remove_where::<ApplicationCredential>(|credential| credential.project_id == *id);
        self.remove_where::<Credential>(|credential| credential.project_id.as_ref() == Some(id));
        self.remove_where::<Trust>(|trust| trust.project_id.as_ref() == Some(id));
        self.remove_where::<Limit>(|limit| limit.project_id.as_ref() == Some(id));
        self.remove::<Project>(id);
    }

    /// Takes out a domain with its projects, users, groups and roles.
    pub fn remove_domain(&mut self, id: &str) {
        let id = &Id::from(id);
        let mut projects: Vec<Id> = self
            .subtree(id)
            .iter()
            .map(|below| below.id.clone())
            .collect();
        projects.reverse();
        for project in projects {
            self.remove_project(&project);
        }
        for user in self.ids_where::<User>(|user| user.domain_id == *id) {
            self.remove_user(&user);
        }
        for group in self.ids_where::<Group>(|group| group.domain_id == *id) {
            self.remove_group(&group);
        }
        for role in self.ids_where::<Role>(|role| role.domain_id.as_ref() == Some(id)) {
            self.remove_role(&role);
        }
        self.remove_assignments_on(&Target::Domain(id.clone()));
        self.remove_where::<Limit>(|limit| limit.domain_id.as_ref() == Some(id));
        self.remove::<Project>(id);
    }

    /// Takes out a service with its endpoints and limits.
    pub fn remove_service(&mut self, id: &str) {
        let endpoints = self.indexes().endpoints_of_service.of(id);
        let endpoints: Vec<Id> = endpoints.cloned().collect();
        for endpoint in endpoints {
            self.remove::<Endpoint>(&endpoint);
        }
        self.remove_where::<Limit>(|limit| limit.service_id == *id);
        self.remove::<crate::model::CatalogService>(id);
    }

    /// Takes out every record of a kind that is meant.
    pub fn remove_where<R: Record>(&mut self, meant: impl Fn(&R) -> bool) {
        for key in self.ids_where(meant) {
            self.remove::<R>(&key);
        }
    }

    fn ids_where<R: Record>(&self, meant: impl Fn(&R) -> bool) -> Vec<Id> {
        let records = R::table(self).iter();
        let meant = records.filter(|(_, record)| meant(record));
        meant.map(|(key, _)| key.clone()).collect()
    }

    fn remove_assignments_of(&mut self, actor: &Actor) {
        let all = self.indexes().assignments_of_actor.of(actor);
        let all: Vec<Id> = all.map(Record::key).collect();
        for key in all {
            self.remove::<Assignment>(&key);
        }
    }

    fn remove_assignments_on(&mut self, target: &Target) {
        let all = self.indexes().assignments_on_target.of(target);
        let all: Vec<Id> = all.map(Record::key).collect();
        for key in all {
            self.remove::<Assignment>(&key);
        }
    }
}
