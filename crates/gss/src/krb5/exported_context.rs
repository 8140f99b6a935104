//! A context on its way to another process, in the form that MIT's library writes and reads
//! (`gss_export_sec_context`, krb5's `ser_sctx.c`): numbers in network order between magic
//! numbers, after the mechanism's name.
//!
//! Of what MIT adds for its own use (its configuration, the authenticator), nothing is written, and
//! what comes is passed over. The attributes of names are written on demand.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod magic;
mod reader;
mod writer;

use std::time::Duration;

use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::message::{AuthorizationData, AuthorizationDataElement};
use zeroize::Zeroizing;

pub(crate) use self::reader::Reader;
pub(crate) use self::writer::Writer;
use super::require_modern;
use super::sequence_window::SequenceWindow;
use crate::context::{ExportForm, TicketTimes};
use crate::credential::CLOCK_SKEW;
use crate::{Context, GssError, GssFlags, Oid};

/// The longest exported context that is read.
const MAX_LENGTH: usize = 1 << 20;
/// The most elements of authorization data that are read.
const MAX_ELEMENTS: usize = 1 << 10;
/// Tokens as in RFC 4121.
const PROTO_CFX: u32 = 1;

impl Context {
    /// The context as MIT's `gss_export_sec_context` writes it, for
    /// [`import`](Self::import) or MIT's library in another process. The keys are in it in clear.
    ///
    /// Credentials that were delegated stay behind: they are kept apart from the context.
    pub fn export(self) -> Zeroizing<Vec<u8>> {
        self.export_as(ExportForm::Minimal)
    }

    /// The same with as much as `form` says.
    pub fn export_as(self, form: ExportForm) -> Zeroizing<Vec<u8>> {
        let mut writer = Writer::default();
        writer.put_counted(self.mech.contents());
        self.write_head(&mut writer);
        writer.put_oid(&self.mech);
        let (here, there) = if self.is_initiator {
            (&self.initiator, &self.acceptor)
        } else {
            (&self.acceptor, &self.initiator)
        };
        writer.put_principal(here);
        writer.put_principal(there);
        writer.put_key(&self.subkey);
        writer.put_window(&self.window);
        writer.put_library_context(self.grace.max(Duration::from_secs(1)));
        self.write_auth_context(&mut writer);
        self.write_tail(&mut writer, form);
        writer.into_bytes()
    }

    fn write_head(&self, writer: &mut Writer) {
        writer.put_u32(magic::CONTEXT);
        writer.put_bool(self.is_initiator);
        writer.put_bool(true);
        writer.put_bool(self.acceptor_subkey.is_some());
        writer.put_bool(false);
        writer.put_u32(self.flags.0);
        writer.put_bytes(&[0; 16]);
        for number in [u32::MAX, 0, u32::MAX] {
            writer.put_u32(number);
        }
        let TicketTimes {
            authtime,
            starttime,
            endtime,
            renew_till,
        } = self.times;
        for time in [authtime, starttime, endtime, renew_till] {
            writer.put_time(time);
        }
        writer.put_u32(self.ticket_flags.bits());
        writer.put_u64(self.send_sequence);
        writer.put_u64(self.window.base);
    }

    fn write_auth_context(&self, writer: &mut Writer) {
        const DO_SEQUENCE: u32 = 4;
        writer.put_u32(magic::AUTH_CONTEXT);
        writer.put_u32(DO_SEQUENCE);
        writer.put_low_u32(self.window.base);
        writer.put_low_u32(self.send_sequence);
        for number in [0, 0, 0, magic::AUTH_CONTEXT] {
            writer.put_u32(number);
        }
    }

    fn write_tail(&self, writer: &mut Writer, form: ExportForm) {
        writer.put_u32(PROTO_CFX);
        writer.put_i32(self.subkey.enctype().checksum_type().number());
        if let Some(key) = &self.acceptor_subkey {
            writer.put_key(key);
        }
        let checksum = self.acceptor_subkey.as_ref();
        writer.put_i32(checksum.map_or(0, |key| key.enctype().checksum_type().number()));
        writer.put_bool(false);
        writer.put_length(self.authorization_data.len());
        for element in &self.authorization_data {
            writer.put_u32(magic::AUTHDATA);
            writer.put_i32(element.ad_type);
            writer.put_counted(&element.ad_data);
            writer.put_u32(magic::AUTHDATA);
        }
        if let (ExportForm::WithAttributes, Some(pac)) = (form, &self.pac) {
            writer.put_u32(magic::AUTHDATA_CONTEXT);
            writer.put_attributes(pac);
            writer.put_u32(magic::AUTHDATA_CONTEXT);
        }
        writer.put_u32(magic::CONTEXT);
    }

    /// A context that [`export`](Self::export) or MIT's library has written.
    ///
    /// # Errors
    /// [`GssError::Import`] when the bytes are none, or of a context that is not established yet;
    /// [`GssError::LegacyKey`] when its keys are of RC4 or DES3.
    pub fn import(exported: &[u8]) -> Result<Self, GssError> {
        if exported.len() > MAX_LENGTH {
            return Err(GssError::Oversized {
                length: exported.len(),
                limit: MAX_LENGTH,
            });
        }
        read(&mut Reader::new(exported))
    }
}

