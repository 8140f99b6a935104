//! The site's TLS certificate: one for the host, and the authority that signed it, whose key is thrown away at once.
//!
//! So whoever trusts the authority trusts this one certificate, and nobody who gets into the folder can make another.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};

use super::folder::replace;

/// What clients have to trust.
pub(super) const CA: &str = "ca.pem";
/// The host's certificate.
pub(super) const CERTIFICATE: &str = "server.pem";
/// Its key.
pub(super) const KEY: &str = "server.key";
/// What clients trust in a shell of the site: the authority, and those that the system trusts.
pub(super) const BUNDLE: &str = "bundle.pem";

/// Where distributions keep the authorities that the system trusts.
const SYSTEM_BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
];

/// The folder of the people's certificates and keys.
pub(super) const PEOPLE: &str = "people";
/// The authority of the people's certificates, which the gateway believes.
pub(super) const PEOPLE_CA: &str = "people-ca.pem";

/// Clients refuse certificates that hold for longer than 825 days.
const DAYS: i64 = 800;
const TOO_OLD: Duration = Duration::from_secs(700 * 24 * 3600);

/// Makes the folder with everything in it.
///
/// # Errors
/// The system's, or a name of the host is none of a certificate's.
pub(super) fn make(folder: &Path, realm: &str, hosts: &[String]) -> io::Result<()> {
    DirBuilder::new()
        .mode(0o755)
        .recursive(true)
        .create(folder)?;
    let made = Certificates::generate(realm, hosts).map_err(io::Error::other)?;
    replace(&folder.join(CA), 0o644, made.ca.as_bytes())?;
    replace(&folder.join(KEY), 0o600, made.key.as_bytes())?;
    replace(&folder.join(BUNDLE), 0o644, bundle(&made.ca).as_bytes())?;
    replace(
        &folder.join(CERTIFICATE),
        0o644,
        made.certificate.as_bytes(),
    )
}

/// Makes certificates by which people are known without a ticket, in the folder `people`, unless they are there: each
/// with its principal's first component as its common name.
///
/// # Errors
/// As [`make`].
pub(super) fn make_for_people(folder: &Path, realm: &str, people: &[&str]) -> io::Result<()> {
    let authority = folder.join(PEOPLE_CA);
    let age = fs::metadata(&authority)
        .and_then(|file| file.modified())
        .ok();
    let age = age.and_then(|made| made.elapsed().ok());
    if age.is_some_and(|age| age < TOO_OLD) {
        return Ok(());
    }
    let own = folder.join(PEOPLE);
    DirBuilder::new().mode(0o700).recursive(true).create(&own)?;
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let params = authority_of(format!("kerb up: people of {realm}"));
    let pem = params.self_signed(&key).map_err(io::Error::other)?.pem();
    let issuer = Issuer::new(params, key);
    for person in people {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let signed = client(person).signed_by(&key, &issuer);
        let certificate = signed.map_err(io::Error::other)?.pem();
        let file = |kind: &str| own.join(format!("{person}.{kind}"));
        replace(&file("key"), 0o600, key.serialize_pem().as_bytes())?;
        replace(&file("pem"), 0o644, certificate.as_bytes())?;
    }
    replace(&authority, 0o644, pem.as_bytes())
}

/// Makes everything anew before it expires, and trusts whom the system trusts by now.
///
/// # Errors
/// As [`make`]
pub(super) fn refresh(folder: &Path, realm: &str, hosts: &[String]) -> io::Result<()> {
    let made = fs::metadata(folder.join(CERTIFICATE)).and_then(|file| file.modified());
    let age = made.ok().and_then(|made| made.elapsed().ok());
    match age {
        Some(age) if age < TOO_OLD => refresh_bundle(folder),
        _ => make(folder, realm, hosts),
    }
}

fn refresh_bundle(folder: &Path) -> io::Result<()> {
    let path = folder.join(BUNDLE);
    let fresh = bundle(&fs::read_to_string(folder.join(CA))?);
    if fs::read_to_string(&path).is_ok_and(|present| present == fresh) {
        return Ok(());
    }
    replace(&path, 0o644, fresh.as_bytes())
}

/// PEM texts.
struct Certificates {
    ca: String,
    certificate: String,
    key: String,
}

impl Certificates {
    fn generate(realm: &str, hosts: &[String]) -> Result<Self, rcgen::Error> {
        let authority_key = KeyPair::generate()?;
        let authority = authority_of(format!("kerb up: {realm}"));
        let ca = authority.self_signed(&authority_key)?;
        let key = KeyPair::generate()?;
        let certificate = server(hosts)?.signed_by(&key, &Issuer::new(authority, authority_key))?;
        Ok(Self {
            ca: ca.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn authority_of(name: String) -> CertificateParams {
    let mut params = dated();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn server(hosts: &[String]) -> Result<CertificateParams, rcgen::Error> {
    let mut params = dated();
    params.distinguished_name.push(
        DnType::CommonName,
        hosts.first().map_or("localhost", String::as_str),
    );
    for host in hosts {
        let name = host.as_str().try_into()?;
        params.subject_alt_names.push(SanType::DnsName(name));
    }
    for address in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
        params.subject_alt_names.push(SanType::IpAddress(address));
    }
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn client(person: &str) -> CertificateParams {
    let mut params = dated();
    params.distinguished_name.push(DnType::CommonName, person);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// Valid from yesterday, for clocks that are behind.
fn dated() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let day = |days: i64| {
        let date = today.saturating_add(days.days());
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        date_time_ymd(date.year().into(), month, day)
    };
    params.not_before = day(-1);
    params.not_after = day(DAYS);
    params
}

fn bundle(ca: &str) -> String {
    let system = SYSTEM_BUNDLES
        .iter()
        .find_map(|path| fs::read_to_string(path).ok());
    format!("{}{ca}", system.unwrap_or_default())
}
