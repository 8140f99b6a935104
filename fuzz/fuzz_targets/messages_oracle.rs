//! Messages that another implementation, rasn-kerberos, takes as well: it reads what we make of
//! them, and writes the same.

#![no_main]

use kerbstone_proto::error::ProtoError;
use kerbstone_proto::message::*;
use libfuzzer_sys::fuzz_target;
use rasn::{Decode, Encode};
use rasn_kerberos as theirs;

/// Each of our types beside the oracle's.
macro_rules! agree {
    ($bytes:ident: $($type:ident)+) => {
        $(agree::<$type, theirs::$type>($bytes, $type::from_der, $type::to_der);)+
    };
}

fuzz_target!(|bytes: &[u8]| {
    agree!(bytes:
        AdKdcIssued ApRep ApReq Authenticator AuthorizationData Checksum EncApRepPart
        EncKrbCredPart EncKrbPrivPart EncryptedData EncTicketPart EncryptionKey HostAddress KdcReqBody
        KrbCred KrbError KrbPriv KrbSafe PaData PaEncTsEnc Ticket
    );
    match KdcReq::from_der(bytes).map(|request| request.kind) {
        Ok(KdcReqKind::As) => {
            agree::<KdcReq, theirs::AsReq>(bytes, KdcReq::from_der, KdcReq::to_der);
        }
        Ok(KdcReqKind::Tgs) => {
            agree::<KdcReq, theirs::TgsReq>(bytes, KdcReq::from_der, KdcReq::to_der);
        }
        Err(_) => {}
    }
    match KdcRep::from_der(bytes).map(|reply| reply.kind) {
        Ok(KdcRepKind::As) => {
            agree::<KdcRep, theirs::AsRep>(bytes, KdcRep::from_der, KdcRep::to_der);
        }
        Ok(KdcRepKind::Tgs) => {
            agree::<KdcRep, theirs::TgsRep>(bytes, KdcRep::from_der, KdcRep::to_der);
        }
        Err(_) => {}
    }
});

fn agree<Ours, Theirs: Decode + Encode>(
    bytes: &[u8],
    read: impl FnOnce(&[u8]) -> Result<Ours, ProtoError>,
    write: impl FnOnce(&Ours) -> Vec<u8>,
) {
    let Ok(ours) = read(bytes) else { return };
    if rasn::der::decode::<Theirs>(bytes).is_err() {
        return;
    }
    // We tidy up what is tolerated: flags of other lengths, negative nonces, empty lists.
    let written = write(&ours);
    let theirs: Theirs = rasn::der::decode(&written).expect("what we write can be read");
    assert_eq!(rasn::der::encode(&theirs).ok(), Some(written));
}
