//! The manual's page on replacing gssproxy, played.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use kerbstone_crypto::Enctype;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::keytab::{Keytab, KeytabEntry};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;
use kerbstone_testkit::lab::{Daemon, require_file};
use kerbstone_testkit::transcripts;
use tempfile::TempDir;

use crate::errors;

fn write_keytab(file: &Path, principal: &str) {
    let entry = KeytabEntry {
        principal: Principal::parse(principal, None).unwrap(),
        timestamp: KerberosTime::from_unix(1_700_000_000),
        kvno: 2,
        key: KeyBlock::new(Enctype::Aes256CtsHmacSha1_96.number(), [7; 32]),
    };
    let keytab = Keytab::from_entries([entry]).unwrap();
    fs::write(file, keytab.to_bytes()).unwrap();
}

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/transcripts")
        .join(name)
}

fn folder_with_krb5_conf() -> TempDir {
    let folder = TempDir::with_prefix("kerbstone-transcript-").unwrap();
    let conf = "[libdefaults]\n default_realm = EXAMPLE.ORG\n";
    fs::write(folder.path().join("krb5.conf"), conf).unwrap();
    folder
}

#[test]
fn the_manuals_configurations_are_checked_as_it_shows() {
    let folder = folder_with_krb5_conf();
    let here = folder.path().display();
    write_keytab(
        &folder.path().join("www.keytab"),
        "HTTP/www.example.org@EXAMPLE.ORG",
    );
    for (name, text) in [
        (
            "gssproxy.conf",
            format!(
                "[gssproxy]\n\n[service/web]\n  mechs = krb5\n  cred_store = keytab:{here}/www.keytab\n  \
                 cred_usage = accept\n  euid = 33\n\n[service/network-fs-clients]\n  mechs = krb5\n  \
                 cred_store = ccache:FILE:{here}/krb5cc_%U\n  \
                 cred_store = client_keytab:{here}/clients/%U.keytab\n  cred_usage = initiate\n  \
                 allow_any_uid = yes\n  trusted = yes\n  euid = 0\n"
            ),
        ),
        (
            "doubtful.conf",
            format!(
                "[service/web]\n  mechs = krb5\n  cred_store = keytab:{here}/www.keytab\n  euid = 33\n  \
                 alow_any_uid = yes\n  trusted = yes  # only for now\n"
            ),
        ),
        (
            "refused.conf",
            "[service/web]\n  mechs = krb5\n  euid = 33\n  # the key of the web server\n  \
             cred_store = keytab:/etc/http.keytab\n"
                .to_owned(),
        ),
        (
            "same.conf",
            "[service/web]\n  mechs = krb5\n  euid = 33\n\n[service/wiki]\n  mechs = krb5\n  euid = 33\n"
                .to_owned(),
        ),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let environment = errors::environment(Path::new("krb5.conf"), folder.path());
    transcripts::play(&page("replace-gssproxy.md"), folder.path(), &environment);
}

#[test]
fn the_manuals_directory_has_a_socket_for_each_keytab() {
    let folder = folder_with_krb5_conf();
    let here = folder.path().display();
    fs::create_dir(folder.path().join("keys")).unwrap();
    for (file, principal) in [
        ("keys/mail.keytab", "imap/mail.example.org@EXAMPLE.ORG"),
        ("keys/www.keytab", "HTTP/www.example.org@EXAMPLE.ORG"),
    ] {
        write_keytab(&folder.path().join(file), principal);
    }
    let text = format!(
        "[directory/keys]\n  path = {here}/sockets\n  mode = 0711\n  keytabs = {here}/keys/*.keytab\n  \
         socket_mode = 0660\n  cred_usage = accept\n"
    );
    fs::write(folder.path().join("50-keys.conf"), text).unwrap();
    let socket = folder.path().join("default.sock");
    let mut command = Command::new(env!("CARGO_BIN_EXE_kerb"));
    command
        .args([
            "proxy",
            "--config",
            "50-keys.conf",
            "--socket",
            "default.sock",
        ])
        .current_dir(folder.path())
        .env("KRB5_CONFIG", folder.path().join("krb5.conf"));
    let log = folder.path().join("daemon.log");
    let who = folder.path().join("default.sock.who");
    let _daemon = Daemon::start(command, &log, || {
        UnixStream::connect(&socket).is_ok() && UnixStream::connect(&who).is_ok()
    });
    let environment = errors::environment(Path::new("krb5.conf"), folder.path());
    let page = page("replace-gssproxy-directory.md");
    transcripts::play(&page, folder.path(), &environment);
}

#[test]
fn users_whom_a_preloaded_name_service_knows_are_known() {
    let wrapper = Path::new("/usr/lib/x86_64-linux-gnu/libnss_wrapper.so");
    if !require_file(wrapper, "libnss-wrapper") {
        return;
    }
    let folder = folder_with_krb5_conf();
    let file = folder.path().join("gssproxy.conf");
    fs::write(&file, "[service/web]\nmechs = krb5\neuid = webserver\n").unwrap();
    let check = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kerb"));
        command.args(["proxy", "check"]).arg(&file);
        command
    };
    let refused = check().output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let people = folder.path().join("passwd");
    let groups = folder.path().join("group");
    fs::write(&people, "webserver:x:4711:4711::/:/bin/false\n").unwrap();
    fs::write(&groups, "webserver:x:4711:\n").unwrap();
    let known = check()
        .env("LD_PRELOAD", wrapper)
        .env("NSS_WRAPPER_PASSWD", people)
        .env("NSS_WRAPPER_GROUP", groups)
        .output()
        .unwrap();
    let table = String::from_utf8(known.stdout).unwrap();
    assert!(table.contains("uid 4711"), "{table}");
}
