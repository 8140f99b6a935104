//! kvno and kpasswd beside MIT's, against MIT's KDC.

use crate::side_by_side::{SideBySide, call};

fn with_services() -> Option<SideBySide> {
    let sides = SideBySide::start()?;
    sides.mit.add_user("alice", "correct horse");
    for service in ["host/www.example.org", "HTTP/www.example.org"] {
        sides.mit.add_service(service);
    }
    sides.mit.trust("AWAY.ORG", "far");
    sides.copy(&sides.mit.keytab("host/www.example.org"), "keytab");
    sides.copy(&sides.mit.keytab("alice"), "alice.keytab");
    Some(sides)
}

#[test]
fn gets_tickets_as_mit_does() {
    let Some(sides) = with_services() else { return };
    sides.same(call("kvno host/www.example.org"));
    sides.same(call("kinit alice").typing("correct horse\n"));
    for line in [
        "kvno host/www.example.org",
        "kvno host/www.example.org HTTP/www.example.org@EXAMPLE.ORG",
        "kvno -S host www.example.org",
        "kvno -S HTTP WWW.example.org",
        "kvno -u HTTP/www.example.org",
        "kvno -C host/www.example.org",
        "kvno -e aes128-cts host/www.example.org",
        "kvno -k keytab host/www.example.org",
        "kvno -q -k $W/keytab host/www.example.org",
        "kvno --no-store HTTP/www.example.org",
        "kvno --cached-only HTTP/www.example.org",
        "kvno --out-cache $W/out host/www.example.org",
        "kvno --out $W/outs host/www.example.org HTTP/www.example.org",
        "klist out",
        "klist outs",
        "kvno --u2u $W/cc alice",
        "kvno krbtgt/EXAMPLE.ORG",
        "kvno --out-cache $W/away krbtgt/AWAY.ORG",
        "klist -C away",
        "kvno -c cc alice",
        "klist -fe",
    ] {
        let left = sides.same(call(line));
        assert_eq!(left.code, Some(0), "{line}");
    }
}

#[test]
fn fails_to_get_tickets_as_mit_does() {
    let Some(sides) = with_services() else { return };
    sides.same(call("kinit alice").typing("correct horse\n"));
    for line in [
        "kvno",
        "kvno -h",
        "kvno -Z",
        "kvno -e",
        "kvno --out-cache",
        "kvno --no- x",
        "kvno -u -S host www.example.org",
        "kvno -S host -u www.example.org",
        "kvno --u2u x -I bob alice",
        "kvno -P alice",
        "kvno nosuch/www.example.org",
        "kvno host/www.example.org nosuch/x HTTP/www.example.org",
        "kvno -q host/www.example.org nosuch/x",
        "kvno a@b@c",
        "kvno -q a@b@c",
        "kvno -e foo host/www.example.org",
        "kvno -S host localhost",
        "kvno -k alice.keytab host/www.example.org",
        "kvno -k /nonexistent HTTP/www.example.org",
        "kvno -k FOO:x HTTP/www.example.org",
        "kvno --cached-only nosuch/x",
        "kvno --u2u /nonexistent alice",
        "kvno -c /nonexistent alice",
        "kvno -c FOO:x alice",
        "kvno --out-cache FOO:x alice",
        "kvno ''",
    ] {
        let left = sides.same(call(line));
        assert_eq!(left.code, Some(1), "{line}");
    }
}

