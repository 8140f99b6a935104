//! What we write, we read as it was.

use kerbstone_proto::kpasswd::ChangePasswdData;
use kerbstone_proto::message::*;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::strategies as any;

/// A line per type: the name of its test, the type, and any value of it.
macro_rules! survive_being_written {
    ($($test:ident: $type:ident = $strategy:expr;)+) => {
        proptest! {
            $(#[test]
            fn $test(value in $strategy) {
                let der = value.to_der();
                prop_assert_eq!($type::from_der(&der).unwrap(), value);
                let mut longer = der.clone();
                longer.push(0);
                prop_assert!($type::from_der(&longer).is_err(), "a trailing byte");
                prop_assert!($type::from_der(&der[..der.len() - 1]).is_err(), "a byte less");
            })+
        }
    };
}

survive_being_written! {
    encrypted_data: EncryptedData = any::encrypted_data();
    encryption_key: EncryptionKey = any::encryption_key();
    checksum: Checksum = any::checksum();
    host_address: HostAddress = any::host_address();
    authorization_data: AuthorizationData = any::authorization_data();
    ad_kdc_issued: AdKdcIssued = any::ad_kdc_issued();
    ad_and_or: AdAndOr = any::ad_and_or();
    method_data: MethodData = any::pa_data_list().prop_map(MethodData);
    pa_enc_ts_enc: PaEncTsEnc = any::pa_enc_ts_enc();
    etype_info2: EtypeInfo2 = vec(any::etype_info2_entry(), 0..4).prop_map(EtypeInfo2);
    etype_info: EtypeInfo = vec(any::etype_info_entry(), 0..4).prop_map(EtypeInfo);
    ticket: Ticket = any::ticket();
    enc_ticket_part: EncTicketPart = any::enc_ticket_part();
    kdc_req: KdcReq = any::kdc_req();
    kdc_rep: KdcRep = any::kdc_rep();
    authenticator: Authenticator = any::authenticator();
    ap_req: ApReq = any::ap_req();
    ap_rep: ApRep = any::ap_rep();
    enc_ap_rep_part: EncApRepPart = any::enc_ap_rep_part();
    krb_safe: KrbSafe = any::krb_safe();
    krb_priv: KrbPriv = any::krb_priv();
    enc_krb_priv_part: EncKrbPrivPart = any::enc_krb_priv_part();
    krb_cred: KrbCred = any::krb_cred();
    enc_krb_cred_part: EncKrbCredPart = any::enc_krb_cred_part();
    krb_error: KrbError = any::krb_error();
    typed_data: TypedData = vec(any::typed_data_entry(), 0..4).prop_map(TypedData);
    referral: PaSvrReferralData = any::referral();
    fast_request: PaFxFastRequest = any::fast_armored_req().prop_map(PaFxFastRequest);
    fast_reply: PaFxFastReply = any::fast_armored_rep().prop_map(PaFxFastReply);
    fast_req: KrbFastReq = any::fast_req();
    fast_response: KrbFastResponse = any::fast_response();
    authentication_set: PaAuthenticationSet =
        vec(any::authentication_set_elem(), 0..4).prop_map(PaAuthenticationSet);
    change_passwd_data: ChangePasswdData = any::change_passwd_data();
}

proptest! {
    #[test]
    fn the_part_of_a_reply_tells_which_reply_it_is_of(part in any::enc_kdc_rep_part()) {
        let as_part = part.to_der(KdcRepKind::As);
        prop_assert_eq!(&EncKdcRepPart::from_der(KdcRepKind::As, &as_part).unwrap(), &part);
        prop_assert!(EncKdcRepPart::from_der(KdcRepKind::Tgs, &as_part).is_err());
        let tgs_part = part.to_der(KdcRepKind::Tgs);
        prop_assert!(EncKdcRepPart::from_der(KdcRepKind::As, &tgs_part).is_err());
        let (read, kind) = EncKdcRepPart::from_der_of_either(&tgs_part).unwrap();
        prop_assert_eq!((read, kind), (part, KdcRepKind::Tgs));
    }
}
