//! Contexts.

use std::ffi::c_int;
use std::sync::Arc;

use kerbstone_proxy::wire::{self, AcceptSecContextArgs, InitSecContextArgs};

use super::{enter, fill, given};
use crate::abi::{
    Handle, InBindings, InBuffer, InOid, InOut, Out, OutBuffer, Slot, StaticOid, USAGE_ACCEPT,
    USAGE_INITIATE, Word, major,
};
use crate::context::{Context, State, import_by_mech};
use crate::credential::{self, Credential, Held};
use crate::mechglue::{
    LocalContext, LocalCredential, LocalName, RawContext, RawCredential, RawName, local, mechglue,
};
use crate::name::Name;
use crate::remote::{self, Received, bindings};
use crate::settings::{self, Behavior};
use crate::status::{Fault, Outcome};
use crate::{oid, order};

/// Takes a step as the one who begins a context.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_init_sec_context(
    minor: Out<'_, Word>,
    credential: Handle<'_, Credential>,
    context: Slot<'_, Context>,
    target: Handle<'_, Name>,
    mech: InOid<'_>,
    flags: Word,
    time: Word,
    channel: InBindings<'_>,
    token: InBuffer<'_>,
    actual_mech: Out<'_, StaticOid>,
    output: OutBuffer<'_>,
    actual_flags: Out<'_, Word>,
    time_left: Out<'_, Word>,
) -> Word {
    enter(minor, || {
        let bad_mech = Fault::plain(major::BAD_MECH);
        let step = Initiation {
            credential: credential.get(),
            target: given(target)?,
            mech: mech
                .octets()
                .filter(|mech| !oid::is_special(mech))
                .ok_or(bad_mech)?,
            flags,
            time,
            channel,
            token,
            told: Told {
                mech: actual_mech,
                output,
                flags: actual_flags,
                time: time_left,
            },
        };
        in_slot(context, |context| step.take(context))
    })
}

/// Takes a step as the one who accepts a context.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_accept_sec_context(
    minor: Out<'_, Word>,
    context: Slot<'_, Context>,
    credential: Handle<'_, Credential>,
    token: InBuffer<'_>,
    channel: InBindings<'_>,
    source: Slot<'_, Name>,
    actual_mech: Out<'_, StaticOid>,
    output: OutBuffer<'_>,
    actual_flags: Out<'_, Word>,
    time_left: Out<'_, Word>,
    delegated: Slot<'_, Credential>,
) -> Word {
    enter(minor, || {
        let step = Acceptance {
            credential: credential.get(),
            token,
            channel,
            source,
            delegated,
            told: Told {
                mech: actual_mech,
                output,
                flags: actual_flags,
                time: time_left,
            },
        };
        in_slot(context, |context| step.take(context))
    })
}

/// Runs a step with the context in the slot; with a new one where there is none, which is given away
/// only when the step succeeds.
fn in_slot(slot: Slot<'_, Context>, step: impl FnOnce(&Context) -> Outcome<Word>) -> Outcome<Word> {
    if let Some(context) = slot.get() {
        return step(context);
    }
    let context = Context::default();
    let major = step(&context)?;
    slot.put(Box::new(context));
    Ok(major)
}

/// What a step tells the application.
#[derive(Clone, Copy)]
struct Told<'a> {
    mech: Out<'a, StaticOid>,
    output: OutBuffer<'a>,
    flags: Out<'a, Word>,
    time: Out<'a, Word>,
}

impl Told<'_> {
    /// Tells what the daemon said.
    fn put(
        self,
        mech: &[u8],
        context: &Received<wire::Context>,
        token: Option<&[u8]>,
    ) -> Outcome<()> {
        match token {
            Some(token) if !token.is_empty() => fill(self.output, token)?,
            _ => self.output.clear(),
        }
        self.mech.put(oid::lasting(mech));
        self.flags
            .put((context.value.flags & u64::from(u32::MAX)) as Word);
        self.time.put(context.left_of(context.value.lifetime));
        Ok(())
    }
}

/// A step of the one who begins.
struct Initiation<'a> {
    credential: Option<&'a Credential>,
    target: &'a Name,
    mech: &'a [u8],
    flags: Word,
    time: Word,
    channel: InBindings<'a>,
    token: InBuffer<'a>,
    told: Told<'a>,
}

