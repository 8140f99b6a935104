use std::io::Cursor;

use kerbstone_admin::{Operation, Reply};
use kerbstone_proto::time::{KerberosTime, Timestamp};

use crate::site::{Site, remote, root, stranger};

fn now() -> Timestamp {
    Timestamp::from(KerberosTime::from_unix(1_700_000_000))
}

#[test]
fn a_dump_holds_everything_and_is_checked() {
    let site = Site::new("");
    site.add("alice", "correct horse");
    let mut out = Vec::new();
    let summary = site.administration.dump(&root(), now(), &mut out).unwrap();
    let verified = kerbstone_realm::verify(&mut Cursor::new(out)).unwrap();
    assert_eq!(verified, summary);
    assert_eq!(site.audit().last().unwrap()["operation"], "dump");
}

#[test]
fn only_administrators_of_the_host_take_dumps() {
    let site = Site::new("*/admin xe");
    for caller in [stranger(), remote("joe/admin")] {
        let mut out = Vec::new();
        assert!(site.administration.dump(&caller, now(), &mut out).is_err());
        assert!(out.is_empty());
    }
}

#[test]
fn a_dump_on_the_server_replaces_nothing() {
    let site = Site::new("");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dump");
    let dump = |path: &std::path::Path| {
        site.root(Operation::Dump {
            path: path.to_owned(),
        })
    };
    assert!(matches!(dump(&path).unwrap(), Reply::Dumped(records) if records > 3));
    assert!(dump(&path).unwrap_err().to_string().contains("already"));
    assert!(dump("relative".as_ref()).is_err());
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).unwrap();
    assert!(dump(&link).is_err(), "a link is something too");
}
