//! Contexts as they travel: the whole of them, in the form in which the client asks for them.
//!
//! The daemon remembers no context. The keys of an established one are the client's own, so whoever
//! brings it is taken for its owner: nobody gains by another's what he could not do with the keys
//! themselves.

use kerbstone_gss::channel_bindings::BoundAddress;
use kerbstone_gss::{Context, ExportForm, GssError, MajorStatus, Oid};
use kerbstone_proto::time::Timestamp;

use super::failure::{Failure, Outcome};
use super::minor::Minor;
use super::names::{self, Forms};
use crate::wire::{self, CallContext, options};

/// The longest PAC that goes to the client, in the context and in the initiator's name: a reply of
/// the protocol has a megabyte.
const MAX_PAC: usize = 128 << 10;

/// The form in which a client wants its established contexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContextForm {
    /// As MIT's library exports them.
    Exported,
    /// For the kernel, which has little room for names.
    LinuxLucid,
}

impl ContextForm {
    /// What the call asks for.
    pub(super) fn wanted(call: &CallContext) -> Result<Self, Failure> {
        match options::find(&call.options, options::EXPORTED_CONTEXT_TYPE) {
            None => Ok(Self::Exported),
            Some(options::LINUX_LUCID_V1) => Ok(Self::LinuxLucid),
            Some(_) => Err(unknown_value("exported_context_type")),
        }
    }
}

/// Whether the call asks for the local user behind the initiator.
pub(super) fn wants_linux_creds(call: &CallContext) -> Result<bool, Failure> {
    match options::find(&call.options, options::EXPORTED_CREDS_TYPE) {
        None => Ok(false),
        Some(options::LINUX_CREDS_V1) => Ok(true),
        Some(_) => Err(unknown_value("exported_creds_type")),
    }
}

/// The failure of an option whose value means nothing here.
pub(super) fn unknown_value(option: &str) -> Failure {
    Failure::of_minor(Minor::EINVAL).because(format!("the option {option} has an unknown value"))
}

/// An established context, described and exported.
pub(super) fn write(context: Context, form: ContextForm, now: Timestamp) -> wire::Context {
    let pac = context.pac().filter(|pac| pac.len() <= MAX_PAC);
    let attributes = match pac {
        Some(_) => ExportForm::WithAttributes,
        None => ExportForm::Minimal,
    };
    let (source, target) = match form {
        ContextForm::Exported => (Forms::All(pac), Forms::All(None)),
        ContextForm::LinuxLucid => (Forms::WithoutComposite, Forms::WithoutComposite),
    };
    let described = wire::Context {
        mech: Oid::KRB5.contents().into(),
        source: names::write(context.initiator_name(), source),
        target: names::write(context.acceptor_name(), target),
        lifetime: context.lifetime(now).as_secs().min(u32::MAX.into()),
        flags: context.flags().0.into(),
        locally_initiated: context.is_initiator(),
        open: true,
        ..wire::Context::default()
    };
    let exported = match form {
        ContextForm::Exported => with_plain_oid(context, attributes),
        ContextForm::LinuxLucid => context.to_linux_lucid().as_slice().into(),
    };
    wire::Context {
        exported_token: exported,
        ..described
    }
}

/// The plugin of upstream knows its contexts by the one true number of krb5 in front.
fn with_plain_oid(context: Context, attributes: ExportForm) -> wire::Opaque {
    let mech = context.mech().clone();
    let mut exported = context.export_as(attributes);
    if mech == Oid::KRB5 {
        // What is sent is wiped too.
        return std::mem::take(&mut *exported).into();
    }
    let plain = Oid::KRB5;
    let length = u32::try_from(plain.contents().len()).unwrap_or_default();
    let inner = exported
        .get(mech.contents().len().saturating_add(4)..)
        .unwrap_or_default();
    [&length.to_be_bytes(), plain.contents(), inner]
        .concat()
        .into()
}

/// The established context that a client brings back.
pub(super) fn read(context: &wire::Context) -> Outcome<Context> {
    if context.exported_token.is_empty() {
        return Err(Failure::of_major(MajorStatus::NO_CONTEXT)
            .because("the call has no context")
            .into());
    }
    let imported = Context::import(&context.exported_token);
    Ok(imported.map_err(|error| match error {
        GssError::Import(_) if !context.open => {
            Failure::new(MajorStatus::NO_CONTEXT, Minor::CONTEXT_INCOMPLETE)
        }
        GssError::Import(_) => {
            Failure::new(MajorStatus::NO_CONTEXT, Minor::EINVAL).because(error.to_string())
        }
        error => Failure::from(&error),
    })?)
}

/// What a call's channel bindings say.
pub(super) fn read_bindings(
    bindings: &wire::ChannelBindings,
) -> Result<kerbstone_gss::ChannelBindings, Failure> {
    let address = |kind: u64, address: &wire::Opaque| {
        Ok::<_, Failure>(BoundAddress {
            kind: u32::try_from(kind)
                .map_err(|_| Failure::malformed("a kind of address has more than 32 bits"))?,
            address: address.to_vec(),
        })
    };
    Ok(kerbstone_gss::ChannelBindings {
        initiator_address: address(bindings.initiator_address_type, &bindings.initiator_address)?,
        acceptor_address: address(bindings.acceptor_address_type, &bindings.acceptor_address)?,
        application_data: bindings.application_data.to_vec(),
    })
}
