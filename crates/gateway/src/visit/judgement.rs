//! Whether somebody who is known may come in.

use std::time::Instant;

use super::Visit;
use crate::entry_point::EntryPoint;
use crate::notice::Notice;
use crate::rule::Denied;
use crate::variables::Variable;

impl Visit<'_> {
    /// Whether whoever is known may come in, and what is told of them: nothing of those who are not known.
    pub(super) async fn judge(
        &mut self,
        entry_point: &EntryPoint,
    ) -> Result<Vec<(Variable, String)>, Notice> {
        let certificate = match self.identity.is_some() && entry_point.rule.asks_for_a_certificate()
        {
            true => self.shown_certificate()?,
            false => None,
        };
        let Some(identity) = &mut self.identity else {
            return Ok(Vec::new());
        };
        let cache = self.delegated_cache.as_deref();
        let admitted = self
            .table
            .admit(entry_point, identity, certificate.as_deref(), cache)
            .await;
        let principal = identity.principal.to_string();
        let admission = admitted.map_err(|why| match why {
            Denied::Unspeakable => Notice::Unspeakable,
            why => Notice::Denied {
                why,
                principal: principal.clone(),
            },
        })?;
        let name = admission.user.as_ref().unwrap_or(&principal);
        let admitted = self.table.rates.admit_user(name, Instant::now());
        admitted.map_err(Notice::TooMany)?;
        self.user = admission.user;
        Ok(admission.told)
    }
}
