//! Cookies, the form and Basic in front of a back end, with a real KDC behind them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header;
use kerbstone_client::{Context, Environment, KeytabFile};
use kerbstone_gateway::delegation::{CacheOwner, Delegation, DelegationSettings};
use kerbstone_gateway::entry_point::{Destination, EntryPoint};
use kerbstone_gateway::identity::Naming;
use kerbstone_gateway::place::Place;
use kerbstone_gateway::rate::{BackOff, Bucket, FailingUser, RateSettings, Rates};
use kerbstone_gateway::request_path::PathPrefix;
use kerbstone_gateway::session::cookie::CookieStyle;
use kerbstone_gateway::session::{SessionLives, Sessions};
use kerbstone_gateway::variables::Variable;
use kerbstone_gateway::way::Way;
use kerbstone_gateway::{Limits, Table};
use kerbstone_gss::replay::MemoryReplayCache;
use kerbstone_gss::{AcceptorCredential, AcceptorName};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_testkit::lab::{Mit, Setup};
use kerbstone_verify::{AcceptorSource, KdcProof, PasswordLimits, Passwords, Realms};

use crate::client::exchange;
use crate::site::{Manners, Site};
use crate::tickets::now;

const REALM: &str = "EXAMPLE.TEST";
const SERVICE: &str = "HTTP/localhost@EXAMPLE.TEST";

/// `/form` for sessions and the form, `/basic` for passwords, `/sign-out`.
async fn site(mit: &Mit, change: impl FnOnce(&mut Table)) -> Site {
    let entry = |path: &str, ways: &[Way], destination| {
        let mut point =
            EntryPoint::new(Place::below(PathPrefix::parse(path).unwrap()), destination);
        point.ways = ways.to_vec();
        point.naming = Naming::Principal;
        point.tell.push(Variable::DelegatedCache);
        point
    };
    let pool = || Destination::Pool("site".into());
    let entries = vec![
        entry("/form", &[Way::Session, Way::Form], pool()),
        entry("/basic", &[Way::Session, Way::Basic], pool()),
        entry("/both", &[Way::Session, Way::Basic, Way::Form], pool()),
        entry(
            "/sign-out",
            &[Way::Session, Way::Nobody],
            Destination::SignOut,
        ),
    ];
    let passwords = passwords(mit);
    let sessions = Sessions::in_memory(CookieStyle::default(), SessionLives::default(), now().time);
    Site::start_with(Manners::Echo, Limits::default(), entries, |table| {
        table.passwords = Some(Arc::new(passwords));
        table.sessions = Some(Arc::new(sessions));
        change(table);
    })
    .await
}

fn realm() -> Option<Mit> {
    let mit = Mit::start(&Setup::realm(REALM))?;
    mit.add_user("alice", "wonder land");
    mit.add_service(SERVICE);
    Some(mit)
}

fn passwords(mit: &Mit) -> Passwords {
    let environment = Environment {
        krb5_config: Some(mit.krb5_conf().display().to_string()),
        ..Environment::default()
    };
    let keytab = mit.keytab(SERVICE);
    let proof = KdcProof::Ticket {
        service: Principal::parse(SERVICE, None).unwrap(),
        acceptors: Arc::new(acceptors(&keytab)),
    };
    let context = Arc::new(Context::new(environment).unwrap());
    Passwords::new(
        context,
        Realms::only(Realm::from(REALM)),
        proof,
        PasswordLimits::default(),
    )
}

fn acceptors(keytab: &Path) -> AcceptorSource {
    let keytab = KeytabFile::parse(&keytab.to_string_lossy())
        .unwrap()
        .load()
        .unwrap();
    let replays = Arc::new(MemoryReplayCache::new(&mut rand::rng()));
    AcceptorSource::keytab(AcceptorCredential::new(&keytab, AcceptorName::Any, replays).unwrap())
}

async fn get(site: &Site, path: &str, headers: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: text/html\r\n{headers}connection: close\r\n\r\n"
    );
    exchange(site, &request).await
}

async fn post(site: &Site, path: &str, headers: &str, body: &str) -> String {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\
         {headers}connection: close\r\n\r\n{body}",
        body.len()
    );
    exchange(site, &request).await
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The cookies that an answer sets, as a browser sends them back.
fn cookies(answer: &str) -> String {
    let head = answer.split("\r\n\r\n").next().unwrap();
    let set = head
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: "));
    let kept = set.filter(|cookie| !cookie.contains("Max-Age=0"));
    let pairs: Vec<&str> = kept
        .map(|cookie| cookie.split(';').next().unwrap())
        .collect();
    format!("{}: {}\r\n", header::COOKIE, pairs.join("; "))
}

