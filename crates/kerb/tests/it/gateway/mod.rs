//! `kerb gateway`: what curl, a browser and a back end see of it.

mod browser;
mod channel_bindings;
mod proxied;
mod reload;
mod routes;
mod seen_from_outside;
mod sessions;
mod web_site;

use std::fs;

use kerbstone_testkit::lab::{Finished, Session};
use rustix::process::Signal;
use serde_json::Value;

use self::web_site::WebSite;
use crate::service::eventually;

const WHOAMI: &str = "/whoami";

fn signed_in(site: &WebSite, person: &str) -> Session {
    let session = site.session();
    session.sign_in(person, web_site::PASSWORD, &[]).succeeded();
    session
}

/// The token that curl sent, as its trace shows it.
fn token_of(finished: &Finished) -> String {
    let sent = finished.stderr.lines().find_map(|line| {
        let header = line.strip_prefix("> ")?;
        let (name, value) = header.split_once(": ")?;
        name.eq_ignore_ascii_case("authorization")
            .then(|| value.trim().to_owned())
    });
    sent.unwrap_or_else(|| panic!("curl sent no token: {finished}"))
}

fn status(finished: &Finished) -> &str {
    finished.stdout.rsplit('\n').next().unwrap_or_default()
}

/// Names of the request's headers as the back end saw them, with their values.
fn seen(finished: &Finished) -> Vec<(String, String)> {
    let pairs = finished
        .stdout
        .lines()
        .filter_map(|line| line.split_once(": "));
    pairs
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    let named = headers
        .iter()
        .filter(|(own, _)| own.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str()).collect()
}

#[test]
fn curl_with_a_ticket_sees_who_it_is() {
    let site = WebSite::start("");
    let session = signed_in(&site, "alice");
    for protocol in ["--http1.1", "--http2"] {
        let json = [
            "--negotiate",
            "-u",
            ":",
            "-H",
            "Accept: application/json",
            protocol,
        ];
        let finished = site.curl(&session, &json, WHOAMI).succeeded();
        let whoami: Value =
            serde_json::from_str(finished.stdout.rsplit_once('\n').unwrap().0).unwrap();
        assert_eq!(whoami["principal"], "alice@WEB.TEST");
        assert_eq!(whoami["local_name"], "alice");
        assert_eq!(whoami["service"], "HTTP/localhost@WEB.TEST");
        assert_eq!(whoami["tls_version"], "TLS 1.3");
        assert_eq!(status(&finished), "200");
        assert!(
            finished
                .stderr
                .to_lowercase()
                .contains("< www-authenticate: negotiate oy"),
            "no AP-REP: {finished}"
        );
    }
    let page = site
        .curl(&session, &["--negotiate", "-u", ":"], WHOAMI)
        .succeeded();
    assert!(page.stdout.contains("<h1>alice</h1>"), "{page}");
}

#[test]
fn without_a_ticket_there_is_a_page_that_invites() {
    let site = WebSite::start("");
    let session = site.session();
    for with_negotiate in [&["--negotiate", "-u", ":"][..], &[]] {
        let finished = site.curl(&session, with_negotiate, "/app/x?y=z");
        assert_eq!(status(&finished), "401", "{finished}");
        assert!(
            finished.stdout.contains("Sign in with Kerberos"),
            "{finished}"
        );
        assert!(
            finished
                .stderr
                .to_lowercase()
                .contains("< www-authenticate: negotiate"),
            "{finished}"
        );
    }
    assert_eq!(site.back_end_requests(), 0, "the back end was bothered");
}

