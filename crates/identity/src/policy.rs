//! Who may call what, as Keystone 22's default policies have it.
//!
//! Each call is an [`Action`]; the table says which callers it is open to. What a caller must be related to (the user
//! in the path, the domain of a project) is collected as [`Facts`].

use crate::caller::Caller;
use crate::http::ApiError;
use crate::model::Id;

/// Something that a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// The user that is asked about, or whose something it is.
    User,
    /// That user's domain.
    UserDomain,
    /// The group's domain.
    GroupDomain,
    /// The project.
    Project,
    /// The project's domain.
    ProjectDomain,
    /// The domain.
    Domain,
    /// The role's domain.
    RoleDomain,
    /// The domain that a list is confined to.
    ListDomain,
    /// Who gave a trust.
    Trustor,
    /// Who uses a trust.
    Trustee,
    /// The user of the token that is asked about.
    TokenUser,
}

/// What is known about the things that a call is about.
#[derive(Debug, Clone, Default)]
pub struct Facts(Vec<(Fact, Id)>);

impl Facts {
    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// With one fact more.
    #[must_use]
    pub fn with(mut self, fact: Fact, id: impl Into<Id>) -> Self {
        self.0.push((fact, id.into()));
        self
    }

    /// With one fact more, when there is one.
    #[must_use]
    pub fn with_any(self, fact: Fact, id: Option<&Id>) -> Self {
        match id {
            Some(id) => self.with(fact, id.clone()),
            None => self,
        }
    }

    fn get(&self, fact: Fact) -> Option<&Id> {
        let found = self.0.iter().find(|(known, _)| *known == fact);
        found.map(|(_, id)| id)
    }

    fn is(&self, fact: Fact, id: Option<&Id>) -> bool {
        id.is_some() && self.get(fact) == id
    }
}

/// A kind of caller to whom a call is open.
#[derive(Debug, Clone, Copy)]
enum Open {
    /// Everybody with a token.
    All,
    /// Who is `admin` where their token is good.
    Admin,
    /// Who is `service` where their token is good.
    Service,
    /// Who is `reader` of the whole deployment.
    SystemReader,
    /// Who is `reader` on the domain that all of these are.
    DomainReader(&'static [Fact]),
    /// Who has this role over both ends of a grant, whose role is of their domain or none.
    Grantor(&'static str),
    /// Who is `reader` over both ends of a list of grants.
    GrantReader,
    /// The user that this is.
    User(Fact),
    /// Whose token is good on the project that this is.
    Project(Fact),
    /// Whose token is good on the domain that this is.
    Domain(Fact),
    /// Whose token is good on a project of the domain that this is.
    ProjectsOf(Fact),
}

use Open::{
    Admin, All, Domain, DomainReader, GrantReader, Grantor, Project, ProjectsOf, Service,
    SystemReader, User,
};

macro_rules! actions {
    ($($action:ident, $name:literal, [$($open:expr),*];)*) => {
        /// A call that a policy is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "they are Keystone's own names, which say what they are")]
        pub enum Action { $($action,)* }

        impl Action {
            /// Keystone's name of it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$action => concat!("identity:", $name),)* }
            }

            const fn open(self) -> &'static [Open] {
                match self { $(Self::$action => &[$($open),*],)* }
            }
        }
    };
}

