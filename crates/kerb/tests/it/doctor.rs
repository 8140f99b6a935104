//! kerb doctor against real realms with a fault each: it has to name the cause, and to say what to do.

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kerbstone_client::KeytabFile;
use kerbstone_crypto::Enctype;
use kerbstone_testkit::lab::{
    Addresses, Dns, Heimdal, Kerb, Krb5ConfText, Mit, Records, Server, Session, Setup, Suite,
    has_network_to_itself, require,
};
use kerbstone_testkit::transcripts;
use serde_json::Value;
use tempfile::TempDir;

use crate::errors::environment;
use crate::service::eventually;

const REALM: &str = "LAB.EXAMPLE";
const PASSWORD: &str = "correct horse 7";
/// No keytab of this machine gets in the way.
const NO_KEYTAB: &str = "[libdefaults]\ndefault_keytab_name = FILE:/nowhere/krb5.keytab\n";

fn setup() -> Setup {
    Setup::realm(REALM).krb5_conf(NO_KEYTAB)
}

fn mit() -> Option<Mit> {
    let mit = Mit::start(&setup())?;
    mit.add_user("alice", PASSWORD);
    Some(mit)
}

/// Somebody who calls the doctor.
struct Patient {
    before: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
    folder: TempDir,
}

impl Patient {
    fn new(krb5_conf: &Path) -> Self {
        let folder = TempDir::with_prefix("kerbstone-patient-").unwrap();
        let cache = format!("FILE:{}", folder.path().join("ccache").display());
        let environment = vec![
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin".into()),
            ("LC_ALL", "C".into()),
            ("HOME", folder.path().into()),
            ("KRB5_CONFIG", krb5_conf.into()),
            ("KRB5CCNAME", cache.into()),
        ];
        Self {
            before: Vec::new(),
            environment,
            folder,
        }
    }

    /// Somebody who has signed in with MIT's or our kinit.
    fn signed_in(suite: Suite, krb5_conf: &Path, options: &[&str]) -> Self {
        let session = Session::new(suite, krb5_conf);
        session.sign_in("alice", PASSWORD, options).succeeded();
        let patient = Self::new(krb5_conf);
        fs::copy(session.cache(), patient.folder.path().join("ccache")).unwrap();
        patient
    }

    /// Runs through another program, such as faketime.
    fn through(mut self, program: &[&str]) -> Self {
        self.before = program.iter().map(OsString::from).collect();
        self
    }

    fn env(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let kerb = OsString::from(env!("CARGO_BIN_EXE_kerb"));
        let mut words = self.before.iter().chain([&kerb]);
        let output = Command::new(words.next().unwrap())
            .args(words)
            .arg("doctor")
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(errors, "", "{said}");
        (output.status.code().unwrap_or(-1), said)
    }

    fn examine(&self, arguments: &[&str]) -> Diagnosis {
        let (code, said) = self.run(&[arguments, &["--json"]].concat());
        Diagnosis {
            code,
            json: serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}")),
        }
    }
}

struct Diagnosis {
    code: i32,
    json: Value,
}

impl Diagnosis {
    /// The cause that is named first is `cause`, its finding says each of `words`, and nothing bad is left without help.
    #[track_caller]
    fn names(&self, cause: &str, words: &[&str]) {
        let shown = format!("{:#}", self.json);
        assert_eq!(self.json["most_probable_cause"], cause, "{shown}");
        assert_eq!(self.json["verdict"], "problem", "{shown}");
        assert_eq!(self.code, 1, "{shown}");
        let findings = self.json["findings"].as_array().unwrap();
        let first = findings
            .iter()
            .find(|finding| finding["cause"] == cause && finding["verdict"] == "problem")
            .unwrap();
        let text = format!("{}: {}", first["looked_at"], first["says"]);
        for word in words {
            assert!(text.contains(word), "{word:?} is not in {text}\n{shown}");
        }
        for finding in findings
            .iter()
            .filter(|finding| !finding["cause"].is_null())
        {
            let help = finding["help"].as_str().unwrap_or_default();
            assert!(help.len() > 10, "no help: {finding:#}");
            let says = finding["says"].as_str().unwrap().to_lowercase();
            assert!(!says.contains("unspecified"), "{finding:#}");
        }
    }

