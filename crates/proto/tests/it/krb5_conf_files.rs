//! krb5.conf, read as MIT's library reads it.

use core::time::Duration;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use kerbstone_crypto::Enctype;
use kerbstone_proto::krb5_conf::{
    CanonicalizeHostname, ConfError, FileSource, Krb5Conf, NoFiles, Profile, ServerAddress, Syntax,
    TokenError, Tokens, Transport, expand_tokens, hierarchical_path, search_path,
};
use proptest::prelude::*;

use crate::mit;

struct Disk;

impl FileSource for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(directory)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect()
    }
}

/// Files by name; a path that ends in `/denied` may not be read.
struct Files(BTreeMap<&'static str, &'static str>);

impl FileSource for Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path.ends_with("denied") {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let text = self.0.get(path.to_str().unwrap());
        text.map(|text| text.as_bytes().to_vec())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<OsString>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn conf(text: &str) -> Krb5Conf {
    Krb5Conf::parse(text).unwrap()
}

fn syntax(text: &str) -> (usize, Syntax) {
    match Krb5Conf::parse(text) {
        Err(ConfError::Syntax { at, problem }) => (at.line, problem),
        other => panic!("{other:?}"),
    }
}

/// What the oracle prints for `values`.
fn values(profile: &Profile, names: &str) -> String {
    let names: Vec<&str> = names.split('|').collect();
    let relations = profile.relations(&names);
    relations
        .map(|relation| format!("<{}>", relation.value.replace('\n', "~")))
        .collect()
}

const NAMES: [&str; 11] = [
    "a|x", "a|y", "a|z", "a|s|x", "a|s|y", "a|s|t|x", "a|s|t|y", "b|x", "b|s|x", "b|s|t|x", "a|s",
];

fn same_as_mit(files: &[&str], cases: &str) {
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = files
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let path = directory.path().join(format!("{index}.conf"));
            std::fs::write(&path, text).unwrap();
            path
        })
        .collect();
    let joined: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let questions: Vec<String> = NAMES
        .iter()
        .map(|names| format!("values {names}"))
        .collect();
    let Some(theirs) = mit::ask(&joined.join(":"), &questions) else {
        return;
    };
    let ours: Vec<String> = match Profile::load(&paths, &Disk) {
        Ok(profile) => NAMES.iter().map(|names| values(&profile, names)).collect(),
        Err(_) => vec!["init error".to_owned(); NAMES.len()],
    };
    assert_eq!(ours, theirs, "{cases}: {files:#?}");
}

#[test]
fn the_grammar_is_that_of_mit() {
    for text in [
        "",
        "rubbish before\n[a]\nx = 1\n",
        " [a]\nx = 1\n[a]\ny = 2\n",
        "[a]\n x = 1\n x = 2\n y = 3\n[b]\n x = 4\n[a]\n x = 5\n",
        "[a]\nx=1\n  \n# c\n ; d\n;e\ny\t=\t 2 \t\n",
        "[a]\nx = one two \n y = \"one  two  \" rest\n z = \"a\\nb\\tc\\\\d\\\"e\\q\\\n",
        "[a]\nx = \"unclosed\ny = \"\"\n z = 1 # not a comment\n",
        "[a]\ns = {\n x = 1\n t = {\n  x = 2\n }\n y = 3\n}\nx = 4\n",
        "[a]\ns =\n{\n x = 1\n}\n",
        "[a]\ns =\n\n{\n x = 1\n}\n",
        "[a]\ns = {x = 1\n}\n",
        "[a]\ns = {\n x = 1\n",
        "[a]\ns = {\n x = 1\n} trailing\nx = 2\n",
        "[a]\ns = {\n x = 1\n}\ns = {\n x = 2\n t = {\n x = 3\n }\n}\n",
        "[a]\n s = {\n [b]\n x = 1\n }\n",
        "[a]\n }\n",
        "[a\nx = 1\n",
        "[a] \nx = 1\n",
        "[a] x\nx = 1\n",
        "[a ]\nx = 1\n[a]\ny = 2\n",
        "[a]\nno relation\n",
        "[a]\n= 1\n",
        "[a]\ntwo words = 1\n",
        "[a]\nx *= 1\n",
        "[a]\nx*y = 1\n",
        "[a]* \nx = 1\n",
        "[a]**\nx = 1\n",
        "[a]\r\nx = 1\r\ns = {\r\n x = 2\r\n}\r\n",
        "[a]\nx = a=b\n y = {\n z = }\n}\n",
        "[a]\nx = { 1\n y = {}\n",
        "[a]\n\x0bx\x0b=\x0c1\x0b\n",
        "[a]\nx = \n{\n}\n",
        "[a]\ns = 1\ns = {\n x = 2\n}\n",
        "[a]\nx = caf\u{e9}\n",
        "[a]\nmodule x = 1\n",
        "[a]\ninclude = 1\n",
        "[a]\n include /nonexistent\n",
        "include /nonexistent\n",
        "[]\nx = 1\n[a]\nx = 1",
        "[a]\nx = 1\\\ny = 2\n",
    ] {
        same_as_mit(&[text], "one file");
    }
}