actions! {
    GetDomain, "get_domain", [Admin, SystemReader, Domain(Fact::Domain), ProjectsOf(Fact::Domain)];
    ListDomains, "list_domains", [Admin, SystemReader];
    CreateDomain, "create_domain", [Admin];
    UpdateDomain, "update_domain", [Admin];
    DeleteDomain, "delete_domain", [Admin];
    GetProject, "get_project",
        [Admin, SystemReader, DomainReader(&[Fact::ProjectDomain]), Project(Fact::Project)];
    ListProjects, "list_projects", [Admin, SystemReader, DomainReader(&[Fact::ListDomain])];
    ListUserProjects, "list_user_projects",
        [Admin, SystemReader, DomainReader(&[Fact::UserDomain]), User(Fact::User)];
    CreateProject, "create_project", [Admin];
    UpdateProject, "update_project", [Admin];
    DeleteProject, "delete_project", [Admin];
    ListProjectTags, "list_project_tags",
        [Admin, SystemReader, DomainReader(&[Fact::ProjectDomain]), Project(Fact::Project)];
    GetProjectTag, "get_project_tag",
        [Admin, SystemReader, DomainReader(&[Fact::ProjectDomain]), Project(Fact::Project)];
    UpdateProjectTags, "update_project_tags", [Admin];
    CreateProjectTag, "create_project_tag", [Admin];
    DeleteProjectTags, "delete_project_tags", [Admin];
    DeleteProjectTag, "delete_project_tag", [Admin];
    GetUser, "get_user",
        [Admin, SystemReader, DomainReader(&[Fact::UserDomain]), User(Fact::User)];
    ListUsers, "list_users", [Admin, SystemReader, DomainReader(&[Fact::ListDomain])];
    CreateUser, "create_user", [Admin];
    UpdateUser, "update_user", [Admin];
    DeleteUser, "delete_user", [Admin];
    GetGroup, "get_group", [Admin, SystemReader, DomainReader(&[Fact::GroupDomain])];
    ListGroups, "list_groups", [Admin, SystemReader, DomainReader(&[Fact::ListDomain])];
    ListGroupsForUser, "list_groups_for_user",
        [Admin, SystemReader, DomainReader(&[Fact::UserDomain]), User(Fact::User)];
    CreateGroup, "create_group", [Admin];
    UpdateGroup, "update_group", [Admin];
    DeleteGroup, "delete_group", [Admin];
    ListUsersInGroup, "list_users_in_group",
        [Admin, SystemReader, DomainReader(&[Fact::GroupDomain])];
    RemoveUserFromGroup, "remove_user_from_group", [Admin];
    CheckUserInGroup, "check_user_in_group",
        [Admin, SystemReader, DomainReader(&[Fact::GroupDomain, Fact::UserDomain])];
    AddUserToGroup, "add_user_to_group", [Admin];
    GetRole, "get_role", [Admin, SystemReader];
    ListRoles, "list_roles", [Admin, SystemReader];
    CreateRole, "create_role", [Admin];
    UpdateRole, "update_role", [Admin];
    DeleteRole, "delete_role", [Admin];
    GetDomainRole, "get_domain_role", [Admin, SystemReader];
    ListDomainRoles, "list_domain_roles", [Admin, SystemReader];
    CreateDomainRole, "create_domain_role", [Admin];
    UpdateDomainRole, "update_domain_role", [Admin];
    DeleteDomainRole, "delete_domain_role", [Admin];
    GetImpliedRole, "get_implied_role", [Admin, SystemReader];
    ListImpliedRoles, "list_implied_roles", [Admin, SystemReader];
    CreateImpliedRole, "create_implied_role", [Admin];
    DeleteImpliedRole, "delete_implied_role", [Admin];
    ListRoleInferenceRules, "list_role_inference_rules", [Admin, SystemReader];
    CheckImpliedRole, "check_implied_role", [Admin, SystemReader];
    CheckGrant, "check_grant", [Admin, SystemReader, Grantor("reader")];
    ListGrants, "list_grants", [Admin, SystemReader, GrantReader];
    CreateGrant, "create_grant", [Admin, Grantor("admin")];
    RevokeGrant, "revoke_grant", [Admin, Grantor("admin")];
    ListSystemGrantsForUser, "list_system_grants_for_user", [Admin, SystemReader];
    CheckSystemGrantForUser, "check_system_grant_for_user", [Admin, SystemReader];
    CreateSystemGrantForUser, "create_system_grant_for_user", [Admin];
    RevokeSystemGrantForUser, "revoke_system_grant_for_user", [Admin];
    ListSystemGrantsForGroup, "list_system_grants_for_group", [Admin, SystemReader];
    CheckSystemGrantForGroup, "check_system_grant_for_group", [Admin, SystemReader];
    CreateSystemGrantForGroup, "create_system_grant_for_group", [Admin];
    RevokeSystemGrantForGroup, "revoke_system_grant_for_group", [Admin];
    ListRoleAssignments, "list_role_assignments",
        [Admin, SystemReader, DomainReader(&[Fact::ListDomain])];
    ListRoleAssignmentsForTree, "list_role_assignments_for_tree",
        [Admin, SystemReader, DomainReader(&[Fact::ListDomain])];
    GetRegion, "get_region", [All];
    ListRegions, "list_regions", [All];
    CreateRegion, "create_region", [Admin];
    UpdateRegion, "update_region", [Admin];
    DeleteRegion, "delete_region", [Admin];
    GetService, "get_service", [Admin, SystemReader];
    ListServices, "list_services", [Admin, SystemReader];
    CreateService, "create_service", [Admin];
    UpdateService, "update_service", [Admin];
    DeleteService, "delete_service", [Admin];
    GetEndpoint, "get_endpoint", [Admin, SystemReader];
    ListEndpoints, "list_endpoints", [Admin, SystemReader];
    CreateEndpoint, "create_endpoint", [Admin];
    UpdateEndpoint, "update_endpoint", [Admin];
    DeleteEndpoint, "delete_endpoint", [Admin];
    GetApplicationCredential, "get_application_credential",
        [Admin, SystemReader, User(Fact::User)];
    ListApplicationCredentials, "list_application_credentials",
        [Admin, SystemReader, User(Fact::User)];
    CreateApplicationCredential, "create_application_credential", [User(Fact::User)];
    DeleteApplicationCredential, "delete_application_credential", [Admin, User(Fact::User)];
    GetAccessRule, "get_access_rule", [SystemReader, User(Fact::User)];
    ListAccessRules, "list_access_rules", [SystemReader, User(Fact::User)];
    DeleteAccessRule, "delete_access_rule", [User(Fact::User)];
    GetCredential, "get_credential", [Admin, SystemReader, User(Fact::User)];
    ListCredentials, "list_credentials", [Admin, SystemReader, User(Fact::User)];
    CreateCredential, "create_credential", [Admin, User(Fact::User)];
    UpdateCredential, "update_credential", [Admin, User(Fact::User)];
    DeleteCredential, "delete_credential", [Admin, User(Fact::User)];
    CreateTrust, "create_trust", [User(Fact::Trustor)];
    ListTrusts, "list_trusts", [Admin, SystemReader];
    ListTrustsForTrustor, "list_trusts_for_trustor",
        [Admin, SystemReader, User(Fact::Trustor)];
    ListTrustsForTrustee, "list_trusts_for_trustee",
        [Admin, SystemReader, User(Fact::Trustee)];
    ListRolesForTrust, "list_roles_for_trust",
        [Admin, SystemReader, User(Fact::Trustor), User(Fact::Trustee)];
    GetRoleForTrust, "get_role_for_trust",
        [Admin, SystemReader, User(Fact::Trustor), User(Fact::Trustee)];
    DeleteTrust, "delete_trust", [Admin, User(Fact::Trustor)];
    GetTrust, "get_trust",
        [Admin, SystemReader, User(Fact::Trustor), User(Fact::Trustee)];
    ListRevokeEvents, "list_revoke_events", [Admin, Service];
    CheckToken, "check_token", [Admin, SystemReader, User(Fact::TokenUser)];
    ValidateToken, "validate_token",
        [Admin, SystemReader, Service, User(Fact::TokenUser)];
    RevokeToken, "revoke_token", [Admin, User(Fact::TokenUser)];
    GetAuthCatalog, "get_auth_catalog", [All];
    GetAuthProjects, "get_auth_projects", [All];
    GetAuthDomains, "get_auth_domains", [All];
    GetAuthSystem, "get_auth_system", [All];
    GetLimitModel, "get_limit_model", [All];
    GetLimit, "get_limit",
        [Admin, SystemReader, Domain(Fact::Domain), Domain(Fact::ProjectDomain), Project(Fact::Project)];
    ListLimits, "list_limits", [All];
    CreateLimits, "create_limits", [Admin];
    UpdateLimit, "update_limit", [Admin];
    DeleteLimit, "delete_limit", [Admin];
    GetRegisteredLimit, "get_registered_limit", [All];
    ListRegisteredLimits, "list_registered_limits", [All];
    CreateRegisteredLimits, "create_registered_limits", [Admin];
    UpdateRegisteredLimit, "update_registered_limit", [Admin];
    DeleteRegisteredLimit, "delete_registered_limit", [Admin];
}

