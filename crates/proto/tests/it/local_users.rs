//! Local names and `.k5login`, as MIT's library decides.

use std::process::Command;

use kerbstone_proto::k5login::{self, K5login};
use kerbstone_proto::krb5_conf::Krb5Conf;
use kerbstone_proto::localname::{LocalNameError, local_name};
use kerbstone_proto::name::{Principal, Realm};

use crate::mit;

const PRINCIPALS: [&str; 16] = [
    "alice@R",
    "alice/admin@R",
    "alice/R@R",
    "alice/R@Q",
    "alice@Q",
    "host/www.a.test@R",
    "aaab@R",
    "a/b/c@R",
    "Upper.Case@R",
    "with\\/slash@R",
    "x-y_z@Q",
    "bob@R",
    "carol@R",
    "$1@R",
    "a.b.c@R",
    "foo)bar@R",
];

const RULES: &[&[&str]] = &[
    &[],
    &["DEFAULT"],
    &["RULE:[1:$1@$0](.*@Q)s/@.*//", "DEFAULT"],
    &["RULE:[2:$1;$2](^.*;admin$)s/;admin$//"],
    &["RULE:[2:$1/$2@$0](^host/.*@R$)s/^.*$/machine/"],
    &[
        "RULE:[1:$1](alic)",
        "RULE:[1:$1](lice)",
        "RULE:[1:$1](alice)s/lice/LICE/",
    ],
    &["RULE:s/@.*//"],
    &["RULE:"],
    &["RULE"],
    &["RULE:[1:$1]"],
    &["RULE:[1:pre$1post]"],
    &["RULE:[1:$1]s/a/b/"],
    &["RULE:[1:$1]s/a/b/g"],
    &["RULE:[1:$1]s/^a//g"],
    &["RULE:[1:$1]s/a/b/gs/b/c/"],
    &["RULE:[1:$1]s/a/b/ s/b/c/g"],
    &["RULE:[1:$1]x"],
    &["RULE:[1:$1]s/a/b"],
    &["RULE:[1:$2]"],
    &["RULE:[1:$1"],
    &["RULE:[1$1]"],
    &["RULE:[x:$1]"],
    &["RULE:[:$1]", "DEFAULT"],
    &["RULE:[-1:$1]"],
    &["RULE:[+1:$1]"],
    &["RULE:[ 1:$1]"],
    &["RULE:[99999999999999999999:$1]"],
    &["RULE:[1:$]"],
    &["RULE:[1:$x]"],
    &["RULE:[1:$-1]"],
    &["RULE:[1:$1](.*"],
    &["RULE:[1:$1](["],
    &["RULE:[1:$1]([)", "DEFAULT"],
    &["RULE:[1:$1](a|alice)"],
    &["RULE:[1:$1](alice|bob)s/(al)/x/"],
    &["RULE:[1:$1]([[:alpha:]]+)s/[[:upper:]]/u/g"],
    &["RULE:[1:$1]([a-z.]+)s/[.]/-/g"],
    &["RULE:[1:$1]s/\\./-/g"],
    &["RULE:[1:$1]([^.]*)"],
    &["RULE:[1:$1](a{3}b)"],
    &["RULE:[1:$1](a{2,}b)s/a{1,2}/A/"],
    &["RULE:[1:$1]s/a{/x/"],
    &["RULE:[1:$1]s/a{x}/x/"],
    &["RULE:[1:$1]s/a{1,x}/x/"],
    &["RULE:[1:$1]s/a{}/x/"],
    &["RULE:[1:$1]s/a}/x/"],
    &["RULE:[1:$1]s/a{,2}b/x/"],
    &["RULE:[1:$1]s/a{3,2}b/x/"],
    &["RULE:[1:$1](a{1}?{3}b)"],
    &["RULE:[1:$1](x|)"],
    &["RULE:[1:$1]()"],
    &["RULE:[1:$1](alice|)"],
    &["RULE:[1:$1](a+*b)"],
    &["RULE:[1:$1](a|*b)"],
    &["RULE:[1:$1](^*alice)"],
    &["RULE:[1:$1]({2}alice)"],
    &["RULE:[1:$1](alice$|bob)"],
    &["RULE:[1:$1]s/|*//"],
    &["RULE:[1:$1](^^alice)"],
    &["RULE:[1:$1](alice$$)"],
    &["RULE:[1:$1](a?+b?.*)"],
    &["RULE:[1:$1](.$)", "RULE:[1:$1](.*$)"],
    &["RULE:[1:$1]s/\\//x/"],
    &["RULE:[1:$1](alice\\)", "RULE:[1:$1](.*\\.*)"],
    &["RULE:[1:$1]s/a*?b/x/"],
    &["RULE:[1:$1]s/a+?/x/"],
    &["RULE:[1:$1](a**b)"],
    &["RULE:[1:$1](\\w+)"],
    &["RULE:[1:$1](\\d+)"],
    &["RULE:[1:$1](\\<alice\\>)"],
    &["RULE:[1:$1](\\`alice\\')"],
    &["RULE:[1:$1]s/[\\.]/x/g"],
    &["RULE:[1:$1]s/[]a]/x/g"],
    &["RULE:[1:$1]s/[^]a]/x/g"],
    &["RULE:[1:$1]s/[a-]/x/g"],
    &["RULE:[1:$1]s/[[a]/x/g"],
    &["RULE:[1:$1]s/[a&&b]/x/g"],
    &["RULE:[1:$1]s/foo)/x/"],
    &["RULE:[1:$1](*a)"],
    &["RULE:[1:$1]s/(?i)A/x/"],
    &["RULE:[1:$1]s/a/$0\\1&/"],
    &["RULE:[1:$1]s/$//"],
    &["RULE:[1:$1]s/e$/E/g"],
    &["RULE:[1:$1](ALICE)"],
    &["OTHER:x", "DEFAULT"],
    &["DB:/x"],
    &["DEFAULT", "RULE:[1:q$1]"],
    &["RULE:[1:$1@$0](.*@R)s/@R$//", "RULE:[2:$1]"],
    &["RULE:[2:$1/$2](a/b/c)", "RULE:[3:$1$2$3]", "DEFAULT"],
    &["RULE:[1:$1]s/(a)(b)/\\2\\1/"],
    &["RULE:[1:$0]"],
    &["RULE:[1:$1$1]s/é/e/"],
];

