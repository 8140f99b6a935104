//! What administrators see of a running gateway, and what they tell it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use kerbstone_testkit::lab::{Finished, Session, kerb_binary};
use rustix::process::Signal;
use serde_json::Value;

use super::web_site::WebSite;
use super::{signed_in, status};
use crate::service::eventually;

const EXTRA: &str = "control = \"gateway.ctl\"\naccess_log = \"access.log\"";
const ENTRIES: &str = "[gateway.sessions]\nkeys = \"sessions.keys\"\n\
    [[gateway.pool]]\nname = \"v3\"\nmembers = [\"BACK_END\"]\n\
    [[gateway.entry]]\npath = \"/main/v3\"\nways = [\"none\"]\npool = \"v3\"\n\
    [[gateway.entry]]\npath = \"/status\"\nways = [\"session\", \"negotiate\"]\npage = \"status\"\nusers = [\"alice\"]\n";
const NEGOTIATE: [&str; 3] = ["--negotiate", "-u", ":"];

fn site() -> WebSite {
    WebSite::start_with(EXTRA, ENTRIES)
}

/// Runs `kerb gateway` with these arguments at the running gateway.
fn kerb(site: &WebSite, session: &Session, arguments: &[&str]) -> Finished {
    let (kerb, config) = (kerb_binary(), site.config());
    let (kerb, config) = (kerb.to_string_lossy(), config.to_string_lossy());
    session.run(
        &kerb,
        &[&["gateway"], arguments, &["--config", &config]].concat(),
        "",
    )
}

/// What `kerb gateway ... --json` prints.
fn json(site: &WebSite, session: &Session, arguments: &[&str]) -> Value {
    let finished = kerb(site, session, &[arguments, &["--json"]].concat()).succeeded();
    serde_json::from_str(&finished.stdout).unwrap()
}

/// The member of the pool `v3`, as `POOL/MEMBER`.
fn member(site: &WebSite, session: &Session) -> (String, Value) {
    let pools = json(site, session, &["pools"]);
    let all = pools.as_array().unwrap();
    let pool = all.iter().find(|pool| pool["name"] == "v3").unwrap();
    let member = pool["members"][0].clone();
    (format!("v3/{}", member["name"].as_str().unwrap()), member)
}

#[test]
fn the_status_page_is_for_those_whom_its_entry_lets_in() {
    let site = site();
    let (alice, bob) = (signed_in(&site, "alice"), signed_in(&site, "bob"));
    assert_eq!(
        status(&site.curl(&alice, &[], "/main/v3/x?secret=1")),
        "200"
    );
    assert_eq!(status(&site.curl(&alice, &[], "/status")), "401");
    assert_eq!(status(&site.curl(&bob, &NEGOTIATE, "/status")), "403");
    let html = [&NEGOTIATE[..], &["-H", "Accept: text/html"]].concat();
    let page = site.curl(&alice, &html, "/status").succeeded();
    assert_eq!(status(&page), "200");
    for shown in [
        "/main/v3",
        "Pool <b>v3</b>",
        "seen by alice",
        "127.0.0.1",
        "until 4096",
    ] {
        assert!(page.stdout.contains(shown), "{shown}: {page}");
    }
    assert!(!page.stdout.contains("secret"), "{page}");
    let headers = page.stderr.to_lowercase();
    assert!(
        headers.contains("content-security-policy: default-src 'none'"),
        "{page}"
    );
    let object = [&NEGOTIATE[..], &["-H", "Accept: application/json"]].concat();
    let finished = site.curl(&alice, &object, "/status").succeeded();
    let object: Value = serde_json::from_str(finished.stdout.rsplit_once('\n').unwrap().0).unwrap();
    let routes = object["routes"].as_array().unwrap();
    let main = routes
        .iter()
        .find(|route| route["label"] == "/main/v3")
        .unwrap();
    assert_eq!(main["outcomes"]["open"], 1, "{object}");
    assert_eq!(main["ways"][0], "none");
    assert_eq!(object["refusals"]["user_not_allowed"], 1, "{object}");
    assert!(object["memory_octets"].as_u64().unwrap() > 1 << 20);
    assert_eq!(
        status(&site.curl(
            &alice,
            &[&NEGOTIATE[..], &["-X", "POST"]].concat(),
            "/status"
        )),
        "405"
    );
}

#[test]
fn members_are_taken_out_and_put_back_by_command() {
    let site = site();
    let session = site.session();
    assert_eq!(status(&site.curl(&session, &[], "/main/v3")), "200");
    let (name, before) = member(&site, &session);
    assert_eq!(before["state"], "up");
    assert_eq!(before["served"], 1);
    let told = kerb(&site, &session, &["maintenance", &name]).succeeded();
    assert!(told.stdout.contains("maintenance"), "{told}");
    assert_eq!(member(&site, &session).1["state"], "maintenance");
    assert_eq!(status(&site.curl(&session, &[], "/main/v3")), "503");
    kerb(&site, &session, &["ready", &name]).succeeded();
    assert_eq!(status(&site.curl(&session, &[], "/main/v3")), "200");
    kerb(&site, &session, &["drain", &name]).succeeded();
    let draining = member(&site, &session).1;
    assert_eq!(draining["state"], "draining");
    assert_eq!(draining["why"], "by command");
    let shown = kerb(&site, &session, &["pools"]).succeeded();
    assert!(shown.stdout.contains("draining"), "{shown}");
    let unknown = kerb(&site, &session, &["drain", "v3/nobody"]);
    assert_eq!(unknown.code, 1, "{unknown}");
    assert!(
        unknown.stderr.contains("help: the members are "),
        "{unknown}"
    );
    let audit = eventually("the orders in the audit log", || {
        let audit = site.audit();
        audit.contains("nobody").then_some(audit)
    });
    assert!(
        audit.contains(&format!("\"order\":\"maintenance {name}\"")),
        "{audit}"
    );
}

