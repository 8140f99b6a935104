use std::fs;

use kerbstone_testkit::lab::{Session, Suite};

use crate::stage::{SERVICE, Stage, TGT};

/// What one suite's kinit and kvno wrote to a cache, the other's klist reads, and its kvno goes on with.
fn a_cache_passes(writer: Suite, reader: Suite) {
    let Some(stage) = Stage::set(writer, Suite::Mit) else {
        return;
    };
    if !reader.is_present() {
        return;
    }
    stage.sign_in(&["-f"]);
    let other = Session::new(reader, stage.server.krb5_conf());
    fs::copy(stage.session.cache(), other.cache()).expect("the cache was written");
    assert!(other.flags(TGT).contains('F'));
    other.ticket(SERVICE).succeeded();
}

#[test]
fn a_cache_of_mit_is_read_by_heimdal() {
    a_cache_passes(Suite::Mit, Suite::Heimdal);
}

#[test]
fn a_cache_of_heimdal_is_read_by_mit() {
    a_cache_passes(Suite::Heimdal, Suite::Mit);
}

#[test]
fn a_cache_of_ours_is_read_by_mit() {
    a_cache_passes(Suite::Kerb, Suite::Mit);
}

#[test]
fn a_cache_of_ours_is_read_by_heimdal() {
    a_cache_passes(Suite::Kerb, Suite::Heimdal);
}

#[test]
fn a_cache_of_mit_is_read_by_ours() {
    a_cache_passes(Suite::Mit, Suite::Kerb);
}

#[test]
fn a_cache_of_heimdal_is_read_by_ours() {
    a_cache_passes(Suite::Heimdal, Suite::Kerb);
}

/// A keytab that a server's administrator wrote is listed by MIT's klist with its kvno and enctypes.
fn a_keytab_is_listed(server: Suite) {
    let Some(stage) = Stage::set(Suite::Mit, server) else {
        return;
    };
    let keytab = stage.server.keytab(SERVICE);
    let listed = stage
        .session
        .run("klist", &["-k", "-e", &keytab.to_string_lossy()], "")
        .succeeded();
    assert!(
        listed.stdout.contains(&format!(
            "   1 {SERVICE}@LAB.EXAMPLE (aes256-cts-hmac-sha1-96)"
        )),
        "{listed}"
    );
}

#[test]
fn a_keytab_of_heimdal_is_listed_by_mit() {
    a_keytab_is_listed(Suite::Heimdal);
}

#[test]
fn a_keytab_of_ours_is_listed_by_mit() {
    a_keytab_is_listed(Suite::Kerb);
}
