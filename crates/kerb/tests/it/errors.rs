//! What newcomers run into, as the manual shows it.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::message::KrbError;
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::Timestamp;
use kerbstone_testkit::lab::{Mit, Setup};
use kerbstone_testkit::transcripts;
use tempfile::TempDir;

/// A KDC whose clock is seven minutes ahead, and which insists on it. Its thread ends with the test's process.
fn skewed_kdc(realm: &str) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let realm = Realm::from(realm);
    thread::spawn(move || {
        let mut request = [0; 4096];
        while let Ok((_, from)) = socket.recv_from(&mut request) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let ahead = Timestamp::from_unix_duration(now + Duration::from_secs(420));
            let krbtgt = Principal::krbtgt(&realm, &realm);
            let refusal = KrbError::new(ErrorCode::KRB_AP_ERR_SKEW, ahead, krbtgt);
            socket.send_to(&refusal.to_der(), from).unwrap();
        }
    });
    port
}

/// A shell with `kerb` in its path and its cache in the folder.
pub(crate) fn environment(krb5_conf: &Path, folder: &Path) -> Vec<(&'static str, String)> {
    let binaries = folder.join("bin");
    fs::create_dir(&binaries).unwrap();
    symlink(env!("CARGO_BIN_EXE_kerb"), binaries.join("kerb")).unwrap();
    vec![
        ("PATH", format!("{}:/usr/bin:/bin", binaries.display())),
        ("LC_ALL", "C".to_owned()),
        ("KRB5_CONFIG", krb5_conf.display().to_string()),
        ("KRB5CCNAME", "FILE:tickets".to_owned()),
    ]
}

#[test]
fn every_error_of_the_manual_comes_with_help() {
    let late = skewed_kdc("LATE.ORG");
    let realms = format!(
        "[realms]\nLATE.ORG = {{\n kdc = 127.0.0.1:{late}\n}}\nDEAD.ORG = {{\n kdc = 127.0.0.1:9\n}}\n"
    );
    let Some(mit) = Mit::start(&Setup::realm("EXAMPLE.ORG").krb5_conf(&realms)) else {
        return;
    };
    mit.add_user("alice", "correct horse");
    mit.add_service("host/www.example.org");
    mit.admin(&[
        "addprinc",
        "-pw",
        "old password",
        "-pwexpire",
        "2020-01-01",
        "bob",
    ]);
    mit.admin(&["modprinc", "+requires_preauth", "alice"]);
    let folder = TempDir::with_prefix("kerbstone-transcript-").unwrap();
    fs::copy(
        mit.keytab("host/www.example.org"),
        folder.path().join("www.keytab"),
    )
    .unwrap();
    mit.admin(&["cpw", "-randkey", "host/www.example.org"]);
    let environment = environment(mit.krb5_conf(), folder.path());
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/errors.md");
    transcripts::play(&page, folder.path(), &environment);
}
