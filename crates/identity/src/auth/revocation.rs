//! Which tokens no longer hold, in Keystone's events.

use jiff::{SignedDuration, Timestamp};

use super::standing::{Scope, Standing};
use crate::directory::Change;
use crate::model::{Id, Model, Revocation, RevocationKey, Target};
use crate::service::Revoked;

/// Beyond the longest life of a token, as Keystone's `[revoke] expiration_buffer`.
const BUFFER: SignedDuration = SignedDuration::from_mins(30);

/// The event for what was taken back. `None` where roles say it already, which are looked up for each token anew.
pub(super) fn event(which: &Revoked) -> Option<Revocation> {
    let none = Revocation::default();
    Some(match which.clone() {
        Revoked::User(id) => Revocation {
            user_id: Some(id),
            ..none
        },
        Revoked::UserAt(id, Target::Project(project)) => Revocation {
            user_id: Some(id),
            project_id: Some(project),
            ..none
        },
        Revoked::UserAt(id, Target::Domain(domain)) => Revocation {
            user_id: Some(id),
            domain_id: Some(domain),
            ..none
        },
        Revoked::At(Target::Project(project)) => Revocation {
            project_id: Some(project),
            ..none
        },
        Revoked::At(Target::Domain(domain)) => Revocation {
            domain_id: Some(domain),
            ..none
        },
        Revoked::UserAt(_, Target::System) | Revoked::At(Target::System) => return None,
        Revoked::Role(id) => Revocation {
            role_id: Some(id),
            ..none
        },
        Revoked::Trust(id) => Revocation {
            trust_id: Some(id),
            ..none
        },
        Revoked::ApplicationCredential(id) => Revocation {
            application_credential_id: Some(id),
            ..none
        },
    })
}

/// Writes an event down, and takes out events of which every token has ended: `life` is how long a token can be asked
/// about.
pub(super) fn record(change: &mut Change, event: Revocation, now: Timestamp, life: SignedDuration) {
    prune(change, now, life);
    let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let number = change.indexes().revocations.last_number().saturating_add(1);
    change.put(Revocation {
        number,
        issued_before: event.issued_before.or(Some(second)),
        revoked_at: event.revoked_at.or(Some(second)),
        ..event
    });
}

fn prune(change: &mut Change, now: Timestamp, life: SignedDuration) {
    let life = life.saturating_add(BUFFER);
    let Ok(oldest) = now.checked_sub(life) else {
        return;
    };
    while let Some(number) = change.indexes().revocations.first_number() {
        let key = Revocation::key_of(number);
        let has_ended = change
            .get::<Revocation>(&key)
            .is_none_or(|event| event.revoked_at.is_none_or(|at| at < oldest));
        if !has_ended || change.remove::<Revocation>(&key).is_none() {
            return;
        }
    }
}

/// Whether an event matches this token: few are looked at, since each is kept under what it names most narrowly.
pub(super) fn is_revoked(model: &Model, standing: &Standing) -> bool {
    let about = About::of(standing);
    let events = &model.indexes().revocations;
    about
        .keys()
        .iter()
        .flat_map(|key| events.under(key))
        .filter_map(|number| model.get::<Revocation>(&Revocation::key_of(*number)))
        .any(|event| about.is_matched_by(event))
}

/// What of a token events can name.
struct About<'a> {
    standing: &'a Standing,
    users: Vec<&'a Id>,
    project: Option<&'a Id>,
    scope_domain: Option<&'a Id>,
    /// Of the user, and of the domain where the token counts.
    domains: Vec<&'a Id>,
}

impl<'a> About<'a> {
    fn of(standing: &'a Standing) -> Self {
        let mut users = vec![&standing.user.id];
        users.extend(standing.trust.iter().map(|by| &by.trust.trustor_user_id));
        let scope_domain = match &standing.scope {
            Scope::Domain(domain) => Some(&domain.id),
            _ => None,
        };
        let mut domains = vec![&standing.user_domain.id];
        // Keystone forgets the domain of a project here; a domain that was taken back has none left.
        match &standing.scope {
            Scope::Domain(domain) | Scope::Project { domain, .. } => domains.push(&domain.id),
            Scope::Nowhere | Scope::System => {}
        }
        Self {
            standing,
            users,
            project: standing.project().map(|project| &project.id),
            scope_domain,
            domains,
        }
    }

    fn chain(&self) -> &str {
        let audit = &self.standing.payload.audit;
        audit.chain.as_deref().unwrap_or(&audit.own)
    }

    /// Under what the events stand that may match.
    fn keys(&self) -> Vec<RevocationKey> {
        let payload = &self.standing.payload;
        let mut keys = vec![
            RevocationKey::Everything,
            RevocationKey::Audit(payload.audit.own.clone()),
            RevocationKey::Chain(self.chain().to_owned()),
        ];
        let ids = |ids: &[&Id]| -> Vec<Id> { ids.iter().map(|id| (*id).clone()).collect() };
        keys.extend(ids(&self.users).into_iter().map(RevocationKey::User));
        keys.extend(self.project.cloned().map(RevocationKey::Project));
        keys.extend(ids(&self.domains).into_iter().map(RevocationKey::Domain));
        let roles = self.standing.roles.iter();
        keys.extend(roles.map(|role| RevocationKey::Role(role.id.clone())));
        let trust = self.standing.trust.as_ref();
        keys.extend(trust.map(|by| RevocationKey::Trust(by.trust.id.clone())));
        let credential = self.standing.credential.as_ref();
        keys.extend(credential.map(|by| RevocationKey::ApplicationCredential(by.id.clone())));
        keys
    }

    /// Every attribute that the event gives must be the token's.
    fn is_matched_by(&self, event: &Revocation) -> bool {
        let standing = self.standing;
        let audit = &standing.payload.audit;
        let trust = standing.trust.as_ref().map(|by| &by.trust.id);
        let credential = standing.credential.as_ref().map(|by| &by.id);
        let given =
            |wanted: &Option<Id>, has: &dyn Fn(&Id) -> bool| wanted.as_ref().is_none_or(has);
        event
            .issued_before
            .is_none_or(|before| standing.issued_at <= before)
            && event.audit_id.as_ref().is_none_or(|id| *id == audit.own)
            && event
                .audit_chain_id
                .as_ref()
                .is_none_or(|id| id == self.chain())
            && event
                .expires_at
                .is_none_or(|at| at.as_second() == standing.payload.expires_at.as_second())
            && given(&event.user_id, &|id| self.users.contains(&id))
            && given(&event.project_id, &|id| self.project == Some(id))
            && given(&event.domain_id, &|id| match event.user_id.is_some()
                || event.expires_at.is_some()
            {
                // A domain beside a user or an end is where the token counts.
                true => self.scope_domain == Some(id),
                false => self.domains.contains(&id),
            })
            && given(&event.role_id, &|id| {
                standing.roles.iter().any(|role| role.id == *id)
            })
            && given(&event.trust_id, &|id| trust == Some(id))
            && given(&event.application_credential_id, &|id| {
                credential == Some(id)
            })
    }
}
