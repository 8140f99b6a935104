//! The numbers by which MIT's library knows its structures.

/// A krb5 context of GSS.
pub(super) const CONTEXT: u32 = 0x025e_a108;

const BASE: u32 = 0x970e_a700;

pub(super) const PRINCIPAL: u32 = BASE + 1;
pub(super) const KEYBLOCK: u32 = BASE + 3;
pub(super) const CHECKSUM: u32 = BASE + 4;
pub(super) const AUTHDATA: u32 = BASE + 10;
pub(super) const AUTHENTICATOR: u32 = BASE + 14;
pub(super) const ADDRESS: u32 = BASE + 34;
pub(super) const LIBRARY_CONTEXT: u32 = BASE + 36;
pub(super) const OS_CONTEXT: u32 = BASE + 37;
pub(super) const AUTH_CONTEXT: u32 = BASE + 41;
pub(super) const OID: u32 = BASE + 55;
pub(super) const WINDOW: u32 = BASE + 56;
pub(super) const AUTHDATA_CONTEXT: u32 = BASE + 60;
/// MIT's module for the PAC.
pub(super) const MSPAC: &[u8] = b"mspac";
/// The files of a configuration.
pub(super) const PROFILE: u32 = 0xaaca_6012;

/// The marks in an authentication context: addresses and ports, then keys.
pub(super) const AUTH_ADDRESSES: std::ops::RangeInclusive<u32> = 950_916..=950_919;
pub(super) const AUTH_KEYS: std::ops::RangeInclusive<u32> = 950_920..=950_922;
