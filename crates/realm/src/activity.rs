//! Times and counts of a principal's logins. Kept apart from its record, so that noting them
//! neither changes the record's version nor empties anyone's cache.

use kerbstone_proto::time::KerberosTime;

use crate::codec::{Reader, Writer};
use crate::error::RealmError;

const FORMAT: u8 = 1;

/// What is known of a principal's logins, up to the last flush.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// The last login that succeeded.
    pub last_success: Option<KerberosTime>,
    /// The last login that failed.
    pub last_failed: Option<KerberosTime>,
    /// Failures since the last success.
    pub fail_count: u32,
}

impl Activity {
    pub(crate) fn to_record(self) -> Vec<u8> {
        let mut out = Writer::new(FORMAT);
        out.optional_time(self.last_success);
        out.optional_time(self.last_failed);
        out.number(self.fail_count.into());
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RealmError> {
        let mut input = Reader::new("activity", bytes, FORMAT)?;
        let activity = Self {
            last_success: input.optional_time()?,
            last_failed: input.optional_time()?,
            fail_count: input.narrow()?,
        };
        input.finish()?;
        Ok(activity)
    }
}
