//! Chromium at the gateway, as Debian has it.

use kerbstone_testkit::lab::{Finished, Session, require};

use super::web_site::WebSite;
use super::{WHOAMI, signed_in};

const TO_LOCALHOST: &str = "--auth-server-allowlist=localhost";

/// The page as it stands once the browser has done everything that it does.
fn visit(site: &WebSite, session: &Session, options: &[&str]) -> Finished {
    visit_at(site, session, options, &format!("{WHOAMI}?a=b"))
}

fn visit_at(site: &WebSite, session: &Session, options: &[&str], path: &str) -> Finished {
    let profile = format!(
        "--user-data-dir={}",
        session.folder().join("profile").display()
    );
    let url = format!("https://localhost:{}{path}", site.port());
    let fixed = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--ignore-certificate-errors",
        "--no-proxy-server",
        "--virtual-time-budget=5000",
        "--dump-dom",
        &profile,
    ];
    session.run("chromium", &[&fixed[..], options, &[&url]].concat(), "")
}

#[test]
fn a_browser_with_a_ticket_sees_who_it_is() {
    if !require("chromium", "chromium") {
        return;
    }
    let site = WebSite::start("");
    let session = signed_in(&site, "alice");
    let page = visit(&site, &session, &[TO_LOCALHOST]);
    assert!(page.stdout.contains("<h1>alice</h1>"), "{page}");
    assert!(page.stdout.contains("HTTP/localhost@WEB.TEST"), "{page}");
}

#[test]
fn a_browser_without_a_ticket_or_without_leave_to_show_it_sees_the_form() {
    if !require("chromium", "chromium") {
        return;
    }
    let site = WebSite::start("");
    let without_ticket = visit(&site, &site.session(), &[TO_LOCALHOST]);
    let without_leave = visit(&site, &signed_in(&site, "alice"), &[]);
    for page in [without_ticket, without_leave] {
        assert!(
            page.stdout.contains("Sign in with Kerberos</button>"),
            "{page}"
        );
        assert!(page.stdout.contains("name=\"a\" value=\"b\""), "{page}");
    }
}

#[test]
fn a_browser_whose_ticket_is_refused_shows_why() {
    if !require("chromium", "chromium") {
        return;
    }
    let site = WebSite::start("");
    let session = signed_in(&site, "alice");
    site.change_keys();
    let page = visit(&site, &session, &[TO_LOCALHOST]);
    assert!(
        page.stdout.contains("Your ticket was not accepted"),
        "{page}"
    );
    assert!(
        page.stdout
            .contains("sealed with a key of HTTP/localhost@WEB.TEST"),
        "{page}"
    );
}

#[test]
fn a_browser_signs_in_to_the_status_page_and_without_a_ticket_gets_the_form() {
    if !require("chromium", "chromium") {
        return;
    }
    let entries = "[gateway.sessions]\nkeys = \"sessions/keys\"\n\
                   [[gateway.entry]]\npath = \"/status\"\npage = \"status\"\nusers = [\"alice\"]\n\
                   ways = [\"session\", \"negotiate\", \"form\"]\n";
    let site = WebSite::start_with("", entries);
    let alice = signed_in(&site, "alice");
    let page = visit_at(&site, &alice, &[TO_LOCALHOST], "/status");
    assert!(page.stdout.contains("<h1>Gateway</h1>"), "{page}");
    assert!(page.stdout.contains("seen by alice"), "{page}");
    let page = visit_at(&site, &site.session(), &[TO_LOCALHOST], "/status");
    assert!(
        page.stdout.contains("action=\"/.kerbstone/sign-in\""),
        "{page}"
    );
    assert!(!page.stdout.contains("<h1>Gateway</h1>"), "{page}");
}
