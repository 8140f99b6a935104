//! Acting in users' names.

use std::sync::Arc;

use kerbstone_client::WantedForUser;
use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::ServiceTicket;
use kerbstone_proto::time::{KerberosTime, Timestamp};

use super::held::HeldTickets;
use super::{Desk, DeskError, HeldCredential, Patience};
use crate::settings::CredUsage;

impl Desk {
    /// A credential of `user` for the impersonator itself (S4U2Self), with which the impersonator may
    /// go on in the user's name (S4U2Proxy) as far as the KDC lets it.
    ///
    /// # Errors
    /// The impersonator has no ticket, is one of an impersonated user itself, or the KDC refuses.
    pub fn impersonate(
        &self,
        impersonator: &HeldCredential,
        user: &Principal,
        patience: Patience,
        now: Timestamp,
    ) -> Result<Arc<HeldCredential>, DeskError> {
        let content = self.content_of_impersonator(impersonator, patience)?;
        let context = self.context();
        let settings = context.ticket_settings(Some(&content))?;
        let wish = WantedForUser::new(user.clone());
        let held = context.held_for_user(&content, &wish, &settings);
        let evidence = match (held, patience) {
            (Some(held), _) => held.clone(),
            (None, Patience::Never) => return Err(DeskError::WouldWait),
            (None, Patience::Until(deadline)) => {
                let context = context.until(deadline);
                let obtained = context.fetch_for_user(&content, &wish, &settings)?;
                self.keep_evidence(impersonator, &obtained.credential, now.time);
                obtained.credential
            }
        };
        Ok(Arc::new(HeldCredential::on_evidence(&content, evidence)))
    }

    /// The credential of the client of `evidence`, a ticket for the impersonator, with which the
    /// impersonator may go on in the client's name (S4U2Proxy).
    ///
    /// # Errors
    /// The impersonator has no ticket, or is one of an impersonated user itself.
    pub fn impersonated(
        &self,
        impersonator: &HeldCredential,
        evidence: &ServiceTicket,
    ) -> Result<Arc<HeldCredential>, DeskError> {
        let content = self.content_of_impersonator(impersonator, Patience::Never)?;
        let evidence = Credential::from(evidence);
        Ok(Arc::new(HeldCredential::on_evidence(&content, evidence)))
    }

    /// The tickets of a credential that is to act in users' names.
    fn content_of_impersonator(
        &self,
        impersonator: &HeldCredential,
        patience: Patience,
    ) -> Result<CredentialCache, DeskError> {
        if impersonator.usage == CredUsage::Accept {
            return Err(DeskError::WrongUsage("initiating"));
        }
        if impersonator.impersonator.is_some() {
            return Err(DeskError::Impersonated);
        }
        Ok(self.purse_of(impersonator, patience)?.content())
    }

    /// The next call in this user's name finds it. In a cache with a name others would find it too.
    fn keep_evidence(
        &self,
        impersonator: &HeldCredential,
        evidence: &Credential,
        now: KerberosTime,
    ) {
        if let Some(HeldTickets::Memory(purse, _)) = &impersonator.tickets {
            purse.add(std::slice::from_ref(evidence), now);
        }
    }
}
