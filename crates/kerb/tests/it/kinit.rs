//! kinit beside MIT's, against MIT's KDC.

use std::path::PathBuf;

use kerbstone_testkit::lab::{Session, Suite};

use crate::side_by_side::{SideBySide, call};

fn with_users() -> Option<SideBySide> {
    let sides = SideBySide::start()?;
    let mit = &sides.mit;
    mit.admin(&["addpol", "-minlength", "6", "long"]);
    for (name, options) in [
        ("alice", &["+requires_preauth"] as &[&str]),
        ("nopreauth", &[]),
        ("locked", &["+requires_preauth", "-allow_tix"]),
        ("gone", &["+requires_preauth", "-expire", "2020-01-01"]),
        ("soon", &["-pwexpire", "3 days"]),
        ("today", &["-pwexpire", "90 minutes"]),
    ] {
        let mut arguments = vec!["addprinc", "-pw", "correct horse"];
        arguments.extend_from_slice(options);
        arguments.push(name);
        mit.admin(&arguments);
    }
    // One for each desk, as a change at one would be seen at the other.
    for name in ["expired1", "expired2", "strict1", "strict2"] {
        let policy: &[&str] = if name.starts_with("strict") {
            &["-policy", "long"]
        } else {
            &[]
        };
        let mut arguments = vec![
            "addprinc",
            "-pw",
            "old password",
            "-pwexpire",
            "2020-01-01",
            "+requires_preauth",
        ];
        arguments.extend_from_slice(policy);
        arguments.push(name);
        mit.admin(&arguments);
    }
    mit.add_service("host/www.example.org");
    sides.copy(&mit.keytab("alice"), "alice.keytab");
    sides.copy(&mit.keytab("host/www.example.org"), "keytab");
    Some(sides)
}

#[test]
fn refuses_a_wrong_command_line_as_mit_does() {
    let Some(sides) = SideBySide::start() else {
        return;
    };
    for line in [
        "kinit -Q",
        "kinit -QZ -l 1h",
        "kinit --foo",
        "kinit --canonicalize=3",
        "kinit --no",
        "kinit --n",
        "kinit -l",
        "kinit -l abc alice",
        "kinit -l 0 -r x -f -F a b",
        "kinit -l 99999999999 alice",
        "kinit -s foo alice",
        "kinit -a -A alice",
        "kinit -p -P -f -F alice",
        "kinit --request-pac --no-request-pac",
        "kinit -t x -i alice",
        "kinit -t x -t y alice",
        "kinit -c x -c y alice",
        "kinit -I x -I y alice",
        "kinit -T x -T y alice",
        "kinit -4",
        "kinit -h",
        "kinit a b c",
    ] {
        let left = sides.same(call(line));
        assert_ne!(left.code, Some(0), "{line}");
    }
}

#[test]
fn fails_as_mit_does() {
    let Some(sides) = with_users() else { return };
    sides.write("garbage", b"garbage");
    sides.write("none.keytab", b"\x05\x02");
    for line in [
        "kinit nobody",
        "kinit locked",
        "kinit gone",
        "kinit a@b@c",
        "kinit alice@NOWHERE.ORG",
        "kinit alice@DEAD.ORG",
        "kinit alice@",
        "kinit ''",
        "kinit -E alice@elsewhere.org",
        "kinit -R",
        "kinit -v",
        "kinit -c FOO:x alice",
        "kinit -c /nonexistent/cc -V -kt alice.keytab alice",
        "kinit -k -t alice.keytab locked",
        "kinit -k -t FOO:x alice",
        "kinit -kt none.keytab alice",
        "kinit -kt garbage alice",
        "kinit -kt /nonexistent/keytab alice",
        "kinit -ki",
        "kinit -V -ki alice",
        "kinit -k alice",
        "kinit -k",
        "kinit -V -I FOO:x alice",
    ] {
        let left = sides.same(call(line));
        assert_ne!(left.code, Some(0), "{line}");
    }
    for (line, typed) in [
        ("kinit alice", "wrong\n"),
        ("kinit alice", "wrong"),
        ("kinit alice", ""),
        ("kinit nopreauth", "wrong\n"),
        ("kinit -S nosuch/www alice", "correct horse\n"),
    ] {
        let left = sides.same(call(line).typing(typed));
        assert_eq!(left.code, Some(1), "{line}");
    }
    for line in ["kinit alice", "kinit -V alice", "kinit -R"] {
        sides.same(call(line).with("KRB5_CONFIG", "/dev/null"));
        sides.same(call(line).with("KRB5_CONFIG", "$W/garbage"));
    }
}

#[test]
fn signs_in_as_mit_does() {
    let Some(sides) = with_users() else { return };
    for flags in [
        "-V",
        "-f -p",
        "-fp -l1h -r2h",
        "-F -P -A",
        "-l 30m",
        "-l 1:30 -r 1d12h",
        "-r 7d",
        "-l 30d -r 30d",
        "-s 2h -l 1h",
        "-S host/www.example.org",
        "-S kadmin/changepw",
        "-a",
        "-C",
        "-X foo=bar -V",
        "--request-pac",
        "--can --forw",
        "-V -I /nonexistent",
        "-5",
    ] {
        let line = format!("kinit {flags} alice");
        let left = sides.same(call(&line).typing("correct horse\n"));
        assert_eq!(left.code, Some(0), "{line}");
        sides.same(call("klist -feaC"));
    }
    for name in ["soon", "nopreauth"] {
        let line = format!("kinit {name}");
        assert_eq!(
            sides.same(call(&line).typing("correct horse\n")).code,
            Some(0),
            "{line}"
        );
        sides.same(call("klist -feC"));
    }
    // Without a name: the cache's owner.
    assert_eq!(
        sides.same(call("kinit -V").typing("correct horse\n")).code,
        Some(0)
    );
}

