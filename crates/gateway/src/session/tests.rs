use proptest::prelude::*;

use super::*;
use crate::identity::tests::alice;
use crate::session::cookie::SameSite;

const ALL: &[Way] = &[
    Way::Session,
    Way::Negotiate,
    Way::Basic,
    Way::Form,
    Way::Certificate,
];
const LIVES: SessionLives = SessionLives {
    idle: Duration::from_secs(600),
    maximum: Duration::from_secs(7200),
};

const fn scope<'a>(host: &'a str, ways: &'a [Way]) -> Scope<'a> {
    Scope { host, ways }
}

const HERE: Scope<'_> = scope("www.example.test", ALL);

fn at(seconds: i64) -> KerberosTime {
    KerberosTime::from_unix(1_800_000_000 + seconds)
}

fn sessions() -> Sessions {
    Sessions::in_memory(CookieStyle::default(), LIVES, at(0))
}

/// What the browser sends back.
fn shown(set: &HeaderValue) -> HeaderMap {
    let text = set.to_str().unwrap();
    let cookie = text.split(';').next().unwrap();
    HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(cookie).unwrap())])
}

fn begin(sessions: &Sessions, scope: &Scope<'_>) -> HeaderMap {
    let set = sessions
        .begin(&alice(), Method::Negotiate, None, scope, at(0))
        .unwrap();
    shown(&set)
}

#[test]
fn who_began_a_session_is_known_by_its_cookie() {
    let sessions = sessions();
    let cache = Some("FILE:/run/kerbstone/alice".to_owned());
    let set = sessions
        .begin(&alice(), Method::Form, cache.clone(), &HERE, at(0))
        .unwrap();
    assert!(set.is_sensitive());
    assert!(!set.to_str().unwrap().contains("alice"));
    let facts = sessions.read(&shown(&set), &HERE, at(1)).unwrap().unwrap();
    assert_eq!(facts.principal, alice().principal);
    assert_eq!(
        (facts.method, facts.began, facts.delegated_cache),
        (Method::Form, at(0), cache)
    );
    assert_eq!(facts.ends_at, alice().ends_at);
    assert_eq!(sessions.read(&HeaderMap::new(), &HERE, at(1)), Ok(None));
}

#[test]
fn a_session_lives_as_long_as_the_shortest_of_its_three_lives() {
    let sessions = sessions();
    let mut cookie = begin(&sessions, &HERE);
    assert_eq!(
        sessions.read(&cookie, &HERE, at(600)),
        Err(SessionFault::Idle)
    );
    for minute in 1..120 {
        let now = at(minute * 60);
        let facts = sessions.read(&cookie, &HERE, now).unwrap().unwrap();
        if let Some(set) = sessions.renew(&facts, &HERE, now) {
            cookie = shown(&set);
        }
    }
    assert_eq!(
        sessions.read(&cookie, &HERE, at(7200)),
        Err(SessionFault::TooOld)
    );

    let mut short = alice();
    short.ends_at = at(300);
    let set = sessions
        .begin(&short, Method::Negotiate, None, &HERE, at(0))
        .unwrap();
    assert!(set.to_str().unwrap().contains("; Max-Age=300;"), "{set:?}");
    assert_eq!(
        sessions.read(&shown(&set), &HERE, at(300)),
        Err(SessionFault::ProofEnded)
    );
    assert_eq!(
        sessions.begin(&short, Method::Negotiate, None, &HERE, at(300)),
        None
    );
}

#[test]
fn a_cookie_is_renewed_only_when_a_tenth_of_the_idle_time_went_by() {
    let sessions = sessions();
    let facts = sessions
        .read(&begin(&sessions, &HERE), &HERE, at(1))
        .unwrap()
        .unwrap();
    assert_eq!(sessions.renew(&facts, &HERE, at(59)), None);
    assert!(sessions.renew(&facts, &HERE, at(60)).is_some());
}

