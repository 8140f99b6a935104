//! What MIT's `krb5_ser_pack_*` write.

use std::time::Duration;

use kerbstone_crypto::Key;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;
use zeroize::Zeroizing;

use super::magic;
use crate::Oid;
use crate::krb5::sequence_window::SequenceWindow;

#[derive(Debug)]
pub(crate) struct Writer(Zeroizing<Vec<u8>>);

impl Default for Writer {
    fn default() -> Self {
        // So long that keys are not left behind where the buffer grew out of.
        Self::with_room(2048)
    }
}

impl Writer {
    pub(crate) fn with_room(length: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(length)))
    }

    pub(crate) fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    pub(crate) fn put_bytes(&mut self, bytes: &[u8]) {
        if self.0.capacity().saturating_sub(self.0.len()) < bytes.len() {
            let longer = self.0.len().saturating_add(bytes.len()).saturating_mul(2);
            let mut grown = Zeroizing::new(Vec::with_capacity(longer));
            grown.extend_from_slice(&self.0);
            self.0 = grown;
        }
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn put_u32(&mut self, number: u32) {
        self.put_bytes(&number.to_be_bytes());
    }

    pub(crate) fn put_i32(&mut self, number: i32) {
        self.put_u32(number.cast_unsigned());
    }

    pub(crate) fn put_u64(&mut self, number: u64) {
        self.put_bytes(&number.to_be_bytes());
    }

    /// The low half of a number.
    pub(crate) fn put_low_u32(&mut self, number: u64) {
        let [.., a, b, c, d] = number.to_be_bytes();
        self.put_bytes(&[a, b, c, d]);
    }

    pub(crate) fn put_bool(&mut self, yes: bool) {
        self.put_u32(u32::from(yes));
    }

    /// Kerberos times of MIT's are the low 32 bits, which it takes as unsigned.
    pub(crate) fn put_time(&mut self, time: KerberosTime) {
        self.put_low_u32(time.unix().cast_unsigned());
    }

    pub(crate) fn put_length(&mut self, length: usize) {
        self.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    }

    pub(crate) fn put_counted(&mut self, bytes: &[u8]) {
        self.put_length(bytes.len());
        self.put_bytes(bytes);
    }

    pub(crate) fn put_oid(&mut self, oid: &Oid) {
        self.put_u32(magic::OID);
        self.put_counted(oid.contents());
        self.put_u32(magic::OID);
    }

    pub(crate) fn put_principal(&mut self, principal: &Principal) {
        self.put_u32(magic::PRINCIPAL);
        self.put_counted(&principal.unparse());
        self.put_u32(magic::PRINCIPAL);
    }

    pub(crate) fn put_key(&mut self, key: &Key) {
        self.put_u32(magic::KEYBLOCK);
        self.put_i32(key.enctype().number());
        self.put_counted(key.bytes());
        self.put_u32(magic::KEYBLOCK);
    }

    pub(crate) fn put_window(&mut self, window: &SequenceWindow) {
        self.put_u32(magic::WINDOW);
        self.put_bytes(&window.to_memory());
        self.put_u32(magic::WINDOW);
    }

    /// The attributes of a name whose PAC is proved, as MIT's module `mspac` keeps them.
    pub(crate) fn put_attributes(&mut self, pac: &[u8]) {
        self.put_u32(1);
        self.put_counted(magic::MSPAC);
        self.put_counted(pac);
        self.put_bool(true);
    }

    /// A library context with MIT's own defaults and no configuration.
    pub(crate) fn put_library_context(&mut self, skew: Duration) {
        const RENEWABLE_OK: u32 = 0x10;
        const LIBRARY_OPTIONS: u32 = 1;
        const CACHE_FORMAT: u32 = 0x0504;
        let skew = u32::try_from(skew.as_secs()).unwrap_or(u32::MAX);
        let fields = [
            magic::LIBRARY_CONTEXT,
            0,
            0,
            skew,
            RENEWABLE_OK,
            LIBRARY_OPTIONS,
            0,
            CACHE_FORMAT,
        ];
        let os = [magic::OS_CONTEXT, 0, 0, 0, magic::OS_CONTEXT];
        for number in fields.into_iter().chain(os) {
            self.put_u32(number);
        }
        self.put_u32(magic::LIBRARY_CONTEXT);
    }
}
