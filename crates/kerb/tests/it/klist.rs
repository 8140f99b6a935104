//! klist, kdestroy and kswitch beside MIT's.

use std::fs;

use crate::side_by_side::{SideBySide, call};

/// A cache with several tickets, written by MIT's kinit and kvno and copied to both desks.
fn with_a_cache(sides: &SideBySide) {
    sides.mit.add_user("alice", "correct horse");
    sides.mit.add_service("host/www.example.org");
    sides.mit.add_service("HTTP/www.example.org");
    for line in [
        "kinit -f -p -r 2d -c $W/made alice",
        "kinit -a -c $W/bound alice",
    ] {
        let login = call(line).typing("correct horse\n");
        assert_eq!(sides.at_theirs(&login).code, Some(0), "{line}");
    }
    for line in [
        "kvno -c $W/made host/www.example.org HTTP/www.example.org",
        "kvno -c $W/made -e aes128-cts host/www.example.org",
        "kvno -c $W/made --u2u $W/made alice",
    ] {
        assert_eq!(sides.at_theirs(&call(line)).code, Some(0), "{line}");
    }
    let [theirs, _] = sides.desks();
    sides.copy(&theirs.join("made"), "cc");
    sides.copy(&theirs.join("bound"), "bound");
}

#[test]
fn shows_a_cache_as_mit_does() {
    let Some(sides) = SideBySide::start() else {
        return;
    };
    with_a_cache(&sides);
    for line in [
        "klist",
        "klist -f",
        "klist -e",
        "klist -a",
        "klist -an",
        "klist -a bound",
        "klist -anf bound",
        "klist -d",
        "klist -C",
        "klist -feadC",
        "klist -c -fe $W/cc",
        "klist -5 -f FILE:$W/cc",
        "klist -A",
        "klist -l",
        "klist -s",
        "klist -sA",
        "klist -V",
        "klist -i",
        "klist -- cc",
        "klist cc -f",
    ] {
        let left = sides.same(call(line));
        assert_eq!(left.code, Some(0), "{line}");
    }
    for zone in [
        "Europe/Paris",
        "America/New_York",
        "EST5EDT",
        "<+0330>-3:30",
    ] {
        sides.same(call("klist").with("TZ", zone));
    }
    for locale in ["C.UTF-8", "POSIX", "xx_XX.UTF-8"] {
        sides.same(call("klist").with("LC_ALL", locale));
    }
    sides.same(call("klist -f").with("POSIXLY_CORRECT", "1"));
    sides.same(call("klist cc -f").with("POSIXLY_CORRECT", "1"));
}

#[test]
fn shows_a_keytab_as_mit_does() {
    let Some(sides) = SideBySide::start() else {
        return;
    };
    sides.mit.add_service("host/www.example.org");
    sides.mit.add_user("we\\/ird\\@name", "secret");
    sides.copy(&sides.mit.keytab("host/www.example.org"), "keytab");
    sides.copy(&sides.mit.keytab("we\\/ird\\@name"), "client.keytab");
    for line in [
        "klist -k",
        "klist -ke",
        "klist -kt",
        "klist -keKt",
        "klist -ki",
        "klist -kiK",
        "klist -k keytab",
        "klist -k FILE:keytab",
        "klist -k WRFILE:$W/keytab",
        "klist -kC",
    ] {
        let left = sides.same(call(line));
        assert_eq!(left.code, Some(0), "{line}");
    }
}

#[test]
fn fails_as_mit_does() {
    let Some(sides) = SideBySide::start() else {
        return;
    };
    sides.write("garbage", b"garbage");
    sides.write("empty", b"");
    sides.write("newer", b"\x05\x09\x00");
    sides.write("cut.keytab", b"\x05\x02\x00\x00\x00\x09\x00");
    sides.write("bad.conf", b"[libdefaults\n x");
    for line in [
        "klist",
        "klist -s",
        "klist -l",
        "klist -A",
        "klist -As",
        "klist -Z",
        "klist -4",
        "klist -n",
        "klist -t",
        "klist -K",
        "klist -c -k",
        "klist -f -k",
        "klist -ks",
        "klist -kl",
        "klist -lA",
        "klist -ls",
        "klist a b",
        "klist --foo",
        "klist -",
        "klist ''",
        "klist FOO:bar",
        "klist $W/garbage",
        "klist -s $W/garbage",
        "klist $W/empty",
        "klist $W/newer",
        "klist $W",
        "klist -k",
        "klist -ki",
        "klist -k ''",
        "klist -k /nonexistent/keytab",
        "klist -k FOO:x",
        "klist -k garbage",
        "klist -k cut.keytab",
        "klist -k empty",
        "klist -k $W",
        "klist DIR:$W/nowhere/deep",
        "klist DIR:$W/garbage",
        "klist DIR::$W/garbage",
        "kdestroy",
        "kdestroy -q",
        "kdestroy -A",
        "kdestroy x",
        "kdestroy -c a -c b",
        "kdestroy -p a -p b",
        "kdestroy -A -p x",
        "kdestroy -p nobody",
        "kdestroy -p a@b@c",
        "kdestroy -c FOO:x",
        "kdestroy -c $W",
        "kdestroy -q -c $W",
        "kdestroy -4",
        "kdestroy -Zc",
        "kswitch",
        "kswitch -c x -p y",
        "kswitch -p nobody",
        "kswitch -p a@b@c",
        "kswitch -c FOO:x",
        "kswitch -c x y",
        "kswitch -q",
    ] {
        sides.same(call(line));
    }
    for line in ["klist", "klist -k", "kdestroy", "kswitch -p x"] {
        sides.same(call(line).with("KRB5_CONFIG", "$W/bad.conf"));
    }
    sides.same(call("kdestroy -p alice").with("KRB5_CONFIG", "/dev/null"));
}

#[test]
fn destroys_and_switches_caches_as_mit_does() {
    let Some(sides) = SideBySide::start() else {
        return;
    };
    with_a_cache(&sides);
    sides.mit.add_user("bob", "battery staple");
    let made = call("kinit -c $W/bobs bob").typing("battery staple\n");
    assert_eq!(sides.at_theirs(&made).code, Some(0));
    sides.same(call("kdestroy"));
    sides.same(call("klist"));
    for desk in sides.desks() {
        let collection = desk.join("collection");
        fs::create_dir(&collection).unwrap();
        fs::write(collection.join("primary"), "tkt\n").unwrap();
        fs::copy(sides.desks()[0].join("made"), collection.join("tkt")).unwrap();
        fs::copy(sides.desks()[0].join("bobs"), collection.join("tktbob")).unwrap();
    }
    let steps = [
        "klist -l",
        "klist -A",
        "kswitch -p bob",
        "klist",
        "klist -l",
        "kswitch -c DIR::$W/collection/tkt",
        "klist -l",
        "kdestroy",
        "klist",
        "klist -l",
        "kswitch -p alice",
        "kdestroy -p bob",
        "kdestroy -A",
        "klist -l",
    ];
    for line in steps {
        sides.same(call(line).with("KRB5CCNAME", "DIR:$W/collection"));
    }
}
