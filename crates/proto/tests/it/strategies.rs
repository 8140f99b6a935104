//! Any value of every message.

use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{ApOptions, FastOptions, KdcOptions, TicketFlags};
use kerbstone_proto::kpasswd::ChangePasswdData;
use kerbstone_proto::message::*;
use kerbstone_proto::name::{KerberosString, NameType, PrincipalName, Realm};
use kerbstone_proto::time::KerberosTime;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

/// Declares `fn name() -> impl Strategy<Value = Type>` from one strategy per field.
macro_rules! any_of_struct {
    ($(fn $name:ident() -> $type:ident { $($field:ident: $strategy:expr,)+ })+) => {
        $(pub(crate) fn $name() -> BoxedStrategy<$type> {
            // Tuples of strategies end at twelve: fields are drawn one after another instead.
            let strategies = ($($strategy.boxed(),)+);
            let ($($field,)+) = strategies;
            let empty = Just(()).boxed();
            any_of_struct!(@draw empty, [] $($field)+ => $type)
        })+
    };
    (@draw $sofar:expr, [$($drawn:ident)*] => $type:ident) => {
        $sofar.prop_map(|any_of_struct!(@pattern [$($drawn)*])| $type { $($drawn),* }).boxed()
    };
    (@draw $sofar:expr, [$($drawn:ident)*] $next:ident $($rest:ident)* => $type:ident) => {
        any_of_struct!(@draw ($sofar, $next), [$($drawn)* $next] $($rest)* => $type)
    };
    (@pattern [$($drawn:ident)*]) => { any_of_struct!(@nest (_) $($drawn)*) };
    (@nest ($sofar:pat)) => { $sofar };
    (@nest ($sofar:pat) $next:ident $($rest:ident)*) => {
        any_of_struct!(@nest (($sofar, $next)) $($rest)*)
    };
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

fn secret() -> impl Strategy<Value = Secret> {
    octets().prop_map(Secret::from)
}

fn number() -> impl Strategy<Value = i32> {
    prop_oneof![-3..30i32, any::<i32>()]
}

fn uint32() -> impl Strategy<Value = UInt32> {
    any::<u32>().prop_map(UInt32)
}

/// Printable ASCII, which every codec takes for a GeneralString.
fn string() -> impl Strategy<Value = KerberosString> {
    "[ -~]{0,12}".prop_map(KerberosString::from)
}

fn realm() -> impl Strategy<Value = Realm> {
    string().prop_map(Realm::new)
}

pub(crate) fn name() -> BoxedStrategy<PrincipalName> {
    (number(), vec(string(), 0..4))
        .prop_map(|(kind, components)| PrincipalName::new(NameType(kind), components))
        .boxed()
}

/// From 1900, so that the other codec's calendar has it too.
fn time() -> impl Strategy<Value = KerberosTime> {
    prop_oneof![Just(0), -2_208_988_800i64..253_402_300_799].prop_map(KerberosTime::from_unix)
}

fn microseconds() -> impl Strategy<Value = Microseconds> {
    (0..1_000_000u32).prop_map(|number| Microseconds::new(number).unwrap())
}

fn addresses() -> impl Strategy<Value = HostAddresses> {
    vec(host_address(), 0..3).prop_map(HostAddresses)
}

pub(crate) fn authorization_data() -> BoxedStrategy<AuthorizationData> {
    vec(authorization_data_element(), 0..3)
        .prop_map(AuthorizationData)
        .boxed()
}

pub(crate) fn pa_data_list() -> BoxedStrategy<Vec<PaData>> {
    vec(pa_data(), 0..4).boxed()
}

any_of_struct! {
    fn encrypted_data() -> EncryptedData { etype: number(), kvno: of(uint32()), cipher: octets(), }
    fn encryption_key() -> EncryptionKey { keytype: number(), keyvalue: secret(), }
    fn checksum() -> Checksum { cksumtype: number(), checksum: octets(), }
    fn host_address() -> HostAddress { addr_type: number(), address: octets(), }
    fn authorization_data_element() -> AuthorizationDataElement {
        ad_type: number(), ad_data: octets(),
    }
    fn ad_kdc_issued() -> AdKdcIssued {
        ad_checksum: checksum(), i_realm: of(realm()), i_sname: of(name()),
        elements: authorization_data(),
    }
    fn ad_and_or() -> AdAndOr { condition_count: number(), elements: authorization_data(), }
    fn pa_data() -> PaData {
        padata_type: number().prop_map(PaType), padata_value: octets(),
    }
    fn pa_enc_ts_enc() -> PaEncTsEnc { patimestamp: time(), pausec: of(microseconds()), }
    fn etype_info2_entry() -> EtypeInfo2Entry {
        etype: number(), salt: of(string()), s2kparams: of(octets()),
    }
    fn etype_info_entry() -> EtypeInfoEntry { etype: number(), salt: of(octets()), }
    fn ticket() -> Ticket { realm: realm(), sname: name(), enc_part: encrypted_data(), }
    fn transited() -> TransitedEncoding { tr_type: number(), contents: octets(), }
    fn enc_ticket_part() -> EncTicketPart {
        flags: any::<u32>().prop_map(TicketFlags::from_bits),
        key: encryption_key(), crealm: realm(), cname: name(), transited: transited(),
        authtime: time(), starttime: of(time()), endtime: time(), renew_till: of(time()),
        caddr: addresses(), authorization_data: authorization_data(),
    }
    fn kdc_req_body() -> KdcReqBody {
        kdc_options: any::<u32>().prop_map(KdcOptions::from_bits),
        cname: of(name()), realm: realm(), sname: of(name()), from: of(time()), till: time(),
        rtime: of(time()), nonce: uint32(), etype: vec(number(), 0..8),
        addresses: addresses(), enc_authorization_data: of(encrypted_data()),
        additional_tickets: vec(ticket(), 0..2),
    }
    fn last_req_entry() -> LastReqEntry { lr_type: number(), lr_value: time(), }
    fn enc_kdc_rep_part() -> EncKdcRepPart {
        key: encryption_key(), last_req: vec(last_req_entry(), 0..3), nonce: uint32(),
        key_expiration: of(time()), flags: any::<u32>().prop_map(TicketFlags::from_bits),
        authtime: time(), starttime: of(time()), endtime: time(), renew_till: of(time()),
        srealm: realm(), sname: name(), caddr: addresses(),
        encrypted_pa_data: pa_data_list().prop_map(MethodData),
    }
    fn kdc_rep() -> KdcRep {
        pvno: Just(Fixed),
        kind: prop_oneof![Just(KdcRepKind::As), Just(KdcRepKind::Tgs)],
        padata: pa_data_list(), crealm: realm(), cname: name(), ticket: ticket(),
        enc_part: encrypted_data(),
    }
    fn authenticator() -> Authenticator {
        authenticator_vno: Just(Fixed), crealm: realm(), cname: name(), cksum: of(checksum()),
        cusec: microseconds(), ctime: time(), subkey: of(encryption_key()),
        seq_number: of(uint32()), authorization_data: authorization_data(),
    }
    fn ap_req() -> ApReq {
        pvno: Just(Fixed), msg_type: Just(Fixed),
        ap_options: any::<u32>().prop_map(ApOptions::from_bits),
        ticket: ticket(), authenticator: encrypted_data(),
    }
    fn ap_rep() -> ApRep { pvno: Just(Fixed), msg_type: Just(Fixed), enc_part: encrypted_data(), }
    fn enc_ap_rep_part() -> EncApRepPart {
        ctime: time(), cusec: microseconds(), subkey: of(encryption_key()),
        seq_number: of(uint32()),
    }
    fn krb_safe_body() -> KrbSafeBody {
        user_data: octets(), timestamp: of(time()), usec: of(microseconds()),
        seq_number: of(uint32()), s_address: host_address(), r_address: of(host_address()),
    }
    fn krb_safe() -> KrbSafe {
        pvno: Just(Fixed), msg_type: Just(Fixed), safe_body: krb_safe_body().prop_map(Encoded::new),
        cksum: checksum(),
    }
    fn krb_priv() -> KrbPriv {
        pvno: Just(Fixed), msg_type: Just(Fixed), enc_part: encrypted_data(),
    }
    fn enc_krb_priv_part() -> EncKrbPrivPart {
        user_data: secret(), timestamp: of(time()), usec: of(microseconds()),
        seq_number: of(uint32()), s_address: host_address(), r_address: of(host_address()),
    }
    fn krb_cred() -> KrbCred {
        pvno: Just(Fixed), msg_type: Just(Fixed), tickets: vec(ticket(), 0..3),
        enc_part: encrypted_data(),
    }
    fn krb_cred_info() -> KrbCredInfo {
        key: encryption_key(), prealm: of(realm()), pname: of(name()),
        flags: of(any::<u32>().prop_map(TicketFlags::from_bits)), authtime: of(time()),
        starttime: of(time()), endtime: of(time()), renew_till: of(time()), srealm: of(realm()),
        sname: of(name()), caddr: addresses(),
    }
    fn enc_krb_cred_part() -> EncKrbCredPart {
        ticket_info: vec(krb_cred_info(), 0..3), nonce: of(uint32()), timestamp: of(time()),
        usec: of(microseconds()), s_address: of(host_address()), r_address: of(host_address()),
    }
    fn krb_error() -> KrbError {
        pvno: Just(Fixed), msg_type: Just(Fixed), ctime: of(time()), cusec: of(microseconds()),
        stime: time(), susec: microseconds(), error_code: number().prop_map(ErrorCode),
        crealm: of(realm()), cname: of(name()), realm: realm(), sname: name(),
        e_text: of(string()), e_data: of(octets()),
    }
    fn typed_data_entry() -> TypedDataEntry { data_type: number(), data_value: of(octets()), }
    fn referral() -> PaSvrReferralData { referred_name: of(name()), referred_realm: realm(), }
    fn fast_armor() -> KrbFastArmor { armor_type: number(), armor_value: octets(), }
    fn fast_armored_req() -> KrbFastArmoredReq {
        armor: of(fast_armor()), req_checksum: checksum(), enc_fast_req: encrypted_data(),
    }
    fn fast_armored_rep() -> KrbFastArmoredRep { enc_fast_rep: encrypted_data(), }
    fn fast_req() -> KrbFastReq {
        fast_options: any::<u32>().prop_map(FastOptions::from_bits), padata: pa_data_list(),
        req_body: kdc_req_body().prop_map(Encoded::new),
    }
    fn fast_finished() -> KrbFastFinished {
        timestamp: time(), usec: microseconds(), crealm: realm(), cname: name(),
        ticket_checksum: checksum(),
    }
    fn fast_response() -> KrbFastResponse {
        padata: pa_data_list(), strengthen_key: of(encryption_key()),
        finished: of(fast_finished()), nonce: uint32(),
    }
    fn authentication_set_elem() -> PaAuthenticationSetElem {
        pa_type: number().prop_map(PaType), pa_hint: of(octets()), pa_value: of(octets()),
    }
    fn change_passwd_data() -> ChangePasswdData {
        newpasswd: secret(), targname: of(name()), targrealm: of(realm()),
    }
}

pub(crate) fn kdc_req() -> BoxedStrategy<KdcReq> {
    let kind = prop_oneof![Just(KdcReqKind::As), Just(KdcReqKind::Tgs)];
    (kind, pa_data_list(), kdc_req_body())
        .prop_map(|(kind, padata, body)| KdcReq::new(kind, padata, body))
        .boxed()
}
