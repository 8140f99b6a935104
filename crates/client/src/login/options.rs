//! What a user wishes about a ticket, and what proves who they are.

use std::time::Duration;

use kerbstone_crypto::{Enctype, IterationLimit};
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::keytab::KeytabEntry;
use kerbstone_proto::message::HostAddress;
use kerbstone_proto::name::PrincipalName;
use zeroize::Zeroizing;

use super::key_info::KeyInfo;

/// What is asked of the AS.
#[derive(Clone, Debug)]
pub struct LoginOptions {
    /// The ticket may be forwarded (`-f`, `-F`).
    pub forwardable: bool,
    /// Proxies may be made of it (`-p`, `-P`).
    pub proxiable: bool,
    /// What every request asks for, whatever else is asked for (`kdc_default_options`).
    pub default_options: KdcOptions,
    /// How long it shall be renewable (`-r`).
    pub renewable: Option<Duration>,
    /// How long it shall be valid (`-l`).
    pub lifetime: Duration,
    /// How long from now it becomes valid (`-s`): a postdated ticket.
    pub start: Option<Duration>,
    /// The only addresses it may be used from (`-a`).
    pub addresses: Vec<HostAddress>,
    /// The KDC may answer with another client name or realm (`-C`). Enterprise names imply it.
    pub canonicalize: bool,
    /// A service instead of the TGT (`-S`); its realm is the client's.
    pub service: Option<PrincipalName>,
    /// The encryption types to offer, best first.
    pub enctypes: Vec<Enctype>,
    /// By how much clocks may differ.
    pub clock_skew: Duration,
    /// Whether the KDC's clock is believed where ours differs (`kdc_timesync`).
    pub sync_time: bool,
    /// How many iterations a KDC may ask of a password.
    pub iterations: IterationLimit,
    /// What an earlier login learnt about the client's key ([`InitialTicket::key_info`](super::InitialTicket)): the proof
    /// then goes out with the first request, which saves a round trip. If it is out of date, the KDC's hints are followed.
    pub known_key: Option<KeyInfo>,
    /// Whether a user with an expired password is asked for a new one.
    pub change_expired: bool,
}

impl Default for LoginOptions {
    fn default() -> Self {
        Self {
            forwardable: false,
            proxiable: false,
            default_options: KdcOptions::RENEWABLE_OK,
            renewable: None,
            lifetime: Duration::from_secs(24 * 3600),
            start: None,
            addresses: Vec::new(),
            canonicalize: false,
            service: None,
            enctypes: Enctype::DEFAULT.to_vec(),
            clock_skew: Duration::from_secs(300),
            sync_time: true,
            iterations: IterationLimit::DEFAULT,
            known_key: None,
            change_expired: true,
        }
    }
}

impl LoginOptions {
    /// A ticket for the password service: short, and good for nothing else.
    pub(super) fn for_password_change(&self) -> Self {
        Self {
            forwardable: false,
            proxiable: false,
            renewable: None,
            lifetime: Duration::from_secs(5 * 60),
            start: None,
            addresses: Vec::new(),
            service: Some(crate::password_change::service_name()),
            change_expired: false,
            ..self.clone()
        }
    }
}

/// What proves who the client is.
#[derive(Clone)]
pub enum Secret {
    /// A password that is asked for when it is needed.
    Prompt,
    /// A password.
    Password(Zeroizing<String>),
    /// Keys of the client from a keytab.
    Keys {
        /// The entries; those of other principals are passed over.
        entries: Vec<KeytabEntry>,
        /// The keytab's name, for errors.
        keytab: String,
    },
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Prompt => "Prompt",
            Self::Password(_) => "Password(..)",
            Self::Keys { .. } => "Keys(..)",
        })
    }
}
