//! `kerb admin` against a running KDC of ours, judged by what MIT's programs then can do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kerbstone_testkit::lab::{Finished, Kerb, Session, Setup, Suite, require};

use crate::service::eventually;

const REALM: &str = "ADMIN.EXAMPLE";

fn lab() -> Kerb {
    Kerb::start(&Setup::realm(REALM).enctypes(&["aes256-cts-hmac-sha1-96"]))
}

/// A user of MIT's programs; `None` when they are not on this machine.
fn mit_user(kerb: &Kerb) -> Option<Session> {
    require("kinit", "krb5-user").then(|| Session::new(Suite::Mit, kerb.krb5_conf()))
}

/// A command of `kerb admin` that is refused.
fn refused(kerb: &Kerb, arguments: &[&str]) -> Finished {
    kerb.run(&[&["admin"], arguments].concat(), "").failed()
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn mits_programs_use_what_was_administered() {
    let kerb = lab();
    kerb.add_user("alice", "correct horse");
    kerb.add_service("host/www.example");
    let keytab = kerb.folder().join("www.keytab");
    kerb.admin(&["keytab", "write", path(&keytab), "host/www.example"]);
    assert_eq!(
        fs::metadata(&keytab).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let Some(user) = mit_user(&kerb) else { return };
    user.sign_in("alice", "correct horse", &[]).succeeded();
    let checked = user.run("kvno", &["-k", path(&keytab), "host/www.example"], "");
    checked.succeeded().saying("keytab entry valid");
    let service = Session::new(Suite::Mit, kerb.krb5_conf());
    service
        .sign_in_with_keytab("host/www.example", &keytab, &[])
        .succeeded();
}

#[test]
fn new_keys_go_beside_old_ones_in_a_keytab_and_kept_keys_change_nothing() {
    let kerb = lab();
    kerb.add_service("host/www.example");
    let keytab = kerb.folder().join("www.keytab");
    let write = |options: &[&str]| {
        let start = ["keytab", "write", path(&keytab), "host/www.example"];
        kerb.admin(&[&start[..], options].concat())
    };
    write(&["--keep-keys"]);
    write(&["--keep-keys"]);
    write(&["--keep-old"]);
    let shown = kerb.admin(&["principal", "show", "host/www.example", "--json"]);
    let versions = |rows: &serde_json::Value| -> Vec<u64> {
        let rows = rows.as_array().unwrap();
        rows.iter()
            .map(|row| row["kvno"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(versions(&json(&shown)["keys"]), [2, 1]);
    let Some(user) = mit_user(&kerb) else { return };
    let list = user.run("klist", &["-k", path(&keytab)], "").succeeded();
    assert_eq!(list.stdout.matches("host/www.example").count(), 2, "{list}");
}

#[test]
fn keys_stay_when_their_keytab_cannot_be_written() {
    let kerb = lab();
    kerb.add_service("host/www.example");
    let nowhere = kerb.folder().join("no/such/folder/www.keytab");
    refused(
        &kerb,
        &["keytab", "write", path(&nowhere), "host/www.example"],
    )
    .saying("help:");
    let damaged = kerb.folder().join("damaged.keytab");
    fs::write(&damaged, "no keytab").unwrap();
    refused(
        &kerb,
        &["keytab", "write", path(&damaged), "host/www.example"],
    );
    let shown = kerb.admin(&["principal", "show", "host/www.example", "--json"]);
    assert_eq!(json(&shown)["keys"][0]["kvno"], 1);
    let unused = kerb.folder().join("unused.keytab");
    refused(&kerb, &["keytab", "write", path(&unused), "host/nobody"]);
    assert!(!unused.exists(), "no empty file is left");
}

#[test]
fn passwords_locks_aliases_and_names_take_effect_at_once() {
    let kerb = lab();
    kerb.add_user("alice", "first");
    let Some(user) = mit_user(&kerb) else { return };
    let sign_in = |name: &str, password: &str| user.sign_in(name, password, &[]);
    sign_in("alice", "first").succeeded();
    kerb.admin_with(
        &["principal", "password", "alice", "--password-stdin"],
        "second",
    );
    sign_in("alice", "first").failed();
    sign_in("alice", "second").succeeded();
    kerb.admin(&["principal", "lock", "alice"]);
    sign_in("alice", "second").failed();
    kerb.admin(&["principal", "unlock", "alice"]);
    sign_in("alice", "second").succeeded();
    kerb.admin(&["principal", "modify", "alice", "--attributes", "-allow_tix"]);
    sign_in("alice", "second").failed();
    kerb.admin(&["principal", "modify", "alice", "--attributes", "+allow_tix"]);
    kerb.admin(&["principal", "rename", "alice", "alicia", "--yes"]);
    sign_in("alicia", "second").succeeded();
    kerb.admin(&["principal", "alias", "add", "al", "alicia"]);
    user.sign_in("al", "second", &["-C"]).succeeded();
    kerb.admin(&["principal", "alias", "remove", "al"]);
    sign_in("al", "second").failed();
    kerb.admin(&["principal", "delete", "alicia", "--yes"]);
    sign_in("alicia", "second").failed();
}

#[test]
fn policies_hold_for_passwords_and_lives() {
    let kerb = lab();
    let strict = ["--min-length", "10", "--max-life", "1h", "--history", "2"];
    kerb.admin(&[&["policy", "add", "strict"], &strict[..]].concat());
    let add = [
        "admin",
        "principal",
        "add",
        "alice",
        "--policy",
        "strict",
        "--password-stdin",
    ];
    let short = kerb.run(&add, "short\n").failed();
    short.saying("too short").saying("help: choose another");
    kerb.run(&add, "long enough\n").succeeded();
    let alice = json(&kerb.admin(&["principal", "show", "alice", "--json"]));
    assert_eq!(
        (&alice["policy"], &alice["max_life"]),
        (&"strict".into(), &3600.into())
    );
    refused(&kerb, &["policy", "delete", "strict"]).saying("in use");
    kerb.admin(&["principal", "modify", "alice", "--no-policy"]);
    kerb.admin(&["policy", "delete", "strict"]);
    assert_eq!(kerb.admin(&["policy", "list"]), "");
}

#[test]
fn realms_come_and_go_and_names_need_one_then() {
    let kerb = lab();
    kerb.admin(&["realm", "add", "SECOND.EXAMPLE", "--max-life", "2h"]);
    assert_eq!(
        kerb.admin(&["realm", "list"]),
        format!("{REALM}\nSECOND.EXAMPLE\n")
    );
    kerb.admin(&["principal", "add", "bob@SECOND.EXAMPLE", "--random-key"]);
    let second = kerb.admin(&["principal", "list", "b*", "--realm", "SECOND.EXAMPLE"]);
    assert_eq!(second, "bob@SECOND.EXAMPLE\n");
    // krb5.conf of the lab names the first one as the default.
    assert_eq!(kerb.admin(&["principal", "list", "b*"]), "");
    kerb.admin(&["realm", "delete", "SECOND.EXAMPLE", "--yes"]);
    refused(&kerb, &["principal", "list", "--realm", "SECOND.EXAMPLE"]).saying("realm list");
}

#[test]
fn a_random_trust_leaves_its_password_in_a_private_file() {
    let kerb = lab();
    let file = kerb.folder().join("trust.secret");
    let add = [
        "trust",
        "add",
        "PARTNER.EXAMPLE",
        "--random",
        "--secret-file",
        path(&file),
    ];
    let told = kerb.admin(&add);
    let secret = fs::read_to_string(&file).unwrap();
    assert!(
        secret.trim().len() >= 32 && !told.contains(secret.trim()),
        "{told}"
    );
    assert!(
        told.contains("krbtgt/ADMIN.EXAMPLE@PARTNER.EXAMPLE"),
        "{told}"
    );
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    refused(&kerb, &add).saying("does not exist yet");
    let trusts = json(&kerb.admin(&["trust", "list", "--json"]));
    assert_eq!(trusts[0]["realm"], "PARTNER.EXAMPLE");
    kerb.admin(&["trust", "remove", "PARTNER.EXAMPLE", "--yes"]);
    assert_eq!(
        json(&kerb.admin(&["trust", "list", "--json"])),
        serde_json::json!([])
    );
}

#[test]
fn a_hot_dump_is_restored_and_everybody_is_there_again() {
    let mut kerb = lab();
    kerb.add_user("alice", "correct horse");
    let dump = kerb.folder().join("hot.dump");
    kerb.admin(&["dump", path(&dump)]);
    assert_eq!(
        fs::metadata(&dump).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let busy = kerb.run(&["kdc", "dump", path(&kerb.folder().join("cold.dump"))], "");
    busy.failed().saying("kerb admin dump");
    kerb.stop();
    let full = kerb.run(&["kdc", "restore", path(&dump)], "");
    full.failed().saying("nothing was changed");
    fs::remove_file(kerb.folder().join("realm.redb")).unwrap();
    kerb.run(&["kdc", "restore", path(&dump)], "").succeeded();
    kerb.start_servers();
    assert!(
        kerb.admin(&["principal", "list", "alice"])
            .contains("alice")
    );
    let Some(user) = mit_user(&kerb) else { return };
    user.sign_in("alice", "correct horse", &[]).succeeded();
}

#[test]
fn the_dump_directory_fills_by_itself() {
    let setup = Setup::realm(REALM).kdc_conf("dump_directory = \"dumps\"");
    let kerb = Kerb::start(&setup);
    let directory = kerb.folder().join("dumps");
    let made = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        fs::read_dir(&directory).is_ok_and(|mut entries| {
            entries.any(|entry| {
                entry
                    .unwrap()
                    .path()
                    .extension()
                    .is_some_and(|end| end == "dump")
            })
        })
    });
    assert!(made, "{}", kerb.log());
}

#[test]
fn the_audit_log_says_who_did_what_and_no_secret() {
    let kerb = lab();
    kerb.add_user("alice", "correct horse");
    refused(&kerb, &["principal", "show", "bob"]);
    let audit = kerb.audit();
    let lines: Vec<_> = audit.lines().map(json).collect();
    let of = |operation: &str| {
        lines
            .iter()
            .find(|line| line["operation"] == operation)
            .unwrap()
    };
    assert_eq!(of("create_principal")["target"], format!("alice@{REALM}"));
    assert_eq!(of("get_principal")["outcome"], "refused");
    assert!(!audit.contains("horse"));
}

#[test]
fn mistakes_are_explained() {
    let kerb = lab();
    let told = [
        (
            &[
                "principal",
                "modify",
                "alice",
                "--attributes",
                "+require_preauth",
            ][..],
            "did you mean `requires_preauth`?",
        ),
        (
            &["principal", "modify", "alice", "--expires", "soon"],
            "2027-01-31",
        ),
        (
            &[
                "principal",
                "add",
                "alice",
                "--random-key",
                "--enctypes",
                "rot13",
            ],
            "rot13",
        ),
        (&["principal", "show", "alice"], "kerb admin principal add"),
        (&["principal", "show", "a@b@c"], "takes the meaning"),
        (&["principal", "delete", "krbtgt/ADMIN.EXAMPLE"], "--yes"),
        (
            &["principal", "delete", "krbtgt/ADMIN.EXAMPLE", "--yes"],
            "-lockdown_keys",
        ),
        (&["principal", "list", "["], "malformed pattern"),
    ];
    for (arguments, words) in told {
        refused(&kerb, arguments).saying(words);
    }
    let socket = kerb.folder().join("no.sock");
    let gone = ["admin", "--socket", path(&socket), "privileges"];
    let gone = kerb.run(&gone, "").failed();
    assert_eq!(gone.code, 4, "{gone}");
}

/// RFC 3244's set request; of the peers' programs Heimdal's kpasswd alone sends it.
#[test]
fn a_help_desk_sets_passwords_as_the_acl_says_and_no_others() {
    if !Suite::Heimdal.is_present() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let acl = folder.path().join("kadm5.acl");
    fs::write(&acl, "help/desk c *\nhelp/look i *\n").unwrap();
    let section = format!("[admin]\nacl = \"{}\"", acl.display());
    let kerb = Kerb::start(&Setup::realm(REALM).kdc_conf(&section));
    for name in ["alice", "help/desk", "help/look"] {
        kerb.add_user(name, "first password");
    }
    let user = Session::new(Suite::Heimdal, kerb.krb5_conf());
    let set = |admin: &str, target: &str, password: &str| {
        let admin = format!("--admin-principal={admin}@{REALM}");
        let target = format!("{target}@{REALM}");
        let dialogue = [
            ("Password:", "first password"),
            ("New password", password),
            ("Verify", password),
        ];
        user.converse("kpasswd", &[&admin, &target], &dialogue)
    };
    set("help/desk", "alice", "by the help desk").saying("Success");
    user.sign_in("alice", "by the help desk", &[]).succeeded();
    let denied = set("help/look", "alice", "by somebody else");
    assert!(!denied.says("Success"), "{denied}");
    user.sign_in("alice", "by the help desk", &[]).succeeded();
    let locked_down = set("help/desk", "kadmin/admin", "mine now");
    assert!(!locked_down.says("Success"), "{locked_down}");
    // The log gathers lines for a moment.
    eventually("both refusals are in the audit log", || {
        let refused = kerb.audit().matches("may not set the password of").count();
        (refused == 2).then_some(())
    });
}

#[test]
fn services_act_for_users_as_they_are_listed() {
    let kerb = lab();
    kerb.add_user("alice", "correct horse");
    let front = "HTTP/front.example";
    for service in [front, "HTTP/back.example", "HTTP/open.example"] {
        kerb.add_service(service);
    }
    let listed = ["--delegate-to", "HTTP/back.example"];
    let trusted = ["--attributes", "+ok_to_auth_as_delegate"];
    kerb.admin(&[&["principal", "modify", front], &listed[..], &trusted].concat());
    let admitted = ["HTTP/open.example", "--delegate-from", front];
    kerb.admin(&[&["principal", "modify"], &admitted[..]].concat());
    let shown = kerb.admin(&["principal", "show", front]);
    assert!(shown.contains("HTTP/back.example@ADMIN.EXAMPLE"), "{shown}");
    let shown = json(&kerb.admin(&["principal", "show", "HTTP/open.example", "--json"]));
    assert_eq!(
        shown["delegate_from"][0],
        "HTTP/front.example@ADMIN.EXAMPLE"
    );
    let keytab = kerb.folder().join("front.keytab");
    kerb.admin(&["keytab", "write", path(&keytab), front]);
    if !require("kinit", "krb5-user") {
        return;
    }
    let service = Session::new(Suite::Mit, kerb.krb5_conf());
    let act = |target| {
        service.destroy();
        service
            .sign_in_with_keytab(front, &keytab, &["-f"])
            .succeeded();
        service.run("kvno", &["-U", "alice", "-P", target], "")
    };
    act("HTTP/back.example").succeeded();
    act("HTTP/open.example").succeeded();
    let audit = kerb.audit();
    let said = r#""acting_for":"alice@ADMIN.EXAMPLE","acting_how":"s4u2proxy""#;
    assert!(audit.contains(said), "{audit}");
    let no_longer = ["--no-delegate-to", "HTTP/back.example"];
    kerb.admin(&[&["principal", "modify", front], &no_longer[..]].concat());
    act("HTTP/back.example").failed();
    kerb.admin(&["realm", "modify", REALM, "--pac", "false"]);
    let realm = json(&kerb.admin(&["realm", "show", REALM, "--json"]));
    assert_eq!(realm["issues_pac"], false);
    act("HTTP/open.example").failed();
}
