//! klist, kdestroy and kswitch beside MIT's.

use std::fs;
use std::process::Command;

use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::message::{AuthorizationDataElement, HostAddress};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;
use kerbstone_testkit::lab::require;

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
    sides.write("hole.keytab", b"\x05\x02\x80\x00\x00\x00");
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
        "klist -k hole.keytab",
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

/// A ticket as no KDC would make it.
fn odd_ticket(client: &str, server: &str, enctype: i32) -> Credential {
    let principal = |text| Principal::parse(text, None).unwrap();
    let day = |days: i64| KerberosTime::from_unix(1_790_000_000 + days * 86_400);
    Credential {
        client: principal(client),
        server: principal(server),
        key: KeyBlock::new(enctype, vec![7; 16]),
        authtime: day(0),
        starttime: KerberosTime::ZERO,
        endtime: day(1),
        renew_till: day(7),
        is_skey: false,
        flags: TicketFlags::from_bits(u32::MAX),
        addresses: vec![
            HostAddress {
                addr_type: 2,
                address: vec![127, 0, 0, 1],
            },
            HostAddress {
                addr_type: 24,
                address: vec![0; 15],
            },
            HostAddress {
                addr_type: 2,
                address: vec![192, 0, 2, 250],
            },
            HostAddress {
                addr_type: 5,
                address: vec![1, 2],
            },
        ],
        authdata: vec![
            AuthorizationDataElement {
                ad_type: 1,
                ad_data: vec![0],
            },
            AuthorizationDataElement {
                ad_type: 142,
                ad_data: vec![0],
            },
        ],
        ticket: b"no ticket at all".to_vec(),
        second_ticket: Vec::new(),
    }
}

#[test]
fn shows_odd_entries_as_mit_does() {
    let Some(sides) = SideBySide::start() else {
        return;
    };
    with_a_cache(&sides);
    let made = fs::read(sides.desks()[0].join("made")).unwrap();
    let real = CredentialCache::parse(&made).unwrap();
    let mut cache = CredentialCache::new(Principal::parse("alice@EXAMPLE.ORG", None).unwrap());
    let about = Principal::parse("krbtgt/EXAMPLE.ORG@EXAMPLE.ORG", None).unwrap();
    cache.set_config("pa_config_data", Some(&about), &[b'x'; 150]);
    cache.set_config("odd", None, b"blank and \xc3\xa9 and \n");
    cache.set_config("empty", None, b"");
    for (client, enctype) in [
        ("bob@EXAMPLE.ORG", 23),
        ("alice@EXAMPLE.ORG", 1),
        ("alice@EXAMPLE.ORG", 99),
    ] {
        cache
            .credentials
            .push(odd_ticket(client, "we\\/ird\\@x/y@EXAMPLE.ORG", enctype));
    }
    // A real ticket under another name, as a referral leaves it, and with session keys of all sorts.
    for (at, enctype) in [16, 17, 18, 19, 20, 23, 24, 25, 26, 3, 6, 12345]
        .into_iter()
        .enumerate()
    {
        let mut renamed = real.tickets().last().unwrap().clone();
        renamed.key = KeyBlock::new(enctype, vec![7; 16]);
        renamed.flags = TicketFlags::from_bits(1 << at);
        renamed.server = Principal::parse("host/alias.example.org@EXAMPLE.ORG", None).unwrap();
        cache.credentials.push(renamed);
    }
    sides.write("cc", &cache.to_bytes());
    for line in [
        "klist",
        "klist -f",
        "klist -e",
        "klist -an",
        "klist -d",
        "klist -C",
        "klist -feadnC",
        "klist -s",
    ] {
        sides.same(call(line));
    }
}

#[test]
fn prints_dates_as_the_locale_says() {
    let Some(sides) = SideBySide::start() else {
        return;
    };
    if !require("localedef", "locales") {
        return;
    }
    with_a_cache(&sides);
    let locales = sides.mit.folder().join("locales");
    fs::create_dir(&locales).unwrap();
    for language in ["en_US", "fr_FR", "nl_NL", "ja_JP", "pt_BR", "hu_HU"] {
        let name = format!("{language}.UTF-8");
        let compiled = Command::new("localedef")
            .args(["-i", language, "-f", "UTF-8"])
            .arg(locales.join(&name))
            .output()
            .unwrap();
        if !compiled.status.success() {
            println!("skipped: {name} cannot be compiled here: apt-get install -y locales");
            continue;
        }
        for variable in ["LC_ALL", "LANG"] {
            let spoken = |line| {
                let call = call(line)
                    .with("LOCPATH", "$LAB/locales")
                    .with("LC_ALL", "");
                call.with(variable, &name)
            };
            sides.same(spoken("klist"));
            sides.same(spoken("klist -kt $W/keytab"));
        }
    }
}
