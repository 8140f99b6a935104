//! What the daemon keeps of its rights.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use kerbstone_testkit::lab::{Gssproxy, Keeper};
use rustix::process::geteuid;

use super::messages::own_service;
use super::site::Site;

/// A user that every system has.
const NOBODY: &str = "nobody";
const NOBODYS_UID: u32 = 65_534;
const SYS_PTRACE: u64 = 1 << 19;

/// One line of a process's status.
fn status(daemon: &Gssproxy, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().trim().to_owned()
}

#[test]
fn there_are_walls_unless_they_are_waived() {
    for (more, filters) in [(None, "2"), (Some("--no-sandbox"), "0")] {
        let services = own_service("a");
        let daemon = Gssproxy::start_with(
            Keeper::Ours,
            "/nonexistent".as_ref(),
            &services,
            |command| {
                command.args(more);
            },
        )
        .unwrap();
        daemon.wait_for(|log| log.contains("Initialization complete."));
        assert_eq!(status(&daemon, "Seccomp:"), filters);
    }
}

#[test]
fn as_another_user_it_still_sees_which_program_calls() {
    if !geteuid().is_root() {
        return;
    }
    let Some(site) = Site::start("") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let keytab = folder.path().join("keytab");
    fs::copy(&site.keytab, &keytab).unwrap();
    for path in [folder.path(), keytab.as_path()] {
        chown(path, Some(NOBODYS_UID), None).unwrap();
    }
    let krb5_conf = folder.path().join("krb5.conf");
    fs::copy(site.kdc.krb5_conf(), &krb5_conf).unwrap();
    let service = |program: &Path| {
        let program = format!("program = {}", program.display());
        let service = site.service("web", &program);
        service.replace(&site.keytab.display().to_string(), keytab.to_str().unwrap())
    };
    let start = |program: &Path| {
        // `configure` of the lab begins with the section that this belongs to.
        let services = format!("run_as_user = {NOBODY}\n{}", service(program));
        Gssproxy::start_with(Keeper::Ours, &krb5_conf, &services, |command| {
            command.env("KRB5RCACHEDIR", folder.path());
        })
        .unwrap()
    };
    let python = fs::canonicalize("/usr/bin/python3").unwrap();
    let daemon = start(&python);
    daemon.wait_for(|log| log.contains("Initialization complete."));
    let uids = status(&daemon, "Uid:");
    assert!(uids.split_whitespace().all(|uid| uid == "65534"), "{uids}");
    for (set, expected) in [
        ("CapEff:", SYS_PTRACE),
        ("CapPrm:", SYS_PTRACE),
        ("CapBnd:", 0),
    ] {
        let capabilities = u64::from_str_radix(&status(&daemon, set), 16).unwrap();
        assert_eq!(capabilities, expected, "{set}");
    }
    site.accepts(&daemon.socket(), 1).succeeded();
    drop(daemon);
    let other = start("/usr/bin/env".as_ref());
    site.accepts(&other.socket(), 1).failed();
}