    #[track_caller]
    fn finds_nothing_wrong(&self) {
        let bad = self.bad();
        assert!(bad.is_empty(), "{bad:#?}");
        assert_eq!(self.json["most_probable_cause"], Value::Null);
        assert_eq!(self.code, 0);
    }

    fn bad(&self) -> Vec<&Value> {
        let findings = self.json["findings"].as_array().unwrap().iter();
        let bad = findings.filter(|f| f["verdict"] == "problem" || f["verdict"] == "warning");
        bad.collect()
    }
}

#[test]
fn a_skewed_clock_is_measured_and_named_with_whom_it_differs_from() {
    if !require("faketime", "faketime") {
        return;
    }
    let Some(mit) = mit() else { return };
    let patient = Patient::new(mit.krb5_conf())
        .through(&["faketime", "-f", "+7m"])
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("DONT_FAKE_MONOTONIC", "1");
    let kdc = format!("127.0.0.1:{}", mit.addresses().kdc);
    patient.examine(&[]).names(
        "clock-skew",
        &["ahead", " min", &kdc, REALM, "Kerberos bears 5 min"],
    );
    let behind = patient.through(&["faketime", "-f", "-7m"]);
    behind.examine(&[]).names("clock-skew", &["behind", &kdc]);
}

#[test]
fn a_keytab_with_an_old_key_version_is_named_with_both_versions() {
    let Some(mit) = mit() else { return };
    mit.add_service("host/localhost");
    let keytab = mit.keytab("host/localhost");
    mit.admin(&["cpw", "-randkey", "host/localhost"]);
    let keytab = keytab.to_str().unwrap();
    let patient = Patient::signed_in(Suite::Mit, mit.krb5_conf(), &[]);
    let versions = [
        "host/localhost",
        "key version 2",
        "keytab has 1",
        "was changed after",
    ];
    let arguments = ["--keytab", keytab, "host/localhost"];
    patient.examine(&arguments).names("wrong-kvno", &versions);

    let nobody = Patient::new(mit.krb5_conf());
    let diagnosis = nobody.examine(&["--keytab", keytab]);
    diagnosis.names(
        "wrong-kvno",
        &["refuses its key (version 1)", "was changed after"],
    );
}

#[test]
fn a_service_that_nobody_added_is_named() {
    let Some(mit) = mit() else { return };
    mit.add_service("host/localhost");
    let patient = Patient::signed_in(Suite::Mit, mit.krb5_conf(), &[]);
    let diagnosis = patient.examine(&["HTTP/localhost"]);
    diagnosis.names(
        "missing-service",
        &["HTTP/localhost@LAB.EXAMPLE", "no such service"],
    );
    let help = diagnosis.bad()[0]["help"].to_string();
    assert!(
        help.contains("addprinc -randkey HTTP/localhost@LAB.EXAMPLE"),
        "{help}"
    );

    let nobody = Patient::new(mit.krb5_conf());
    let diagnosis = nobody.examine(&["HTTP/localhost"]);
    diagnosis.names("missing-service", &["HTTP/localhost@LAB.EXAMPLE"]);
}

#[test]
fn a_keytab_without_the_enctype_of_the_tickets_is_named_with_both_enctypes() {
    let kerb = Kerb::start(&setup());
    kerb.add_user("alice", PASSWORD);
    kerb.add_service("host/localhost");
    let path = kerb.keytab("host/localhost");
    let keytab = KeytabFile::parse(path.to_str().unwrap()).unwrap();
    let aes128 = Enctype::Aes128CtsHmacSha1_96.number();
    keytab.remove(|entry| entry.key.enctype != aes128).unwrap();
    assert_eq!(keytab.load().unwrap().entries().count(), 1);
    let patient = Patient::signed_in(Suite::Kerb, kerb.krb5_conf(), &[]);
    let diagnosis = patient.examine(&["--keytab", path.to_str().unwrap()]);
    let words = ["aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96 alone"];
    diagnosis.names("wrong-enctype", &words);
}

