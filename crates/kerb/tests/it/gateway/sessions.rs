//! Sessions, passwords and delegated tickets, with curl and Chromium before a gateway that reads its settings.

use std::fs;

use kerbstone_testkit::lab::{Finished, Session, require};

use super::web_site::{self, WebSite};
use super::{seen, signed_in, status, value};
use crate::service::eventually;

const NEGOTIATE: [&str; 3] = ["--negotiate", "-u", ":"];
const ENTRIES: &str = "\
    [gateway.delegation]\nfolder = \"caches\"\n\
    [[gateway.entry]]\npath = \"/in\"\nback_end = \"BACK_END\"\nways = [\"session\", \"negotiate\", \"basic\", \"form\"]\n\
    tell = [\"user\", \"auth-type\", \"delegated-cache\"]\n\
    [[gateway.entry]]\npath = \"/bye\"\npage = \"sign-out\"\n\
    [[gateway.entry]]\npath = \"/busy\"\nback_end = \"BACK_END\"\nways = [\"none\"]\nrate = { per_second = 0.01, burst = 2 }\n";

/// What curl is told to keep its cookies in.
fn jar(session: &Session) -> String {
    session.folder().join("jar").display().to_string()
}

fn with_jar(site: &WebSite, session: &Session, arguments: &[&str], path: &str) -> Finished {
    let jar = jar(session);
    let cookies = ["-b", &jar, "-c", &jar];
    site.curl(session, &[&cookies[..], arguments].concat(), path)
}

#[test]
fn a_session_outlives_the_gateway_and_ends_when_somebody_signs_out() {
    let mut site = WebSite::start_with("", ENTRIES);
    let session = signed_in(&site, "alice");
    let first = with_jar(&site, &session, &NEGOTIATE, "/in").succeeded();
    assert_eq!(status(&first), "200", "{first}");
    let set = first
        .stderr
        .lines()
        .find(|line| {
            line.to_lowercase()
                .starts_with("< set-cookie: __host-kerbstone=")
        })
        .unwrap();
    assert!(
        set.trim_end().ends_with("; Secure; HttpOnly; SameSite=Lax"),
        "{set}"
    );
    let plain = |site: &WebSite| with_jar(site, &session, &[], "/in");
    let second = plain(&site);
    assert_eq!(status(&second), "200", "{second}");
    assert_eq!(value(&seen(&second), "AUTH_TYPE"), ["Negotiate"]);
    assert_eq!(value(&seen(&second), "Cookie"), Vec::<&str>::new());

    site.restart();
    assert_eq!(status(&plain(&site)), "200");
    let other = site.another_worker();
    let jar = jar(&session);
    let there = site.curl_at(other.port(), &session, &["-b", &jar], "/in");
    assert_eq!(status(&there), "200", "{there}");

    let copied = fs::read_to_string(&jar).unwrap();
    let bye = with_jar(&site, &session, &["-X", "POST"], "/bye");
    assert!(bye.stdout.contains("You are signed out"), "{bye}");
    fs::write(&jar, &copied).unwrap();
    assert_eq!(
        status(&plain(&site)),
        "401",
        "the copied cookie counts still"
    );
    site.restart();
    fs::write(&jar, &copied).unwrap();
    assert_eq!(
        status(&plain(&site)),
        "401",
        "after a restart it counts again"
    );
    written_down(&site, "the session was ended");
    for step in ["begun", "used", "ended", "void"] {
        written_down(&site, &format!("\"session\":\"{step}\""));
    }
}

/// Waits for words in the audit log, which is written in the gateway's own time.
fn written_down(site: &WebSite, words: &str) {
    eventually(words, || site.audit().contains(words).then_some(()));
}

#[test]
fn passwords_are_taken_by_basic_where_a_proxy_has_the_keys() {
    let service = "[gateway.passwords]\nservice = \"HTTP/localhost\"\n";
    for mut site in [WebSite::start_with("", ENTRIES), WebSite::start_proxied("")] {
        site.replace_entries(&format!("{service}{ENTRIES}"));
        let session = site.session();
        let right = format!("alice:{}", web_site::PASSWORD);
        let came_in = site.curl(&session, &["-u", &right], "/in");
        assert_eq!(status(&came_in), "200", "{came_in}\n{}", site.log());
        assert_eq!(value(&seen(&came_in), "REMOTE_USER"), ["alice"]);
        assert_eq!(value(&seen(&came_in), "Authorization"), Vec::<&str>::new());
        let wrong = site.curl(&session, &["-u", "alice:wrong"], "/in");
        assert_eq!(status(&wrong), "401", "{wrong}");
        written_down(&site, "the password is not right");
        assert!(
            !site.audit().contains(web_site::PASSWORD),
            "a password in the books"
        );
    }
}

