//! A browser without a window: it opens the front page, does everything that it does, and tells what the page became.

use std::fs;
use std::path::Path;

use base64ct::{Base64, Encoding};
use der::{Decode, Reader, SliceReader};
use rustix::process::geteuid;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use super::program::{Program, Said};
use super::shell::Shell;
use super::verdict::{NotPassed, failed};
use crate::up::Site;

/// A page's title, and its explanation.
const MARKS: [(&str, &str); 2] = [("<h1>", "</h1>"), ("<p class=\"why\">", "</p>")];

/// What opens `url` in the browser at `program`.
pub(super) fn open(program: &Path, name: &str, site: &Site, shell: &Shell, url: &str) -> Program {
    let profile = format!("--user-data-dir={}", shell.home().join("profile").display());
    let pin =
        pin(&site.certificate()).map(|pin| format!("--ignore-certificate-errors-spki-list={pin}"));
    // The sandbox of browsers does not work for root.
    let sandbox = geteuid().is_root().then(|| "--no-sandbox".to_owned());
    Program::new(name, program)
        .args([
            "--headless=new",
            "--disable-gpu",
            "--disable-breakpad",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--no-proxy-server",
            "--disable-auth-negotiate-cname-lookup",
            "--auth-server-allowlist=localhost",
            "--virtual-time-budget=5000",
            "--dump-dom",
        ])
        .args(pin.into_iter().chain(sandbox).chain([profile]))
        .arg(url)
}

/// Why the browser does not show what was expected.
pub(super) fn instead(name: &str, said: &Said) -> NotPassed {
    match told_by(&said.out) {
        Some(why) => failed(format!("{name} shows {why}")),
        None => said.trouble(),
    }
}

/// What a page says, if it says anything.
fn told_by(page: &str) -> Option<String> {
    let mut words = page.split(|letter: char| !(letter.is_ascii_uppercase() || letter == '_'));
    if let Some(error) = words.find(|word| word.starts_with("ERR_")) {
        return Some(error.to_owned());
    }
    let parts: Vec<&str> = MARKS
        .iter()
        .filter_map(|marks| between(page, *marks))
        .collect();
    (!parts.is_empty()).then(|| format!("a page: {}", parts.join(". ")))
}

fn between<'a>(page: &'a str, (start, end): (&str, &str)) -> Option<&'a str> {
    let (_, rest) = page.split_once(start)?;
    Some(rest.split_once(end)?.0.trim())
}

/// The hash of a certificate's public key, by which browsers know that they may trust it.
fn pin(certificate: &Path) -> Option<String> {
    let pem = fs::read(certificate).ok()?;
    let certificate = CertificateDer::from_pem_slice(&pem).ok()?;
    let key = public_key(&certificate).ok()?;
    Some(Base64::encode_string(&Sha256::digest(key)))
}

/// The `SubjectPublicKeyInfo` (RFC 5280 4.1): the seventh part of what is signed, of which the first, the version, is
/// there in every certificate that has extensions.
fn public_key(certificate: &[u8]) -> der::Result<Vec<u8>> {
    let whole = der::asn1::AnyRef::from_der(certificate)?;
    let mut parts = SliceReader::new(whole.value())?;
    let signed = der::asn1::AnyRef::decode(&mut parts)?;
    let mut parts = SliceReader::new(signed.value())?;
    for _version_to_subject in 0..6 {
        parts.tlv_bytes()?;
    }
    Ok(parts.tlv_bytes()?.to_vec())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PublicKeyData};

    use super::*;

    #[test]
    fn the_public_key_is_found_in_a_certificate() {
        let key = KeyPair::generate().unwrap();
        let names = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = names.self_signed(&key).unwrap();
        let found = public_key(certificate.der()).unwrap();
        assert_eq!(found, key.subject_public_key_info());
    }

    #[test]
    fn a_page_that_is_another_is_told_in_its_own_words() {
        let notice = "<html><h1>Sign in</h1><p class=\"why\">No ticket.</p></html>";
        let told = told_by(notice);
        assert_eq!(told.as_deref(), Some("a page: Sign in. No ticket."));
        let broken =
            "<html><div class=\"error-code\">ERR_CONNECTION_REFUSED</div><h1>Oh</h1></html>";
        assert_eq!(told_by(broken).as_deref(), Some("ERR_CONNECTION_REFUSED"));
        assert_eq!(told_by("<html><body></body></html>"), None);
    }
}
