//! The store, and the audit log with it, on a file system that fills up.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use kerbstone_testkit::lab::{Finished, Kerb, Session, Setup, Suite};
use serde_json::Value;

use crate::killed::kill;

/// A small file system, unmounted when the test is over, whichever way.
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// `None` where it may not be mounted, which is all right on a developer's machine and not in CI.
    pub(crate) fn mount(folder: PathBuf) -> Option<Self> {
        fs::create_dir(&folder).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"])
            .arg(&folder)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        let message = "a full disk needs a file system of its own, and only root may mount one";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        eprintln!("skipped: {message}");
        None
    }

    /// Takes all the room that is left.
    pub(crate) fn fill(&self) {
        let mut ballast = File::create(self.ballast()).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while ballast.write_all(&vec![1; size]).is_ok() {}
        }
    }

    pub(crate) fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    pub(crate) fn make_read_only(&self) {
        let remounted = Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(&self.0)
            .status()
            .unwrap();
        assert!(remounted.success());
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// A realm with alice whose store and audit log are on the disk.
fn realm_on_a_small_disk() -> Option<(Disk, Kerb)> {
    let mut kerb = Kerb::start(&Setup::realm("FULL.TEST").enctypes(&["aes128-cts-hmac-sha1-96"]));
    kerb.add_user("alice", "password 0");
    kerb.add_service("ballast");
    kerb.stop();
    let disk = Disk::mount(kerb.folder().join("disk"))?;
    let settings = kerb.folder().join("kerbstone.toml");
    let mut text = fs::read_to_string(&settings).unwrap();
    for file in ["realm.redb", "audit.jsonl"] {
        move_file(&kerb.folder().join(file), &disk.0.join(file));
        text = text.replace(&format!("\"{file}\""), &format!("\"disk/{file}\""));
    }
    assert_eq!(text.matches("disk/").count(), 2);
    fs::write(settings, text).unwrap();
    kerb.start_servers();
    Some((disk, kerb))
}

fn move_file(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    fs::remove_file(from).unwrap();
}

fn set_string(kerb: &Kerb, value: &str) -> Finished {
    let words = ["principal", "string", "set", "ballast", "value", value];
    kerb.run(&[&["admin"], &words[..]].concat(), "")
}

fn change_password(session: &Session, old: u32, new: u32) -> Finished {
    let password = |number| format!("password {number}");
    session.change_password("alice", &password(old), &password(new))
}

/// Alice signs in with this password, and with no other.
fn assert_password(session: &Session, number: u32) {
    let password = |number| format!("password {number}");
    for other in [number.wrapping_sub(1), number + 1] {
        session.sign_in("alice", &password(other), &[]).failed();
    }
    session.sign_in("alice", &password(number), &[]).succeeded();
    session.ticket("ballast").succeeded();
}

/// Every line of the audit log is whole. Says how many tell of a refused change of password.
fn refused_changes(disk: &Disk) -> usize {
    let log = fs::read_to_string(disk.0.join("audit.jsonl")).unwrap();
    let events = log.lines().map(|line| {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        event["exchange"] == "password" && event["outcome"] == "refused"
    });
    events.filter(|refused| *refused).count()
}

#[test]
fn a_full_disk_is_a_clear_error_for_changes_and_none_for_logins() {
    let Some((disk, mut kerb)) = realm_on_a_small_disk() else {
        return;
    };
    let session = Session::new(Suite::Kerb, kerb.krb5_conf());
    disk.fill();
    let too_much = "x".repeat(100_000);
    for round in 0..2 {
        set_string(&kerb, &too_much)
            .failed()
            .saying("no room left")
            .saying("help: make room");
        change_password(&session, 0, 1)
            .failed()
            .saying("The password cannot be changed now. Tell your administrator.");
        assert!(kerb.log().contains("no room left"), "{}", kerb.log());
        assert_password(&session, 0);
        if round == 0 {
            // What the next process finds is whole, too.
            kill(&mut kerb);
            assert_password(&session, 0);
        }
    }
    disk.make_room();
    set_string(&kerb, &too_much).succeeded();
    change_password(&session, 0, 1).succeeded();
    assert_password(&session, 1);
    kill(&mut kerb);
    assert_password(&session, 1);
    kerb.stop();
    // Those before the kill were lost with the process; the later ones waited for room.
    assert!(refused_changes(&disk) >= 1);
}