fn conf(rules: &[&str], more: &str) -> String {
    let rules: String = rules
        .iter()
        .map(|rule| format!("  auth_to_local = \"{}\"\n", rule.replace('\\', "\\\\")))
        .collect();
    format!(
        "[libdefaults]\n default_realm = R\n{more}[realms]\n R = {{\n{rules}  auth_to_local_names = {{\n   bob = robert\n   carol = first\n   carol = second\n   x/y = z\n  }}\n }}\n"
    )
}

fn principal(text: &str) -> Principal {
    Principal::parse(text, Some(&Realm::from("R"))).unwrap()
}

fn ours(conf: &Krb5Conf, name: &str) -> String {
    match local_name(conf, &principal(name)) {
        Ok(user) => format!("={user}"),
        Err(LocalNameError::NoTranslation(_)) => "notrans".to_owned(),
        Err(LocalNameError::BadRule(_)) => "badformat".to_owned(),
    }
}

#[test]
fn local_names_are_those_of_mit() {
    for rules in RULES {
        let text = conf(rules, "");
        let questions: Vec<String> = PRINCIPALS
            .iter()
            .map(|p| format!("localname {p}"))
            .collect();
        let Some(theirs) = mit::ask_under(&text, &questions) else {
            return;
        };
        let conf = Krb5Conf::parse(&text).unwrap();
        for (name, theirs) in PRINCIPALS.iter().zip(theirs) {
            assert_eq!(ours(&conf, name), theirs, "{name} by {rules:?}");
        }
    }
}

#[test]
fn without_default_realm_nobody_has_a_local_name() {
    let refused = local_name(&Krb5Conf::default(), &principal("alice@R")).unwrap_err();
    assert_eq!(refused, LocalNameError::NoTranslation(principal("alice@R")));
}

