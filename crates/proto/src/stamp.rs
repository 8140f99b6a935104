//! What KRB-SAFE and KRB-PRIV say about themselves beside their data (RFC 4120 3.4, 3.5):
//! when they were sent, which message of the session they are, from where and to whom.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::time::Duration;

use crate::ap_exchange::check_skew;
use crate::error::ProtoError;
use crate::message::{HostAddress, Microseconds, UInt32};
use crate::time::{KerberosTime, Timestamp};

/// What the sender writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When it is sent.
    pub timestamp: Option<Timestamp>,
    /// Which message of the sender it is.
    pub seq_number: Option<u32>,
    /// The sender's address.
    pub s_address: HostAddress,
    /// The receiver's address.
    pub r_address: Option<HostAddress>,
}

impl Stamp {
    /// A sender at that address, and nothing more.
    pub const fn from_address(s_address: HostAddress) -> Self {
        Self {
            timestamp: None,
            seq_number: None,
            s_address,
            r_address: None,
        }
    }

    pub(crate) fn time(&self) -> Option<KerberosTime> {
        self.timestamp.map(|timestamp| timestamp.time)
    }

    pub(crate) fn usec(&self) -> Option<Microseconds> {
        self.timestamp.map(Microseconds::of)
    }

    pub(crate) fn seq(&self) -> Option<UInt32> {
        self.seq_number.map(UInt32)
    }
}

/// What the receiver insists on. By default on nothing.
#[derive(Clone, Debug, Default)]
pub struct StampCheck<'a> {
    /// The time here and the skew allowed, if the message must be fresh.
    pub fresh: Option<(Timestamp, Duration)>,
    /// The number that the message must have.
    pub seq_number: Option<u32>,
    /// The address that the message must name as its sender's.
    pub s_address: Option<&'a HostAddress>,
    /// Our own address; a message that names its receiver must name it.
    pub r_address: Option<&'a HostAddress>,
}

/// The stamp as it came, still in pieces.
pub(crate) struct ReceivedStamp<'a> {
    pub(crate) timestamp: Option<KerberosTime>,
    pub(crate) seq_number: Option<UInt32>,
    pub(crate) s_address: &'a HostAddress,
    pub(crate) r_address: Option<&'a HostAddress>,
}

impl StampCheck<'_> {
    pub(crate) fn check(&self, stamp: &ReceivedStamp<'_>) -> Result<(), ProtoError> {
        if self
            .s_address
            .is_some_and(|expected| expected != stamp.s_address)
        {
            return Err(ProtoError::BadAddress);
        }
        if let (Some(ours), Some(named)) = (self.r_address, stamp.r_address)
            && ours != named
        {
            return Err(ProtoError::BadAddress);
        }
        if let Some((now, skew)) = self.fresh {
            check_skew(stamp.timestamp.ok_or(ProtoError::Modified)?, now, skew)?;
        }
        if let Some(expected) = self.seq_number {
            // MIT writes the number 0 by leaving it out.
            if stamp.seq_number.unwrap_or_default() != UInt32(expected) {
                return Err(ProtoError::BadOrder);
            }
        }
        Ok(())
    }
}
