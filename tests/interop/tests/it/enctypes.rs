use kerbstone_testkit::lab::{Setup, Suite};

use crate::stage::{REALM, SERVICE, Stage};

const AES_SHA1: [&str; 2] = ["aes128-cts-hmac-sha1-96", "aes256-cts-hmac-sha1-96"];
const AES_SHA2: [&str; 2] = ["aes128-cts-hmac-sha256-128", "aes256-cts-hmac-sha384-192"];
const CAMELLIA: [&str; 2] = ["camellia128-cts-cmac", "camellia256-cts-cmac"];

/// Signs in and gets a service ticket in a realm that has keys of one enctype only.
fn each_works(client: Suite, server: Suite, enctypes: &[&str]) {
    for enctype in enctypes {
        let setup = Setup::realm(REALM).enctypes(&[enctype]);
        let Some(stage) = Stage::with(client, server, &setup) else {
            return;
        };
        stage.sign_in(&[]);
        stage.session.ticket(SERVICE).succeeded();
        if client != Suite::Heimdal {
            let list = stage.session.list();
            assert!(list.contains(enctype), "{list}");
        }
    }
}

#[test]
fn mit_at_mit() {
    each_works(
        Suite::Mit,
        Suite::Mit,
        &[AES_SHA1, AES_SHA2, CAMELLIA].concat(),
    );
}

#[test]
fn mit_at_heimdal() {
    each_works(Suite::Mit, Suite::Heimdal, &[AES_SHA1, AES_SHA2].concat());
}

#[test]
fn heimdal_at_mit() {
    each_works(Suite::Heimdal, Suite::Mit, &[AES_SHA1, AES_SHA2].concat());
}

#[test]
fn ours_at_mit() {
    each_works(
        Suite::Kerb,
        Suite::Mit,
        &[&AES_SHA1[..], &AES_SHA2, &CAMELLIA].concat(),
    );
}

#[test]
fn ours_at_heimdal() {
    each_works(
        Suite::Kerb,
        Suite::Heimdal,
        &[&AES_SHA1[..], &AES_SHA2].concat(),
    );
}

#[test]
fn mit_at_ours() {
    each_works(
        Suite::Mit,
        Suite::Kerb,
        &[&AES_SHA1[..], &AES_SHA2, &CAMELLIA].concat(),
    );
}

#[test]
fn heimdal_at_ours() {
    each_works(
        Suite::Heimdal,
        Suite::Kerb,
        &[&AES_SHA1[..], &AES_SHA2].concat(),
    );
}

#[test]
fn ours_at_ours() {
    each_works(
        Suite::Kerb,
        Suite::Kerb,
        &[&AES_SHA1[..], &AES_SHA2, &CAMELLIA].concat(),
    );
}
