//! What binds a proof to this server's TLS: the hash of its certificate (`tls-server-end-point`, RFC 5929 4), or
//! something that only the two ends of this connection know (`tls-exporter`, RFC 9266).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier};
use der::{Decode, Sequence};
use rustls::ProtocolVersion;
use rustls::server::ServerConnection;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// What stands before the hash in the application data of the bindings.
const PREFIX: &[u8] = b"tls-server-end-point:";

const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");

#[derive(Sequence)]
struct Certificate<'a> {
    to_be_signed: AnyRef<'a>,
    algorithm: AlgorithmIdentifier<'a>,
    signature: BitStringRef<'a>,
}

#[derive(Sequence)]
struct AlgorithmIdentifier<'a> {
    algorithm: ObjectIdentifier,
    #[asn1(optional = "true")]
    parameters: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct PssParameters<'a> {
    #[asn1(context_specific = "0", optional = "true")]
    hash: Option<AlgorithmIdentifier<'a>>,
    #[asn1(context_specific = "1", optional = "true")]
    mask: Option<AnyRef<'a>>,
    #[asn1(context_specific = "2", optional = "true")]
    salt_length: Option<u32>,
    #[asn1(context_specific = "3", optional = "true")]
    trailer: Option<u32>,
}

enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// The application data that a client binds to when it sees this certificate.
///
/// `None` when the certificate is signed without a hash of its own (Ed25519): the RFC defines no binding for it.
pub fn tls_server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let parsed = Certificate::from_der(certificate).ok()?;
    let hash = match signature_hash(&parsed.algorithm)? {
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    };
    Some([PREFIX, &hash].concat())
}

/// The application data that a client binds to when it binds to this connection alone.
///
/// `None` below TLS 1.3: there the connection must have an extended master secret (RFC 9266 4.2), and the library does
/// not tell.
pub fn tls_exporter(connection: &ServerConnection) -> Option<Vec<u8>> {
    const PREFIX: &[u8] = b"tls-exporter:";
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    let key = connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""));
    key.ok().map(|key| [PREFIX, &key].concat())
}

fn signature_hash(algorithm: &AlgorithmIdentifier<'_>) -> Option<Hash> {
    if algorithm.algorithm == RSASSA_PSS {
        let parameters: PssParameters<'_> = algorithm.parameters?.decode_as().ok()?;
        return match parameters.hash {
            None => Some(Hash::Sha256), // SHA-1 by default, for which the RFC takes SHA-256
            Some(hash) => digest(&hash.algorithm.to_string()),
        };
    }
    match algorithm.algorithm.to_string().as_str() {
        // MD5 and SHA-1 with RSA, SHA-1 with DSA and ECDSA: the RFC takes SHA-256 for them.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.10040.4.3"
        | "1.2.840.10045.4.1" => Some(Hash::Sha256),
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" => Some(Hash::Sha256),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Some(Hash::Sha384),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Some(Hash::Sha512),
        _ => None,
    }
}

fn digest(oid: &str) -> Option<Hash> {
    match oid {
        "1.3.14.3.2.26" | "2.16.840.1.101.3.4.2.1" => Some(Hash::Sha256),
        "2.16.840.1.101.3.4.2.2" => Some(Hash::Sha384),
        "2.16.840.1.101.3.4.2.3" => Some(Hash::Sha512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};

    use super::*;

    fn certificate(algorithm: &'static SignatureAlgorithm) -> Vec<u8> {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let parameters = CertificateParams::new(vec!["www.example.test".to_owned()]).unwrap();
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_hash_is_that_of_the_certificates_signature() {
        let p256 = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
        let expected = [PREFIX, &Sha256::digest(&p256)].concat();
        assert_eq!(tls_server_end_point(&p256), Some(expected));
        let p384 = certificate(&rcgen::PKCS_ECDSA_P384_SHA384);
        let expected = [PREFIX, &Sha384::digest(&p384)].concat();
        assert_eq!(tls_server_end_point(&p384), Some(expected));
    }

    #[test]
    fn a_certificate_without_a_hash_of_its_own_binds_nothing() {
        assert_eq!(
            tls_server_end_point(&certificate(&rcgen::PKCS_ED25519)),
            None
        );
        assert_eq!(tls_server_end_point(b"no certificate"), None);
    }
}