#[test]
fn the_back_end_sees_who_is_there_and_nothing_that_the_client_made_up() {
    let site = WebSite::start("");
    let session = signed_in(&site, "alice");
    let forged = [
        "REMOTE_USER",
        "Remote-User",
        "remote_user",
        "X-Remote-User",
        "X_REMOTE_USER",
        "X-Forwarded-User",
        "X_Forwarded_User",
        "HTTP_REMOTE_USER",
        "Http-Remote-User",
        "Remote.User",
        "GSS_NAME",
        "Gss-Name",
        "Auth-Type",
        "X-Forwarded-For",
        "Forwarded",
        "SSL_CLIENT_S_DN",
        "X-Auth-Request-User",
        "X-WebAuth-User",
        "X-Real-IP",
        "X-Employee",
        "employee",
    ];
    let headers: Vec<String> = forged
        .iter()
        .map(|name| format!("{name}: mallory"))
        .collect();
    for (path, protocol) in [
        ("/app", "--http1.1"),
        ("/app", "--http2"),
        ("/open", "--http1.1"),
        ("/open", "--http2"),
    ] {
        let mut arguments = vec![
            protocol,
            "-H",
            "X-Harmless: yes",
            "-H",
            "Connection: remote_user",
        ];
        if path == "/app" {
            arguments.extend(["--negotiate", "-u", ":"]);
        }
        arguments.extend(headers.iter().flat_map(|header| ["-H", header]));
        let finished = site.curl(&session, &arguments, path).succeeded();
        let seen = seen(&finished);
        assert!(
            seen.iter().all(|(_, value)| !value.contains("mallory")),
            "{path} {protocol}: {finished}"
        );
        assert_eq!(value(&seen, "x-harmless"), ["yes"], "{finished}");
        assert_eq!(value(&seen, "x-forwarded-for"), ["127.0.0.1"], "{finished}");
        assert_eq!(value(&seen, "authorization"), [""; 0], "{finished}");
        let user: &[&str] = if path == "/app" { &["alice"] } else { &[] };
        assert_eq!(value(&seen, "remote_user"), user, "{finished}");
    }
}

#[test]
fn people_who_share_connections_to_the_back_end_are_not_mixed_up() {
    let site = WebSite::start("");
    let (alice, bob) = (signed_in(&site, "alice"), signed_in(&site, "bob"));
    let negotiate = ["--negotiate", "-u", ":"];
    for _ in 0..3 {
        for (session, name) in [(&alice, "alice"), (&bob, "bob")] {
            let finished = site.curl(session, &negotiate, "/app").succeeded();
            assert_eq!(value(&seen(&finished), "remote_user"), [name], "{finished}");
        }
        let finished = site.curl(&alice, &[], "/open").succeeded();
        assert_eq!(
            value(&seen(&finished), "remote_user"),
            [""; 0],
            "{finished}"
        );
    }
}

#[test]
fn a_body_goes_both_ways_whole() {
    let site = WebSite::start("");
    let session = signed_in(&site, "alice");
    let body = "0123456789".repeat(200_000);
    let file = session.folder().join("body");
    fs::write(&file, &body).unwrap();
    let upload = format!("@{}", file.display());
    for protocol in ["--http1.1", "--http2"] {
        for extra in [&[][..], &["-H", "Transfer-Encoding: chunked"]] {
            let arguments = [
                &["--negotiate", "-u", ":", protocol, "--data-binary", &upload],
                extra,
            ]
            .concat();
            let finished = site.curl(&session, &arguments, "/app").succeeded();
            assert!(
                finished.stdout.contains(&body),
                "{protocol}: {} octets came back",
                finished.stdout.len()
            );
        }
    }
}

#[test]
fn a_token_is_accepted_once_by_every_worker_and_after_a_restart() {
    let mut site = WebSite::start("");
    let session = signed_in(&site, "alice");
    let first = site
        .curl(&session, &["--negotiate", "-u", ":"], WHOAMI)
        .succeeded();
    assert_eq!(status(&first), "200");
    let again = format!("Authorization: {}", token_of(&first));
    let replay = |site: &WebSite| {
        let finished = site.curl(&session, &["-H", &again], WHOAMI);
        assert_eq!(status(&finished), "401", "{finished}");
        assert!(finished.stdout.contains("accepted before"), "{finished}");
    };
    for _ in 0..8 {
        replay(&site);
    }
    let other = site.another_worker();
    let finished = site.curl_at(other.port(), &session, &["-H", &again], WHOAMI);
    assert_eq!(status(&finished), "401", "{finished}");
    drop(other);
    site.restart();
    replay(&site);
    assert!(site.audit().contains("is a replay"), "{}", site.audit());
}

#[test]
fn ntlm_gets_one_clear_page_and_no_invitation() {
    let site = WebSite::start("");
    let session = site.session();
    let header =
        "Authorization: Negotiate TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAKAGFKAAAADw==";
    let finished = site.curl(&session, &["-H", header], WHOAMI);
    assert_eq!(status(&finished), "403", "{finished}");
    assert!(finished.stdout.contains("offered NTLM"), "{finished}");
    assert!(
        !finished.stderr.to_lowercase().contains("www-authenticate"),
        "{finished}"
    );
}

#[test]
fn a_refused_ticket_is_refused_in_words() {
    let site = WebSite::start("");
    let session = signed_in(&site, "alice");
    site.change_keys();
    let finished = site.curl(&session, &["--negotiate", "-u", ":"], WHOAMI);
    assert_eq!(status(&finished), "401", "{finished}");
    assert!(
        finished
            .stdout
            .contains("sealed with a key of HTTP/localhost@WEB.TEST"),
        "{finished}"
    );
    assert!(site.audit().contains("key version"), "{}", site.audit());
}

