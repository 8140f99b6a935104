//! A context for the Linux kernel (gssproxy's `linux_lucid_v1`): what `nfsd` needs to go on with
//! a context that a daemon has accepted.

use zeroize::Zeroizing;

use crate::Context;

const INITIATOR: u32 = 1;
const CFX: u32 = 2;
const ACCEPTOR_SUBKEY: u32 = 4;

impl Context {
    /// The context in the byte order of the machine: flags, the time of its end, the next
    /// sequence number to send, the key's type and the key.
    pub fn to_linux_lucid(&self) -> Zeroizing<Vec<u8>> {
        let key = self.session_key();
        let mut flags = CFX;
        if self.is_initiator {
            flags |= INITIATOR;
        }
        if self.acceptor_subkey.is_some() {
            flags |= ACCEPTOR_SUBKEY;
        }
        let [endtime @ .., _, _, _, _] = self.times.endtime.unix().to_le_bytes();
        let endtime = u32::from_le_bytes(endtime);
        let mut blob = Zeroizing::new(Vec::with_capacity(64));
        blob.extend_from_slice(&flags.to_ne_bytes());
        blob.extend_from_slice(&endtime.to_ne_bytes());
        blob.extend_from_slice(&self.send_sequence.to_ne_bytes());
        blob.extend_from_slice(&key.enctype().number().to_ne_bytes());
        blob.extend_from_slice(key.bytes());
        blob
    }
}