/// The fields before the names.
#[derive(Debug)]
struct Head {
    is_initiator: bool,
    has_acceptor_subkey: bool,
    flags: GssFlags,
    times: TicketTimes,
    ticket_flags: TicketFlags,
    send_sequence: u64,
}

fn read(reader: &mut Reader<'_>) -> Result<Context, GssError> {
    let mut outer = reader.oid_contents()?;
    // MIT exports a context of SPNEGO as one within another.
    if outer == Oid::SPNEGO {
        outer = reader.oid_contents()?;
    }
    if !outer.is_krb5() {
        return Err(GssError::Mechanism(outer));
    }
    let head = read_head(reader)?;
    let mech = reader.oid()?;
    if !mech.is_krb5() {
        return Err(GssError::Mechanism(mech));
    }
    let here = reader.principal("it names no local side")?;
    let there = reader.principal("it names no other side")?;
    let subkey = reader.key()?.ok_or(GssError::Import("it has no key"))?;
    // Keys of the old kinds of tokens; contexts of today have neither.
    while reader.key()?.is_some() {}
    let window = reader
        .window()?
        .ok_or(GssError::Import("it is not established yet"))?;
    let skew = reader.skip_library_context()?;
    reader.skip_auth_context()?;
    if reader.u32()? != PROTO_CFX {
        return Err(GssError::Import("its tokens are of the old kind"));
    }
    reader.u32()?;
    let acceptor_subkey = reader.key()?;
    if acceptor_subkey.is_some() != head.has_acceptor_subkey {
        return Err(GssError::Import("its keys are not those that it announces"));
    }
    for key in [Some(&subkey), acceptor_subkey.as_ref()]
        .into_iter()
        .flatten()
    {
        require_modern(key)?;
    }
    reader.skip(2)?;
    let authorization_data = read_authorization_data(reader)?;
    let pac = reader.authdata_context()?;
    reader.expect(magic::CONTEXT)?;
    reader.finish()?;
    let (initiator, acceptor) = if head.is_initiator {
        (here, there)
    } else {
        (there, here)
    };
    Ok(Context {
        is_initiator: head.is_initiator,
        flags: head.flags | GssFlags::PROT_READY,
        mech,
        initiator,
        acceptor,
        times: head.times,
        ticket_flags: head.ticket_flags,
        grace: if head.is_initiator {
            Duration::ZERO
        } else {
            skew.unwrap_or(CLOCK_SKEW)
        },
        subkey,
        acceptor_subkey,
        send_sequence: head.send_sequence,
        window,
        delegated: Vec::new(),
        evidence: None,
        authorization_data,
        pac,
    })
}

fn read_head(reader: &mut Reader<'_>) -> Result<Head, GssError> {
    reader.expect(magic::CONTEXT)?;
    let is_initiator = reader.bool()?;
    if !reader.bool()? {
        return Err(GssError::Import("it is not established yet"));
    }
    let has_acceptor_subkey = reader.bool()?;
    reader.u32()?;
    let flags = GssFlags(reader.u32()?);
    // Seed, signing and sealing algorithms of the old tokens.
    reader.skip(7)?;
    let times = TicketTimes {
        authtime: reader.time()?,
        starttime: reader.time()?,
        endtime: reader.time()?,
        renew_till: reader.time()?,
    };
    let ticket_flags = TicketFlags::from_bits(reader.u32()?);
    let send_sequence = reader.u64()?;
    reader.u64()?;
    Ok(Head {
        is_initiator,
        has_acceptor_subkey,
        flags,
        times,
        ticket_flags,
        send_sequence,
    })
}

fn read_authorization_data(reader: &mut Reader<'_>) -> Result<AuthorizationData, GssError> {
    let count = reader.length()?;
    if count > MAX_ELEMENTS {
        return Err(GssError::Import("it has too much authorization data"));
    }
    (0..count)
        .map(|_| {
            reader.expect(magic::AUTHDATA)?;
            let ad_type = reader.u32()?.cast_signed();
            let ad_data = reader.counted()?.to_vec();
            reader.expect(magic::AUTHDATA)?;
            Ok(AuthorizationDataElement { ad_type, ad_data })
        })
        .collect()
}

impl SequenceWindow {
    /// The window as MIT's library keeps it in memory: in the byte order of the machine.
    fn to_memory(self) -> [u8; 40] {
        let mut memory = [0; 40];
        let words = [u64::MAX, self.base, self.next, self.received];
        let flags = [self.detects_replay, self.detects_sequence];
        let bytes = flags
            .into_iter()
            .flat_map(|flag| i32::from(flag).to_ne_bytes())
            .chain(words.into_iter().flat_map(u64::to_ne_bytes));
        for (slot, byte) in memory.iter_mut().zip(bytes) {
            *slot = byte;
        }
        memory
    }

    fn from_memory(memory: &[u8; 40]) -> Self {
        let flag = |at: usize| memory.iter().skip(at).take(4).any(|byte| *byte != 0);
        let word = |at: usize| {
            let mut bytes = [0; 8];
            for (slot, byte) in bytes.iter_mut().zip(memory.iter().skip(at)) {
                *slot = *byte;
            }
            u64::from_ne_bytes(bytes)
        };
        Self {
            detects_replay: flag(0),
            detects_sequence: flag(4),
            base: word(16),
            next: word(24),
            received: word(32),
        }
    }
}