#[test]
fn several_files_are_merged_as_mit_merges_them() {
    for files in [
        ["[a]\nx = 1\n", "[a]\nx = 2\ny = 3\n[b]\nx = 4\n"],
        ["[a]*\nx = 1\n", "[a]\nx = 2\ny = 3\n[b]\nx = 1\n"],
        [
            "[a]\ns = {\n x = 1\n}*\n",
            "[a]\ns = {\n x = 2\n y = 3\n}\nx = 4\n",
        ],
        [
            "[a]\ns* = {\n x = 1\n}\n",
            "[a]\ns = {\n x = 2\n t = {\n x = 4\n }\n}\n",
        ],
        ["[a]*\n", "[a]\ns = {\n x = 2\n}\n"],
        ["[b]\nx = 1\n", ""],
    ] {
        same_as_mit(&files, "two files");
    }
}

#[test]
fn included_files_share_the_tree_as_with_mit() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::create_dir(at("d")).unwrap();
    for (name, text) in [
        ("one", "[a]\nx = one\ns = {\n y = one\n"),
        ("d/b.conf", "[a]\nx = b\n"),
        ("d/a-a_1", "[a]\nx = a\n"),
        ("d/c.conf~", "[a]\nx = backup\n"),
        ("d/.d.conf", "[a]\nx = hidden\n"),
        ("d/Z", "[a]\nx = Z\n"),
    ] {
        std::fs::write(at(name), text).unwrap();
    }
    let one = format!("include {}", at("one").display());
    let all = format!("includedir {}", at("d").display());
    for text in [
        format!("{one}\n[a]\nx = 1\n"),
        format!("[a]\ns = {{\n x = 1\n{one}\n y = 2\n}}\n{all}\n"),
        format!("{all}\n[a]\nx = 1\n[b]\nx = 2\n"),
        format!("[b]\nx =\n{one}\n{{\n}}\n"),
        format!("{one} \n"),
        format!("{one}\r\n"),
    ] {
        same_as_mit(&[&text], "included");
    }
}

#[test]
fn a_directory_in_the_search_path_is_read_like_includedir() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.conf"), "[a]\nx = 1\n").unwrap();
    std::fs::write(directory.path().join("b.bak"), "[a]\nx = 2\n").unwrap();
    let profile = Profile::load(&[directory.path().to_owned()], &Disk).unwrap();
    assert_eq!(values(&profile, "a|x"), "<1>");
}

#[test]
fn missing_files_are_passed_over_and_unreadable_ones_if_others_can_be_read() {
    let files = Files(BTreeMap::from([("/a", "[a]\nx = 1\n")]));
    let load = |paths: &str| Profile::load(&search_path(Some(paths), None), &files);
    assert_eq!(values(&load("/missing:/denied:/a").unwrap(), "a|x"), "<1>");
    assert_eq!(load("/missing").unwrap(), Profile::default());
    let refused = load("/missing:/denied").unwrap_err();
    assert!(refused.to_string().starts_with("cannot read /denied: "));
}

#[test]
fn the_search_path_is_that_of_the_environment() {
    let home = Path::new("/home/u");
    let path = search_path(Some("/a:~/b::c"), Some(home));
    assert_eq!(path, ["/a", "/home/u/b", "c"].map(PathBuf::from));
    assert_eq!(search_path(None, None)[0], Path::new("/etc/krb5.conf"));
}