#[test]
fn signs_in_with_keytabs_as_mit_does() {
    let Some(sides) = with_users() else { return };
    sides.copy(&sides.mit.folder().join("alice.keytab"), "client.keytab");
    for line in [
        "kinit -kt alice.keytab alice",
        "kinit -V -t $W/alice.keytab alice",
        "kinit -V -k -t FILE:$W/alice.keytab -S host/www.example.org alice",
        "kinit -V -ki",
        "kinit -i -V alice",
        "kinit -V -k host/www.example.org",
        "kinit -V -k -c $W/other host/www.example.org",
        "klist other",
    ] {
        let left = sides.same(call(line));
        assert_eq!(left.code, Some(0), "{line}");
        sides.same(call("klist -fe"));
    }
}

#[test]
fn renews_and_validates_as_mit_does() {
    let Some(sides) = with_users() else { return };
    let steps = [
        ("kinit -l 1h -r 2h -f alice", "correct horse\n"),
        ("kinit -R -V", ""),
        ("klist -feC", ""),
        ("kinit -R alice", ""),
        ("kinit -R nopreauth", ""),
        ("kinit -R -S host/www.example.org", ""),
        ("kinit -v", ""),
        ("kinit -l 1h alice", "correct horse\n"),
        ("kinit -R", ""),
        ("kinit -s 1h -l 1h alice", "correct horse\n"),
        ("kinit -v", ""),
        ("klist -f", ""),
    ];
    for (line, typed) in steps {
        sides.same(call(line).typing(typed));
    }
}

#[test]
fn heeds_the_configuration_as_mit_does() {
    let Some(sides) = with_users() else { return };
    let ours = std::fs::read_to_string(sides.mit.krb5_conf()).unwrap();
    for relation in [
        "kdc_default_options = 0",
        "kdc_default_options = 1073741840",
        "ccache_type = 3",
    ] {
        let conf = ours.replace("[libdefaults]", &format!("[libdefaults]\n{relation}"));
        sides.write("krb5.conf", conf.as_bytes());
        // Longer than the realm allows: renewable, if that will do.
        for (line, typed) in [("kinit -l 30d alice", "correct horse\n"), ("klist -fC", "")] {
            sides.same(call(line).typing(typed).with("KRB5_CONFIG", "$W/krb5.conf"));
        }
        let versions = sides
            .desks()
            .map(|desk| std::fs::read(desk.join("cc")).unwrap()[..2].to_vec());
        assert_eq!(versions[0], versions[1], "{relation}");
    }
}

#[test]
fn chooses_among_the_caches_of_a_collection_as_mit_does() {
    let Some(sides) = with_users() else { return };
    let steps = [
        "kinit -V alice",
        "kinit -V nopreauth",
        "klist -l",
        "kinit -V alice",
        "klist -l",
        "kinit -V",
        "kinit -V soon",
        "klist -A",
        "kdestroy",
        "kinit -V soon",
        "klist -l",
        "kdestroy -A",
        "klist -A",
    ];
    for line in steps {
        let step = call(line)
            .typing("correct horse\n")
            .with("KRB5CCNAME", "DIR:$W/caches");
        // Which of the other caches comes first is a matter of the folder.
        let sort = |text: &str| {
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let (theirs, ours) = (sides.at_theirs(&step), sides.at_ours(&step));
        assert_eq!(theirs.code, ours.code, "{line}");
        assert_eq!(theirs.stderr, ours.stderr, "{line}");
        assert_eq!(sort(&theirs.stdout), sort(&ours.stdout), "{line}");
    }
}

#[test]
fn lets_an_expired_password_be_changed_as_mit_does() {
    let Some(sides) = with_users() else { return };
    for (user, typed) in [
        ("expired", "old password\n"),
        ("expired", "old password\nnew one\nnew two\n"),
        ("expired", "old password\na\nb\na\nb\na\nb\n"),
        ("expired", "old password\n\n\n\n\n\n\n"),
        ("strict", "old password\nabc\nabc\n"),
        (
            "strict",
            "old password\nabc\nabc\nnew password\nnew password\n",
        ),
        ("expired", "old password\n\n\nnew password\nnew password\n"),
    ] {
        let lines = [format!("kinit {user}1"), format!("kinit {user}2")];
        let theirs = sides.at_theirs(&call(&lines[0]).typing(typed));
        let mut ours = sides.at_ours(&call(&lines[1]).typing(typed));
        for text in [&mut ours.stdout, &mut ours.stderr] {
            *text = text.replace(&format!("{user}2"), &format!("{user}1"));
        }
        assert_eq!(theirs, ours, "{user} typing {typed:?}");
    }
    sides.same(call("kinit -kt keytab expired1"));
}

#[test]
fn hides_what_is_typed_on_a_terminal_as_mit_does() {
    let Some(sides) = with_users() else { return };
    let asked = |kinit: PathBuf| {
        let kinit = kinit.to_str().unwrap();
        let session = Session::new(Suite::Mit, sides.mit.krb5_conf());
        let prompt = "Password for alice@EXAMPLE.ORG: ";
        let wrong = session.converse(kinit, &["alice"], &[(prompt, "wrong")]);
        // A slip taken back with Backspace, a line begun anew with Ctrl-U.
        let typed = "oops\u{15}correct hors\u{7f}se";
        let right = session.converse(kinit, &["alice"], &[(prompt, typed)]);
        assert_eq!(right.code, 0, "{right}");
        [wrong.stdout, right.stdout]
    };
    let [theirs, ours] = sides.paths_of("kinit").map(asked);
    assert_eq!(theirs, ours);
}
