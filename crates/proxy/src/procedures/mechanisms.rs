//! INDICATE_MECHS: what MIT 1.20's mechglue says of its mechanisms.
//!
//! Upstream's plugin takes its answers to `gss_inquire_attrs_for_mech` and its like from this
//! reply, and finds the numbers of mechanisms here that it hands to applications. So the reply
//! is MIT's to the last byte, IAKERB and SPNEGO included, whatever the service speaks: a plugin
//! that gets an empty set where MIT has members falls over it (gssproxy PR #103).

use kerbstone_gss::Oid;

/// A mechanism as `gss_inquire_names_for_mech`, `gss_inquire_attrs_for_mech` and
/// `gss_inquire_saslname_for_mech` describe it.
pub(super) struct Mechanism {
    pub(super) oid: Oid,
    pub(super) name_types: &'static [&'static [u8]],
    /// By their numbers under 1.3.6.1.5.5.13 (RFC 5587).
    pub(super) attributes: &'static [u8],
    pub(super) sasl_name: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
}

/// An attribute that mechanisms may have, in the words of `gss_display_mech_attr`.
pub(super) struct Attribute {
    pub(super) oid: &'static [u8],
    pub(super) name: &'static str,
    pub(super) short: &'static str,
    pub(super) long: &'static str,
}

const USER_NAME: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x01";
const MACHINE_UID: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x02";
const STRING_UID: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x03";
const HOST_BASED: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04";
const HOST_BASED_X: &[u8] = b"\x2b\x06\x01\x05\x06\x02";
const EXPORT: &[u8] = b"\x2b\x06\x01\x05\x06\x04";
const COMPOSITE_EXPORT: &[u8] = b"\x2b\x06\x01\x05\x06\x06";
const KRB5_PRINCIPAL: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01";
/// A `krb5_principal` in memory: 1.2.840.113554.1.2.2.2.
const KRB5_PRINCIPAL_STRUCTURE: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x02";

pub(super) static MECHANISMS: [Mechanism; 3] = [
    Mechanism {
        oid: Oid::KRB5,
        name_types: &[
            USER_NAME,
            MACHINE_UID,
            STRING_UID,
            HOST_BASED,
            HOST_BASED_X,
            EXPORT,
            KRB5_PRINCIPAL,
            COMPOSITE_EXPORT,
            KRB5_PRINCIPAL_STRUCTURE,
        ],
        attributes: &[1, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23, 24, 27],
        sasl_name: "GS2-KRB5",
        name: "krb5",
        description: "Kerberos 5 GSS-API Mechanism",
    },
    Mechanism {
        oid: Oid::IAKERB,
        name_types: &[
            USER_NAME,
            MACHINE_UID,
            STRING_UID,
            HOST_BASED,
            HOST_BASED_X,
            EXPORT,
            KRB5_PRINCIPAL,
            COMPOSITE_EXPORT,
            KRB5_PRINCIPAL_STRUCTURE,
        ],
        attributes: &[1, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23, 24, 27, 12, 8],
        sasl_name: "GS2-IAKERB",
        name: "iakerb",
        description: "Initial and Pass Through Authentication Kerberos Mechanism (IAKERB)",
    },
    Mechanism {
        oid: Oid::SPNEGO,
        name_types: &[USER_NAME, MACHINE_UID, STRING_UID, HOST_BASED],
        attributes: &[4, 9],
        sasl_name: "SPNEGO",
        name: "spnego",
        description: "Simple and Protected GSS-API Negotiation Mechanism",
    },
];

/// The attribute of this number under 1.3.6.1.5.5.13.
pub(super) const fn attribute_oid(number: u8) -> [u8; 7] {
    [0x2b, 6, 1, 5, 5, 13, number]
}

macro_rules! attributes {
    ($($number:literal $name:literal $short:literal $long:literal;)+) => {
        &[
            $(Attribute {
                oid: &attribute_oid($number),
                name: $name,
                short: $short,
                long: $long,
            },)+
            Attribute {
                oid: b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x05\x12",
                name: "GSS_C_MA_NEGOEX_AND_SPNEGO",
                short: "negoex-only",
                long: "NegoEx mechanism should also be negotiable through SPNEGO.",
            },
        ]
    };
}

