//! Servers whose keytab only the daemon can read, and a program whose user never signed in.

use std::fs;
use std::path::Path;

use kerbstone_testkit::lab::{Apache, Finished, Keys, Session, Sshd, Suite, require};

use super::pairing::{Behavior, Pairing};
use super::stand::{Door, REALM, Stand};

const PAGES: &[(&str, &str)] = &[
    ("plain", ""),
    (
        "delegated",
        "GssapiDelegCcacheDir FOLDER/delegated\nGssapiDelegCcacheUnique Off",
    ),
];

/// Somebody who signed in.
fn alice(stand: &Stand) -> Session {
    let session = Session::new(Suite::Mit, stand.kdc.krb5_conf());
    session.sign_in("alice", "a password", &["-f"]).succeeded();
    session
}

fn visit(session: &Session, apache: &Apache, page: &str, options: &[&str]) -> Finished {
    let port = apache.port();
    let resolve = format!("www.lab.example:{port}:127.0.0.1");
    let url = format!("http://www.lab.example:{port}/{page}");
    let usual = [
        "-sSi",
        "--negotiate",
        "-u",
        ":",
        "--resolve",
        &resolve,
        &url,
    ];
    session.run("curl", &[options, &usual].concat(), "")
}

/// Apache with `mod_auth_gssapi` and curl; what was delegated lies where the page says.
pub(crate) fn apache_has_no_keytab(pairing: Pairing) {
    let Some(stand) = Stand::start(pairing) else {
        return;
    };
    if !require("curl", "curl") || !Suite::Mit.is_present() {
        return;
    }
    let (socket, mechanisms) = (stand.socket(Door::Web), stand.mechanisms());
    let keys = Keys::Proxy {
        socket: &socket,
        mechanisms: &mechanisms,
        hidden: &stand.keytab(),
    };
    let Some(apache) = Apache::start(stand.kdc.krb5_conf(), keys, PAGES) else {
        return;
    };
    let session = alice(&stand);
    let page = visit(&session, &apache, "plain", &[]);
    assert!(page.says("200 OK"), "{}\n{}", page.stdout, apache.log());
    assert!(
        page.says(&format!("X-User: alice@{REALM}")),
        "{}",
        page.stdout
    );

    let page = visit(&session, &apache, "delegated", &["--delegation", "always"]);
    assert!(page.says("200 OK"), "{}\n{}", page.stdout, apache.log());
    let delegated = apache.folder().join("delegated");
    let caches = fs::read_dir(&delegated).expect("the folder").count();
    assert_eq!(caches, 1, "{}", apache.log());
    let cache = fs::read_dir(delegated).expect("the folder").next();
    let cache = cache.expect("a cache").expect("a cache").path();
    holds_a_ticket_of_alice(&session, &cache);
    // Whoever has no ticket is not let in.
    session.destroy().succeeded();
    visit(&session, &apache, "plain", &[]).saying("401 Unauthorized");
}

fn holds_a_ticket_of_alice(session: &Session, cache: &Path) {
    let cache = format!("FILE:{}", cache.display());
    let list = session.run("klist", &["-f", "-c", &cache], "").succeeded();
    assert!(list.says(&format!("alice@{REALM}")), "{}", list.stdout);
}

/// OpenSSH's sshd and ssh, with delegation.
pub(crate) fn sshd_has_no_keytab(pairing: Pairing) {
    let Some(stand) = Stand::start(pairing) else {
        return;
    };
    if !require("ssh", "openssh-client") || !Suite::Mit.is_present() {
        return;
    }
    let (socket, mechanisms) = (stand.socket(Door::Ssh), stand.mechanisms());
    let keys = Keys::Proxy {
        socket: &socket,
        mechanisms: &mechanisms,
        hidden: &stand.keytab(),
    };
    let principal = format!("alice@{REALM}");
    let Some(sshd) = Sshd::start(stand.kdc.krb5_conf(), keys, &[&principal]) else {
        return;
    };
    let session = alice(&stand);
    let (port, conf) = (sshd.port().to_string(), sshd.krb5_conf());
    let command = format!("id -un; KRB5_CONFIG={} klist -f", conf.display());
    let options = [
        "BatchMode=yes",
        "GSSAPIAuthentication=yes",
        "GSSAPIDelegateCredentials=yes",
        "GSSAPIServerIdentity=www.lab.example",
        "PreferredAuthentications=gssapi-with-mic",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "AddressFamily=inet",
    ];
    let mut arguments = vec!["-F", "/dev/null", "-p", &port, "-l", sshd.user()];
    arguments.extend(options.iter().flat_map(|option| ["-o", option]));
    arguments.extend(["localhost", &command]);
    let finished = session.run("ssh", &arguments, "");
    let said = format!("{}\n{}\n{}", finished.stdout, finished.stderr, sshd.log());
    assert!(finished.says(sshd.user()), "{said}");
    assert!(
        finished.says(&format!("Default principal: {principal}")),
        "{said}"
    );
}

/// curl of a user who has no password and no ticket: the daemon signs in for it.
pub(crate) fn curl_has_no_ticket(pairing: Pairing) {
    let Some(stand) = Stand::start(pairing) else {
        return;
    };
    if !require("curl", "curl") || !Suite::Mit.is_present() {
        return;
    }
    let keytab = stand.keytab();
    let Some(apache) = Apache::start(stand.kdc.krb5_conf(), &keytab, PAGES) else {
        return;
    };
    let session = Session::new(Suite::Mit, stand.kdc.krb5_conf());
    visit(&session, &apache, "plain", &[]).saying("401 Unauthorized");
    for behavior in [
        Behavior::LocalFirst,
        Behavior::RemoteFirst,
        Behavior::RemoteOnly,
    ] {
        let mut session = Session::new(Suite::Mit, stand.kdc.krb5_conf());
        for (name, value) in stand.plugin_environment(Door::Both, behavior) {
            session = session.env(name, value);
        }
        let page = visit(&session, &apache, "plain", &[]);
        assert!(
            page.says("200 OK"),
            "{behavior:?}: {}\n{}",
            page.stdout,
            apache.log()
        );
        assert!(
            page.says(&format!("X-User: robot@{REALM}")),
            "{}",
            page.stdout
        );
    }
}