fn token(page: &str) -> &str {
    let after = page.split("name=\"token\" value=\"").nth(1).expect(page);
    after.split('"').next().unwrap()
}

async fn sign_in(site: &Site, path: &str, name: &str, password: &str) -> String {
    let page = get(site, path, "").await;
    assert_eq!(status(&page), 401, "{page}");
    let body = format!("token={}&name={name}&password={password}", token(&page));
    post(site, "/.kerbstone/sign-in", &cookies(&page), &body).await
}

#[tokio::test]
async fn somebody_signs_in_with_the_form_goes_on_and_signs_out() {
    let Some(mit) = realm() else { return };
    let site = site(&mit, |_| {}).await;
    let answer = sign_in(&site, "/form/page?x=1", "alice", "wonder+land").await;
    assert_eq!(status(&answer), 303, "{answer}");
    assert!(
        answer.contains("\r\nlocation: /form/page?x=1\r\n"),
        "{answer}"
    );
    let session = cookies(&answer);
    let page = get(&site, "/form/page", &session).await;
    assert_eq!(status(&page), 200, "{page}");
    let seen = page.to_lowercase();
    assert!(
        seen.contains("remote_user: alice@example.test\r\n"),
        "{page}"
    );
    assert!(seen.contains("auth_type: form\r\n"), "{page}");
    assert!(
        !seen.contains("kerbstone="),
        "the back end saw the cookie: {page}"
    );

    let question = get(
        &site,
        "/sign-out",
        &format!("{session}sec-fetch-site: cross-site\r\n"),
    )
    .await;
    assert!(question.contains("Sign out?"), "{question}");
    assert_eq!(status(&get(&site, "/form/page", &session).await), 200);
    let gone = post(
        &site,
        "/sign-out",
        &format!("{session}sec-fetch-site: same-origin\r\n"),
        "",
    )
    .await;
    assert!(
        gone.contains("You are signed out") && gone.contains("Max-Age=0"),
        "{gone}"
    );
    let replayed = get(&site, "/form/page", &session).await;
    assert_eq!(status(&replayed), 401, "{replayed}");
    assert!(
        replayed.contains("__Host-kerbstone=; "),
        "it is to be forgotten: {replayed}"
    );
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again_with_a_plain_sentence() {
    let Some(mit) = realm() else { return };
    let site = site(&mit, |_| {}).await;
    let mut told = Vec::new();
    for (name, password) in [
        ("alice", "wrong"),
        ("mallory", "wrong"),
        ("alice@EVIL.TEST", "wonder+land"),
    ] {
        let answer = sign_in(&site, "/form/a", name, password).await;
        assert_eq!(status(&answer), 403, "{answer}");
        assert!(answer.contains(&format!("value=\"{name}\"")), "{answer}");
        assert!(!answer.contains("__Host-kerbstone=e"), "{answer}");
        let after = answer.split("role=\"alert\">").nth(1).unwrap();
        told.push(after.split('<').next().unwrap().to_owned());
        // And from there it works.
        let body = format!("token={}&name=alice&password=wonder+land", token(&answer));
        let good = post(&site, "/.kerbstone/sign-in", &cookies(&answer), &body).await;
        assert!(good.contains("\r\nlocation: /form/a\r\n"), "{good}");
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn a_form_of_another_browser_or_site_signs_nobody_in() {
    let Some(mit) = realm() else { return };
    let site = site(&mit, |_| {}).await;
    let page = get(&site, "/form", "").await;
    let body = format!("token={}&name=alice&password=wonder+land", token(&page));
    let own = cookies(&page);
    for headers in [
        String::new(),
        format!("{own}sec-fetch-site: cross-site\r\n"),
        format!("{own}origin: https://evil.test\r\n"),
    ] {
        let answer = post(&site, "/.kerbstone/sign-in", &headers, &body).await;
        assert_eq!(status(&answer), 403, "{answer}");
    }
    let answer = post(
        &site,
        "/.kerbstone/sign-in",
        &own,
        &format!("{body}{}", "x".repeat(20_000)),
    )
    .await;
    assert_eq!(status(&answer), 408, "{answer}");
    assert_eq!(
        status(&post(&site, "/.kerbstone/sign-in", &own, "name=alice").await),
        400
    );
    assert_eq!(site.back_end_requests(), 0);
}

#[tokio::test]
async fn basic_is_checked_at_the_kdc_and_begins_a_session() {
    let Some(mit) = realm() else { return };
    let site = site(&mit, |_| {}).await;
    let asked = get(&site, "/basic", "").await;
    assert_eq!(status(&asked), 401);
    assert!(
        asked.contains("www-authenticate: Basic realm=\"localhost\", charset=\"UTF-8\""),
        "{asked}"
    );
    let wrong = get(&site, "/basic", "authorization: Basic YWxpY2U6d3Jvbmc=\r\n").await;
    assert_eq!(status(&wrong), 401, "{wrong}");
    let right = get(
        &site,
        "/basic",
        "authorization: Basic YWxpY2U6d29uZGVyIGxhbmQ=\r\n",
    )
    .await;
    assert_eq!(status(&right), 200, "{right}");
    assert!(
        !right.contains("YWxpY2U6"),
        "the back end saw the password: {right}"
    );
    let session = cookies(&right);
    assert_eq!(status(&get(&site, "/basic", &session).await), 200);
    let elsewhere = get(&site, "/form", &session).await;
    assert_eq!(
        status(&elsewhere),
        401,
        "a session counts where it could have begun"
    );
}

#[tokio::test]
async fn a_browser_that_can_show_the_form_is_not_asked_for_basic() {
    let Some(mit) = realm() else { return };
    let site = site(&mit, |_| {}).await;
    let page = get(&site, "/both", "").await;
    assert!(page.contains("type=\"password\""), "{page}");
    assert!(!page.contains("www-authenticate"), "{page}");
    let request = "GET /both HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\nconnection: close\r\n\r\n";
    let program = exchange(&site, request).await;
    assert!(program.contains("www-authenticate: Basic "), "{program}");
}

#[tokio::test]
async fn whoever_guesses_has_to_wait() {
    let Some(mit) = realm() else { return };
    let once = BackOff {
        free: 1,
        first: Duration::from_secs(60),
        ..BackOff::default()
    };
    let rates = RateSettings {
        failing_source: BackOff { free: 1000, ..once },
        failing_user: FailingUser(once),
        ..RateSettings::default()
    };
    let site = site(&mit, |table| table.rates = Arc::new(Rates::new(rates))).await;
    for _ in 0..2 {
        assert_eq!(
            status(&sign_in(&site, "/form", "alice", "guess").await),
            403
        );
    }
    let late = sign_in(&site, "/form", "alice", "wonder+land").await;
    assert_eq!(status(&late), 429, "{late}");
    assert!(late.contains("\r\nretry-after: "), "{late}");
    let basic = get(
        &site,
        "/basic",
        "authorization: Basic YWxpY2U6d29uZGVyIGxhbmQ=\r\n",
    )
    .await;
    assert_eq!(
        status(&basic),
        429,
        "the same patience for every door: {basic}"
    );
}

#[tokio::test]
async fn a_source_that_comes_too_often_is_told_when_to_come_back() {
    let Some(mit) = realm() else { return };
    let rates = RateSettings {
        source: Some(Bucket {
            per_second: 0.01,
            burst: 2,
        }),
        ..RateSettings::default()
    };
    let site = site(&mit, |table| table.rates = Arc::new(Rates::new(rates))).await;
    for _ in 0..2 {
        assert_eq!(status(&get(&site, "/open", "").await), 200);
    }
    let refused = get(&site, "/open", "").await;
    assert_eq!(status(&refused), 429, "{refused}");
    assert!(refused.contains("\r\nretry-after: "), "{refused}");
}

#[tokio::test]
async fn a_back_end_gets_the_cache_of_whoever_typed_a_password() {
    let Some(mit) = realm() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = DelegationSettings {
        folder: folder.path().join("caches"),
        is_unique: false,
        mode: 0o600,
        owner: CacheOwner::Gateway,
    };
    let delegation = Delegation::open(settings).unwrap();
    let site = site(&mit, |table| table.delegation = Some(Arc::new(delegation))).await;
    let answer = sign_in(&site, "/form", "alice", "wonder+land").await;
    let page = get(&site, "/form", &cookies(&answer)).await;
    let cache = folder.path().join("caches/kerbstone-alice@EXAMPLE.TEST");
    let named = format!("krb5ccname: file:{}\r\n", cache.display()).to_lowercase();
    assert!(page.to_lowercase().contains(&named), "{page}");
    let listed = mit
        .run("klist", &["-c", &cache.display().to_string()])
        .succeeded();
    assert!(
        listed.stdout.contains("krbtgt/EXAMPLE.TEST"),
        "{}",
        listed.stdout
    );
}
