//! Asking for the service itself, where the answer may be that another realm has it (RFC 6806 8).

use kerbstone_proto::ccache::Credential;
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;

use super::behalf::Behalf;
use super::tgs_exchange::{Wanted, inherited};
use super::{Goal, Stage, TicketRequest, issuer};
use crate::error::ClientError;

impl TicketRequest {
    pub(super) fn ask_for_service(
        &mut self,
        goal: Goal,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let with = self.current_tgt()?;
        let mut options = inherited(with.flags) | self.wish.options;
        match goal {
            Goal::Referral => {
                if self.stage != Stage::Referral {
                    self.referrals = 1;
                    self.seen.clear();
                }
                self.stage = Stage::Referral;
                options |= KdcOptions::CANONICALIZE;
            }
            Goal::Direct => self.stage = Stage::Direct,
        }
        options.set(
            KdcOptions::ENC_TKT_IN_SKEY,
            self.wish.second_ticket.is_some(),
        );
        let referrals = if goal == Goal::Referral { "on" } else { "off" };
        let server = &self.server;
        self.notes.push(format!(
            "Requesting tickets for {server}, referrals {referrals}"
        ));
        let wanted = Wanted {
            server: self.server.clone(),
            options,
            till: self.wish.till,
            enctypes: match &self.wish.enctypes {
                Some(wished) => wished.clone(),
                None => self.settings.enctypes.clone(),
            },
            addresses: None,
            second_ticket: self.wish.second_ticket.clone(),
            behalf: Behalf::Own,
        };
        self.send(&with, wanted, now, rng)
    }

    /// After the first referral request failed: KDCs that refuse canonicalization are asked without it, and a service
    /// without a realm is looked for in the realm that its host's domain suggests.
    pub(super) fn fall_back(
        &mut self,
        error: ClientError,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        if !self.wish.server.realm.is_empty() {
            return self.ask_for_service(Goal::Direct, now, rng);
        }
        let host = self.server.name.components.get(1);
        let fallback = self.fallback_realm.take().or_else(|| {
            let host = host.and_then(|host| host.to_str())?;
            self.settings.conf.fallback_host_realm(host)
        });
        let Some(realm) = fallback else {
            return Err(error);
        };
        if realm == self.server.realm {
            return self.ask_for_service(Goal::Direct, now, rng);
        }
        self.server.realm = realm;
        self.get_tgt(Goal::Direct, now, rng)
    }

    pub(super) fn handle_referral(
        &mut self,
        ticket: Credential,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        if ticket.server.name == self.server.name {
            if self.fits(&ticket) {
                self.finish(ticket);
                return Ok(());
            }
            return self.ask_for_service(Goal::Direct, now, rng);
        }
        // Old Active Directory answers with another name, or with a TGT of its own realm.
        let leads_away = ticket.server.name.krbtgt_realm().filter(|realm| {
            Some(realm) != self.tgt.as_ref().and_then(|tgt| issuer(tgt).ok()).as_ref()
        });
        let Some(realm) = leads_away else {
            return self.ask_for_service(Goal::Direct, now, rng);
        };
        self.see(realm.clone())?;
        self.tgt = Some(ticket);
        self.server.realm = realm;
        self.ask_for_service(Goal::Referral, now, rng)
    }

    /// Whether the session key is of an encryption type that was wished for.
    fn fits(&self, ticket: &Credential) -> bool {
        self.wish.enctypes.as_ref().is_none_or(|wished| {
            ticket
                .key
                .known_enctype()
                .is_some_and(|enctype| wished.contains(&enctype))
        })
    }
}
