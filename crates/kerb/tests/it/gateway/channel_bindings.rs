//! MIT's library and OpenSSL bind proofs to the TLS channel, by either of its names.

use std::path::Path;

use kerbstone_testkit::lab::{Session, require_file};

use super::web_site::WebSite;
use super::{WHOAMI, signed_in};

/// Debian's, for which python3-gssapi is built.
const PYTHON: &str = "/usr/bin/python3";
const GSSAPI: &str = "/usr/lib/python3/dist-packages/gssapi/__init__.py";

fn is_here() -> bool {
    require_file(Path::new(GSSAPI), "python3-gssapi")
}

/// The answer's status, and whether the gateway says that the proof was bound.
fn ask(site: &WebSite, session: &Session, channel: &str) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/gateway/bound_client.py");
    let authority = site.folder().join("server.pem");
    let port = site.port().to_string();
    let arguments = [
        program.to_str().unwrap(),
        &port,
        authority.to_str().unwrap(),
        channel,
        WHOAMI,
    ];
    let finished = session.run(PYTHON, &arguments, "").succeeded();
    finished.stdout.trim().to_owned()
}

#[test]
fn a_proof_is_bound_to_the_certificate_or_to_the_connection() {
    if !is_here() {
        return;
    }
    let sites: [(WebSite, &str); 2] = [
        (WebSite::start(""), "with keys"),
        (WebSite::start_proxied(""), "without keys"),
    ];
    for (site, which) in sites {
        let session = signed_in(&site, "alice");
        for (channel, expected) in [
            ("none", "200 false"),
            ("end-point", "200 true"),
            ("exporter", "200 true"),
            ("elsewhere", "401 -"),
        ] {
            let seen = ask(&site, &session, channel);
            assert_eq!(seen, expected, "{which}: {channel}");
        }
    }
}

#[test]
fn a_gateway_that_requires_bindings_lets_in_only_who_has_some() {
    if !is_here() {
        return;
    }
    let site = WebSite::start("channel_bindings = \"require\"");
    let session = signed_in(&site, "alice");
    for (channel, expected) in [
        ("none", "401 -"),
        ("end-point", "200 true"),
        ("exporter", "200 true"),
    ] {
        assert_eq!(ask(&site, &session, channel), expected, "{channel}");
    }
}