#[test]
fn errors_name_file_line_and_remedy() {
    let error = Krb5Conf::parse("[a]\n\nx = 1\n}\n").unwrap_err();
    assert_eq!(error.to_string(), "krb5.conf:4: this `}` closes nothing");
    assert_eq!(syntax("[a]\nx"), (2, Syntax::Relation));
    assert_eq!(syntax("[a]\ns = {\n[b]\n"), (3, Syntax::SectionInBraces));
    assert_eq!(syntax("[a\n"), (1, Syntax::Section));
    assert_eq!(syntax("[a]\ns =\n\n"), (3, Syntax::MissingBrace));
    assert_eq!(syntax("\nmodule /x.so:y\n"), (2, Syntax::Module));
    let missing = Krb5Conf::parse("[a]\ninclude /no\n").unwrap_err();
    assert_eq!(
        missing.to_string(),
        "krb5.conf:2: cannot include /no: entity not found"
    );
}

#[test]
fn loops_and_depths_have_an_end() {
    let files = Files(BTreeMap::from([
        ("/loop", "include /other\n"),
        ("/other", "include /loop\n"),
    ]));
    let error = Profile::load(&["/loop".into()], &files).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/other:1: the file is included from itself"
    );
    let deep = format!("[a]\n{}", "s = {\n".repeat(100_000));
    assert!(matches!(syntax(&deep), (_, Syntax::TooDeep(_))));
}

#[test]
fn a_file_that_includes_many_is_refused_in_the_end() {
    struct Doubling;
    impl FileSource for Doubling {
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            let path = path.display();
            Ok(format!("include {path}0\ninclude {path}1\n").into_bytes())
        }
        fn list(&self, _: &Path) -> io::Result<Vec<OsString>> {
            Ok(Vec::new())
        }
    }
    let error = Profile::load(&["/x".into()], &Doubling).unwrap_err();
    assert!(error.to_string().ends_with("too many included files"));
}

#[test]
fn a_host_has_the_realm_that_mit_gives_it() {
    let text = "[libdefaults]\n default_realm = DEF.TEST\n dns_lookup_realm = false\n\
        [domain_realm]\n www.a.test = WWW\n .a.test = SUB\n b.test = B\n .test = TOP\n c = C\n";
    let hosts = [
        "www.a.test",
        "WWW.A.TEST.",
        "x.a.test",
        "a.test",
        "b.test",
        "x.b.test",
        "y.x.b.test",
        "test",
        "c",
        "x.c",
        "short",
        "10.1.2.3",
        "::1",
        "other.example.org",
        "1.2.3.4.5",
        ".",
        "a..test",
    ];
    let questions: Vec<String> = hosts
        .iter()
        .map(|host| format!("hostrealm {host}"))
        .collect();
    let Some(theirs) = mit::ask_under(text, &questions) else {
        return;
    };
    let conf = conf(text);
    for (host, theirs) in hosts.iter().zip(theirs) {
        let realm = conf
            .host_realm(host)
            .map_or_else(String::new, |realm| realm.to_string());
        let fallback = conf.fallback_host_realm(host).unwrap();
        assert_eq!(format!("{realm}|{fallback}"), theirs, "{host}");
    }
}

#[test]
fn appdefaults_are_asked_in_the_order_of_mit() {
    let text = "[appdefaults]\n o = top\n p = top\n q = top\n r = top\n R = {\n o = realm\n p = realm\n q = realm\n }\n\
        app = {\n o = app\n p = app\n R = {\n o = both\n }\n }\n";
    let options = ["o", "p", "q", "r", "none"];
    let questions: Vec<String> = options
        .iter()
        .map(|o| format!("appdefault app|R|{o}"))
        .collect();
    let Some(theirs) = mit::ask_under(text, &questions) else {
        return;
    };
    let conf = conf(text);
    for (option, theirs) in options.iter().zip(theirs) {
        let ours = conf.app_string("app", Some("R"), option);
        assert_eq!(ours.unwrap_or("(none)"), theirs, "{option}");
    }
    assert!(!conf.app_boolean("app", Some("R"), "o", true));
    assert!(conf.app_boolean("app", None, "none", true));
}

