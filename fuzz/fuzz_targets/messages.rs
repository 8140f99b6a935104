//! Every message of the protocol: what can be read is written, and read again as it was.

#![no_main]

use kerbstone_proto::kpasswd::ChangePasswdData;
use kerbstone_proto::message::*;
use libfuzzer_sys::fuzz_target;

/// Reads the bytes as each of the types in turn.
macro_rules! survive_being_written {
    ($bytes:ident: $($type:ident)+) => {
        $(if let Ok(value) = $type::from_der($bytes) {
            let der = value.to_der();
            assert_eq!($type::from_der(&der).ok(), Some(value), stringify!($type));
        })+
    };
}

fuzz_target!(|bytes: &[u8]| {
    survive_being_written!(bytes:
        AdAndOr AdKdcIssued ApRep ApReq Authenticator AuthorizationData ChangePasswdData Checksum
        EncApRepPart EncKrbCredPart EncKrbPrivPart EncTicketPart EncryptedData EncryptionKey
        EtypeInfo EtypeInfo2 HostAddress KdcRep KdcReq KdcReqBody KrbCred KrbError KrbFastReq
        KrbFastResponse KrbPriv KrbSafe MethodData PaAuthenticationSet PaData PaEncTsEnc
        PaForUser PaFxFastReply PaFxFastRequest PaPacOptions PaPacRequest PaS4uX509User
        PaSvrReferralData S4uUserId Ticket TransitedEncoding TypedData
    );
    look_inside(bytes);
    if let Ok((part, kind)) = EncKdcRepPart::from_der_of_either(bytes) {
        let der = part.to_der(kind);
        assert_eq!(EncKdcRepPart::from_der(kind, &der).ok(), Some(part));
    }
});

/// What is read of a message later on.
fn look_inside(bytes: &[u8]) {
    if let Ok(list) = AuthorizationData::from_der(bytes) {
        let _ = list.find(AdType::WIN2K_PAC);
    }
    if let Ok(error) = KrbError::from_der(bytes) {
        let _ = (error.data(), error.method_data());
    }
    if let Ok(address) = HostAddress::from_der(bytes) {
        let _ = address.to_ip();
    }
}