impl Initiation<'_> {
    fn take(&self, context: &Context) -> Outcome<Word> {
        let held = self.credential.map(Credential::held).unwrap_or_default();
        // A conversation goes on with whom it was begun.
        let behavior = match context.state() {
            // What was acquired from a program's own cache: the daemon cannot begin with it, and whoever
            // says REMOTE_ONLY has it acquired from there all the same.
            State::Begun if held.local.is_some() => Behavior::LocalOnly,
            State::Begun => order::of_credential(settings::behavior(), &held)?,
            State::Local(_) => Behavior::LocalOnly,
            State::Remote(_) => Behavior::RemoteOnly,
            State::Imported(..) => return Err(Fault::plain(major::NO_CONTEXT)),
        };
        order::ask(
            behavior,
            || self.take_locally(context, &held),
            || self.take_remotely(context, &held),
        )
    }

    fn take_locally(&self, context: &Context, held: &Held) -> Outcome<Word> {
        let glue = mechglue()?;
        let target = self.target.local()?;
        step_locally(context, |minor, place| {
            (glue.gss_init_sec_context)(
                minor,
                held.local_raw(),
                place,
                target,
                oid::special(self.mech),
                self.flags,
                self.time,
                self.channel,
                self.token,
                self.told.mech,
                self.told.output,
                self.told.flags,
                self.told.time,
            )
        })
    }

    fn take_remotely(&self, context: &Context, held: &Held) -> Outcome<Word> {
        let credential = match &held.remote {
            Some(remote) => Some(remote.value.clone()),
            // Whether there is one to find is the daemon's to judge when it is asked to begin.
            None => credential::default_remotely(USAGE_INITIATE).ok(),
        };
        let (major, result) = remote::init(InitSecContextArgs {
            context: begun(context),
            credential,
            target: Some(self.target.remote()?.clone()),
            mech: self.mech.into(),
            flags: self.flags.into(),
            time: self.time.into(),
            channel_bindings: self.channel.get().map(bindings),
            token: self.token.bytes().map(Into::into),
            ..InitSecContextArgs::default()
        })?;
        if let Some(changed) = remote::changed_credential(&result) {
            match self.credential {
                Some(credential) => credential.take_changed(changed),
                None => Credential::of_remote(wire::Credential::default()).take_changed(changed),
            }
        }
        let mech = if result.status.mech.is_empty() {
            self.mech
        } else {
            &result.status.mech
        };
        self.told_remotely(
            context,
            major,
            mech,
            result.context,
            result.token.as_deref(),
        )
    }

    fn told_remotely(
        &self,
        context: &Context,
        major: Word,
        mech: &[u8],
        remote: Option<wire::Context>,
        token: Option<&[u8]>,
    ) -> Outcome<Word> {
        let remote = received(remote, major)?;
        self.told.put(mech, &remote, token)?;
        context.set(State::Remote(Arc::new(remote)));
        Ok(major)
    }
}

/// A step of the one who accepts.
struct Acceptance<'a> {
    credential: Option<&'a Credential>,
    token: InBuffer<'a>,
    channel: InBindings<'a>,
    source: Slot<'a, Name>,
    delegated: Slot<'a, Credential>,
    told: Told<'a>,
}