#[test]
fn tokens_are_expanded_as_mit_expands_them() {
    let tokens = Tokens {
        uid: 7,
        euid: 8,
        username: Some("u"),
        temp: "/t",
        libdir: "/l",
        bindir: "/b",
        sbindir: "/s",
    };
    let expand = |text: &str| expand_tokens(text, &tokens);
    let all = "%{uid}%{USERID}%{euid}%{username}%{null}%{TEMP}%{LIBDIR}%{BINDIR}%{SBINDIR}%x";
    assert_eq!(expand(all).unwrap(), "778u/t/l/b/s%x");
    assert_eq!(
        expand("%{uid"),
        Err(TokenError::Unclosed("%{uid".to_owned()))
    );
    for windows in [
        "APPDATA",
        "COMMON_APPDATA",
        "LOCAL_APPDATA",
        "SYSTEM",
        "WINDOWS",
        "USERCONFIG",
        "",
    ] {
        let refused = expand(&format!("%{{{windows}}}"));
        assert_eq!(refused, Err(TokenError::Unknown(windows.to_owned())));
    }
    let nameless = Tokens {
        username: None,
        ..tokens.clone()
    };
    let refused = expand_tokens("%{username}", &nameless).unwrap_err();
    assert_eq!(refused.to_string(), "can't find username for uid 8");
    let text = "[libdefaults]\n default_ccache_name = FILE:%{TEMP}/%{null}x%{LIBDIR}%{SBINDIR}\n";
    let Some(theirs) = mit::ask_under(text, &["ccname".to_owned()]) else {
        return;
    };
    assert!(theirs[0].starts_with("FILE:/"), "{theirs:?}");
    assert!(theirs[0].ends_with("bin"), "{theirs:?}");
}

#[test]
fn libdefaults_have_the_defaults_of_mit() {
    let conf = Krb5Conf::default();
    let defaults = conf.libdefaults();
    assert_eq!(defaults.clockskew(), Duration::from_secs(300));
    assert_eq!(defaults.udp_preference_limit(), 1465);
    assert_eq!(
        defaults.dns_canonicalize_hostname(),
        Ok(CanonicalizeHostname::Yes)
    );
    assert_eq!(defaults.permitted_enctypes().unwrap(), Enctype::DEFAULT);
    assert!(defaults.kdc_timesync());
    assert!(conf.login_defaults("R").noaddresses());
    assert!(!conf.login_defaults("R").forwardable());
    assert_eq!(defaults.default_realm(), None);
}

#[test]
fn libdefaults_are_typed() {
    let conf = conf(
        "[libdefaults]\n default_realm = R\n forwardable = yes\n proxiable = T\n noaddresses = nil\n\
         ticket_lifetime = 1d 2h\n renew_lifetime = 7d\n clockskew = 60\n udp_preference_limit = 1\n\
         dns_canonicalize_hostname = FallBack\n rdns = off\n request_timeout = 30s\n\
         permitted_enctypes = aes256-cts rc4-hmac des3-cbc-sha1\n allow_rc4 = true\n\
         spake_preauth_groups = edwards25519, P-256\n extra_addresses = 1.2.3.4,5.6.7.8\n\
         Q = {\n forwardable = 0\n ticket_lifetime = 600\n }\n",
    );
    let defaults = conf.libdefaults();
    let login = conf.login_defaults("R");
    assert!(login.forwardable() && login.proxiable() && !login.noaddresses());
    assert!(!conf.login_defaults("Q").forwardable());
    assert_eq!(
        login.ticket_lifetime(),
        Ok(Some(Duration::from_secs(93_600)))
    );
    assert_eq!(
        conf.login_defaults("Q").ticket_lifetime(),
        Ok(Some(Duration::from_secs(600)))
    );
    assert_eq!(
        login.renew_lifetime(),
        Ok(Some(Duration::from_secs(604_800)))
    );
    assert_eq!(defaults.clockskew(), Duration::from_secs(60));
    assert_eq!(defaults.udp_preference_limit(), 1);
    assert_eq!(
        defaults.dns_canonicalize_hostname(),
        Ok(CanonicalizeHostname::Fallback)
    );
    assert_eq!(defaults.rdns(), Ok(false));
    assert_eq!(
        defaults.request_timeout(),
        Ok(Some(Duration::from_secs(30)))
    );
    let expected = [Enctype::Aes256CtsHmacSha1_96, Enctype::Rc4Hmac];
    assert_eq!(defaults.default_tkt_enctypes().unwrap(), expected);
    assert_eq!(
        defaults.spake_preauth_groups().unwrap(),
        ["edwards25519", "P-256"]
    );
    assert_eq!(defaults.extra_addresses(), ["1.2.3.4", "5.6.7.8"]);
    assert!(conf.problems().is_empty());
}