#[test]
fn a_back_end_goes_on_with_a_delegated_ticket() {
    let site = WebSite::start_with("", ENTRIES);
    let session = site.session();
    session
        .sign_in("alice", web_site::PASSWORD, &["-f"])
        .succeeded();
    let delegating = [&NEGOTIATE[..], &["--delegation", "always"]].concat();
    let page = with_jar(&site, &session, &delegating, "/in").succeeded();
    let cache = site.folder().join("caches/kerbstone-alice@WEB.TEST");
    let name = format!("FILE:{}", cache.display());
    assert_eq!(value(&seen(&page), "KRB5CCNAME"), [name.as_str()]);
    let back_end = site.session().env("KRB5CCNAME", &name);
    back_end.ticket("HTTP/localhost").succeeded();
    assert!(
        back_end.list().contains("alice@WEB.TEST"),
        "{}",
        back_end.list()
    );
    // The session remembers it.
    let later = with_jar(&site, &session, &[], "/in");
    assert_eq!(value(&seen(&later), "KRB5CCNAME"), [name.as_str()]);
    let without = signed_in(&site, "bob");
    let page = site.curl(&without, &NEGOTIATE, "/in");
    assert_eq!(value(&seen(&page), "KRB5CCNAME"), Vec::<&str>::new());
}

#[test]
fn what_is_delegated_by_way_of_a_proxy_stays_sealed() {
    let mut site = WebSite::start_proxied("");
    site.replace_entries(&ENTRIES.replace(", \"basic\", \"form\"", ""));
    let session = site.session();
    session
        .sign_in("alice", web_site::PASSWORD, &["-f"])
        .succeeded();
    let delegating = [&NEGOTIATE[..], &["--delegation", "always"]].concat();
    let page = site.curl(&session, &delegating, "/in").succeeded();
    let cache = site.folder().join("caches/kerbstone-alice@WEB.TEST");
    let name = format!("FILE:{}", cache.display());
    assert_eq!(
        value(&seen(&page), "KRB5CCNAME"),
        [name.as_str()],
        "{page}\n{}",
        site.log()
    );
    let back_end = site.session().env("KRB5CCNAME", &name);
    let listed = back_end.run("klist", &[], "");
    assert!(
        listed
            .stdout
            .contains("Encrypted/Credentials/v1@X-GSSPROXY:"),
        "{listed}"
    );
    assert!(!listed.stdout.contains("krbtgt/WEB.TEST"), "{listed}");
}

#[test]
fn an_entry_that_is_asked_too_often_says_when_to_come_back() {
    let site = WebSite::start_with("", ENTRIES);
    let session = site.session();
    for _ in 0..2 {
        assert_eq!(status(&site.curl(&session, &[], "/busy")), "200");
    }
    let refused = site.curl(&session, &[], "/busy");
    assert_eq!(status(&refused), "429", "{refused}");
    assert!(
        refused.stderr.to_lowercase().contains("< retry-after: "),
        "{refused}"
    );
    written_down(&site, "too_many_at_entry");
}

#[test]
fn settings_that_browsers_would_not_heed_are_refused() {
    let site = WebSite::start("");
    let session = site.session();
    for (extra, word) in [
        (
            "[gateway.sessions]\ncookie = \"__Host-a\"\ndomain = \"example.test\"\n",
            "__Host-",
        ),
        ("[gateway.sessions]\nidle = \"1s\"\n", "at least a minute"),
        (
            "[gateway.rates]\nsource = { per_second = 0 }\n",
            "above zero",
        ),
        (
            "[[gateway.entry]]\npath = \"/f\"\nback_end = \"http://127.0.0.1:1\"\nways = [\"form\"]\n",
            "needs `session`",
        ),
    ] {
        let config = site.config();
        let before = fs::read_to_string(&config).unwrap();
        let uses = "[[gateway.entry]]\npath = \"/s\"\nback_end = \"http://127.0.0.1:1\"\nways = [\"session\"]\n";
        fs::write(&config, format!("{before}\n{extra}{uses}")).unwrap();
        let refused = site.kerb_gateway(&session, &["check"]);
        fs::write(&config, before).unwrap();
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn chromium_shows_the_form_to_whoever_has_no_ticket() {
    if !require("chromium", "chromium") {
        return;
    }
    let site = WebSite::start_with("", ENTRIES);
    let session = site.session();
    let picture = session.folder().join("form.png");
    let profile = format!(
        "--user-data-dir={}",
        session.folder().join("profile").display()
    );
    let shot = format!("--screenshot={}", picture.display());
    let url = format!("https://localhost:{}/in?a=b", site.port());
    let fixed = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--ignore-certificate-errors",
        "--no-proxy-server",
        "--virtual-time-budget=5000",
        "--dump-dom",
        "--window-size=900,760",
        &profile,
        &shot,
        &url,
    ];
    let page = session.run("chromium", &fixed, "");
    for part in [
        "<label for=\"name\">",
        "autocomplete=\"current-password\"",
        "action=\"/.kerbstone/sign-in\"",
    ] {
        assert!(page.stdout.contains(part), "{part}: {page}");
    }
    if let Some(folder) = std::env::var_os("KERBSTONE_PICTURES") {
        fs::copy(&picture, std::path::Path::new(&folder).join("sign-in.png")).unwrap();
    }
}
