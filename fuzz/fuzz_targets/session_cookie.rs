//! Cookies of sessions, sign-in forms and key rings: as strangers send them, and from behind the seal, for whoever has
//! the keys may have sealed anything. Nobody is let in by what we did not seal, and no form leads to another host.

#![no_main]

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{fs, io::Write};

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
use base64ct::{Base64UrlUnpadded, Encoding};
use http::{HeaderMap, HeaderValue, header};
use kerbstone_gateway::basic;
use kerbstone_gateway::session::cookie::CookieStyle;
use kerbstone_gateway::session::key_ring::{KeyLives, KeyRing};
use kerbstone_gateway::session::{Scope, SessionFault, SessionLives, Sessions};
use kerbstone_gateway::sign_in_form;
use kerbstone_gateway::way::Way;
use kerbstone_proto::time::KerberosTime;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

const KEY: [u8; 32] = [7; 32];
const NUMBER: u32 = 0x0102_0304;
const HERE: Scope<'static> = Scope {
    host: "www.fuzz.test",
    ways: &[Way::Session],
};
const NONCE: [u8; 16] = [9; 16];

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("session-cookie-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    folder
});

static SESSIONS: LazyLock<Sessions> = LazyLock::new(|| {
    let path = FOLDER.join("keys");
    let digits: String = KEY.iter().map(|octet| format!("{octet:02x}")).collect();
    write(
        &path,
        format!("key {NUMBER:08x} {} {digits}\n", now().unix()).as_bytes(),
    );
    Sessions::open(
        CookieStyle::default(),
        SessionLives::default(),
        &path,
        now(),
    )
    .expect("sessions")
});

fn now() -> KerberosTime {
    KerberosTime::from_unix(1_800_000_000)
}

fn write(path: &Path, octets: &[u8]) {
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .expect("a file");
    file.write_all(octets).expect("room");
}

fuzz_target!(|input: &[u8]| {
    let Some((way, rest)) = input.split_first() else {
        return;
    };
    match way % 6 {
        0 => a_strangers_cookie(rest),
        1 => a_sealed_session(rest),
        2 => a_sealed_form(rest),
        3 => a_strangers_form(rest),
        4 => a_key_ring(rest),
        _ => a_login(rest),
    }
});

fn a_strangers_cookie(text: &[u8]) {
    let headers = cookie(&[b"__Host-kerbstone=", text].concat());
    let read = SESSIONS.read(&headers, &HERE, now());
    assert!(!matches!(read, Ok(Some(_))), "a stranger is somebody");
    let mut headers = headers;
    SESSIONS.take_away(&mut headers);
    for left in headers.get_all(header::COOKIE) {
        assert!(!left.as_bytes().starts_with(b"__Host-kerbstone="));
    }
}

fn a_sealed_session(contents: &[u8]) {
    let mut contents = contents.to_vec();
    // Nobody guesses the mark of a place.
    if let Some(mark) = contents.get_mut(17..33) {
        mark.copy_from_slice(&mark_of_here());
    }
    let text = format!("__Host-kerbstone={}", seal(1, &contents));
    let headers = cookie(text.as_bytes());
    let elsewhere = Scope {
        host: "other.fuzz.test",
        ..HERE
    };
    assert!(!matches!(
        SESSIONS.read(&headers, &elsewhere, now()),
        Ok(Some(_))
    ));
    let Ok(Some(facts)) = SESSIONS.read(&headers, &HERE, now()) else {
        return;
    };
    assert!(facts.ends_at > now());
    let SessionLives { idle, maximum } = SESSIONS.lives();
    assert!(facts.began.saturating_add(maximum) > now());
    let later = now().saturating_add(idle / 2);
    if let Some(set) = SESSIONS.renew(&facts, &HERE, later) {
        let pair = set
            .to_str()
            .expect("text")
            .split(';')
            .next()
            .expect("a pair")
            .to_owned();
        let renewed = SESSIONS.read(&cookie(pair.as_bytes()), &HERE, later);
        let again = renewed.expect("our own").expect("a session");
        assert_eq!(
            (again.principal, again.began),
            (facts.principal.clone(), facts.began)
        );
    }
    SESSIONS.end(&facts);
    assert_eq!(
        SESSIONS.read(&headers, &HERE, now()),
        Err(SessionFault::Ended)
    );
}

fn a_sealed_form(rest: &[u8]) {
    // version, nonce, until, mark, path
    let mut contents = vec![1];
    contents.extend(NONCE);
    contents.extend(
        now()
            .saturating_add(std::time::Duration::from_secs(60))
            .unix()
            .to_be_bytes(),
    );
    contents.extend(mark_of_here());
    contents.extend(rest);
    let body = format!("token={}&name=alice&password=x", seal(2, &contents));
    if let Ok(typed) = sign_in_form::read(&SESSIONS, &HERE, &form_headers(), body.as_bytes(), now())
    {
        assert!(typed.return_to.starts_with('/'));
        assert!(!typed.return_to.starts_with("//") && !typed.return_to.contains('\\'));
        let answer =
            sign_in_form::back(&SESSIONS, &typed.return_to, HeaderValue::from_static("a=b"));
        assert_eq!(answer.headers()[header::LOCATION], typed.return_to);
    }
}

fn a_strangers_form(body: &[u8]) {
    assert!(sign_in_form::read(&SESSIONS, &HERE, &form_headers(), body, now()).is_err());
}

fn a_key_ring(text: &[u8]) {
    let path = FOLDER.join("ring");
    write(&path, text);
    let lives = KeyLives {
        seals: std::time::Duration::from_secs(60),
        opens: std::time::Duration::from_secs(600),
    };
    if KeyRing::open(&path, lives, now()).is_ok() {
        KeyRing::open(&path, lives, now()).expect("what we wrote ourselves");
    }
}

fn a_login(text: &[u8]) {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(&[b"Basic ", text].concat()) {
        headers.insert(header::AUTHORIZATION, value);
    }
    if let basic::Offer::Login { name, password } = basic::offer(&headers) {
        assert!(!name.contains(':'));
        assert!(!password.contains(char::is_control));
    }
}

fn cookie(text: &[u8]) -> HeaderMap {
    let value = HeaderValue::from_bytes(text).ok();
    value
        .map(|value| (header::COOKIE, value))
        .into_iter()
        .collect()
}

fn form_headers() -> HeaderMap {
    let nonce = Base64UrlUnpadded::encode_string(&NONCE);
    let mut headers = cookie(format!("__Host-kerbstone-form={nonce}").as_bytes());
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(header::CONTENT_TYPE, kind);
    headers
}

fn mark_of_here() -> [u8; 16] {
    let digest = Sha256::digest(b"www.fuzz.test\0/\0__Host-kerbstone");
    *digest.first_chunk().expect("32 octets")
}

/// As the ring does it.
fn seal(purpose: u8, secret: &[u8]) -> String {
    let nonce = Nonce::<Aes256Gcm>::default();
    let data = [
        &b"kerbstone gateway\0"[..],
        &[purpose],
        &NUMBER.to_be_bytes(),
    ]
    .concat();
    let mut body = secret.to_vec();
    let tag = Aes256Gcm::new(&KEY.into())
        .encrypt_inout_detached(&nonce, &data, body.as_mut_slice().into())
        .expect("it is short");
    let sealed = [&[1], &NUMBER.to_be_bytes()[..], &nonce, &body, &tag].concat();
    Base64UrlUnpadded::encode_string(&sealed)
}
