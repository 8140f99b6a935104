//! `kerb up`, `kerb env` and `kerb status`: a site as its users and those who run it see it.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use kerbstone_testkit::lab::{Openstack, Suite, kerb_binary, require};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::full_disk::Disk;
use crate::service::eventually;

/// A site whose supervisor runs, in a folder of its own.
struct Up {
    supervisor: Child,
    site: PathBuf,
    folder: TempDir,
}

/// The folder `site`, which nobody has made yet.
fn up() -> Up {
    let folder = TempDir::with_prefix("kerbstone-up-").unwrap();
    Up::start(folder, "site")
}

impl Up {
    fn start(folder: TempDir, name: &str) -> Self {
        let site = folder.path().join(name);
        let mut up = Self {
            supervisor: spawn(&site, folder.path()),
            site,
            folder,
        };
        up.await_introduction();
        up
    }

    /// Starts it again after it has ended.
    fn again(&mut self) {
        self.supervisor = spawn(&self.site, self.folder.path());
        self.await_introduction();
    }

    fn await_introduction(&mut self) {
        eventually("the site's introduction", || {
            let ended = self.supervisor.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", self.said());
            self.said().contains("Ctrl-C stops the site").then_some(())
        });
    }

    /// What the supervisor has printed since it was started.
    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("said")).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill(self.supervisor.id(), signal);
    }

    /// Tells the supervisor to stop, and returns its exit code.
    fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.supervisor.wait().unwrap().code()
    }

    fn status(&self) -> (Option<i32>, Value) {
        let output = kerb(&["status", "--json", &self.site.to_string_lossy()]);
        let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (output.status.code(), json)
    }

    fn role(&self, name: &str) -> Value {
        let (_, status) = self.status();
        let roles = status["roles"].as_array().unwrap();
        roles
            .iter()
            .find(|role| role["name"] == name)
            .unwrap()
            .clone()
    }

    fn pid(&self, role: &str) -> Option<u32> {
        self.role(role)["pid"]
            .as_u64()
            .map(|pid| pid.try_into().unwrap())
    }

    fn password_of_alice(&self) -> String {
        let list = fs::read_to_string(self.site.join("demo-passwords")).unwrap();
        let line = list
            .lines()
            .find(|line| line.starts_with("alice@"))
            .unwrap();
        line.split_once(' ').unwrap().1.to_owned()
    }

    /// Runs a shell that `kerb env` has pointed at the site, and returns what it printed.
    fn shell(&self, script: &str) -> String {
        let bin = kerb_binary().parent().unwrap().display();
        let output = Command::new("/bin/sh")
            .args([
                "-ec",
                &format!("eval \"$(kerb env \"$1\")\"; {script}"),
                "sh",
            ])
            .arg(&self.site)
            .env_clear()
            .env("PATH", format!("{bin}:/usr/sbin:/usr/bin:/sbin:/bin"))
            .env("LC_ALL", "C")
            .current_dir(&self.folder)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{script}: {output:?}, {}",
            self.said()
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn sign_in(&self) {
        let password = self.password_of_alice();
        self.shell(&format!(
            "echo {password} | kerb login alice; kerb ticket host/localhost"
        ));
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if let Ok(None) = self.supervisor.try_wait() {
            self.stop();
        }
    }
}

fn spawn(site: &Path, folder: &Path) -> Child {
    let said = File::create(folder.join("said")).unwrap();
    Command::new(kerb_binary())
        .arg("up")
        .arg(site)
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said)
        .spawn()
        .unwrap()
}

fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

fn is_alive(pid: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // What has ended and nobody has asked for yet is a zombie.
    !state.is_empty() && !state.contains(") Z ")
}

fn kerb(arguments: &[&str]) -> Output {
    Command::new(kerb_binary())
        .args(arguments)
        .output()
        .unwrap()
}

