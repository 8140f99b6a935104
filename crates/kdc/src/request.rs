//! A request with its names ready: what AS and TGS look at.

use kerbstone_proto::message::{Encoded, HostAddresses, KdcReq, KdcReqBody, PaData, PaType};
use kerbstone_proto::name::Principal;

use crate::audit::ActingFor;
use crate::lifetimes::Asked;

/// The contents of a KDC-REQ.
#[derive(Debug)]
pub(crate) struct Request {
    /// From the body of an AS-REQ; in a TGS exchange from the ticket, once that is open.
    pub(crate) client: Option<Principal>,
    /// The service that is asked for.
    pub(crate) service: Option<Principal>,
    /// For whom the client, a service, acts.
    pub(crate) acting_for: Option<ActingFor>,
    pub(crate) body: Encoded<KdcReqBody>,
    padata: Vec<PaData>,
}

impl Request {
    pub(crate) fn new(request: KdcReq) -> Self {
        Self {
            client: None,
            acting_for: None,
            service: request.body.server(),
            body: request.body,
            padata: request.padata,
        }
    }

    pub(crate) fn padata(&self, padata_type: PaType) -> Option<&[u8]> {
        PaData::find(&self.padata, padata_type)
    }

    pub(crate) fn asked(&self) -> Asked {
        Asked {
            options: self.body.kdc_options,
            from: self.body.from,
            till: self.body.till,
            rtime: self.body.rtime,
        }
    }

    /// DER of the addresses that the ticket shall be bound to, if any.
    pub(crate) fn addresses(&self) -> Option<Vec<u8>> {
        encode_addresses(&self.body.addresses)
    }

    /// The nonce as it goes back. Heimdal of old sends those from 2^31 as negative numbers, and
    /// understands no others in the reply.
    pub(crate) fn nonce(&self) -> i64 {
        let number = self.body.nonce.0;
        if number > i32::MAX.cast_unsigned() && self.has_negative_nonce() {
            i64::from(number.cast_signed())
        } else {
            i64::from(number)
        }
    }

    /// Whether the nonce was sent in four bytes, the first of which has the sign.
    fn has_negative_nonce(&self) -> bool {
        let mut field = vec![0xa7, 0x06, 0x02, 0x04];
        field.extend_from_slice(&self.body.nonce.0.to_be_bytes());
        self.body
            .der()
            .windows(field.len())
            .any(|window| window == field)
    }
}

/// An empty list says nothing and is left out.
pub(crate) fn encode_addresses(addresses: &HostAddresses) -> Option<Vec<u8>> {
    (!addresses.is_empty()).then(|| addresses.to_der())
}
