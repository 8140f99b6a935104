//! Kerberos as values: names, times, flags and messages with their DER, the building and
//! checking of AP-REQ, AP-REP, KRB-PRIV, KRB-SAFE and KRB-CRED, and the file formats keytab,
//! credential cache and krb5.conf.
//!
//! It opens no file or socket, reads no clock and makes no decision about who may have what:
//! bytes, the time and randomness are passed in. The types most used are
//! [`name::Principal`], [`time::Timestamp`] and [`error_code::ErrorCode`].

pub mod absolute_time;
pub mod ap_exchange;
mod backward;
mod byte_reader;
pub mod ccache;
pub mod delta_time;
pub mod error;
pub mod error_code;
pub mod flags;
mod forward;
pub mod k5login;
pub mod key_block;
pub mod keytab;
pub mod kpasswd;
pub mod krb5_conf;
pub mod krb_cred;
pub mod krb_priv;
pub mod krb_safe;
pub mod localname;
pub mod message;
pub mod name;
pub mod pac;
pub mod stamp;
pub mod ticket_source;
pub mod time;
pub mod verified;
mod wire;

#[cfg(test)]
extern crate self as kerbstone_proto;