#[test]
fn the_gateway_is_asked_by_its_own_user_over_a_socket_of_its_own() {
    let site = site();
    let session = site.session();
    let socket = site.folder().join("gateway.ctl");
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    site.curl(&session, &[], "/main/v3");
    let shown = kerb(&site, &session, &["status"]).succeeded();
    for part in ["up for", "certificate of main", "/main/v3", "v3/"] {
        assert!(shown.stdout.contains(part), "{part}: {shown}");
    }
    let object = json(&site, &session, &["status"]);
    assert_eq!(object["connections_accepted"], 1);
    let read = kerb(&site, &session, &["reload"]).succeeded();
    assert!(read.stdout.contains("read anew"), "{read}");
    let text = fs::read_to_string(site.config()).unwrap();
    fs::write(
        site.config(),
        text.replace("path = \"/main/v3\"", "path = \"main\""),
    )
    .unwrap();
    let refused = kerb(&site, &session, &["reload"]);
    assert_eq!(refused.code, 1, "{refused}");
    assert!(refused.stderr.contains("main"), "{refused}");
    assert_eq!(status(&site.curl(&session, &[], "/main/v3")), "200");
}

#[test]
fn a_gateway_that_is_not_there_does_not_answer() {
    let mut site = site();
    let session = site.session();
    site.signal(Signal::TERM);
    assert_eq!(site.wait(), Some(0));
    let finished = kerb(&site, &session, &["status"]);
    assert_eq!(finished.code, 4, "{finished}");
    assert!(
        finished.stderr.contains("help: is it running"),
        "{finished}"
    );
}

#[test]
fn sessions_that_are_revoked_are_over_and_new_ones_begin() {
    let site = site();
    let alice = signed_in(&site, "alice");
    let jar = ["-c", "jar", "-b", "jar"];
    let first = site.curl(&alice, &[&jar[..], &NEGOTIATE].concat(), "/status");
    assert_eq!(status(&first), "200", "{first}");
    assert_eq!(
        status(&site.curl(&alice, &jar, "/status")),
        "200",
        "by the cookie alone"
    );
    kerb(&site, &alice, &["sessions", "revoke", "bob"]).succeeded();
    assert_eq!(status(&site.curl(&alice, &jar, "/status")), "200");
    kerb(&site, &alice, &["sessions", "revoke", "alice"]).succeeded();
    assert_eq!(status(&site.curl(&alice, &jar, "/status")), "401");
}

#[test]
fn the_access_log_goes_on_in_a_new_file_when_it_is_told_to() {
    let site = site();
    let session = site.session();
    let log = site.folder().join("access.log");
    let has = |path: &str| {
        eventually("a line of the access log", || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            text.lines().any(|line| line.contains(path)).then_some(text)
        })
    };
    site.curl(
        &session,
        &["-A", "agent \"7\"", "-e", "http://h/a?secret=1"],
        "/main/v3/first?secret=2",
    );
    let text = has("/main/v3/first");
    let line = text.lines().next().unwrap();
    assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
    assert!(
        line.contains("\"GET /main/v3/first HTTP/2.0\" 200 "),
        "{line}"
    );
    assert!(
        line.ends_with("\"http://h/a\" \"agent \\\"7\\\"\""),
        "{line}"
    );
    assert!(!text.contains("secret"), "{text}");
    fs::rename(&log, site.folder().join("access.log.1")).unwrap();
    site.signal(Signal::HUP);
    eventually("a new file", || log.exists().then_some(()));
    site.curl(&session, &[], "/main/v3/second");
    assert!(!has("/main/v3/second").contains("/main/v3/first"));
}

#[test]
fn figures_have_few_names_and_no_client_makes_one() {
    let site = site();
    let session = site.session();
    for path in ["/main/v3/a", "/main/v3/b", "/nowhere/x", "/app"] {
        site.curl(
            &session,
            &["-H", "Remote-User: mallory", "-A", "mallory"],
            path,
        );
    }
    let figures = eventually("the figures", || {
        let figures = site.metrics(&session);
        figures.contains("kerbstone_gateway_entry_requests_total{entry=\"/main/v3\",way=\"none\",outcome=\"open\"} 2").then_some(figures)
    });
    for part in [
        "kerbstone_gateway_refusals_total{reason=\"no_entry_point\"} 1",
        "kerbstone_gateway_forged_headers_total 4",
        "kerbstone_gateway_member_up{pool=\"v3\"",
        "kerbstone_gateway_member_state{pool=\"v3\"",
        "kerbstone_gateway_certificate_seconds_left{listener=\"main\"}",
        "kerbstone_gateway_connections ",
        "kerbstone_gateway_requests_total{outcome=\"open\",status=\"2xx\"} 2",
    ] {
        assert!(figures.contains(part), "{part}: {figures}");
    }
    assert!(
        !figures.contains("mallory") && !figures.contains("nowhere"),
        "{figures}"
    );
}