#[test]
fn problems_are_found_with_their_lines() {
    let conf = conf(
        "[libdefaults]\n rdns = maybe\n forwardable = sure\n ticket_lifetime = soon\n\
         clockskew = 5m\n permitted_enctypes = des\n[realms]\n R = {\n  kdc = :88\n }\n",
    );
    let problems: Vec<String> = conf.problems().iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "krb5.conf:9: kdc = :88: expected host, host:port, [v6]:port, tcp/host or https://host/path",
            "krb5.conf:2: rdns = maybe: expected true or false",
            "krb5.conf:3: forwardable = sure: expected true or false",
            "krb5.conf:5: clockskew = 5m: expected a whole number",
            "krb5.conf:4: ticket_lifetime = soon: not a length of time: write it as 36000, 10h, 1d 2h 30m or 10:00:00",
            "krb5.conf:6: permitted_enctypes = des: no enctype in it can be used here",
        ]
    );
    assert!(!conf.login_defaults("R").forwardable());
    assert_eq!(conf.libdefaults().clockskew(), Duration::from_secs(300));
}

#[test]
fn servers_are_read_in_every_form() {
    let host = |host: &str, port, transport| {
        Some(ServerAddress::Host {
            host: host.to_owned(),
            port,
            transport,
        })
    };
    let parse = |text| ServerAddress::parse(text, 88);
    assert_eq!(parse("kdc.test"), host("kdc.test", 88, Transport::Any));
    assert_eq!(
        parse("kdc.test:8888"),
        host("kdc.test", 8888, Transport::Any)
    );
    assert_eq!(parse("[::1]:750"), host("::1", 750, Transport::Any));
    assert_eq!(parse("[::1]"), host("::1", 88, Transport::Any));
    assert_eq!(parse("tcp/kdc:1"), host("kdc", 1, Transport::Tcp));
    assert_eq!(parse("udp/kdc"), host("kdc", 88, Transport::Udp));
    let https = |path: &str| Transport::Https {
        path: path.to_owned(),
    };
    assert_eq!(
        parse("https://p.test/KdcProxy"),
        host("p.test", 443, https("KdcProxy"))
    );
    assert_eq!(
        parse("https://p.test:8443"),
        host("p.test", 8443, https(""))
    );
    assert_eq!(
        parse("/run/kdc"),
        Some(ServerAddress::Socket("/run/kdc".into()))
    );
    for bad in [
        "",
        ":88",
        "88",
        "kdc:",
        "kdc:x",
        "kdc:65536",
        "kdc:-1",
        "https://",
    ] {
        assert_eq!(parse(bad), None, "{bad}");
    }
}

#[test]
fn realms_are_typed() {
    let conf = conf(
        "[realms]\n R = {\n kdc = a\n kdc = b:89\n master_kdc = m\n admin_server = a\n\
         auth_to_local = RULE:x\n auth_to_local = DEFAULT\n disable_encrypted_timestamp = 1\n }\n Q = {\n }\n",
    );
    let realm = conf.realm("R");
    assert_eq!(realm.kdcs().unwrap().len(), 2);
    assert_eq!(
        realm.primary_kdcs().unwrap(),
        [ServerAddress::parse("m", 88).unwrap()]
    );
    assert_eq!(
        realm.admin_servers().unwrap(),
        [ServerAddress::parse("a", 749).unwrap()]
    );
    assert!(realm.kpasswd_servers().unwrap().is_empty());
    assert!(realm.auth_to_local().eq(["RULE:x", "DEFAULT"]));
    assert_eq!(realm.disable_encrypted_timestamp(), Ok(true));
    assert_eq!(conf.realm_names(), ["Q", "R"]);
}

#[test]
fn capaths_name_the_realms_between() {
    let conf = conf("[capaths]\n A = {\n B = .\n C = X ignored\n C = Y\n }\n");
    assert_eq!(conf.capath("A", "B"), Some(vec![]));
    assert_eq!(conf.capath("A", "C").unwrap(), ["X", "Y"]);
    assert_eq!(conf.capath("A", "D"), None);
    assert_eq!(conf.realm_path("x.a.test", "y.a.test"), ["a.test"]);
}