/// Lets a call pass that is open to its caller.
///
/// # Errors
/// 403 with Keystone's words.
pub fn enforce(caller: &Caller, action: Action, facts: &Facts) -> Result<(), ApiError> {
    if action.open().iter().any(|open| open.to(caller, facts)) {
        Ok(())
    } else {
        Err(ApiError::forbidden_action(action.name()))
    }
}

impl Open {
    fn to(self, caller: &Caller, facts: &Facts) -> bool {
        let domain = caller.domain_id();
        match self {
            All => true,
            Admin => caller.has_role("admin"),
            Service => caller.has_role("service"),
            SystemReader => caller.is_system() && caller.has_role("reader"),
            DomainReader(all) => {
                caller.has_role("reader") && all.iter().all(|fact| facts.is(*fact, domain))
            }
            Grantor(role) => {
                let role_domain = facts.get(Fact::RoleDomain);
                let may_give = role_domain.is_none() || role_domain == domain;
                caller.has_role(role) && is_over_both_ends(domain, facts) && may_give
            }
            GrantReader => caller.has_role("reader") && is_over_both_ends(domain, facts),
            User(fact) => facts.is(fact, Some(&caller.user_id)),
            Project(fact) => facts.is(fact, caller.project_id()),
            Domain(fact) => facts.is(fact, domain),
            ProjectsOf(fact) => facts.is(fact, caller.project_domain_id.as_ref()),
        }
    }
}

