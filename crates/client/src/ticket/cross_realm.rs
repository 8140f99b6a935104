//! The way to a TGT of another realm: along the path that we know, or where KDCs lead.

use kerbstone_proto::ccache::Credential;
use kerbstone_proto::krb5_conf::hierarchical_path;
use kerbstone_proto::name::{Principal, PrincipalName, Realm};
use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;

use super::behalf::Behalf;
use super::tgs_exchange::{Wanted, inherited};
use super::{Goal, Stage, TicketRequest, Walk, issuer, own_tgt};
use crate::error::ClientError;

/// Requests sent at most on the way to one realm.
const MAX_ASKED: usize = 64;

impl TicketRequest {
    /// Begins the way to a TGT of the service's realm.
    pub(super) fn get_tgt(
        &mut self,
        goal: Goal,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        self.stage = Stage::Path(goal);
        let target = self.server.realm.clone();
        if target != self.start_realm
            && let Some(tgt) = self.held_tgt(&target, now)
        {
            self.tgt = Some(tgt);
            return self.ask_for_service(goal, now, rng);
        }
        self.tgt = Some(self.local_tgt(now)?);
        if target == self.start_realm {
            return self.ask_for_service(goal, now, rng);
        }
        let start = self.start_realm.to_string_lossy();
        let between = self.settings.conf.capath(&start, &target.to_string_lossy());
        // Where nothing is written down the KDC is asked first: it knows the way, and says so.
        let detour = between
            .is_none()
            .then(|| hierarchical_path(&start, &target.to_string_lossy()));
        let path = self.path_over(between.unwrap_or_default());
        self.walk = Walk {
            next: path.len().saturating_sub(1),
            at: 0,
            asked: 0,
            path,
            refusal: None,
            detour: detour.unwrap_or_default(),
        };
        self.seen.clear();
        self.walk_on(goal, now, rng)
    }

    fn path_over(&self, between: Vec<Realm>) -> Vec<Realm> {
        let mut path = vec![self.start_realm.clone()];
        path.extend(between);
        path.push(self.server.realm.clone());
        path
    }

    /// After a refusal: asks for a nearer realm, and at last for those above ours by hierarchy.
    pub(super) fn walk_nearer(
        &mut self,
        goal: Goal,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        if self.walk.next.saturating_sub(1) <= self.walk.at && !self.walk.detour.is_empty() {
            let between = std::mem::take(&mut self.walk.detour);
            self.walk.path = self.path_over(between);
            self.walk.next = self.walk.path.len().saturating_sub(1);
        }
        self.walk.next = self.walk.next.saturating_sub(1);
        if self.walk.next <= self.walk.at {
            let refusal = self.walk.refusal.take();
            return Err(refusal.unwrap_or(ClientError::Misuse("no path")));
        }
        self.walk_on(goal, now, rng)
    }

    /// Asks the realm where we are for the farthest realm that was not refused yet, over what the cache already has.
    pub(super) fn walk_on(
        &mut self,
        goal: Goal,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        loop {
            let last = self.walk.path.len().saturating_sub(1);
            let Some(next) = self.walk.path.get(self.walk.next).cloned() else {
                return Err(ClientError::Misuse("a path without an end"));
            };
            let Some(tgt) = self.held_tgt(&next, now) else {
                return self.ask_for_tgt(&next, now, rng);
            };
            self.tgt = Some(tgt);
            if self.walk.next == last {
                return self.ask_for_service(goal, now, rng);
            }
            self.walk.at = self.walk.next;
            self.walk.next = last;
        }
    }

    fn ask_for_tgt(
        &mut self,
        realm: &Realm,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        self.walk.asked = self.walk.asked.saturating_add(1);
        if self.walk.asked > MAX_ASKED {
            return Err(ClientError::TooFar {
                realm: self.server.realm.clone(),
            });
        }
        let with = self.current_tgt()?;
        let server = Principal::new(PrincipalName::krbtgt(realm), issuer(&with)?);
        let held = &with.server;
        self.notes
            .push(format!("Requesting TGT {server} using TGT {held}"));
        let wanted = Wanted {
            server,
            options: inherited(with.flags),
            till: None,
            enctypes: self.settings.enctypes.clone(),
            addresses: None,
            second_ticket: None,
            behalf: Behalf::Own,
        };
        self.send(&with, wanted, now, rng)
    }

    pub(super) fn handle_path(
        &mut self,
        goal: Goal,
        tgt: Credential,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let realm = issuer(&tgt)?;
        self.tgt = Some(tgt.clone());
        self.seen.push(realm.clone());
        let last = self.walk.path.len().saturating_sub(1);
        let ahead = self.walk.at.saturating_add(1);
        let place = self
            .walk
            .path
            .iter()
            .enumerate()
            .skip(ahead)
            .find(|(_, on_path)| **on_path == realm)
            .map(|(place, _)| place);
        match place {
            Some(place) => {
                // One that was not asked for would be asked for again, and kept a second time.
                if place == self.walk.next {
                    self.found.push(tgt);
                }
                if place == last {
                    self.note_target_tgt();
                    return self.ask_for_service(goal, now, rng);
                }
                self.walk.at = place;
                self.walk.next = last;
                self.walk.refusal = None;
                self.walk_on(goal, now, rng)
            }
            None if realm == self.start_realm => Err(ClientError::ReplyModified {
                what: "the realm of the TGT, which leads back",
            }),
            None => {
                self.stage = Stage::OffPath(goal);
                self.referrals = 1;
                let target = self.server.realm.clone();
                self.ask_for_tgt(&target, now, rng)
            }
        }
    }

    pub(super) fn handle_off_path(
        &mut self,
        goal: Goal,
        tgt: Credential,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let realm = issuer(&tgt)?;
        self.see(realm.clone())?;
        self.tgt = Some(tgt);
        let target = self.server.realm.clone();
        if realm == target {
            self.note_target_tgt();
            return self.ask_for_service(goal, now, rng);
        }
        self.ask_for_tgt(&target, now, rng)
    }

    fn note_target_tgt(&mut self) {
        if let Some(tgt) = &self.tgt {
            let note = format!("Received TGT for service realm: {}", tgt.server);
            self.notes.push(note);
        }
    }

    fn local_tgt(&self, now: Timestamp) -> Result<Credential, ClientError> {
        let now = self.settings.offset.apply(now).time;
        own_tgt(&self.held, &self.client, &self.start_realm, now)
    }

    fn held_tgt(&self, realm: &Realm, now: Timestamp) -> Option<Credential> {
        let name = PrincipalName::krbtgt(realm);
        let now = self.settings.offset.apply(now).time;
        self.held
            .iter()
            .find(|tgt| tgt.server.name == name && tgt.client == self.client && tgt.endtime > now)
            .cloned()
    }
}