#[test]
fn a_session_that_was_ended_stays_so_in_all_its_cookies() {
    let sessions = sessions();
    let first = begin(&sessions, &HERE);
    let facts = sessions.read(&first, &HERE, at(100)).unwrap().unwrap();
    let second = shown(&sessions.renew(&facts, &HERE, at(100)).unwrap());
    sessions.end(&facts);
    for cookie in [first, second] {
        assert_eq!(
            sessions.read(&cookie, &HERE, at(101)),
            Err(SessionFault::Ended)
        );
    }
    assert!(
        sessions
            .forget()
            .unwrap()
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
}

#[test]
fn a_cookie_of_one_host_is_nothing_on_another() {
    let sessions = sessions();
    let cookie = begin(&sessions, &HERE);
    for (host, outcome) in [
        ("WWW.example.test:8443", true),
        ("www.example.test.", true),
        ("example.test", false),
        ("www.example.test.evil.test", false),
        ("[::1]:443", false),
    ] {
        let read = sessions.read(&cookie, &scope(host, ALL), at(1));
        let expected = if outcome {
            Ok(true)
        } else {
            Err(SessionFault::Elsewhere)
        };
        assert_eq!(read.map(|facts| facts.is_some()), expected, "{host}");
    }
    let style = |name: &str, path: &str| {
        let name = Some(name.to_owned());
        CookieStyle::new(name, None, path.to_owned(), true, SameSite::Lax).unwrap()
    };
    let mut here = sessions;
    here.style = style("a", "/one");
    let cookie = begin(&here, &HERE);
    here.style = style("a", "/two");
    assert_eq!(
        here.read(&cookie, &HERE, at(1)),
        Err(SessionFault::Elsewhere)
    );
}

#[test]
fn hosts_of_one_domain_share_a_session_where_that_is_wanted() {
    let domain = Some("example.test".to_owned());
    let style = CookieStyle::new(None, domain, "/".to_owned(), true, SameSite::Lax).unwrap();
    let sessions = Sessions::in_memory(style, LIVES, at(0));
    let cookie = begin(&sessions, &HERE);
    assert!(
        sessions
            .read(&cookie, &scope("api.example.test", ALL), at(1))
            .unwrap()
            .is_some()
    );
    let elsewhere = scope("www.evil.test", ALL);
    assert_eq!(
        sessions.begin(&alice(), Method::Form, None, &elsewhere, at(0)),
        None
    );
    assert_eq!(
        sessions.read(&cookie, &elsewhere, at(1)),
        Err(SessionFault::Elsewhere)
    );
}

#[test]
fn a_session_counts_where_its_beginning_would() {
    let sessions = sessions();
    let cookie = begin(&sessions, &HERE);
    let counts = |ways: &[Way]| {
        let read = sessions.read(&cookie, &scope("www.example.test", ways), at(1));
        read.unwrap().is_some()
    };
    assert!(counts(&[Way::Session]));
    assert!(counts(&[Way::Session, Way::Nobody]));
    assert!(counts(&[Way::Session, Way::Negotiate, Way::Form]));
    assert!(
        !counts(&[Way::Session, Way::Certificate]),
        "a ticket is no certificate"
    );
}

#[test]
fn of_two_cookies_of_one_name_the_one_that_opens_counts() {
    let sessions = sessions();
    let cookie = begin(&sessions, &HERE);
    let planted = HeaderValue::from_static("__Host-kerbstone=planted");
    let mut headers = HeaderMap::from_iter([(header::COOKIE, planted)]);
    assert_eq!(
        sessions.read(&headers, &HERE, at(1)),
        Err(SessionFault::Damaged)
    );
    headers.append(header::COOKIE, cookie[header::COOKIE].clone());
    assert!(sessions.read(&headers, &HERE, at(1)).unwrap().is_some());
}

#[test]
fn a_cookie_of_other_keys_is_as_good_as_none() {
    let cookie = begin(&sessions(), &HERE);
    assert_eq!(
        sessions().read(&cookie, &HERE, at(1)),
        Err(SessionFault::UnknownKey)
    );
}

#[test]
fn sessions_outlive_the_process_and_so_do_their_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let open = || Sessions::open(CookieStyle::default(), LIVES, &path, at(0)).unwrap();
    let (one, other) = (open(), open());
    let cookie = begin(&one, &HERE);
    let facts = other.read(&cookie, &HERE, at(1)).unwrap().unwrap();
    other.end(&facts);
    assert!(
        one.read(&cookie, &HERE, at(2)).unwrap().is_some(),
        "it has not heard of it yet"
    );
    one.tidy(at(3)).unwrap();
    for sessions in [one, open()] {
        assert_eq!(
            sessions.read(&cookie, &HERE, at(4)),
            Err(SessionFault::Ended)
        );
    }
}

#[test]
fn back_ends_neither_see_nor_set_our_cookies() {
    let sessions = sessions();
    let mut headers = begin(&sessions, &HERE);
    headers.append(header::COOKIE, HeaderValue::from_static("theirs=1"));
    sessions.take_away(&mut headers);
    assert_eq!(
        headers.get_all(header::COOKIE).iter().collect::<Vec<_>>(),
        ["theirs=1"]
    );
    let set = |text| (header::SET_COOKIE, HeaderValue::from_static(text));
    let mut answer: HeaderMap = [
        set("theirs=1"),
        set("__Host-kerbstone=x; Path=/"),
        set("b=2"),
    ]
    .into_iter()
    .collect();
    sessions.shield(&mut answer);
    assert_eq!(
        answer
            .get_all(header::SET_COOKIE)
            .iter()
            .collect::<Vec<_>>(),
        ["theirs=1", "b=2"]
    );
}

proptest! {
    #[test]
    fn no_cookie_but_ours_is_anybody(value in "[!-~]{0,300}") {
        let text = format!("__Host-kerbstone={value}");
        if let Ok(value) = HeaderValue::from_str(&text) {
            let headers = HeaderMap::from_iter([(header::COOKIE, value)]);
            prop_assert!(!matches!(sessions().read(&headers, &HERE, at(1)), Ok(Some(_))));
        }
    }

    #[test]
    fn whatever_is_changed_in_a_cookie_makes_it_nobodys(at_octet in any::<prop::sample::Index>(), octet in b'0'..b'z') {
        let sessions = sessions();
        let cookie = begin(&sessions, &HERE);
        let mut octets = cookie[header::COOKIE].as_bytes().to_vec();
        let start = "__Host-kerbstone=".len();
        let place = start + at_octet.index(octets.len() - start);
        prop_assume!(octets[place] != octet && octet != b';');
        octets[place] = octet;
        let value = HeaderValue::from_bytes(&octets).unwrap();
        let headers = HeaderMap::from_iter([(header::COOKIE, value)]);
        prop_assert!(sessions.read(&headers, &HERE, at(1)).is_err());
    }
}
