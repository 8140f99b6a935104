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