#[test]
fn somebody_known_may_still_not_come_in() {
    let site = WebSite::start("");
    let session = signed_in(&site, "bob");
    let finished = site.curl(&session, &["--negotiate", "-u", ":"], "/alices");
    assert_eq!(status(&finished), "403", "{finished}");
    assert!(finished.stdout.contains("bob@WEB.TEST"), "{finished}");
    assert_eq!(site.back_end_requests(), 0, "the back end was bothered");
    let alice = signed_in(&site, "alice");
    let finished = site
        .curl(&alice, &["--negotiate", "-u", ":"], "/alices")
        .succeeded();
    assert_eq!(status(&finished), "200", "{finished}");
    // The name that this entry point asks for.
    assert_eq!(
        value(&seen(&finished), "remote_user"),
        ["alice@WEB.TEST"],
        "{finished}"
    );
}

#[test]
fn ways_around_a_rule_are_no_ways() {
    let site = WebSite::start("");
    let session = signed_in(&site, "bob");
    for (path, expected) in [
        ("/open/../alices", "400"),
        ("/open/%2e%2e/alices", "400"),
        ("/open%2f..%2falices", "400"),
        ("//alices", "403"),
        ("/%61lices", "403"),
        ("/alices;x=1/y", "403"),
    ] {
        let arguments = ["--negotiate", "-u", ":", "--path-as-is"];
        let finished = site.curl(&session, &arguments, path);
        assert_eq!(status(&finished), expected, "{path}: {finished}");
    }
    assert_eq!(site.back_end_requests(), 0, "the back end was bothered");
}

#[test]
fn requests_under_way_are_finished_when_the_gateway_stops() {
    let mut site = WebSite::start("");
    let session = site.session();
    let answer = std::thread::scope(|scope| {
        let slow = scope.spawn(|| site.curl(&session, &[], "/open/slow"));
        eventually("the request at the back end", || {
            (site.back_end_requests() > 0).then_some(())
        });
        site.signal(Signal::TERM);
        eventually("the gateway's closed port", || {
            (!site.is_listening()).then_some(())
        });
        site.let_back_end_answer();
        slow.join().unwrap()
    });
    assert_eq!(status(&answer), "200", "{answer}");
    assert_eq!(site.wait(), Some(0));
}

#[test]
fn keys_are_read_anew_on_sighup() {
    let site = WebSite::start("");
    site.change_keys();
    site.write_keytab();
    site.signal(Signal::HUP);
    eventually("the new keys", || {
        site.log().contains("read anew").then_some(())
    });
    let session = signed_in(&site, "alice");
    let finished = site.curl(&session, &["--negotiate", "-u", ":"], WHOAMI);
    assert_eq!(status(&finished), "200", "{finished}");
}

#[test]
fn bindings_can_be_required() {
    let site = WebSite::start("channel_bindings = \"require\"");
    let session = signed_in(&site, "alice");
    // Debian's curl 7.88 sends none.
    let finished = site.curl(&session, &["--negotiate", "-u", ":"], WHOAMI);
    assert_eq!(status(&finished), "401", "{finished}");
    assert!(
        finished
            .stdout
            .contains("bound to the encrypted connection"),
        "{finished}"
    );
}

#[test]
fn the_books_say_who_did_what() {
    let site = WebSite::start("");
    let session = signed_in(&site, "alice");
    site.curl(
        &session,
        &["--negotiate", "-u", ":", "-H", "Remote-User: root"],
        "/app?secret=1",
    )
    .succeeded();
    let lines = eventually("the audit log", || {
        let audit = site.audit();
        let lines: Vec<Value> = audit
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        lines
            .iter()
            .any(|line| line["outcome"] == "admitted")
            .then_some(lines)
    });
    let admitted = lines
        .iter()
        .find(|line| line["outcome"] == "admitted")
        .unwrap();
    assert_eq!(admitted["principal"], "alice@WEB.TEST");
    assert_eq!(admitted["user"], "alice");
    assert_eq!(admitted["path"], "/app");
    assert_eq!(admitted["forged_headers"], 1);
    assert!(
        !site.audit().contains("secret"),
        "queries are nobody's business"
    );
    let metrics = site.metrics(&session);
    assert!(
        metrics.contains("kerbstone_gateway_requests_total{outcome=\"admitted\",status=\"2xx\"} 1"),
        "{metrics}"
    );
}