/// Whether a domain is that of the grant's user or group, and that of its project or its domain.
fn is_over_both_ends(domain: Option<&Id>, facts: &Facts) -> bool {
    let actor = facts.is(Fact::UserDomain, domain) || facts.is(Fact::GroupDomain, domain);
    let target = facts.is(Fact::ProjectDomain, domain) || facts.is(Fact::Domain, domain);
    actor && target
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::model::{Extra, Role, Target};

    fn caller(scope: Option<Target>, roles: &[&str]) -> Caller {
        let role = |name: &&str| {
            Arc::new(Role {
                id: Id::from(*name),
                name: (*name).to_owned(),
                domain_id: None,
                description: None,
                options: Extra::new(),
                extra: Extra::new(),
            })
        };
        Caller {
            user_id: Id::from("alice"),
            user_domain_id: Id::from("d1"),
            project_domain_id: None,
            scope,
            roles: roles.iter().map(role).collect(),
            methods: vec!["password".to_owned()],
            audit_id: "a".to_owned(),
            audit_chain_id: None,
            issued_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::UNIX_EPOCH,
            trust: None,
            application_credential: None,
            token: Arc::from(""),
        }
    }

    fn may(caller: &Caller, action: Action, facts: &Facts) -> bool {
        enforce(caller, action, facts).is_ok()
    }

    #[test]
    fn nobody_is_told_about_others_and_everybody_about_themselves() {
        let alice = caller(None, &[]);
        assert!(may(
            &alice,
            Action::GetUser,
            &Facts::none().with(Fact::User, "alice")
        ));
        assert!(!may(
            &alice,
            Action::GetUser,
            &Facts::none().with(Fact::User, "bob")
        ));
        assert!(!may(&alice, Action::GetUser, &Facts::none()));
        assert!(!may(&alice, Action::ListUsers, &Facts::none()));
        assert!(may(&alice, Action::ListRegions, &Facts::none()));
    }

    #[test]
    fn a_reader_of_a_domain_sees_that_domain_alone() {
        let reader = caller(Some(Target::Domain(Id::from("d1"))), &["reader"]);
        for (domain, sees) in [("d1", true), ("d2", false)] {
            let facts = Facts::none().with(Fact::UserDomain, domain);
            assert_eq!(may(&reader, Action::GetUser, &facts), sees, "{domain}");
        }
        assert!(!may(&reader, Action::GetRole, &Facts::none()));
        let elsewhere = caller(Some(Target::Project(Id::from("d1"))), &["reader"]);
        let facts = Facts::none().with(Fact::UserDomain, "d1");
        assert!(!may(&elsewhere, Action::GetUser, &facts));
    }

    #[test]
    fn a_domain_administrator_is_a_plain_admin_too() {
        let admin = caller(Some(Target::Domain(Id::from("d1"))), &["admin"]);
        assert!(may(&admin, Action::CreateGrant, &Facts::none()));
        assert!(may(&admin, Action::DeleteDomain, &Facts::none()));
    }

    #[test]
    fn a_domain_is_managed_with_its_own_roles_and_those_of_none() {
        let reader = caller(Some(Target::Domain(Id::from("d1"))), &["reader"]);
        let facts = Facts::none()
            .with(Fact::ProjectDomain, "d1")
            .with(Fact::UserDomain, "d1");
        assert!(may(&reader, Action::CheckGrant, &facts));
        assert!(!may(&reader, Action::CreateGrant, &facts));
        for (domain, sees) in [("d1", true), ("d2", false)] {
            let facts = facts.clone().with(Fact::RoleDomain, domain);
            assert_eq!(may(&reader, Action::CheckGrant, &facts), sees, "{domain}");
        }
        let half = Facts::none().with(Fact::UserDomain, "d1");
        assert!(!may(&reader, Action::CheckGrant, &half));
    }

    #[test]
    fn a_refusal_names_the_action_as_keystone_does() {
        let error = enforce(&caller(None, &[]), Action::ListUsers, &Facts::none()).unwrap_err();
        assert_eq!(
            error.message,
            "You are not authorized to perform the requested action: identity:list_users."
        );
    }
}
