//! The daemon, asked: what each call sends and what comes back.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use kerbstone_proxy::client::Proxy;
use kerbstone_proxy::wire::{
    self, AcceptSecContextArgs, AcceptSecContextResult, AcquireCredArgs, Call, Handle,
    ImportAndCanonNameArgs, IndicateMechsArgs, IndicateMechsResult, InitSecContextArgs,
    InitSecContextResult, Opaque, ReleaseHandleArgs, Reply, RpcOption, Status, options,
};

use crate::abi::{Bindings, INDEFINITE, USAGE_ACCEPT, USAGE_INITIATE, Usage, Word, major};
use crate::settings;
use crate::status::{Fault, Outcome, remember};

/// How long a daemon is not asked again what its mechanisms are.
const RESPITE: Duration = Duration::from_secs(30);

/// What came from the daemon, and when: its lifetimes count from then.
#[derive(Clone, Debug)]
pub struct Received<T> {
    /// What came.
    pub value: T,
    at: Instant,
}

impl<T> Received<T> {
    /// Something that came just now.
    pub fn now(value: T) -> Self {
        Self {
            value,
            at: Instant::now(),
        }
    }

    /// The same, borrowed.
    pub fn as_ref(&self) -> Received<&T> {
        Received {
            value: &self.value,
            at: self.at,
        }
    }

    /// What is left of a lifetime in it.
    pub fn left_of(&self, lifetime: u64) -> Word {
        if lifetime >= u64::from(INDEFINITE) {
            return INDEFINITE;
        }
        let left = lifetime.saturating_sub(self.at.elapsed().as_secs());
        Word::try_from(left).unwrap_or(INDEFINITE)
    }
}

/// What is asked of ACQUIRE_CRED.
#[derive(Debug)]
pub struct Acquisition<'a> {
    /// A credential that the daemon sealed before.
    pub input: Option<wire::Credential>,
    /// Whom it is to be for.
    pub desired_name: Option<wire::Name>,
    /// How long it is to last.
    pub time: Word,
    /// For which mechanisms.
    pub mechs: &'a [Vec<u8>],
    /// What for.
    pub usage: Usage,
    /// Whether in that one's name, by right of `input` (S4U2Self).
    pub impersonate: bool,
}

/// ACQUIRE_CRED.
pub fn acquire(asked: Acquisition<'_>) -> Outcome<wire::Credential> {
    let impersonation = RpcOption::new(options::ACQUIRE_TYPE, options::IMPERSONATE_NAME);
    let reply = call(AcquireCredArgs {
        input: asked.input,
        desired_name: asked.desired_name,
        time: asked.time.into(),
        mechs: asked
            .mechs
            .iter()
            .map(|mech| mech.as_slice().into())
            .collect(),
        usage: usage(asked.usage),
        options: asked
            .impersonate
            .then_some(impersonation)
            .into_iter()
            .collect(),
        ..AcquireCredArgs::default()
    })?;
    let Reply::AcquireCred(result) = reply else {
        return Err(other_reply());
    };
    check(&result.status)?;
    result.credential.ok_or_else(|| missing("credential"))
}

/// INIT_SEC_CONTEXT; wants to know of changed credentials. Complete or with more to come.
pub fn init(args: InitSecContextArgs) -> Outcome<(Word, InitSecContextResult)> {
    let reply = call(InitSecContextArgs {
        options: vec![RpcOption::new(
            options::SYNC_MODIFIED_CREDS,
            options::DEFAULT,
        )],
        ..args
    })?;
    let Reply::InitSecContext(result) = reply else {
        return Err(other_reply());
    };
    let major = check(&result.status)?;
    Ok((major, result))
}

/// The credential that INIT_SEC_CONTEXT changed.
pub fn changed_credential(result: &InitSecContextResult) -> Option<wire::Credential> {
    let encoded = options::find(&result.options, options::SYNC_CREDS)?;
    kerbstone_xdr::from_bytes(encoded).ok()
}

/// ACCEPT_SEC_CONTEXT. Complete or with more to come.
pub fn accept(args: AcceptSecContextArgs) -> Outcome<(Word, AcceptSecContextResult)> {
    let reply = call(args)?;
    let Reply::AcceptSecContext(result) = reply else {
        return Err(other_reply());
    };
    let major = check(&result.status)?;
    Ok((major, result))
}

