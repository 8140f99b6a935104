//! Authorization data (RFC 4120 5.2.6): what a server shall know about a client beyond its
//! name, in containers that may stand in each other.

use der::Sequence;

use super::encrypted::Checksum;
use crate::backward::BackwardWriter;
use crate::error::ProtoError;
use crate::forward::ForwardReader;
use crate::name::{PrincipalName, Realm};
use crate::wire::{lists, messages};

/// Containers nested deeper than this are refused.
pub const MAX_AUTHDATA_DEPTH: usize = 8;

/// The numbers of the kinds of authorization data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdType;

impl AdType {
    /// A server that does not know what is inside may ignore it.
    pub const IF_RELEVANT: i32 = 1;
    /// The KDC vouches for what is inside.
    pub const KDC_ISSUED: i32 = 4;
    /// So many of the elements inside must be understood.
    pub const AND_OR: i32 = 5;
    /// A KDC that does not know what is inside must refuse the ticket.
    pub const MANDATORY_FOR_KDC: i32 = 8;
    /// How the client was first authenticated.
    pub const INITIAL_VERIFIED_CAS: i32 = 9;
    /// This ticket serves as FAST armor only (RFC 6113 5.4.1.1).
    pub const FX_ARMOR: i32 = 71;
    /// The ticket came from a FAST exchange (RFC 6113 5.4.1.1).
    pub const FX_FAST_USED: i32 = 72;
    /// In containers of the KDC: how the client was authenticated (RFC 8129).
    pub const AUTHENTICATION_STRENGTH: i32 = 70;
    /// Authentication indicators (RFC 8129).
    pub const AUTHENTICATION_INDICATOR: i32 = 97;
    /// A container that only the KDC could have made (RFC 7751).
    pub const CAMMAC: i32 = 96;
    /// The PAC of Windows.
    pub const WIN2K_PAC: i32 = 128;
    /// Encryption types that a client offers to a server (RFC 4537).
    pub const ETYPE_NEGOTIATION: i32 = 129;
    /// Options of the acceptor, of Windows (MS-KILE).
    pub const AP_OPTIONS: i32 = 143;
    /// The name that the client asked for (MS-KILE).
    pub const TARGET_PRINCIPAL: i32 = 144;
}

/// One piece of authorization data.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct AuthorizationDataElement {
    /// What it is, see [`AdType`].
    #[asn1(context_specific = "0")]
    pub ad_type: i32,
    /// Its bytes; of a container, DER again.
    #[asn1(context_specific = "1", type = "OCTET STRING", deref = "true")]
    pub ad_data: Vec<u8>,
}

lists! {
    /// A list of authorization data; also what is inside AD-IF-RELEVANT and
    /// AD-MANDATORY-FOR-KDC.
    AuthorizationData of AuthorizationDataElement;
}

impl AuthorizationData {
    /// One element, AD-IF-RELEVANT, with this list inside.
    pub fn if_relevant(&self) -> AuthorizationDataElement {
        AuthorizationDataElement {
            ad_type: AdType::IF_RELEVANT,
            ad_data: self.to_der(),
        }
    }

    /// The elements of that type, here and in AD-IF-RELEVANT at any depth up to
    /// [`MAX_AUTHDATA_DEPTH`].
    pub fn find(&self, ad_type: i32) -> Result<Vec<Vec<u8>>, ProtoError> {
        let mut found = Vec::new();
        self.find_into(ad_type, MAX_AUTHDATA_DEPTH, &mut found)?;
        Ok(found)
    }

    fn find_into(
        &self,
        ad_type: i32,
        depth: usize,
        found: &mut Vec<Vec<u8>>,
    ) -> Result<(), ProtoError> {
        for element in self {
            if element.ad_type == ad_type {
                found.push(element.ad_data.clone());
            } else if element.ad_type == AdType::IF_RELEVANT {
                let deeper = depth.checked_sub(1).ok_or(ProtoError::TooLong {
                    what: "AD-IF-RELEVANT",
                    length: element.ad_data.len(),
                })?;
                Self::from_der(&element.ad_data)?.find_into(ad_type, deeper, found)?;
            }
        }
        Ok(())
    }
}

/// AD-KDCIssued: authorization data with a checksum in the ticket's session key.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct AdKdcIssued {
    /// Over the DER of `elements`.
    #[asn1(context_specific = "0")]
    pub ad_checksum: Checksum,
    /// The realm of who issued it, if not the KDC.
    #[asn1(context_specific = "1", optional = "true")]
    pub i_realm: Option<Realm>,
    /// The name of who issued it, if not the KDC.
    #[asn1(context_specific = "2", optional = "true")]
    pub i_sname: Option<PrincipalName>,
    /// What was issued.
    #[asn1(context_specific = "3")]
    pub elements: AuthorizationData,
}

/// AD-AND-OR: at least so many of the elements must be satisfied.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct AdAndOr {
    /// How many: all of them mean "and", one means "or".
    #[asn1(context_specific = "0")]
    pub condition_count: i32,
    /// The conditions.
    #[asn1(context_specific = "1")]
    pub elements: AuthorizationData,
}

impl AuthorizationData {
    pub(super) fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader
            .list(AuthorizationDataElement::read_forward)
            .map(Self)
    }
}

impl AuthorizationDataElement {
    fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader.sequence(|reader| {
            Some(Self {
                ad_type: reader.int_field(0)?,
                ad_data: reader.octets_field(1)?.to_vec(),
            })
        })
    }
}

impl AuthorizationData {
    pub(super) fn write_backward(&self, writer: &mut BackwardWriter<'_>) {
        writer.list(self, |writer, element| {
            writer.sequence(|writer| {
                writer.octets_field(1, &element.ad_data);
                writer.int_field(0, element.ad_type);
            });
        });
    }
}

messages! {
    AuthorizationDataElement = "AuthorizationData element";
    AuthorizationData = "AuthorizationData" => forward backward;
    AdKdcIssued = "AD-KDCIssued";
    AdAndOr = "AD-AND-OR";
}
