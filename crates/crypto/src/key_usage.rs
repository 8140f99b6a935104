//! Key usage numbers: what a key is used for at one place of the protocol.

/// A key usage number. Each place where Kerberos encrypts or signs has its own, so that a message
/// from one place is refused at any other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct KeyUsage(pub u32);

/// RFC 4120 7.5.1.
impl KeyUsage {
    /// PA-ENC-TIMESTAMP of an AS-REQ, with the client's key.
    pub const AS_REQ_PA_ENC_TIMESTAMP: Self = Self(1);
    /// A ticket's encrypted part, with the service's key.
    pub const TICKET: Self = Self(2);
    /// The encrypted part of an AS-REP, with the client's key.
    pub const AS_REP_ENC_PART: Self = Self(3);
    /// Authorization data of a TGS-REQ, with the session key.
    pub const TGS_REQ_AD_SESSION: Self = Self(4);
    /// Authorization data of a TGS-REQ, with the authenticator's subkey.
    pub const TGS_REQ_AD_SUBKEY: Self = Self(5);
    /// The checksum over the body in a TGS-REQ's authenticator, with the session key.
    pub const TGS_REQ_CKSUM: Self = Self(6);
    /// The authenticator of a TGS-REQ, with the session key.
    pub const TGS_REQ_AUTH: Self = Self(7);
    /// The encrypted part of a TGS-REP, with the session key.
    pub const TGS_REP_SESSION: Self = Self(8);
    /// The encrypted part of a TGS-REP, with the authenticator's subkey.
    pub const TGS_REP_SUBKEY: Self = Self(9);
    /// The checksum in an AP-REQ's authenticator, with the session key.
    pub const AP_REQ_CKSUM: Self = Self(10);
    /// The authenticator of an AP-REQ, with the session key.
    pub const AP_REQ_AUTH: Self = Self(11);
    /// The encrypted part of an AP-REP, with the session key.
    pub const AP_REP: Self = Self(12);
    /// The encrypted part of a KRB-PRIV.
    pub const KRB_PRIV: Self = Self(13);
    /// The encrypted part of a KRB-CRED.
    pub const KRB_CRED: Self = Self(14);
    /// The checksum of a KRB-SAFE.
    pub const KRB_SAFE: Self = Self(15);
    /// The checksum of AD-KDC-ISSUED.
    pub const AD_KDC_ISSUED: Self = Self(19);
}

/// RFC 4121 2, and what Microsoft added to the KDC (MS-SFU, RFC 6806).
impl KeyUsage {
    /// Wrap tokens that the acceptor of a GSS-API context seals.
    pub const GSS_ACCEPTOR_SEAL: Self = Self(22);
    /// MICs that the acceptor of a GSS-API context signs.
    pub const GSS_ACCEPTOR_SIGN: Self = Self(23);
    /// Wrap tokens that the initiator of a GSS-API context seals.
    pub const GSS_INITIATOR_SEAL: Self = Self(24);
    /// MICs that the initiator of a GSS-API context signs.
    pub const GSS_INITIATOR_SIGN: Self = Self(25);
    /// The checksum of PA-FOR-USER.
    pub const PA_FOR_USER: Self = Self(17);
    /// The checksum of PA-S4U-X509-USER in a request.
    pub const PA_S4U_X509_USER_REQUEST: Self = Self(26);
    /// The checksum of PA-S4U-X509-USER in a reply.
    pub const PA_S4U_X509_USER_REPLY: Self = Self(27);
    /// The checksum over the AS-REQ in PA-REQ-ENC-PA-REP (RFC 6806 11).
    pub const AS_REQ: Self = Self(56);
}

/// RFC 6113 and the pre-authentication that stands on it.
impl KeyUsage {
    /// The checksum over the request body in a FAST request.
    pub const FAST_REQ_CHECKSUM: Self = Self(50);
    /// The encrypted part of a FAST request.
    pub const FAST_ENC: Self = Self(51);
    /// The encrypted part of a FAST reply.
    pub const FAST_REP: Self = Self(52);
    /// The checksum over the ticket in a FAST reply's finish message.
    pub const FAST_FINISHED: Self = Self(53);
    /// The client's encrypted challenge.
    pub const ENC_CHALLENGE_CLIENT: Self = Self(54);
    /// The KDC's encrypted challenge.
    pub const ENC_CHALLENGE_KDC: Self = Self(55);
    /// SPAKE's encrypted factor and transcript (RFC 9588).
    pub const SPAKE: Self = Self(65);
}