#[test]
fn a_back_reference_is_passed_over() {
    let conf = Krb5Conf::parse(&conf(&["RULE:[1:$1]s/(a)\\1/x/", "DEFAULT"], "")).unwrap();
    assert_eq!(ours(&conf, "aaab@R"), "=aaab");
}

#[test]
fn an_empty_match_everywhere_has_an_end() {
    // MIT never returns from this one.
    let conf = Krb5Conf::parse(&conf(&["RULE:[1:$1]s/x*/y/g"], "")).unwrap();
    assert_eq!(ours(&conf, "alice@R"), "=yalice");
}

#[test]
fn a_name_that_c_would_cut_short_is_nobodys() {
    let mut name = principal("root@R");
    name.name.components = vec![(&b"root\0x"[..]).into()];
    for rules in [&["DEFAULT"][..], &["RULE:[1:$1]"]] {
        let conf = Krb5Conf::parse(&conf(rules, "")).unwrap();
        assert!(local_name(&conf, &name).is_err());
    }
}

fn this_user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn k5login_decides_as_with_mit() {
    let user = this_user();
    let directory = tempfile::tempdir().unwrap();
    let own = format!("{user}@R");
    let names = [own.as_str(), "alice@R", "a\\/b@R", "#c@R", "alice@Q"];
    for authoritative in ["", " k5login_authoritative = false\n"] {
        for contents in [
            None,
            Some(""),
            Some("\n# comment\nalice@R\n"),
            Some("alice@R \nalice\n alice@Q\n"),
            Some("alice@R\r\n"),
            Some("x@R\nalice@Q"),
            Some("a\\/b@R\n#c@R\n"),
            Some("a/b@R\n"),
        ] {
            let path = directory.path().join(&user);
            match contents {
                Some(contents) => std::fs::write(&path, contents).unwrap(),
                None => drop(std::fs::remove_file(&path)),
            }
            let more = format!(
                " k5login_directory = {}\n{authoritative}",
                directory.path().display()
            );
            let text = conf(&[], &more);
            let questions = names.map(|name| format!("userok {user}|{name}"));
            let Some(theirs) = mit::ask_under(&text, &questions) else {
                return;
            };
            let conf = Krb5Conf::parse(&text).unwrap();
            assert_eq!(
                k5login::path(&conf, &user, "/home"),
                path.display().to_string()
            );
            let file = contents.map_or(K5login::Absent, |text| K5login::Contents(text.as_bytes()));
            for (name, theirs) in names.iter().zip(theirs) {
                let allowed = k5login::allowed(&conf, &principal(name), &user, file).unwrap();
                let ours = if allowed { "yes" } else { "no" };
                assert_eq!(ours, theirs, "{name} in {contents:?} {authoritative:?}");
            }
        }
    }
}

#[test]
fn an_untrusted_k5login_lets_nobody_in_unless_it_has_no_authority() {
    let strict = Krb5Conf::parse(&conf(&[], "")).unwrap();
    let lax = Krb5Conf::parse(&conf(&[], " k5login_authoritative = no\n")).unwrap();
    let alice = principal("alice@R");
    let allowed = |conf| k5login::allowed(conf, &alice, "alice", K5login::Untrusted).unwrap();
    assert!(!allowed(&strict));
    assert!(allowed(&lax));
    let unsure = Krb5Conf::parse(&conf(&[], " k5login_authoritative = perhaps\n")).unwrap();
    assert!(k5login::allowed(&unsure, &alice, "alice", K5login::Absent).is_err());
    assert_eq!(
        k5login::path(&strict, "alice", "/home/alice"),
        "/home/alice/.k5login"
    );
}

#[test]
fn lists_the_principals_of_a_k5login() {
    let listed: Vec<_> = k5login::principals(b"\n# x\nalice@R\nbroken\n a@R\n\xff@R\n").collect();
    assert_eq!(listed[0], principal("alice@R"));
}