#[test]
fn a_key_of_another_realm_under_the_right_version_is_named() {
    let Some(mit) = mit() else { return };
    mit.add_service("host/localhost");
    let keytab = mit.keytab("host/localhost");
    mit.admin(&["delprinc", "-force", "host/localhost"]);
    mit.add_service("host/localhost");
    let patient = Patient::signed_in(Suite::Mit, mit.krb5_conf(), &[]);
    let diagnosis = patient.examine(&["--keytab", keytab.to_str().unwrap()]);
    diagnosis.names("wrong-key", &["version 1", "another key"]);
}

#[test]
fn a_keytab_that_the_service_may_not_read_is_named_with_its_owner_and_mode() {
    let Some(mit) = mit() else { return };
    mit.add_service("HTTP/localhost");
    let folder = TempDir::with_prefix("kerbstone-open-").unwrap();
    let put = |from: &Path, name: &str, mode| {
        let path = folder.path().join(name);
        fs::copy(from, &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let conf = put(mit.krb5_conf(), "krb5.conf", 0o644);
    let is_root = nix::unistd::geteuid().is_root();
    let mode = if is_root { 0o600 } else { 0o000 };
    let keytab = put(&mit.keytab("HTTP/localhost"), "http.keytab", mode);
    let patient = Patient::new(&conf);
    let binary = put(Path::new(env!("CARGO_BIN_EXE_kerb")), "kerb", 0o755);
    fs::set_permissions(patient.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let drop: &[&str] = &[
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--",
    ];
    let mut arguments = vec!["doctor", "--json", "--keytab", keytab.to_str().unwrap()];
    arguments.insert(0, binary.to_str().unwrap());
    let words = if is_root {
        [drop, &arguments].concat()
    } else {
        arguments
    };
    let output = Command::new(words[0])
        .args(&words[1..])
        .env_clear()
        .envs(
            patient
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .current_dir(patient.folder.path())
        .output()
        .unwrap();
    let diagnosis = Diagnosis {
        code: output.status.code().unwrap(),
        json: serde_json::from_slice(&output.stdout).unwrap(),
    };
    let mode = format!("mode {mode:04o}, owner ");
    diagnosis.names(
        "keytab-unreadable",
        &["http.keytab", "may not read it", &mode],
    );
}

#[test]
fn a_host_that_krb5_conf_puts_into_the_wrong_realm_is_named_with_the_line() {
    let Some(mit) = mit() else { return };
    let other = Kerb::start(&Setup::realm("OTHER.EXAMPLE"));
    mit.add_service("HTTP/localhost");
    let mapping = "[domain_realm]\nlocalhost = OTHER.EXAMPLE";
    let conf = conf_of(&mit, &[mit.addresses(), other.addresses()], mapping);
    let line = fs::read_to_string(&conf).unwrap();
    let line = line
        .lines()
        .position(|line| line == "localhost = OTHER.EXAMPLE")
        .unwrap()
        + 1;
    let at = format!("krb5.conf:{line} puts localhost into the realm OTHER.EXAMPLE");
    let has = "LAB.EXAMPLE has HTTP/localhost";
    let patient = Patient::signed_in(Suite::Mit, &conf, &[]);
    let diagnosis = patient.examine(&["HTTP/localhost"]);
    diagnosis.names("realm-mapping", &[&at, has]);

    // A realm that does not exist at all.
    let mapping = "[domain_realm]\nlocalhost = NOWHERE.EXAMPLE";
    let conf = conf_of(&mit, &[mit.addresses()], mapping);
    let patient = Patient::new(&conf);
    let diagnosis = patient.examine(&["HTTP/localhost"]);
    diagnosis.names("realm-mapping", &["NOWHERE.EXAMPLE", has]);
}

fn conf_of(mit: &Mit, realms: &[&Addresses], extra: &str) -> PathBuf {
    let folder = mit.folder().join("client");
    fs::create_dir_all(&folder).unwrap();
    Krb5ConfText::new(realms, &format!("{extra}\n{NO_KEYTAB}")).write(&folder)
}

#[test]
fn a_kdc_that_is_down_is_named_with_what_each_address_said() {
    let Some(mut mit) = mit() else { return };
    let patient = Patient::signed_in(Suite::Mit, mit.krb5_conf(), &[]);
    mit.stop();
    let kdc = mit.addresses().kdc;
    let udp = format!("127.0.0.1:{kdc} (udp) connection refused");
    let tcp = format!("127.0.0.1:{kdc} (tcp) connection refused");
    let diagnosis = patient.examine(&["host/localhost"]);
    diagnosis.names("kdc-down", &[REALM, "krb5.conf", &udp, &tcp]);
}

#[test]
fn a_kdc_that_takes_requests_and_says_nothing_is_not_waited_for() {
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let _accepts = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let addresses = Addresses {
        realm: REALM.to_owned(),
        kdc: port,
        kpasswd: port,
        kadmin: None,
    };
    let folder = TempDir::new().unwrap();
    let conf = Krb5ConfText::new(&[&addresses], NO_KEYTAB).write(folder.path());
    let diagnosis = Patient::new(&conf).examine(&["host/localhost", "-p", "alice"]);
    diagnosis.names("kdc-down", &["(udp) no answer"]);
}

#[test]
fn reverse_dns_that_leads_to_another_name_is_named() {
    if !has_network_to_itself("doctor::reverse_dns_that_leads_to_another_name_is_named") {
        return;
    }
    let Some(mit) = mit() else { return };
    mit.add_service("HTTP/www.lab.example");
    let address = Ipv4Addr::new(127, 0, 0, 5);
    let records = Records::new()
        .address("www.lab.example", address)
        .pointer(address, "rack7.provider.example");
    let _dns = Dns::start(&records);
    let conf = looking(&mit, "dns_canonicalize_hostname = true\nrdns = true");
    let patient = Patient::signed_in(Suite::Mit, &conf, &[]);
    let diagnosis = patient.examine(&["HTTP/www.lab.example"]);
    let words = [
        "rack7.provider.example",
        "reverse DNS",
        "has HTTP/www.lab.example",
    ];
    diagnosis.names("reverse-dns", &words);
    let help = diagnosis.bad();
    let help = help
        .iter()
        .find(|finding| finding["cause"] == "reverse-dns");
    assert!(help.unwrap()["help"].to_string().contains("rdns = false"));

    // The cure helps.
    looking(&mit, "rdns = false");
    let diagnosis = patient.examine(&["host@www.lab.example"]);
    diagnosis.names("missing-service", &["host/www.lab.example"]);
    let diagnosis = patient.examine(&["HTTP@www.lab.example"]);
    assert_eq!(diagnosis.code, 0, "{:#}", diagnosis.json);
}

/// A client that asks the name service for everything.
fn looking(mit: &Mit, libdefaults: &str) -> PathBuf {
    let path = mit.folder().join("looking.conf");
    let text = fs::read_to_string(mit.krb5_conf()).unwrap();
    let text = text
        .replace("dns_canonicalize_hostname = false\n", "")
        .replace("rdns = false\n", "");
    fs::write(&path, format!("{text}\n[libdefaults]\n{libdefaults}\n")).unwrap();
    path
}

#[test]
fn a_canonical_name_that_the_realm_does_not_have_is_named() {
    if !has_network_to_itself("doctor::a_canonical_name_that_the_realm_does_not_have_is_named") {
        return;
    }
    let Some(mit) = mit() else { return };
    mit.add_service("HTTP/www.lab.example");
    let records = Records::new()
        .host("node3.lab.example", Ipv4Addr::new(127, 0, 0, 5))
        .alias("www.lab.example", "node3.lab.example");
    let _dns = Dns::start(&records);
    let conf = looking(&mit, "rdns = false");
    let patient = Patient::signed_in(Suite::Mit, &conf, &[]);
    let diagnosis = patient.examine(&["HTTP/www.lab.example"]);
    let words = [
        "HTTP/node3.lab.example",
        "canonical name",
        "has HTTP/www.lab.example",
    ];
    diagnosis.names("canonical-name", &words);

    let conf = looking(&mit, "rdns = false\ndns_canonicalize_hostname = fallback");
    let patient = Patient::signed_in(Suite::Mit, &conf, &[]);
    assert_eq!(patient.examine(&["HTTP/www.lab.example"]).code, 0);
}

#[test]
fn kdcs_that_dns_publishes_are_each_asked() {
    if !has_network_to_itself("doctor::kdcs_that_dns_publishes_are_each_asked") {
        return;
    }
    let Some(mit) = mit() else { return };
    let port = mit.addresses().kdc;
    let srv = "_kerberos._udp.LAB.EXAMPLE";
    let records = Records::new()
        .host("kdc.lab.example", Ipv4Addr::LOCALHOST)
        .srv(srv, 0, 0, "kdc.lab.example", port)
        .srv(srv, 1, 0, "gone.lab.example", port);
    let _dns = Dns::start(&records);
    let conf = mit.folder().join("by-dns.conf");
    fs::write(&conf, format!("[libdefaults]\ndefault_realm = {REALM}\n")).unwrap();
    let diagnosis = Patient::new(&conf).examine(&[]);
    let shown = format!("{:#}", diagnosis.json);
    assert_eq!(diagnosis.code, 0, "{shown}");
    assert!(shown.contains("LAB.EXAMPLE kdc.lab.example:"), "{shown}");
    let bad = diagnosis.bad();
    assert_eq!(bad.len(), 1, "{bad:#?}");
    assert!(
        bad[0]["looked_at"].to_string().contains("gone.lab.example"),
        "{shown}"
    );

    fs::write(&conf, "[libdefaults]\ndefault_realm = OTHER.EXAMPLE\n").unwrap();
    let diagnosis = Patient::new(&conf).examine(&[]);
    diagnosis.names(
        "no-kdc",
        &["OTHER.EXAMPLE", "_kerberos._udp.OTHER.EXAMPLE SRV"],
    );
}

#[test]
fn a_service_of_a_realm_to_which_no_trust_leads_is_named() {
    let Some(mit) = mit() else { return };
    let other = Kerb::start(&Setup::realm("OTHER.EXAMPLE"));
    other.add_service("host/localhost");
    let mapping = "[domain_realm]\nlocalhost = OTHER.EXAMPLE";
    let conf = conf_of(&mit, &[mit.addresses(), other.addresses()], mapping);
    let patient = Patient::signed_in(Suite::Mit, &conf, &[]);
    let diagnosis = patient.examine(&["host/localhost"]);
    let words = [
        "host/localhost@OTHER.EXAMPLE",
        "alice@LAB.EXAMPLE",
        "no trust leads from LAB.EXAMPLE",
    ];
    diagnosis.names("no-trust", &words);
    mit.trust("OTHER.EXAMPLE", PASSWORD);
    other.trust(REALM, PASSWORD);
    let diagnosis = patient.examine(&["host/localhost"]);
    assert_eq!(diagnosis.code, 0, "{:#}", diagnosis.json);
}

#[test]
fn a_cache_whose_ticket_has_expired_is_named() {
    let kerb = Kerb::start(&setup());
    kerb.add_user("alice", PASSWORD);
    let patient = Patient::signed_in(Suite::Kerb, kerb.krb5_conf(), &["-l", "2s"]);
    let diagnosis = eventually("an expired ticket", || {
        let diagnosis = patient.examine(&[]);
        (diagnosis.code != 0).then_some(diagnosis)
    });
    let words = ["ccache", "alice@LAB.EXAMPLE expired", "ago"];
    diagnosis.names("cache-expired", &words);
}

#[test]
fn a_password_that_has_expired_is_named_before_anybody_types_it() {
    let Some(mit) = mit() else { return };
    let late = [
        "addprinc",
        "-pw",
        PASSWORD,
        "-pwexpire",
        "2020-01-01",
        "bob",
    ];
    mit.admin(&late);
    let patient = Patient::new(mit.krb5_conf());
    let diagnosis = patient.examine(&["--principal", "bob"]);
    diagnosis.names("key-expired", &["bob@LAB.EXAMPLE", "has expired"]);

    mit.add_service("host/localhost");
    let keytab = mit.keytab("host/localhost");
    mit.admin(&["modprinc", "-pwexpire", "2020-01-01", "host/localhost"]);
    let diagnosis = patient.examine(&["--keytab", keytab.to_str().unwrap()]);
    diagnosis.names("key-expired", &["host/localhost@LAB.EXAMPLE"]);
}

#[test]
fn our_kdc_tells_the_same_faults() {
    let kerb = Kerb::start(&setup());
    kerb.add_user("alice", PASSWORD);
    kerb.add_service("host/localhost");
    let keytab = kerb.keytab("host/localhost");
    let keytab = keytab.to_str().unwrap();
    let patient = Patient::signed_in(Suite::Mit, kerb.krb5_conf(), &[]);
    let diagnosis = patient.examine(&["HTTP/localhost"]);
    diagnosis.names("missing-service", &["HTTP/localhost@LAB.EXAMPLE"]);
    kerb.admin(&["principal", "random-keys", "host/localhost"]);
    let diagnosis = patient.examine(&["--keytab", keytab]);
    diagnosis.names("wrong-kvno", &["key version 2", "keytab has 1"]);
    let nobody = Patient::new(kerb.krb5_conf());
    let diagnosis = nobody.examine(&["--keytab", keytab]);
    diagnosis.names("wrong-kvno", &["key version 2", "keytab has 1"]);
    kerb.admin(&[
        "principal",
        "modify",
        "alice",
        "--password-expires",
        "2020-01-01",
    ]);
    let diagnosis = nobody.examine(&["-p", "alice"]);
    diagnosis.names("key-expired", &["alice@LAB.EXAMPLE"]);
}

#[test]
fn a_service_to_which_the_kdc_refers_is_found_in_the_other_realm() {
    const TEST: &str = "doctor::a_service_to_which_the_kdc_refers_is_found_in_the_other_realm";
    if !has_network_to_itself(TEST) {
        return;
    }
    let mapping = "[domain_realm]\nwww.lab.example = OTHER.EXAMPLE";
    let Some(mit) = Mit::start(&setup().krb5_conf(mapping)) else {
        return;
    };
    mit.add_user("alice", PASSWORD);
    let other = Kerb::start(&Setup::realm("OTHER.EXAMPLE"));
    other.add_service("host/www.lab.example");
    mit.trust("OTHER.EXAMPLE", PASSWORD);
    other.trust(REALM, PASSWORD);
    let _dns = Dns::start(&Records::new().host("www.lab.example", Ipv4Addr::LOCALHOST));
    let conf = conf_of(&mit, &[mit.addresses(), other.addresses()], "");
    let patient = Patient::signed_in(Suite::Mit, &conf, &[]);
    let diagnosis = patient.examine(&["host/www.lab.example"]);
    let shown = format!("{:#}", diagnosis.json);
    assert_eq!(diagnosis.code, 0, "{shown}");
    let found = "\"looked_at\": \"host/www.lab.example@OTHER.EXAMPLE\"";
    assert!(shown.contains(found), "{shown}");
}

#[test]
fn a_name_service_that_says_nothing_is_not_waited_for() {
    if !has_network_to_itself("doctor::a_name_service_that_says_nothing_is_not_waited_for") {
        return;
    }
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)).unwrap();
    let folder = TempDir::new().unwrap();
    let conf = folder.path().join("krb5.conf");
    fs::write(&conf, format!("[libdefaults]\ndefault_realm = {REALM}\n")).unwrap();
    let diagnosis = Patient::new(&conf).examine(&["HTTP/www.lab.example"]);
    diagnosis.names("no-kdc", &[REALM]);
    let slow = diagnosis.bad();
    let slow = slow
        .iter()
        .find(|finding| finding["cause"] == "not-finished");
    assert_eq!(slow.unwrap()["looked_at"], "www.lab.example");
    assert!(silent.recv(&mut [0; 512]).is_ok());
}

#[test]
fn accounts_that_cannot_sign_in_are_named_with_the_reason() {
    let Some(mit) = mit() else { return };
    mit.admin(&["modprinc", "-allow_tix", "alice"]);
    mit.admin(&[
        "addprinc",
        "-pw",
        PASSWORD,
        "-expire",
        "2020-01-01",
        "carol",
    ]);
    let patient = Patient::new(mit.krb5_conf());
    for (name, cause) in [
        ("alice", "account-revoked"),
        ("carol", "account-expired"),
        ("nobody", "unknown-principal"),
    ] {
        let diagnosis = patient.examine(&["-p", name]);
        diagnosis.names(cause, &[&format!("{name}@LAB.EXAMPLE")]);
    }
}

/// What is right is called so, with each KDC.
fn healthy(server: &Server) {
    server.add_user("alice", PASSWORD);
    server.add_service("host/localhost");
    let keytab = server.keytab("host/localhost");
    let keytab = keytab.to_str().unwrap();
    let patient = Patient::signed_in(Suite::Kerb, server.krb5_conf(), &[]);
    let arguments = ["--keytab", keytab, "-p", "alice", "host/localhost"];
    let diagnosis = patient.examine(&arguments);
    diagnosis.finds_nothing_wrong();
    let shown = diagnosis.json.to_string();
    assert!(shown.contains("opens the KDC's tickets"), "{shown}");
    assert!(shown.contains("in step"), "{shown}");
    let nobody = Patient::new(server.krb5_conf());
    nobody.examine(&["--keytab", keytab]).finds_nothing_wrong();
    let (code, text) = nobody.run(&[]);
    assert_eq!(code, 0);
    assert!(
        text.ends_with("nothing is wrong, as far as can be seen from here.\n"),
        "{text}"
    );
}

#[test]
fn nothing_is_wrong_at_a_healthy_site_of_mit() {
    if let Some(mit) = Mit::start(&setup()) {
        healthy(&Server::Mit(mit));
    }
}

#[test]
fn nothing_is_wrong_at_a_healthy_site_of_heimdal() {
    if let Some(heimdal) = Heimdal::start(&setup()) {
        healthy(&Server::Heimdal(heimdal));
    }
}

#[test]
fn nothing_is_wrong_at_a_healthy_site_of_ours() {
    healthy(&Server::Kerb(Kerb::start(&setup())));
}

#[test]
fn a_krb5_conf_that_nobody_can_read_is_the_first_thing_named() {
    let folder = TempDir::new().unwrap();
    let conf = folder.path().join("krb5.conf");
    fs::write(&conf, "[libdefaults]\n default_realm = LAB.EXAMPLE\n}\n").unwrap();
    let diagnosis = Patient::new(&conf).examine(&["HTTP/localhost"]);
    diagnosis.names("configuration-syntax", &["krb5.conf:3", "closes nothing"]);
}

#[test]
fn the_manuals_examples_are_what_the_doctor_says() {
    let Some(mit) = Mit::start(&Setup::realm("EXAMPLE.ORG").krb5_conf(NO_KEYTAB)) else {
        return;
    };
    mit.add_user("alice", "correct horse");
    mit.add_service("host/www.example.org");
    let expired = [
        "addprinc",
        "-pw",
        PASSWORD,
        "-pwexpire",
        "2020-01-01",
        "bob",
    ];
    mit.admin(&expired);
    let folder = TempDir::with_prefix("kerbstone-transcript-").unwrap();
    let keytab = mit.keytab("host/www.example.org");
    fs::copy(keytab, folder.path().join("www.keytab")).unwrap();
    mit.admin(&["cpw", "-randkey", "host/www.example.org"]);
    fs::copy(mit.krb5_conf(), folder.path().join("krb5.conf")).unwrap();
    let environment = environment(Path::new("krb5.conf"), folder.path());
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/doctor.md");
    transcripts::play(&page, folder.path(), &environment);
}