/// In the order in which the mechanisms bring them up, which is not that of their numbers.
pub(super) static ATTRIBUTES: &[Attribute] = attributes! {
    1 "GSS_C_MA_MECH_CONCRETE" "concrete-mech"
        "Mechanism is neither a pseudo-mechanism nor a composite mechanism.";
    9 "GSS_C_MA_ITOK_FRAMED" "initial-is-framed"
        "Mechanism's initial contexts are properly framed.";
    10 "GSS_C_MA_AUTH_INIT" "auth-init-princ"
        "Mechanism supports authentication of initiator to acceptor.";
    11 "GSS_C_MA_AUTH_TARG" "auth-targ-princ"
        "Mechanism supports authentication of acceptor to initiator.";
    16 "GSS_C_MA_DELEG_CRED" "deleg-cred"
        "Mechanism supports credential delegation.";
    17 "GSS_C_MA_INTEG_PROT" "integ-prot"
        "Mechanism supports per-message integrity protection.";
    18 "GSS_C_MA_CONF_PROT" "conf-prot"
        "Mechanism supports per-message confidentiality protection.";
    19 "GSS_C_MA_MIC" "mic"
        "Mechanism supports Message Integrity Code (MIC) tokens.";
    20 "GSS_C_MA_WRAP" "wrap"
        "Mechanism supports wrap tokens.";
    21 "GSS_C_MA_PROT_READY" "prot-ready"
        "Mechanism supports per-message proteciton prior to full context establishment.";
    22 "GSS_C_MA_REPLAY_DET" "replay-detection"
        "Mechanism supports replay detection.";
    23 "GSS_C_MA_OOS_DET" "oos-detection"
        "Mechanism supports out-of-sequence detection.";
    24 "GSS_C_MA_CBINDINGS" "channel-bindings"
        "Mechanism supports channel bindings.";
    27 "GSS_C_MA_CTX_TRANS" "context-transfer"
        "Mechanism supports security context export/import.";
    2 "GSS_C_MA_MECH_PSEUDO" "pseudo-mech"
        "Mechanism is a pseudo-mechanism.";
    3 "GSS_C_MA_MECH_COMPOSITE" "composite-mech"
        "Mechanism is a composite of other mechanisms.";
    4 "GSS_C_MA_MECH_NEGO" "mech-negotiation-mech"
        "Mechanism negotiates other mechanisms.";
    5 "GSS_C_MA_MECH_GLUE" "mech-glue"
        "OID is not a mechanism but the GSS-API itself.";
    6 "GSS_C_MA_NOT_MECH" "not-mech"
        "Known OID but not a mechanism OID.";
    7 "GSS_C_MA_DEPRECATED" "mech-deprecated"
        "Mechanism is deprecated.";
    8 "GSS_C_MA_NOT_DFLT_MECH" "mech-not-default"
        "Mechanism must not be used as a default mechanism.";
    12 "GSS_C_MA_AUTH_INIT_INIT" "auth-init-princ-initial"
        "Mechanism supports authentication of initiator using initial credentials.";
    13 "GSS_C_MA_AUTH_TARG_INIT" "auth-target-princ-initial"
        "Mechanism supports authentication of acceptor using initial credentials.";
    14 "GSS_C_MA_AUTH_INIT_ANON" "auth-init-princ-anon"
        "Mechanism supports GSS_C_NT_ANONYMOUS as an initiator name.";
    15 "GSS_C_MA_AUTH_TARG_ANON" "auth-targ-princ-anon"
        "Mechanism supports GSS_C_NT_ANONYMOUS as an acceptor name.";
    25 "GSS_C_MA_PFS" "pfs"
        "Mechanism supports Perfect Forward Security.";
    26 "GSS_C_MA_COMPRESS" "compress"
        "Mechanism supports compression of data inputs to gss_wrap().";
};

/// Every attribute that MIT's mechanisms know, whether they have it or not: those of RFC 5587 in
/// the order of their numbers, then MIT's own.
pub(super) fn known_attributes() -> impl Iterator<Item = Vec<u8>> {
    (1..=27)
        .map(|number| attribute_oid(number).to_vec())
        .chain(ATTRIBUTES.last().map(|own| own.oid.to_vec()))
}
