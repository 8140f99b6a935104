//! Services act for users with MIT's and Heimdal's programs, and MIT's library believes our PACs.

use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::keytab::{Keytab, KeytabEntry};
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::{Attributes, Delegation};
use kerbstone_testkit::lab::{Session, Suite};

use crate::peers::Lab;
use crate::site::{PASSWORD, Site, principal};

const FRONT: &str = "HTTP/front.kerbstone.test";
const BACK: &str = "HTTP/back.kerbstone.test";

fn site() -> Site {
    let site = Site::at(Site::now_by_the_wall());
    site.add_user(FRONT);
    site.add_user(BACK);
    site
}

fn permit(site: &Site, front: &str, back: &str) {
    site.modify(front, |entry| {
        entry.set_delegation(&Delegation {
            targets: vec![principal(back)],
            ..entry.delegation()
        });
    });
}

fn admit(site: &Site, back: &str, front: &str) {
    site.modify(back, |entry| {
        entry.set_delegation(&Delegation {
            fronts: vec![principal(front)],
            ..entry.delegation()
        });
    });
}

/// A session in which the service has signed in, and its keytab.
fn service(lab: &Lab, site: &Site, suite: Suite, name: &str) -> (Session, String) {
    let session = lab.session_of(suite);
    session.sign_in(name, PASSWORD, &["-f"]).succeeded();
    let entry = site.directory.lookup(&principal(name)).unwrap().unwrap();
    let entries = entry.keys.iter().map(|key| KeytabEntry {
        principal: principal(name),
        timestamp: KerberosTime::from_unix(0),
        kvno: key.kvno,
        key: KeyBlock::new(key.key.enctype().number(), key.key.bytes()),
    });
    let keytab = Keytab::from_entries(entries).unwrap();
    let path = lab.folder.path().join(name.replace('/', "_"));
    std::fs::write(&path, &*keytab.to_bytes()).unwrap();
    (session, path.to_string_lossy().into_owned())
}

#[test]
fn kvno_of_mit_acts_for_a_user_on_its_word() {
    if !Suite::Mit.is_present() {
        return;
    }
    let site = site();
    let lab = Lab::start(&site);
    let (session, keytab) = service(&lab, &site, Suite::Mit, FRONT);
    for form in ["-U", "-I"] {
        session
            .run("kvno", &[form, "alice", "-k", &keytab, FRONT], "")
            .succeeded();
    }
    assert!(session.list().contains("for client alice@"));
    session
        .run("kvno", &["-U", "nobody", FRONT], "")
        .failed()
        .saying("not found");
    session.run("kvno", &["-U", "alice", BACK], "").failed();
}

#[test]
fn kvno_of_mit_acts_at_another_service_as_that_is_listed() {
    if !Suite::Mit.is_present() {
        return;
    }
    let site = site();
    site.set(FRONT, Attributes::OK_TO_AUTH_AS_DELEGATE);
    let lab = Lab::start(&site);
    let (session, keytab) = service(&lab, &site, Suite::Mit, FRONT);
    let proxy = ["-k", &keytab, "-U", "alice", "-P", BACK];
    session.run("kvno", &proxy[2..], "").failed();
    permit(&site, FRONT, BACK);
    session.run("kvno", &proxy[2..], "").succeeded();
    assert!(session.list().contains(BACK), "{}", session.list());
}

#[test]
fn kvno_of_mit_acts_at_a_service_that_admits_it() {
    if !Suite::Mit.is_present() {
        return;
    }
    let site = site();
    admit(&site, BACK, FRONT);
    let lab = Lab::start(&site);
    let (session, _) = service(&lab, &site, Suite::Mit, FRONT);
    session
        .run("kvno", &["-U", "alice", "-P", BACK], "")
        .succeeded();
}

#[test]
fn kgetcred_of_heimdal_acts_for_a_user_on_its_word() {
    if !Suite::Heimdal.is_present() {
        return;
    }
    let site = site();
    let lab = Lab::start(&site);
    let (session, _) = service(&lab, &site, Suite::Heimdal, FRONT);
    session
        .run("kgetcred", &["--impersonate=alice", FRONT], "")
        .succeeded();
}