#[test]
fn acts_for_users_as_mit_does() {
    let Some(sides) = SideBySide::in_directory() else {
        return;
    };
    let mit = &sides.mit;
    mit.add_user("alice", "correct horse");
    mit.add_service("HTTP/www.example.org");
    mit.admin(&[
        "modprinc",
        "+ok_to_auth_as_delegate",
        "HTTP/www.example.org",
    ]);
    mit.add_service("imap/mail.example.org");
    mit.add_service("imap/other.example.org");
    mit.allow_delegation("HTTP/www.example.org", "imap/mail.example.org");
    sides.copy(&mit.keytab("HTTP/www.example.org"), "keytab");
    let pem = "junk\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    for (name, text) in [
        ("cert", pem),
        ("cert.empty", ""),
        ("cert.cut", "-----BEGIN CERTIFICATE-----\nMAA=\n"),
        (
            "cert.odd",
            "-----BEGIN CERTIFICATE-----\nA: b\n-----END C\n",
        ),
        ("cert.bad", "-----BEGIN CERTIFICATE-----\n?\n-----END C\n"),
    ] {
        let file = mit.folder().join(name);
        std::fs::write(&file, text).unwrap();
        sides.copy(&file, name);
    }
    sides.same(call("kinit -f -k -t keytab HTTP/www.example.org"));
    for line in [
        "kvno -I alice HTTP/www.example.org",
        "kvno -k keytab -I alice HTTP/www.example.org",
        "kvno --cached-only -I alice HTTP/www.example.org",
        "kvno -I alice -P imap/mail.example.org",
        "kvno -q -I alice -P imap/mail.example.org",
        "kvno --out-cache $W/self -I alice HTTP/www.example.org",
        "klist -f self",
        "kvno --out-cache $W/proxied -I alice -P imap/mail.example.org",
        "klist -f proxied",
        "klist -f",
    ] {
        let left = sides.same(call(line));
        assert_eq!(left.code, Some(0), "{line}");
    }
    for line in [
        "kvno -I nobody HTTP/www.example.org",
        "kvno -U nobody@example.org HTTP/www.example.org",
        "kvno -I a@b@c HTTP/www.example.org",
        "kvno -I alice imap/mail.example.org",
        "kvno -I alice -P imap/other.example.org",
        "kvno -I alice -P imap/nosuch.example.org",
        "kvno --cached-only -I nobody HTTP/www.example.org",
        "kvno -F cert HTTP/www.example.org",
        "kvno -F cert.empty HTTP/www.example.org",
        "kvno -F cert.cut HTTP/www.example.org",
        "kvno -F cert.odd HTTP/www.example.org",
        "kvno -F cert.bad HTTP/www.example.org",
        "kvno -F nosuch HTTP/www.example.org",
    ] {
        let left = sides.same(call(line));
        assert_eq!(left.code, Some(1), "{line}");
    }
}

#[test]
fn changes_passwords_as_mit_does() {
    let Some(sides) = with_services() else { return };
    let mit = &sides.mit;
    mit.admin(&[
        "addpol",
        "-minlength",
        "6",
        "-minclasses",
        "2",
        "-history",
        "2",
        "strict",
    ]);
    for name in ["bob1", "bob2"] {
        mit.admin(&[
            "addprinc",
            "-pw",
            "Battery9",
            "-policy",
            "strict",
            "+requires_preauth",
            name,
        ]);
    }
    for (line, typed) in [
        ("kpasswd a b", ""),
        ("kpasswd nobody", ""),
        ("kpasswd a@b@c", ""),
        ("kpasswd alice@DEAD.ORG", ""),
        ("kpasswd alice@NOWHERE.ORG", ""),
        ("kpasswd bob1", "wrong\n"),
        ("kpasswd bob1", ""),
        ("kpasswd alice", "correct horse\na\nb\n"),
        ("kpasswd alice", "correct horse\n"),
        ("kpasswd alice", "correct horse\na\n"),
    ] {
        let left = sides.same(call(line).typing(typed));
        assert_eq!(left.code, Some(1), "{line}");
    }
    for typed in [
        "Battery9\nx1\nx1\n",
        "Battery9\n\n\n",
        "Battery9\nBattery9\nBattery9\n",
        "Battery9\nStaple99\nStaple99\n",
        "Staple99\nBattery9\nBattery9\n",
    ] {
        let theirs = sides.at_theirs(&call("kpasswd bob1").typing(typed));
        let mut ours = sides.at_ours(&call("kpasswd bob2").typing(typed));
        ours.stdout = ours.stdout.replace("bob2", "bob1");
        assert_eq!(theirs, ours, "typing {typed:?}");
    }
    sides.same(call("kinit alice").typing("correct horse\n"));
    sides.same(call("kpasswd").typing("wrong\n"));
}