impl Acceptance<'_> {
    fn take(&self, context: &Context) -> Outcome<Word> {
        let behavior = match context.state() {
            State::Begun => settings::behavior(),
            State::Local(_) => Behavior::LocalOnly,
            State::Remote(_) => Behavior::RemoteOnly,
            State::Imported(..) => return Err(Fault::plain(major::NO_CONTEXT)),
        };
        let held = match self.credential {
            Some(credential) => credential.held(),
            None => credential::default(behavior, USAGE_ACCEPT)?.held(),
        };
        // Whoever has the credential has the key.
        match order::of_credential(behavior, &held)? {
            Behavior::LocalOnly => self.take_locally(context, &held),
            Behavior::RemoteOnly => self.take_remotely(context, &held),
            Behavior::LocalFirst | Behavior::RemoteFirst => Err(Fault::plain(major::NO_CRED)),
        }
    }

    fn take_locally(&self, context: &Context, held: &Held) -> Outcome<Word> {
        let glue = mechglue()?;
        let (mut source, mut delegated) = (RawName::NONE, RawCredential::NONE);
        let outcome = step_locally(context, |minor, place| {
            (glue.gss_accept_sec_context)(
                minor,
                place,
                held.local_raw(),
                self.token,
                self.channel,
                wanted(self.source.is_wanted(), &mut source),
                self.told.mech,
                self.told.output,
                self.told.flags,
                self.told.time,
                wanted(self.delegated.is_wanted(), &mut delegated),
            )
        });
        let source = LocalName::of(source).map(|name| Name::of_local(oid::KRB5, name));
        let delegated = LocalCredential::of(delegated).map(Credential::of_local);
        let major = outcome?;
        self.put(source, delegated);
        Ok(major)
    }

    fn take_remotely(&self, context: &Context, held: &Held) -> Outcome<Word> {
        let (major, result) = remote::accept(AcceptSecContextArgs {
            context: begun(context),
            credential: held.remote.as_ref().map(|remote| remote.value.clone()),
            token: self.token.bytes().unwrap_or_default().into(),
            channel_bindings: self.channel.get().map(bindings),
            return_delegated: self.delegated.is_wanted(),
            ..AcceptSecContextArgs::default()
        })?;
        let remote = received(result.context, major)?;
        let mech = [&result.status.mech, &remote.value.mech]
            .into_iter()
            .find(|mech| !mech.is_empty())
            .map_or(oid::KRB5, |mech| mech.as_slice());
        self.told.put(mech, &remote, result.token.as_deref())?;
        let source = Name::of_remote_if_any(mech, &remote.value.source);
        self.put(source, result.delegated.map(Credential::of_remote));
        context.set(State::Remote(Arc::new(remote)));
        Ok(major)
    }

    fn put(&self, source: Option<Name>, delegated: Option<Credential>) {
        put(self.source, source);
        put(self.delegated, delegated);
    }
}

/// Takes a step with the mechglue's context; its first makes it.
fn step_locally(
    context: &Context,
    step: impl FnOnce(Out<'_, Word>, InOut<'_, RawContext>) -> Word,
) -> Outcome<Word> {
    if let State::Local(own) = context.state() {
        return local(|minor| own.replace(|place| step(minor, place)));
    }
    let mut raw = RawContext::NONE;
    let outcome = local(|minor| step(minor, InOut::to(&mut raw)));
    let own = LocalContext::of(raw);
    let major = outcome?;
    let own = own.ok_or(Fault::plain(major::NO_CONTEXT))?;
    context.set(State::Local(Arc::new(own)));
    Ok(major)
}

/// What the daemon is to go on with.
fn begun(context: &Context) -> Option<wire::Context> {
    match context.state() {
        State::Remote(remote) => Some(remote.value.clone()),
        _ => None,
    }
}

fn wanted<T: Copy>(is_wanted: bool, place: &mut T) -> InOut<'_, T> {
    if is_wanted {
        InOut::to(place)
    } else {
        InOut::none()
    }
}

fn put<T>(slot: Slot<'_, T>, value: Option<T>) {
    match value {
        Some(value) => slot.put(Box::new(value)),
        None => slot.clear(),
    }
}

/// The daemon's context. It is established when the step says so.
fn received(context: Option<wire::Context>, major: Word) -> Outcome<Received<wire::Context>> {
    let mut context =
        context.ok_or_else(|| Fault::internal(libc::EINVAL, "the proxy's reply has no context"))?;
    context.open = major & major::CONTINUE_NEEDED == 0;
    Ok(Received::now(context))
}

/// Ends a context.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_delete_sec_context(
    minor: Out<'_, Word>,
    context: Slot<'_, Context>,
    output: OutBuffer<'_>,
) -> Word {
    enter(minor, || {
        // There is nothing to tell the other end, by RFC 2743 2.2.3.
        output.clear();
        if let Some(context) = context.take() {
            context.release();
        }
        Ok(major::COMPLETE)
    })
}

/// Exports a context, for any process with this plugin: MIT's mechglue labels it with the plugin's
/// identifier.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_export_sec_context(
    minor: Out<'_, Word>,
    context: Slot<'_, Context>,
    token: OutBuffer<'_>,
) -> Word {
    enter(minor, || {
        let exported = context
            .get()
            .ok_or(Fault::plain(major::INACCESSIBLE_READ))?
            .export()?;
        fill(token, &exported)?;
        if let Some(context) = context.take() {
            context.release();
        }
        Ok(major::COMPLETE)
    })
}

