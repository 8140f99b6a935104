//! Kerberos as values: names, times, flags and messages with their DER, the building and
//! checking of AP-REQ, AP-REP, KRB-PRIV, KRB-SAFE and KRB-CRED, and the file formats keytab,
//! credential cache and krb5.conf.
//!
//! It opens no file or socket, reads no clock and makes no decision about who may have what:
//! bytes, the time and randomness are passed in. The types most used are
//! [`name::Principal`], [`time::Timestamp`] and [`error_code::ErrorCode`].

pub mod error_code;
pub mod flags;
pub mod name;
pub mod time;
