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
    ToAll,
    /// Who is `admin` where their token is good.
    ToAdmin,
    /// Who is `service` where their token is good.
    ToService,
    /// Who is `reader` of the whole deployment.
    ToSystemReader,
    /// Who is `reader` on the domain that all of these are.
    ToDomainReader(&'static [Fact]),
    /// Who has this role over both ends of a grant, whose role is of their domain or none.
    ToGrantor(&'static str),
    /// Who is `reader` over both ends of a list of grants.
    ToGrantReader,
    /// The user that this is.
    ToUser(Fact),
    /// Whose token is good on the project that this is.
    ToProject(Fact),
    /// Whose token is good on the domain that this is.
    ToDomain(Fact),
    /// Whose token is good on a project of the domain that this is.
    ToProjectsOf(Fact),
}

use Open::{
    ToAdmin, ToAll, ToDomain, ToDomainReader, ToGrantReader, ToGrantor, ToProject, ToProjectsOf,
    ToService, ToSystemReader, ToUser,
};

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident, $name:literal, [$($open:expr),*];)*) => {
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
    GetDomain, "get_domain", [ToAdmin, ToSystemReader, ToDomain(Fact::Domain), ToProjectsOf(Fact::Domain)];
    ListDomains, "list_domains", [ToAdmin, ToSystemReader];
    CreateDomain, "create_domain", [ToAdmin];
    UpdateDomain, "update_domain", [ToAdmin];
    DeleteDomain, "delete_domain", [ToAdmin];
    GetProject, "get_project",
        [ToAdmin, ToSystemReader, ToDomainReader(&[Fact::ProjectDomain]), ToProject(Fact::Project)];
    ListProjects, "list_projects", [ToAdmin, ToSystemReader, ToDomainReader(&[Fact::ListDomain])];
    ListUserProjects, "list_user_projects",
        [ToAdmin, ToSystemReader, ToDomainReader(&[Fact::UserDomain]), ToUser(Fact::User)];
    CreateProject, "create_project", [ToAdmin];
    UpdateProject, "update_project", [ToAdmin];
    DeleteProject, "delete_project", [ToAdmin];
    ListProjectTags, "list_project_tags",
        [ToAdmin, ToSystemReader, ToDomainReader(&[Fact::ProjectDomain]), ToProject(Fact::Project)];
    GetProjectTag, "get_project_tag",
        [ToAdmin, ToSystemReader, ToDomainReader(&[Fact::ProjectDomain]), ToProject(Fact::Project)];
    UpdateProjectTags, "update_project_tags", [ToAdmin];
    CreateProjectTag, "create_project_tag", [ToAdmin];
    DeleteProjectTags, "delete_project_tags", [ToAdmin];
    DeleteProjectTag, "delete_project_tag", [ToAdmin];
    GetUser, "get_user",
        [ToAdmin, ToSystemReader, ToDomainReader(&[Fact::UserDomain]), ToUser(Fact::User)];
    ListUsers, "list_users", [ToAdmin, ToSystemReader, ToDomainReader(&[Fact::ListDomain])];
    CreateUser, "create_user", [ToAdmin];
    UpdateUser, "update_user", [ToAdmin];
    DeleteUser, "delete_user", [ToAdmin];
    GetGroup, "get_group", [ToAdmin, ToSystemReader, ToDomainReader(&[Fact::GroupDomain])];
    ListGroups, "list_groups", [ToAdmin, ToSystemReader, ToDomainReader(&[Fact::ListDomain])];
    ListGroupsForUser, "list_groups_for_user",
        [ToAdmin, ToSystemReader, ToDomainReader(&[Fact::UserDomain]), ToUser(Fact::User)];
    CreateGroup, "create_group", [ToAdmin];
    UpdateGroup, "update_group", [ToAdmin];
    DeleteGroup, "delete_group", [ToAdmin];
    ListUsersInGroup, "list_users_in_group",
        [ToAdmin, ToSystemReader, ToDomainReader(&[Fact::GroupDomain])];
    RemoveUserFromGroup, "remove_user_from_group", [ToAdmin];
    CheckUserInGroup, "check_user_in_group",
        [ToAdmin, ToSystemReader, ToDomainReader(&[Fact::GroupDomain, Fact::UserDomain])];
    AddUserToGroup, "add_user_to_group", [ToAdmin];
    GetRole, "get_role", [ToAdmin, ToSystemReader];
    ListRoles, "list_roles", [ToAdmin, ToSystemReader];
    CreateRole, "create_role", [ToAdmin];
    UpdateRole, "update_role", [ToAdmin];
    DeleteRole, "delete_role", [ToAdmin];
    GetDomainRole, "get_domain_role", [ToAdmin, ToSystemReader];
    ListDomainRoles, "list_domain_roles", [ToAdmin, ToSystemReader];
    CreateDomainRole, "create_domain_role", [ToAdmin];
    UpdateDomainRole, "update_domain_role", [ToAdmin];
    DeleteDomainRole, "delete_domain_role", [ToAdmin];
    GetImpliedRole, "get_implied_role", [ToAdmin, ToSystemReader];
    ListImpliedRoles, "list_implied_roles", [ToAdmin, ToSystemReader];
    CreateImpliedRole, "create_implied_role", [ToAdmin];
    DeleteImpliedRole, "delete_implied_role", [ToAdmin];
    ListRoleInferenceRules, "list_role_inference_rules", [ToAdmin, ToSystemReader];
    CheckImpliedRole, "check_implied_role", [ToAdmin, ToSystemReader];
    CheckGrant, "check_grant", [ToAdmin, ToGrantor("reader")];
    ListGrants, "list_grants", [ToAdmin, ToSystemReader, ToGrantReader];
    CreateGrant, "create_grant", [ToAdmin, ToGrantor("admin")];
    RevokeGrant, "revoke_grant", [ToAdmin, ToGrantor("admin")];
    ListSystemGrantsForUser, "list_system_grants_for_user", [ToAdmin, ToSystemReader];
    CheckSystemGrantForUser, "check_system_grant_for_user", [ToAdmin, ToSystemReader];
    CreateSystemGrantForUser, "create_system_grant_for_user", [ToAdmin];
    RevokeSystemGrantForUser, "revoke_system_grant_for_user", [ToAdmin];
    ListSystemGrantsForGroup, "list_system_grants_for_group", [ToAdmin, ToSystemReader];
    CheckSystemGrantForGroup, "check_system_grant_for_group", [ToAdmin, ToSystemReader];
    CreateSystemGrantForGroup, "create_system_grant_for_group", [ToAdmin];
    RevokeSystemGrantForGroup, "revoke_system_grant_for_group", [ToAdmin];
    ListRoleAssignments, "list_role_assignments",
        [ToAdmin, ToSystemReader, ToDomainReader(&[Fact::ListDomain])];
    ListRoleAssignmentsForTree, "list_role_assignments_for_tree",
        [ToAdmin, ToSystemReader, ToDomainReader(&[Fact::ListDomain])];
    GetRegion, "get_region", [ToAll];
    ListRegions, "list_regions", [ToAll];
    CreateRegion, "create_region", [ToAdmin];
    UpdateRegion, "update_region", [ToAdmin];
    DeleteRegion, "delete_region", [ToAdmin];
    GetService, "get_service", [ToAdmin, ToSystemReader];
    ListServices, "list_services", [ToAdmin, ToSystemReader];
    CreateService, "create_service", [ToAdmin];
    UpdateService, "update_service", [ToAdmin];
    DeleteService, "delete_service", [ToAdmin];
    GetEndpoint, "get_endpoint", [ToAdmin, ToSystemReader];
    ListEndpoints, "list_endpoints", [ToAdmin, ToSystemReader];
    CreateEndpoint, "create_endpoint", [ToAdmin];
    UpdateEndpoint, "update_endpoint", [ToAdmin];
    DeleteEndpoint, "delete_endpoint", [ToAdmin];
    GetApplicationCredential, "get_application_credential",
        [ToAdmin, ToSystemReader, ToUser(Fact::User)];
    ListApplicationCredentials, "list_application_credentials",
        [ToAdmin, ToSystemReader, ToUser(Fact::User)];
    CreateApplicationCredential, "create_application_credential", [ToUser(Fact::User)];
    DeleteApplicationCredential, "delete_application_credential", [ToAdmin, ToUser(Fact::User)];
    GetAccessRule, "get_access_rule", [ToSystemReader, ToUser(Fact::User)];
    ListAccessRules, "list_access_rules", [ToSystemReader, ToUser(Fact::User)];
    DeleteAccessRule, "delete_access_rule", [ToUser(Fact::User)];
    GetCredential, "get_credential", [ToAdmin, ToSystemReader, ToUser(Fact::User)];
    ListCredentials, "list_credentials", [ToAdmin, ToSystemReader, ToUser(Fact::User)];
    CreateCredential, "create_credential", [ToAdmin, ToUser(Fact::User)];
    UpdateCredential, "update_credential", [ToAdmin, ToUser(Fact::User)];
    DeleteCredential, "delete_credential", [ToAdmin, ToUser(Fact::User)];
    CreateTrust, "create_trust", [ToUser(Fact::Trustor)];
    ListTrusts, "list_trusts", [ToAdmin, ToSystemReader];
    ListTrustsForTrustor, "list_trusts_for_trustor",
        [ToAdmin, ToSystemReader, ToUser(Fact::Trustor)];
    ListTrustsForTrustee, "list_trusts_for_trustee",
        [ToAdmin, ToSystemReader, ToUser(Fact::Trustee)];
    ListRolesForTrust, "list_roles_for_trust",
        [ToAdmin, ToSystemReader, ToUser(Fact::Trustor), ToUser(Fact::Trustee)];
    GetRoleForTrust, "get_role_for_trust",
        [ToAdmin, ToSystemReader, ToUser(Fact::Trustor), ToUser(Fact::Trustee)];
    DeleteTrust, "delete_trust", [ToAdmin, ToUser(Fact::Trustor)];
    GetTrust, "get_trust",
        [ToAdmin, ToSystemReader, ToUser(Fact::Trustor), ToUser(Fact::Trustee)];
    ListRevokeEvents, "list_revoke_events", [ToAdmin, ToService];
    CheckToken, "check_token", [ToAdmin, ToSystemReader, ToUser(Fact::TokenUser)];
    ValidateToken, "validate_token",
        [ToAdmin, ToSystemReader, ToService, ToUser(Fact::TokenUser)];
    RevokeToken, "revoke_token", [ToAdmin, ToUser(Fact::TokenUser)];
    GetAuthCatalog, "get_auth_catalog", [ToAll];
    GetAuthProjects, "get_auth_projects", [ToAll];
    GetAuthDomains, "get_auth_domains", [ToAll];
    GetAuthSystem, "get_auth_system", [ToAll];
    GetLimitModel, "get_limit_model", [ToAll];
    GetLimit, "get_limit",
        [ToAdmin, ToSystemReader, ToDomain(Fact::Domain), ToDomain(Fact::ProjectDomain), ToProject(Fact::Project)];
    ListLimits, "list_limits", [ToAll];
    CreateLimits, "create_limits", [ToAdmin];
    UpdateLimit, "update_limit", [ToAdmin];
    DeleteLimit, "delete_limit", [ToAdmin];
    GetRegisteredLimit, "get_registered_limit", [ToAll];
    ListRegisteredLimits, "list_registered_limits", [ToAll];
    CreateRegisteredLimits, "create_registered_limits", [ToAdmin];
    UpdateRegisteredLimit, "update_registered_limit", [ToAdmin];
    DeleteRegisteredLimit, "delete_registered_limit", [ToAdmin];
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
            ToAll => true,
            ToAdmin => caller.has_role("admin"),
            ToService => caller.has_role("service"),
            ToSystemReader => caller.is_system() && caller.has_role("reader"),
            ToDomainReader(all) => {
                caller.has_role("reader") && all.iter().all(|fact| facts.is(*fact, domain))
            }
            ToGrantor(role) => {
                let system_reader = role == "reader" && caller.is_system();
                let over_both = system_reader || is_over_both_ends(domain, facts);
                let role_domain = facts.get(Fact::RoleDomain);
                let may_give = role_domain.is_none() || role_domain == domain;
                caller.has_role(role) && over_both && may_give
            }
            ToGrantReader => caller.has_role("reader") && is_over_both_ends(domain, facts),
            ToUser(fact) => facts.is(fact, Some(&caller.user_id)),
            ToProject(fact) => facts.is(fact, caller.project_id()),
            ToDomain(fact) => facts.is(fact, domain),
            ToProjectsOf(fact) => facts.is(fact, caller.project_domain_id.as_ref()),
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
    fn a_reader_of_the_system_checks_grants_of_roles_of_no_domain() {
        let reader = caller(Some(Target::System), &["reader"]);
        let facts = Facts::none().with(Fact::ProjectDomain, "d1");
        assert!(may(&reader, Action::CheckGrant, &facts));
        let domain_role = facts.with(Fact::RoleDomain, "d1");
        assert!(!may(&reader, Action::CheckGrant, &domain_role));
        assert!(!may(&reader, Action::CreateGrant, &Facts::none()));
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