/// IMPORT_AND_CANON_NAME, for the local user that a name stands for. None where the daemon does not
/// know of such a question.
pub fn local_user(name: wire::Name, mech: &[u8]) -> Outcome<Option<Opaque>> {
    let reply = call(ImportAndCanonNameArgs {
        input: name,
        mech: mech.into(),
        options: vec![RpcOption::new(options::LOCALNAME, b"")],
        ..ImportAndCanonNameArgs::default()
    })?;
    let Reply::ImportAndCanonName(result) = reply else {
        return Err(other_reply());
    };
    check(&result.status)?;
    Ok(options::find(&result.options, options::LOCALNAME).map(Opaque::from))
}

/// IMPORT_AND_CANON_NAME: the name in all its forms.
pub fn canonical(name: wire::Name, mech: &[u8]) -> Outcome<wire::Name> {
    let reply = call(ImportAndCanonNameArgs {
        input: name,
        mech: mech.into(),
        ..ImportAndCanonNameArgs::default()
    })?;
    let Reply::ImportAndCanonName(result) = reply else {
        return Err(other_reply());
    };
    check(&result.status)?;
    result.output.ok_or_else(|| missing("name"))
}

/// INDICATE_MECHS, asked once. A daemon that does not answer is not asked again for a while: the
/// mechglue wants to know several things of every mechanism before it does anything.
pub fn mechs() -> Outcome<&'static IndicateMechsResult> {
    static MECHS: OnceLock<IndicateMechsResult> = OnceLock::new();
    static ASKED_IN_VAIN: Mutex<Option<Instant>> = Mutex::new(None);
    if let Some(known) = MECHS.get() {
        return Ok(known);
    }
    // Never waited for: whoever holds it may have stayed behind at a fork.
    let last = ASKED_IN_VAIN.try_lock().ok().and_then(|last| *last);
    if last.is_some_and(|last| last.elapsed() < RESPITE) {
        return Err(Fault::internal(
            libc::EAGAIN,
            "the proxy did not say a moment ago what its mechanisms are",
        ));
    }
    let asked = indicate_mechs();
    if let Ok(mut last) = ASKED_IN_VAIN.try_lock() {
        *last = asked.is_err().then(Instant::now);
    }
    let result = asked?;
    Ok(MECHS.get_or_init(|| result))
}

fn indicate_mechs() -> Outcome<IndicateMechsResult> {
    let Reply::IndicateMechs(result) = call(IndicateMechsArgs::default())? else {
        return Err(other_reply());
    };
    check(&result.status)?;
    Ok(result)
}

/// RELEASE_HANDLE, for daemons that keep something. Nobody can do anything about a failure.
pub fn release(handle: Handle) {
    let _ = call(ReleaseHandleArgs {
        call_context: wire::CallContext::default(),
        handle,
    });
}

/// Channel bindings as the wire has them.
pub fn bindings(said: Bindings<'_>) -> wire::ChannelBindings {
    wire::ChannelBindings {
        initiator_address_type: said.initiator_kind.into(),
        initiator_address: said.initiator.into(),
        acceptor_address_type: said.acceptor_kind.into(),
        acceptor_address: said.acceptor.into(),
        application_data: said.application.into(),
    }
}

fn usage(usage: Usage) -> wire::Usage {
    match usage {
        USAGE_INITIATE => wire::Usage::Initiate,
        USAGE_ACCEPT => wire::Usage::Accept,
        _ => wire::Usage::Both,
    }
}

fn call(call: impl Into<Call>) -> Outcome<Reply> {
    static PROXY: OnceLock<Proxy> = OnceLock::new();
    let proxy = PROXY.get_or_init(|| Proxy::new(settings::limits()));
    proxy
        .call(&settings::socket(), &call.into())
        .map_err(|error| Fault::internal(error.errno(), &error.to_string()))
}

/// The major status unless it is an error; and the words are kept for `gss_display_status`.
fn check(status: &Status) -> Outcome<Word> {
    // Both are zero-extended on the wire.
    let [major, minor] =
        [status.major, status.minor].map(|code| (code & u64::from(u32::MAX)) as Word);
    remember(minor, &String::from_utf8_lossy(&status.minor_text));
    if major::is_error(major) {
        return Err(Fault { major, minor });
    }
    Ok(major)
}

fn missing(what: &str) -> Fault {
    Fault::internal(libc::EINVAL, &format!("the proxy's reply has no {what}"))
}

fn other_reply() -> Fault {
    Fault::internal(libc::EINVAL, "the proxy replied to another call")
}