/// Runs `kerb up` where it cannot succeed, and returns what it said.
#[track_caller]
fn refused(site: &Path) -> String {
    let output = kerb(&["up", &site.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("\nhelp: "), "{said}");
    said
}

#[test]
fn mits_and_our_programs_reach_a_site_that_kerb_env_points_at() {
    let up = up();
    up.sign_in();
    assert!(up.shell("kerb list").contains("alice@EXAMPLE.TEST"));
    if !Suite::Mit.is_present() {
        return;
    }
    let password = up.password_of_alice();
    let seen = up.shell(&format!(
        "/usr/bin/kdestroy; echo {password} | /usr/bin/kinit alice; \
         for service in host HTTP; do for host in localhost $(hostname); do \
         /usr/bin/kvno -k \"$KERBSTONE_SITE/keytabs/$service.keytab\" $service/$host; done; done; \
         /usr/bin/klist -k \"$KRB5_KTNAME\""
    ));
    assert_eq!(seen.matches("keytab entry valid").count(), 4, "{seen}");
    assert!(seen.contains("host/localhost@EXAMPLE.TEST"), "{seen}");
}

#[test]
fn the_openstack_command_gets_a_token_for_a_ticket_and_may_what_its_role_may() {
    if !Openstack::is_here() {
        return;
    }
    let up = up();
    let password = up.password_of_alice();
    let said = up.shell(&format!(
        "echo {password} | kerb login alice; \
         printf 'token issue -f value -c user_id\\nrole assignment list --names -f value\\n' | openstack"
    ));
    for assignment in [
        "admin alice@Default  demo@Default",
        "member bob@Default  demo@Default",
    ] {
        assert!(said.contains(assignment), "{said}");
    }
}

#[test]
fn a_ticket_opens_the_front_page_and_curl_needs_no_further_words() {
    let up = up();
    let url = format!(
        "https://localhost:{}/",
        port(&up.role("gateway")["addresses"]["https"])
    );
    assert!(up.said().contains(&format!("curl --negotiate -u : {url}")));
    let ask = format!("curl --silent --show-error --negotiate --user : {url}");
    assert!(up.shell(&ask).contains("Sign in with Kerberos"));
    up.sign_in();
    let page = up.shell(&ask);
    assert!(page.contains("<h1>alice</h1>"), "{page}");
    eventually("the visit in the counters", || {
        let counters = &up.role("gateway")["counters"]["http"];
        (counters["admitted"] == 1).then_some(())
    });
}

#[test]
fn the_gateway_cannot_read_its_own_keys_and_knows_its_visitors_all_the_same() {
    let up = up();
    up.sign_in();
    let page = || {
        up.shell(&format!(
            "curl -fsS --negotiate -u : -H 'Accept: application/json' https://localhost:{}/",
            port(&up.role("gateway")["addresses"]["https"])
        ))
    };
    assert!(page().contains("alice@EXAMPLE.TEST"));
    let log = || fs::read_to_string(up.site.join("log/gateway.log")).unwrap();
    if log().contains("the kernel has no Landlock") {
        println!("skipped: this kernel has no Landlock");
        return;
    }
    // The gateway opens its certificate's key anew when told to. It finds its keytab there, then a copy of that.
    let (key, keytab) = (
        up.site.join("tls/server.key"),
        up.site.join("keytabs/HTTP.keytab"),
    );
    // It looks by itself as well when files change: what counts is what it says last.
    let refusals = || -> Vec<String> {
        let log = log();
        let refusals = log
            .lines()
            .filter(|line| line.contains("its certificates stay as they were"));
        refusals.map(str::to_owned).collect()
    };
    let read_anew = || {
        let before = refusals().len();
        kill(up.pid("gateway").unwrap(), Signal::HUP);
        eventually("the gateway to look", || {
            refusals().get(before..)?.last().cloned()
        })
    };
    fs::remove_file(&key).unwrap();
    std::os::unix::fs::symlink(&keytab, &key).unwrap();
    let refusal = read_anew();
    assert!(refusal.contains("this user may not read it"), "{refusal}");
    fs::remove_file(&key).unwrap();
    fs::copy(&keytab, &key).unwrap();
    let refusal = read_anew();
    assert!(!refusal.contains("may not read it"), "{refusal}");
    assert!(page().contains("alice@EXAMPLE.TEST"));
    let who = up.shell("kerb proxy who --json --socket \"$KERBSTONE_SITE/run/proxy\"");
    let who: Value = serde_json::from_str(&who).unwrap();
    let accepted = who["calls"]
        .as_array()
        .unwrap()
        .iter()
        .find(|call| call["service"] == "gateway" && call["procedure"] == "ACCEPT_SEC_CONTEXT");
    assert!(accepted.unwrap()["granted"].as_u64() >= Some(2), "{who}");
}

#[test]
fn a_site_whose_proxy_is_gone_says_so_and_goes_on_when_it_is_back() {
    let up = up();
    up.sign_in();
    kill(up.pid("proxy").unwrap(), Signal::KILL);
    eventually("the proxy", || (up.status().0 == Some(0)).then_some(()));
    assert_eq!(up.role("proxy")["restarts"], 1);
    let page = up.shell(&format!(
        "curl -fsS --negotiate -u : https://localhost:{}/",
        port(&up.role("gateway")["addresses"]["https"])
    ));
    assert!(page.contains("alice"), "{page}");
}

#[test]
fn a_ticket_opens_the_gss_server_to_our_client_and_to_mits() {
    let up = up();
    up.sign_in();
    let port = port(&up.role("gss")["addresses"]["server"]);
    up.shell(&format!(
        "kerb gss client --port {port} localhost host@localhost 'hello from ours'"
    ));
    let log = || fs::read_to_string(up.site.join("log/gss.log")).unwrap();
    eventually("the name of our client", || {
        log().contains("alice@EXAMPLE.TEST").then_some(())
    });
    if require("gss-client", "krb5-gss-samples") {
        up.shell(&format!(
            "gss-client -port {port} localhost host@localhost 'hello from theirs'"
        ));
    }
}

fn port(address: &Value) -> u16 {
    let address: std::net::SocketAddr = address.as_str().unwrap().parse().unwrap();
    address.port()
}

#[test]
fn every_role_together_takes_less_than_100_mib() {
    let up = up();
    up.sign_in();
    let (_, status) = up.status();
    let roles = status["roles"].as_array().unwrap().iter();
    let memory: u64 = roles
        .chain([&status["supervisor"]])
        .map(|process| process["pid"].as_u64().unwrap())
        .map(share_of_memory)
        .sum();
    assert!(
        (1 << 10..100 << 10).contains(&memory),
        "{memory} KiB, {status}"
    );
}

/// In KiB. What the processes share, which is much of a program that was not optimized, is shared out among them.
fn share_of_memory(pid: u64) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

#[test]
fn secrets_are_their_owners_alone() {
    let up = up();
    let secrets = [
        "demo-passwords",
        "master.key",
        "keytabs/host.keytab",
        "keytabs/HTTP.keytab",
        "tls/server.key",
        "log/kdc.log",
    ];
    for secret in secrets {
        let mode = fs::metadata(up.site.join(secret))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    assert!(!up.site.join(".unfinished").exists());
}

#[test]
fn roles_inherit_nothing_that_they_do_not_need() {
    let up = up();
    for role in ["kdc", "proxy", "gateway", "gss"] {
        let process = PathBuf::from(format!("/proc/{}", up.pid(role).unwrap()));
        let environment = fs::read_to_string(process.join("environ")).unwrap();
        let names = environment
            .split('\0')
            .filter_map(|line| line.split_once('='));
        let unneeded: Vec<&str> = names
            .map(|(name, _)| name)
            .filter(|name| !NEEDED.contains(name))
            .collect();
        assert_eq!(unneeded, [] as [&str; 0], "{role}");
        let files = fs::read_dir(process.join("fd")).unwrap();
        let files: Vec<PathBuf> = files
            .filter_map(|file| fs::read_link(file.unwrap().path()).ok())
            .collect();
        assert!(
            !files.iter().any(|file| file.ends_with("run/lock")),
            "{files:?}"
        );
        assert!(
            !files.iter().any(|file| file.ends_with("said")),
            "{files:?}"
        );
    }
}

const NEEDED: [&str; 10] = [
    "KERBSTONE_SUPERVISOR",
    "KERB_LOG",
    "KRB5_CONFIG",
    "KRB5RCACHEDIR",
    "LANG",
    "LC_ALL",
    "NOTIFY_SOCKET",
    "RUST_BACKTRACE",
    "TMPDIR",
    "TZ",
];

#[test]
fn a_supervisor_that_does_not_answer_is_no_riddle() {
    let up = up();
    up.signal(Signal::STOP);
    let output = kerb(&["status", &up.site.to_string_lossy()]);
    up.signal(Signal::CONT);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("its supervisor does not answer"), "{said}");
    assert!(said.contains("help: is it stopped"), "{said}");
}

#[test]
fn the_certificate_is_good_for_the_names_of_the_host() {
    let up = up();
    let verified = up.shell(
        "openssl verify -CAfile \"$KERBSTONE_CA\" -verify_hostname localhost -purpose sslserver \
         \"$KERBSTONE_SITE/tls/server.pem\"; \
         openssl verify -CAfile \"$CURL_CA_BUNDLE\" -verify_ip 127.0.0.1 \"$KERBSTONE_SITE/tls/server.pem\"",
    );
    assert_eq!(verified.matches(": OK").count(), 2, "{verified}");
}

#[test]
fn status_is_for_scripts_too() {
    let mut up = up();
    up.sign_in();
    let (code, status) = up.status();
    assert_eq!(code, Some(0), "{status}");
    assert_eq!(status["version"], 1);
    assert_eq!(status["healthy"], true);
    assert_eq!(status["realm"], "EXAMPLE.TEST");
    assert_eq!(status["supervisor"]["pid"], up.supervisor.id());
    let kdc = up.role("kdc");
    assert_eq!(
        (&kdc["state"], &kdc["restarts"]),
        (&"ready".into(), &0.into())
    );
    assert!(kdc["rss_bytes"].as_u64() > Some(1 << 20), "{kdc}");
    let conf = fs::read_to_string(up.site.join("krb5.conf")).unwrap();
    let tickets = kdc["addresses"]["tickets"].as_str().unwrap();
    assert!(conf.contains(&format!("kdc = {tickets}\n")), "{conf}");
    eventually("the login in the counters", || {
        (up.role("kdc")["counters"]["as"]["granted"] == 1).then_some(())
    });

    assert_eq!(up.stop(), Some(0));
    let (code, status) = up.status();
    assert_eq!(code, Some(4), "{status}");
    assert_eq!(
        (&status["running"], &status["healthy"]),
        (&false.into(), &false.into())
    );
    let words = kerb(&["status", &up.site.to_string_lossy()]);
    assert_eq!(words.status.code(), Some(4));
    let words = String::from_utf8(words.stderr).unwrap();
    assert!(
        words.contains("does not run") && words.contains("help: start it"),
        "{words}"
    );
}

#[test]
fn told_to_stop_it_lets_the_roles_finish_and_leaves_nothing_running() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut up = up();
        let kdc = up.pid("kdc").unwrap();
        up.signal(signal);
        assert_eq!(
            up.supervisor.wait().unwrap().code(),
            Some(0),
            "{}",
            up.said()
        );
        assert!(!is_alive(kdc), "{signal:?}");
        assert!(!up.said().contains("killed"), "{}", up.said());
    }
}

