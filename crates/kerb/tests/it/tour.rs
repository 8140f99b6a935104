//! `kerb tour`: who gets in where, what it says of those who do not, and that nothing of it stays.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use kerbstone_testkit::lab::{Daemon, find_program, heimdal_folder, kerb_binary, require};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::service::eventually;

/// Somebody who makes tours, with a home and a temporary folder of their own.
struct Tourist {
    folder: TempDir,
}

/// A site that runs.
struct Site {
    _supervisor: Daemon,
    path: PathBuf,
}

impl Tourist {
    fn new() -> Self {
        let folder = TempDir::with_prefix("kerbstone-tourist-").unwrap();
        for name in ["tmp", "bin", "home"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a site that stays.
    fn site(&self) -> Site {
        let (path, said) = (self.path("site"), self.path("said"));
        let mut command = Command::new(kerb_binary());
        command.arg("up").arg(&path);
        let supervisor = Daemon::start(command, &said, || {
            fs::read_to_string(&said).is_ok_and(|said| said.contains("Ctrl-C stops the site"))
        });
        Site {
            _supervisor: supervisor,
            path,
        }
    }

    /// Puts a program on the path that is a shell script.
    fn script(&self, name: &str, text: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }

    /// A tour that sees every program of this machine.
    fn command(&self, arguments: &[&str]) -> Command {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let mut command = Command::new(kerb_binary());
        command
            .arg("tour")
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("KRB5_CONFIG", self.path("home/krb5.conf"))
            .env("KRB5CCNAME", self.path("home/ccache"))
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        if let Some(heimdal) = heimdal_folder() {
            command.env("KERBSTONE_HEIMDAL", heimdal);
        }
        command
    }

    /// A tour that sees those programs only, and what it says.
    fn tour_with(&self, programs: &[&str], arguments: &[&str]) -> (Option<i32>, Value) {
        for program in ["setsid"].iter().chain(programs) {
            let found = find_program(program).unwrap();
            symlink(found, self.path("bin").join(program)).unwrap();
        }
        let mut command = self.command(&[&["--json"], arguments].concat());
        command.env("PATH", self.path("bin"));
        command.env_remove("KERBSTONE_HEIMDAL");
        verdict(&command.output().unwrap())
    }

    /// Everything that was there during a tour is gone.
    #[track_caller]
    fn assert_nothing_stayed(&self) {
        let left: Vec<_> = fs::read_dir(self.path("tmp")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let left: Vec<_> = fs::read_dir(self.path("home")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        eventually("the end of every process", || {
            processes_in(&self.path("tmp")).is_empty().then_some(())
        });
    }
}

impl Site {
    fn role(&self, name: &str) -> Value {
        let output = Command::new(kerb_binary())
            .args(["status", "--json"])
            .arg(&self.path)
            .output()
            .unwrap();
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        let roles = status["roles"].as_array().unwrap();
        let role = roles.iter().find(|role| role["name"] == name);
        role.unwrap().clone()
    }

    fn signal(&self, role: &str, signal: Signal) {
        let pid = self.role(role)["pid"].as_i64().unwrap();
        let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }

    fn change_keys(&self, service: &str) {
        let output = Command::new(kerb_binary())
            .args(["admin", "--config"])
            .arg(self.path.join("kerbstone.toml"))
            .args(["principal", "random-keys", service])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Whether the password on the list is alice's.
    fn lets_alice_in(&self) -> bool {
        let list = fs::read_to_string(self.path.join("demo-passwords")).unwrap();
        let password = list.split_whitespace().nth(1).unwrap().to_owned();
        let output = Command::new("/bin/sh")
            .args([
                "-c",
                "echo \"$0\" | \"$1\" login -c MEMORY: alice",
                &password,
            ])
            .arg(kerb_binary())
            .env("KRB5_CONFIG", self.path.join("krb5.conf"))
            .output()
            .unwrap();
        output.status.success()
    }
}

#[track_caller]
fn verdict(output: &Output) -> (Option<i32>, Value) {
    let verdict = serde_json::from_slice(&output.stdout);
    let verdict = verdict.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code(), verdict)
}

/// Steps with that verdict, those of one client on one way.
fn steps<'a>(tour: &'a Value, verdict: &str, way: &str, client: &str) -> Vec<&'a Value> {
    let steps = tour["steps"].as_array().unwrap().iter();
    steps
        .filter(|step| step["verdict"] == verdict && step["way"] == way && step["client"] == client)
        .collect()
}

/// What work in a folder, or were told of it.
fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.to_string_lossy();
    let is_there = |process: &Path| {
        let command = fs::read(process.join("cmdline")).unwrap_or_default();
        let cwd = fs::read_link(process.join("cwd")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(&*folder) || cwd.starts_with(&*folder)
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.map(|entry| entry.path())
        .filter(|process| is_there(process))
        .map(|process| fs::read_to_string(process.join("stat")).unwrap_or_default())
        .collect()
}

#[test]
fn every_client_gets_in_everywhere_and_a_site_of_the_tours_own_leaves_nothing() {
    let tourist = Tourist::new();
    let (code, tour) = verdict(&tourist.command(&["--json"]).output().unwrap());
    assert_eq!(
        (code, &tour["verdict"]),
        (Some(0), &"passed".into()),
        "{tour:#}"
    );
    assert_eq!(tour["own_site"], true);
    assert_eq!(steps(&tour, "passed", "kdc", "kerb").len(), 4, "{tour:#}");
    assert_eq!(steps(&tour, "passed", "gss", "kerb").len(), 2, "{tour:#}");
    assert_eq!(
        steps(&tour, "passed", "gateway", "kerb").len(),
        2,
        "{tour:#}"
    );
    let peers = [
        (require("kinit", "krb5-user"), "kdc", "MIT", 4),
        (heimdal_folder().is_some(), "kdc", "Heimdal", 4),
        (require("gss-client", "krb5-gss-samples"), "gss", "MIT", 2),
        (require("curl", "curl"), "gateway", "curl", 2),
        (require("chromium", "chromium"), "gateway", "Chromium", 2),
    ];
    for (is_present, way, client, count) in peers {
        let expected = if is_present { count } else { 0 };
        let passed = steps(&tour, "passed", way, client);
        assert_eq!(passed.len(), expected, "{way} {client}: {tour:#}");
    }
    if peers.iter().all(|(is_present, ..)| *is_present) {
        assert_eq!(tour["left_out"], 0, "{tour:#}");
    }
    tourist.assert_nothing_stayed();
    assert!(!tourist.path("kerb-site").exists());
}

#[test]
fn a_site_that_runs_is_walked_and_left_as_it_was() {
    let tourist = Tourist::new();
    let site = tourist.site();
    let output = tourist.command(&[site.name()]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.starts_with(&format!("A tour of the site in {}", site.name())),
        "{said}"
    );
    assert!(said.contains("Summary: every way in is open"), "{said}");
    assert!(site.lets_alice_in());
    assert_eq!(site.role("kdc")["restarts"], 0);
    tourist.assert_nothing_stayed();
}

#[test]
fn who_is_not_here_is_left_out_with_what_brings_them() {
    let tourist = Tourist::new();
    let (code, tour) = tourist.tour_with(&[], &[]);
    assert_eq!(code, Some(0), "{tour:#}");
    let why = |way, client| {
        let left_out = steps(&tour, "left_out", way, client);
        left_out[0]["why"].as_str().unwrap().to_owned()
    };
    assert!(why("kdc", "MIT").contains("krb5-user"));
    assert!(why("kdc", "Heimdal").contains("heimdal-clients"));
    assert!(why("gss", "MIT").contains("krb5-gss-samples"));
    assert!(why("gateway", "curl").contains("curl"));
    assert!(why("gateway", "a browser").contains("chromium"));
    assert!(why("identity", "curl").contains("curl"));
    assert!(why("identity", "openstack").contains("python3-openstackclient"));
    assert_eq!(tour["left_out"], 7, "{tour:#}");
    assert_eq!(tour["passed"], 8, "{tour:#}");
}

#[test]
fn a_gateway_that_is_down_is_named_with_its_last_words() {
    let tourist = Tourist::new();
    let site = tourist.site();
    fs::write(site.path.join("tls/server.pem"), "no certificate").unwrap();
    site.signal("gateway", Signal::KILL);
    eventually("the gateway's second end", || {
        (site.role("gateway")["last_end"]["how"] == "exit code 1").then_some(())
    });
    let (code, tour) = tourist.tour_with(&[], &[site.name()]);
    assert_eq!(code, Some(1), "{tour:#}");
    assert_eq!(tour["verdict"], "failed");
    assert_eq!(steps(&tour, "passed", "kdc", "kerb").len(), 4, "{tour:#}");
    let failed = steps(&tour, "failed", "gateway", "kerb");
    assert_eq!(failed.len(), 2, "{tour:#}");
    for step in failed {
        let why = step["why"].as_str().unwrap();
        assert!(why.contains("the role gateway: it "), "{why}");
        assert!(why.contains("cannot be reached"), "{why}");
        assert!(
            step["help"].as_str().unwrap().contains("kerb doctor"),
            "{step}"
        );
    }
}

#[test]
fn keys_that_are_not_the_kdcs_are_named() {
    if !require("curl", "curl") {
        return;
    }
    let tourist = Tourist::new();
    let site = tourist.site();
    for service in ["HTTP/localhost", "host/localhost"] {
        site.change_keys(service);
    }
    let (code, tour) = tourist.tour_with(&["curl"], &[site.name()]);
    assert_eq!(code, Some(1), "{tour:#}");
    for client in ["kerb", "curl"] {
        let failed = steps(&tour, "failed", "gateway", client);
        assert_eq!(failed.len(), 1, "{tour:#}");
        let why = failed[0]["why"].as_str().unwrap();
        assert!(why.contains("sealed with a key of the service"), "{why}");
        assert!(
            failed[0]["help"].as_str().unwrap().contains("HTTP.keytab"),
            "{tour:#}"
        );
    }
    let by_keytab = steps(&tour, "failed", "kdc", "kerb");
    assert!(
        by_keytab
            .iter()
            .any(|step| step["what"] == "signs in with a keytab"),
        "{tour:#}"
    );
}

#[test]
fn without_passwords_the_keytab_has_to_do() {
    let tourist = Tourist::new();
    let site = tourist.site();
    fs::remove_file(site.path.join("demo-passwords")).unwrap();
    let (code, tour) = tourist.tour_with(&[], &[site.name()]);
    assert_eq!(code, Some(0), "{tour:#}");
    let left_out = steps(&tour, "left_out", "kdc", "kerb");
    assert_eq!(left_out.len(), 2, "{tour:#}");
    assert!(
        left_out[0]["why"]
            .as_str()
            .unwrap()
            .contains("were forgotten"),
        "{tour:#}"
    );
    assert_eq!(
        steps(&tour, "passed", "gateway", "kerb").len(),
        2,
        "{tour:#}"
    );
}

#[test]
fn a_client_that_hangs_is_killed_and_named() {
    let tourist = Tourist::new();
    tourist.script(
        "curl",
        "case $1 in --version) echo SPNEGO;; *) /bin/sleep 1000;; esac",
    );
    let (code, tour) = tourist.tour_with(&[], &["--patience", "5"]);
    assert_eq!(code, Some(1), "{tour:#}");
    let hung = steps(&tour, "failed", "gateway", "curl");
    assert_eq!(hung.len(), 2, "{tour:#}");
    assert_eq!(hung[0]["why"], "curl was not done after 5 s and was killed");
    tourist.assert_nothing_stayed();
}

/// Starts a tour that comes to a program which notes that it was there and hangs.
fn hanging(tourist: &Tourist, program: &str, before: &str, arguments: &[&str]) -> Child {
    let mark = tourist.path("hangs");
    let script = format!(
        "case $1 in --version) echo SPNEGO;; *) {before}; /usr/bin/touch {}; /bin/sleep 1000;; esac",
        mark.display()
    );
    tourist.script(program, &script);
    let tour = tourist
        .command(&[&["--json"], arguments].concat())
        .env_remove("KERBSTONE_HEIMDAL")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the program that hangs", || mark.exists().then_some(()));
    tour
}

fn interrupt(tour: Child) -> (Option<i32>, Value) {
    let pid = Pid::from_child(&tour);
    kill_process(pid, Signal::INT).unwrap();
    verdict(&tour.wait_with_output().unwrap())
}

#[test]
fn an_interrupted_tour_stops_its_site_and_its_clients() {
    let tourist = Tourist::new();
    let tour = hanging(&tourist, "curl", ":", &[]);
    assert!(!processes_in(&tourist.path("tmp")).is_empty());
    let (code, tour) = interrupt(tour);
    assert_eq!(
        (code, &tour["verdict"]),
        (Some(1), &"interrupted".into()),
        "{tour:#}"
    );
    tourist.assert_nothing_stayed();
}

#[test]
fn an_interrupted_change_of_a_password_is_undone_and_nobody_else_tours_meanwhile() {
    if !require("kinit", "krb5-user") {
        return;
    }
    let tourist = Tourist::new();
    let site = tourist.site();
    for program in ["kinit", "klist", "kvno"] {
        tourist.script(program, &format!("exec /usr/bin/{program} \"$@\""));
    }
    let tour = hanging(
        &tourist,
        "kpasswd",
        "/usr/bin/kpasswd \"$@\"",
        &[site.name()],
    );
    assert!(!site.lets_alice_in(), "the password has not been changed");
    let second = tourist.command(&[site.name()]).output().unwrap();
    let refused = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{refused}");
    assert!(refused.contains("another tour of"), "{refused}");
    let (code, tour) = interrupt(tour);
    assert_eq!(
        (code, &tour["verdict"]),
        (Some(1), &"interrupted".into()),
        "{tour:#}"
    );
    assert!(site.lets_alice_in());
    tourist.assert_nothing_stayed();
}