#[test]
fn without_capaths_the_path_goes_over_the_common_domain() {
    let path = |client, server| -> Vec<String> {
        let path = hierarchical_path(client, server);
        path.iter().map(ToString::to_string).collect()
    };
    assert_eq!(path("A.B.COM", "C.D.COM"), ["B.COM", "COM", "D.COM"]);
    assert_eq!(path("A.COM", "COM"), [""; 0]);
    assert_eq!(path("COM", "B.A.COM"), ["A.COM"]);
    assert_eq!(path("A.B", "X.Y"), ["B", "Y"]);
    assert_eq!(path("XA.COM", "A.COM"), ["COM"]);
    assert_eq!(path("R", "R"), [""; 0]);
}

#[test]
fn no_files_is_an_empty_source() {
    assert!(NoFiles.read(Path::new("/etc/krb5.conf")).is_err());
    assert!(NoFiles.list(Path::new("/etc")).is_err());
}

/// Before 1.22, MIT heeded `*` only on sections, and only towards later files of the search path.
#[test]
fn what_is_final_stays_as_with_mit_1_22() {
    for (text, x, inner) in [
        ("[a]\nx* = 1\nx = 2\n", "<1>", ""),
        ("[a]\nx = 1\nx* = 2\nx = 3\n", "<1><2>", ""),
        (
            "[a]*\nx = 1\n[a]\nx = 2\ns = {\n x = 3\n}\n[b]\nx = 4\n",
            "<1>",
            "",
        ),
        (
            "[a]\ns* = {\n x = 1\n}\ns = {\n x = 2\n t = {\n x = 5\n }\n}\nx = 3\n",
            "<3>",
            "<1>",
        ),
        (
            "[a]\ns = {\n x = 1\n}*\ns = {\n x = 2\n}\nx = 3\n",
            "<3>",
            "<1>",
        ),
    ] {
        let profile = Profile::parse(text).unwrap();
        assert_eq!(values(&profile, "a|x"), x, "{text}");
        assert_eq!(values(&profile, "a|s|x"), inner, "{text}");
        assert_eq!(values(&profile, "a|s|t|x"), "", "{text}");
    }
    let files = Files(BTreeMap::from([
        ("/1", "include /3\n[a]\nx* = 1\nx = 2\ny = 1\n"),
        ("/2", "[a]\nx = 3\ny = 2\n[b]\nx = 5\n"),
        ("/3", "[b]*\nx = 4\n"),
    ]));
    let profile = Profile::load(&["/1".into(), "/2".into()], &files).unwrap();
    assert_eq!(values(&profile, "a|x"), "<1>");
    assert_eq!(values(&profile, "a|y"), "<1><2>");
    assert_eq!(values(&profile, "b|x"), "<4>");
}

fn any_lines() -> impl Strategy<Value = Vec<String>> {
    let line = prop_oneof![
        6 => "[xyz] = [12]".prop_map(|line| vec![line]),
        1 => "[ #;={xst\"*]{0,5}".prop_map(|line| vec![line]),
        1 => "[xy] = [12 \"\\\\nx={}]{1,6}".prop_map(|line| vec![line]),
    ];
    line.prop_recursive(3, 20, 5, |inner| {
        let lines = proptest::collection::vec(inner, 0..5).prop_map(|lines| lines.concat());
        ("[st] = \\{|[st] =", "\\}|\\} x", lines).prop_map(|(open, close, mut lines)| {
            if open.ends_with('=') {
                lines.insert(0, "{".to_owned());
            }
            lines.insert(0, open);
            lines.push(close);
            lines
        })
    })
}

#[test]
fn random_files_are_read_as_by_mit() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let section = (
        "\\[a\\] ?|\\[b\\]",
        proptest::collection::vec(any_lines(), 0..5),
    );
    let files = proptest::collection::vec(section, 0..4);
    for _ in 0..200 {
        let texts: Vec<String> = (0..2)
            .map(|_| files.new_tree(&mut runner).unwrap().current())
            .map(|sections| {
                sections
                    .into_iter()
                    .map(|(header, lines)| format!("{header}\n{}\n", lines.concat().join("\n")))
                    .collect()
            })
            .collect();
        same_as_mit(&[&texts[0], &texts[1]], "random");
    }
}

proptest! {
    #[test]
    fn any_text_does_no_harm(text in "(?s).{0,200}") {
        if let Ok(conf) = Krb5Conf::parse(&text) {
            let _ = conf.problems();
        }
    }
}