#[test]
fn a_role_that_does_not_finish_is_killed_when_told_twice() {
    let mut up = up();
    let kdc = up.pid("kdc").unwrap();
    kill(kdc, Signal::STOP);
    up.signal(Signal::TERM);
    eventually("the role told to stop", || {
        (up.role("kdc")["state"] == "stopping").then_some(())
    });
    up.signal(Signal::TERM);
    assert_eq!(up.supervisor.wait().unwrap().code(), Some(0));
    assert!(!is_alive(kdc));
    assert!(
        up.said().contains("the role kdc did not finish in time"),
        "{}",
        up.said()
    );
}

#[test]
fn the_roles_end_with_a_supervisor_that_is_killed_and_the_site_starts_again_where_it_was() {
    let mut up = up();
    let (kdc, before) = (up.pid("kdc").unwrap(), up.role("kdc")["addresses"].clone());
    up.supervisor.kill().unwrap();
    up.supervisor.wait().unwrap();
    up.again();
    assert!(!is_alive(kdc));
    assert_eq!(up.role("kdc")["addresses"], before);
    up.sign_in();
}

#[test]
fn a_role_that_is_killed_is_started_again() {
    let up = up();
    let killed = up.pid("kdc").unwrap();
    kill(killed, Signal::KILL);
    let restarted = eventually("another process", || {
        let role = up.role("kdc");
        (role["healthy"] == true && role["pid"] != killed).then_some(role)
    });
    assert_eq!(restarted["restarts"], 1);
    assert_eq!(restarted["last_end"]["how"], "signal 9 (SIGKILL)");
    assert!(
        up.said()
            .contains("the role kdc ended (signal 9 (SIGKILL))"),
        "{}",
        up.said()
    );
    up.sign_in();
}