/// Never called: there is [`gssi_import_sec_context_by_mech`].
#[unsafe(no_mangle)]
pub extern "C" fn gssi_import_sec_context(
    minor: Out<'_, Word>,
    _token: InBuffer<'_>,
    _context: Slot<'_, Context>,
) -> Word {
    enter(minor, || Err(Fault::plain(major::UNAVAILABLE)))
}

/// Imports a context that any process exported.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_import_sec_context_by_mech(
    minor: Out<'_, Word>,
    mech: InOid<'_>,
    token: InBuffer<'_>,
    context: Slot<'_, Context>,
) -> Word {
    enter(minor, || {
        let token = token
            .bytes()
            .ok_or(Fault::plain(major::INACCESSIBLE_READ))?;
        let own = import_by_mech(mech.octets().unwrap_or(oid::KRB5), token)?;
        context.put(Box::new(Context::of_local(own)));
        Ok(major::COMPLETE)
    })
}

/// For how long a context holds.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_context_time(
    minor: Out<'_, Word>,
    context: Handle<'_, Context>,
    left: Out<'_, Word>,
) -> Word {
    enter(minor, || match given(context)?.state() {
        State::Begun => Err(Fault::plain(major::NO_CONTEXT)),
        State::Local(own) => {
            let glue = mechglue()?;
            local(|minor| (glue.gss_context_time)(minor, own.raw(), left))
        }
        State::Remote(remote) | State::Imported(_, remote) => {
            match remote.left_of(remote.value.lifetime) {
                0 => {
                    left.put(0);
                    Err(Fault::plain(major::CONTEXT_EXPIRED))
                }
                seconds => {
                    left.put(seconds);
                    Ok(major::COMPLETE)
                }
            }
        }
    })
}

/// Who is at the ends of a context, for how long, and what it can do.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_inquire_context(
    minor: Out<'_, Word>,
    context: Handle<'_, Context>,
    source: Slot<'_, Name>,
    target: Slot<'_, Name>,
    left: Out<'_, Word>,
    mech: Out<'_, StaticOid>,
    flags: Out<'_, Word>,
    is_initiator: Out<'_, c_int>,
    is_open: Out<'_, c_int>,
) -> Word {
    enter(minor, || match given(context)?.state() {
        State::Begun => Err(Fault::plain(major::NO_CONTEXT)),
        State::Local(own) => {
            let glue = mechglue()?;
            let (mut raw_source, mut raw_target) = (RawName::NONE, RawName::NONE);
            let outcome = local(|minor| {
                (glue.gss_inquire_context)(
                    minor,
                    own.raw(),
                    wanted(source.is_wanted(), &mut raw_source),
                    wanted(target.is_wanted(), &mut raw_target),
                    left,
                    mech,
                    flags,
                    is_initiator,
                    is_open,
                )
            });
            let [raw_source, raw_target] = [raw_source, raw_target]
                .map(|raw| LocalName::of(raw).map(|name| Name::of_local(oid::KRB5, name)));
            let major = outcome?;
            put(source, raw_source);
            put(target, raw_target);
            Ok(major)
        }
        State::Remote(remote) | State::Imported(_, remote) => {
            let said = &remote.value;
            put(source, Name::of_remote_if_any(&said.mech, &said.source));
            put(target, Name::of_remote_if_any(&said.mech, &said.target));
            left.put(remote.left_of(said.lifetime));
            mech.put(oid::lasting(&said.mech));
            flags.put((said.flags & u64::from(u32::MAX)) as Word);
            is_initiator.put(c_int::from(said.locally_initiated));
            is_open.put(c_int::from(said.open));
            Ok(major::COMPLETE)
        }
    })
}

/// Sets what only this mechanism's contexts have.
#[unsafe(no_mangle)]
pub extern "C" fn gssi_set_sec_context_option(
    minor: Out<'_, Word>,
    context: Slot<'_, Context>,
    object: InOid<'_>,
    value: InBuffer<'_>,
) -> Word {
    enter(minor, || {
        let glue = mechglue()?;
        if let Some(context) = context.get() {
            let own = context.local()?;
            return local(|minor| {
                own.replace(|place| (glue.gss_set_sec_context_option)(minor, place, object, value))
            });
        }
        let mut raw = RawContext::NONE;
        let outcome = local(|minor| {
            (glue.gss_set_sec_context_option)(minor, InOut::to(&mut raw), object, value)
        });
        let own = LocalContext::of(raw);
        let major = outcome?;
        if let Some(own) = own {
            context.put(Box::new(Context::of_local(own)));
        }
        Ok(major)
    })
}
