//! Contexts: established by the mechglue or by the daemon, and used in this process in either case.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kerbstone_proxy::wire::{self, Handle, Opaque};

use crate::abi::{Buffer, InBuffer, InOut, major};
use crate::mechglue::{self, LocalContext, RawContext, filled, local};
use crate::oid;
use crate::remote::{self, Received};
use crate::status::{Fault, Outcome};

/// What stands behind a `gss_ctx_id_t` that we gave out.
#[derive(Debug, Default)]
pub struct Context(Mutex<State>);

/// Who has it.
#[derive(Clone, Debug, Default)]
pub enum State {
    /// Nobody yet.
    #[default]
    Begun,
    /// The mechglue.
    Local(Arc<LocalContext>),
    /// The daemon; established or not.
    Remote(Arc<Received<wire::Context>>),
    /// The mechglue, since the daemon established it. What the daemon said of it still holds.
    Imported(Arc<LocalContext>, Arc<Received<wire::Context>>),
}

impl Context {
    /// One of the mechglue.
    pub fn of_local(local: LocalContext) -> Self {
        Self(Mutex::new(State::Local(Arc::new(local))))
    }

    /// Who has it now.
    pub fn state(&self) -> State {
        self.lock().clone()
    }

    /// Takes what a leg of the conversation gave.
    pub fn set(&self, state: State) {
        *self.lock() = state;
    }

    /// The mechglue's context, for work with messages: imported once when the daemon established it.
    pub fn local(&self) -> Outcome<Arc<LocalContext>> {
        let remote = match self.state() {
            State::Begun => return Err(Fault::plain(major::NO_CONTEXT)),
            State::Local(local) | State::Imported(local, _) => return Ok(local),
            // What the daemon has begun it alone goes on with, and SPNEGO asks between the legs.
            State::Remote(remote) if !remote.value.open => {
                return Err(Fault::plain(major::NO_CONTEXT));
            }
            State::Remote(remote) => remote,
        };
        // Without the lock: the mechglue may take its time. Of two threads, the first's is kept.
        let imported = Arc::new(import(&remote.value.exported_token)?);
        let mut state = self.lock();
        if let State::Local(local) | State::Imported(local, _) = &*state {
            return Ok(Arc::clone(local));
        }
        let mut told = (*remote).clone();
        told.value.exported_token = Opaque::new();
        *state = State::Imported(Arc::clone(&imported), Arc::new(told));
        Ok(imported)
    }

    /// The token from which a process without this plugin makes the same context.
    pub fn export(&self) -> Outcome<Vec<u8>> {
        let local = self.local()?;
        let glue = mechglue::mechglue()?;
        let token = filled(|minor, token| {
            local.replace(|place| (glue.gss_export_sec_context)(minor, place, token))
        })?;
        let (_, token) = unwrap(&token).ok_or(Fault::plain(major::DEFECTIVE_TOKEN))?;
        Ok(token.to_vec())
    }

    /// Lets the daemon forget it, if it remembers.
    pub fn release(self) {
        let state = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let State::Remote(remote) | State::Imported(_, remote) = state
            && let Some(remote) = Arc::into_inner(remote)
            && remote.value.needs_release
        {
            remote::release(Handle::Context(remote.value));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a context of the real mechanism from an exported one, with the mechglue's wrapping.
fn import(token: &[u8]) -> Outcome<LocalContext> {
    let (mech, token) = unwrap(token)
        .ok_or_else(|| Fault::said(major::DEFECTIVE_TOKEN, 0, "no exported context"))?;
    import_by_mech(mech, token)
}

/// Makes a context of the real mechanism from that mechanism's exported one.
pub fn import_by_mech(mech: &[u8], token: &[u8]) -> Outcome<LocalContext> {
    let glue = mechglue::mechglue()?;
    let wrapped = wrap(&oid::special_octets(oid::real(mech)), token);
    let buffer = Buffer::showing(&wrapped);
    let mut raw = RawContext::NONE;
    let outcome = local(|minor| {
        (glue.gss_import_sec_context)(minor, InBuffer::of(&buffer), InOut::to(&mut raw))
    });
    let context = LocalContext::of(raw);
    outcome?;
    context.ok_or(Fault::plain(major::NO_CONTEXT))
}

/// Parts the mechglue's wrapping: the mechanism, and what is its own.
pub fn unwrap(token: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = token.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    rest.split_at_checked(length)
        .filter(|(mech, token)| !mech.is_empty() && !token.is_empty())
}

/// Puts the mechglue's wrapping around something of a mechanism.
pub fn wrap(mech: &[u8], token: &[u8]) -> Vec<u8> {
    [&(mech.len() as u32).to_be_bytes(), mech, token].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_what_it_put_together() {
        let wrapped = wrap(oid::KRB5, b"token");
        assert_eq!(unwrap(&wrapped), Some((oid::KRB5, &b"token"[..])));
    }

    #[test]
    fn takes_no_token_that_is_too_short_for_what_it_says() {
        for wrong in [
            &b""[..],
            b"\0\0\0",
            b"\0\0\0\0token",
            b"\0\0\0\x09abc",
            b"\xff\xff\xff\xffabc",
            b"\0\0\0\x03abc",
        ] {
            assert_eq!(unwrap(wrong), None, "{wrong:?}");
        }
    }
}