#[test]
fn a_role_that_dies_at_once_is_named_with_its_last_words_and_not_started_in_a_busy_loop() {
    let up = up();
    let key = up.site.join("master.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    kill(up.pid("kdc").unwrap(), Signal::KILL);
    let ailing = eventually("three deaths", || {
        let role = up.role("kdc");
        (role["restarts"].as_u64() >= Some(3) && role["state"] == "waiting").then_some(role)
    });
    assert_eq!(ailing["healthy"], false);
    assert_eq!(ailing["last_end"]["how"], "exit code 1");
    let last_words = ailing["last_end"]["last_words"].as_str().unwrap();
    assert!(last_words.contains("help: chmod 600"), "{last_words}");
    assert_eq!(up.status().0, Some(1));
    for words in [
        "the role kdc ended (exit code 1)",
        "help: chmod 600",
        "started again in 0.4 s",
    ] {
        assert!(up.said().contains(words), "{}", up.said());
    }
    let people = kerb(&["status", &up.site.to_string_lossy()]);
    let people = String::from_utf8(people.stdout).unwrap();
    assert!(people.contains("help: chmod 600"), "{people}");

    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    eventually("the role in good health", || {
        (up.status().0 == Some(0)).then_some(())
    });
    assert!(up.said().contains("the role kdc is ready"), "{}", up.said());
    up.sign_in();
}

#[test]
fn a_role_that_no_longer_answers_is_unhealthy_though_its_process_is_there() {
    let up = up();
    let kdc = up.pid("kdc").unwrap();
    kill(kdc, Signal::STOP);
    let (code, status) = up.status();
    kill(kdc, Signal::CONT);
    assert_eq!(code, Some(1), "{status}");
    let role = &status["roles"][0];
    assert_eq!(role["state"], "ready");
    assert!(
        role["problem"]
            .as_str()
            .unwrap()
            .contains("does not answer"),
        "{role}"
    );
}

#[test]
fn a_role_that_does_not_become_ready_is_named_and_the_others_are_there() {
    let mut up = up();
    up.stop();
    let key = up.site.join("tls/server.key");
    let content = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    // Whoever opens it waits for somebody who writes.
    let made = Command::new("mkfifo").arg(&key).status().unwrap();
    assert!(made.success());
    up.again();
    assert!(
        up.said().contains("the role gateway is not ready yet"),
        "{}",
        up.said()
    );
    assert_eq!(up.role("gateway")["state"], "starting");
    assert_eq!(up.status().0, Some(1));
    up.sign_in();
    let whole = up.folder.path().join("whole.key");
    fs::write(&whole, content).unwrap();
    fs::rename(whole, &key).unwrap();
    kill(up.pid("gateway").unwrap(), Signal::KILL);
    eventually("the gateway", || (up.status().0 == Some(0)).then_some(()));
}

#[test]
fn a_second_start_on_the_same_folder_says_who_has_it() {
    let up = up();
    let said = refused(&up.site);
    assert!(
        said.contains(&format!("process {} runs the site", up.supervisor.id())),
        "{said}"
    );
    assert!(said.contains("help: kerb status"), "{said}");
    assert_eq!(up.status().0, Some(0));
}

#[test]
fn a_port_that_somebody_else_has_at_the_second_start_is_given_up_and_clients_follow() {
    let mut up = up();
    let before = up.role("kdc")["addresses"]["tickets"]
        .as_str()
        .unwrap()
        .to_owned();
    up.stop();
    let _somebody = UdpSocket::bind(&before).unwrap();
    up.again();
    let after = up.role("kdc")["addresses"]["tickets"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_ne!(after, before);
    assert!(
        up.said().contains(&format!(
            "another program has {before} now; tickets of the role kdc has {after} from here on"
        )),
        "{}",
        up.said()
    );
    up.sign_in();
}

#[test]
fn forgotten_passwords_are_printed_no_more_and_go_on_working() {
    let mut up = up();
    let password = up.password_of_alice();
    assert!(up.said().contains(&password));
    let site = up.site.to_string_lossy().into_owned();
    assert!(kerb(&["up", "--forget", &site]).status.success());
    assert!(!up.site.join("demo-passwords").exists());
    assert!(kerb(&["up", "--forget", &site]).status.success());
    up.stop();
    up.again();
    assert!(!up.said().contains(&password));
    up.shell(&format!("echo {password} | kerb login alice"));
}

#[test]
fn where_there_is_no_site_every_command_says_how_to_start_one() {
    let folder = TempDir::new().unwrap();
    let nowhere = folder.path().join("nowhere");
    let nowhere = nowhere.to_string_lossy();
    for command in [&["env"][..], &["status"], &["up", "--forget"]] {
        let output = kerb(&[command, &[&nowhere]].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("help: start one: kerb up"), "{said}");
    }
}

#[test]
fn another_realm_is_not_made_in_a_site_that_has_one() {
    let mut up = up();
    up.stop();
    let output = kerb(&["up", "--realm", "OTHER.TEST", &up.site.to_string_lossy()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("has the realm EXAMPLE.TEST"), "{said}");
    assert!(said.contains("help: name another folder"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_one_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(refused(&file).contains("help: name a folder that you may write to"));
    assert!(refused(Path::new("/proc/site")).contains("help: name a folder that you may write to"));
    let deep = folder.path().join("deep/".repeat(30));
    assert!(refused(&deep).contains("too long for sockets"));
}

#[test]
fn a_folder_that_may_not_be_written_to_is_refused() {
    let folder = TempDir::new().unwrap();
    let Some(disk) = Disk::mount(folder.path().join("disk")) else {
        return;
    };
    disk.make_read_only();
    let said = refused(&disk.path().join("site"));
    assert!(said.contains("Read-only file system"), "{said}");
    assert!(
        said.contains("help: name a folder that you may write to"),
        "{said}"
    );
}

#[test]
fn a_full_disk_at_the_first_start_is_a_clear_error_and_leaves_no_half_site() {
    let folder = TempDir::with_prefix("kerbstone-up-").unwrap();
    let Some(disk) = Disk::mount(folder.path().join("disk")) else {
        return;
    };
    disk.fill();
    let site = disk.path().join("site");
    let said = refused(&site);
    assert!(said.contains("help: make room there"), "{said}");
    let left: Vec<_> = fs::read_dir(&site).map_or_else(|_| Vec::new(), Iterator::collect);
    assert!(left.len() <= 1, "{left:?}");
    disk.make_room();
    let up = Up::start(folder, "disk/site");
    up.sign_in();
    drop(up);
    drop(disk);
}

#[test]
fn a_site_that_has_been_made_starts_on_a_full_disk() {
    let folder = TempDir::with_prefix("kerbstone-up-").unwrap();
    let Some(disk) = Disk::mount(folder.path().join("disk")) else {
        return;
    };
    let mut up = Up::start(folder, "disk/site");
    up.stop();
    disk.fill();
    up.again();
    assert_eq!(up.status().0, Some(0));
    disk.make_room();
    up.sign_in();
    drop(up);
    drop(disk);
}
