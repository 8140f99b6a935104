//! Another implementation, rasn-kerberos, reads what we write and writes the same bytes; and
//! where both take a damaged message, both make the same of it.

use kerbstone_proto::message::*;
use proptest::prelude::*;
use rasn::{Decode, Encode};

use crate::{captured, strategies as any};

/// The bytes that the oracle writes after reading these; `None` when it refuses them.
fn oracle_reads_and_writes<T: Decode + Encode>(der: &[u8]) -> Option<Vec<u8>> {
    let value: T = rasn::der::decode(der).ok()?;
    Some(rasn::der::encode(&value).unwrap())
}

/// A line per type: the name of its test, the oracle's type, and any value of ours.
macro_rules! agree {
    ($($test:ident: $theirs:ty = $strategy:expr;)+) => {
        proptest! {
            $(#[test]
            fn $test(value in $strategy) {
                let der = value.to_der();
                prop_assert_eq!(oracle_reads_and_writes::<$theirs>(&der), Some(der));
            })+
        }
    };
}

agree! {
    encrypted_data: rasn_kerberos::EncryptedData = any::encrypted_data();
    encryption_key: rasn_kerberos::EncryptionKey = any::encryption_key();
    checksum: rasn_kerberos::Checksum = any::checksum();
    host_address: rasn_kerberos::HostAddress = any::host_address();
    authorization_data: rasn_kerberos::AuthorizationData = any::authorization_data();
    ad_kdc_issued: rasn_kerberos::AdKdcIssued = any::ad_kdc_issued();
    pa_data: rasn_kerberos::PaData = any::pa_data();
    pa_enc_ts_enc: rasn_kerberos::PaEncTsEnc = any::pa_enc_ts_enc();
    etype_info2_entry: rasn_kerberos::EtypeInfo2Entry = any::etype_info2_entry();
    ticket: rasn_kerberos::Ticket = any::ticket();
    enc_ticket_part: rasn_kerberos::EncTicketPart = any::enc_ticket_part();
    kdc_req_body: rasn_kerberos::KdcReqBody = any::kdc_req_body();
    authenticator: rasn_kerberos::Authenticator = any::authenticator();
    ap_req: rasn_kerberos::ApReq = any::ap_req();
    ap_rep: rasn_kerberos::ApRep = any::ap_rep();
    enc_ap_rep_part: rasn_kerberos::EncApRepPart = any::enc_ap_rep_part();
    krb_safe: rasn_kerberos::KrbSafe = any::krb_safe();
    krb_priv: rasn_kerberos::KrbPriv = any::krb_priv();
    enc_krb_priv_part: rasn_kerberos::EncKrbPrivPart = any::enc_krb_priv_part();
    krb_cred: rasn_kerberos::KrbCred = any::krb_cred();
    enc_krb_cred_part: rasn_kerberos::EncKrbCredPart = any::enc_krb_cred_part();
    krb_error: rasn_kerberos::KrbError = any::krb_error();
}

proptest! {
    #[test]
    fn kdc_req(request in any::kdc_req()) {
        let der = request.to_der();
        let theirs = match request.kind {
            KdcReqKind::As => oracle_reads_and_writes::<rasn_kerberos::AsReq>(&der),
            KdcReqKind::Tgs => oracle_reads_and_writes::<rasn_kerberos::TgsReq>(&der),
        };
        prop_assert_eq!(theirs, Some(der));
    }

    #[test]
    fn kdc_rep(reply in any::kdc_rep()) {
        let der = reply.to_der();
        let theirs = match reply.kind {
            KdcRepKind::As => oracle_reads_and_writes::<rasn_kerberos::AsRep>(&der),
            KdcRepKind::Tgs => oracle_reads_and_writes::<rasn_kerberos::TgsRep>(&der),
        };
        prop_assert_eq!(theirs, Some(der));
    }

    #[test]
    fn enc_kdc_rep_part(mut part in any::enc_kdc_rep_part()) {
        // The oracle is RFC 4120's and does not know RFC 6806's field.
        part.encrypted_pa_data.clear();
        let der = part.to_der(KdcRepKind::As);
        prop_assert_eq!(oracle_reads_and_writes::<rasn_kerberos::EncAsRepPart>(&der), Some(der));
        let der = part.to_der(KdcRepKind::Tgs);
        prop_assert_eq!(oracle_reads_and_writes::<rasn_kerberos::EncTgsRepPart>(&der), Some(der));
    }

    #[test]
    fn a_damaged_request_that_both_take_is_the_same_to_both(
        position in 0usize..1024, byte in any::<u8>(),
    ) {
        let mut der = captured!("tgs_req");
        let position = position % der.len();
        der[position] = byte;
        let ours = KdcReq::from_der(&der).ok().map(|request| request.to_der());
        let theirs = oracle_reads_and_writes::<rasn_kerberos::TgsReq>(&der);
        if let (Some(ours), Some(theirs)) = (&ours, &theirs) {
            prop_assert_eq!(ours, theirs);
        }
    }
}
