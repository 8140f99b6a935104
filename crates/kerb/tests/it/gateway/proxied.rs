//! A gateway without keys, before a proxy that has them.

use super::web_site::WebSite;
use super::{WHOAMI, signed_in, status, token_of};

const NEGOTIATE: [&str; 3] = ["--negotiate", "-u", ":"];

#[test]
fn visitors_are_known_by_keys_that_the_gateway_does_not_have() {
    let site = WebSite::start_proxied("");
    let session = signed_in(&site, "alice");
    for protocol in ["--http1.1", "--http2"] {
        let arguments = [&NEGOTIATE[..], &[protocol]].concat();
        let finished = site.curl(&session, &arguments, WHOAMI).succeeded();
        assert!(finished.stdout.contains("<h1>alice</h1>"), "{finished}");
        let answer = finished.stderr.to_lowercase();
        assert!(
            answer.contains("< www-authenticate: negotiate oy"),
            "{finished}"
        );
    }
    let with_back_end = site.curl(&session, &NEGOTIATE, "/app/x").succeeded();
    assert_eq!(status(&with_back_end), "200");
}

#[test]
fn a_token_is_accepted_once_by_way_of_the_proxy() {
    let mut site = WebSite::start_proxied("");
    let session = signed_in(&site, "alice");
    let first = site.curl(&session, &NEGOTIATE, WHOAMI).succeeded();
    let header = format!("Authorization: {}", token_of(&first));
    let again = site.curl(&session, &["-H", &header], WHOAMI);
    assert_eq!(status(&again), "401", "{again}");
    assert!(again.stdout.contains("has been accepted before"), "{again}");
    site.restart();
    let again = site.curl(&session, &["-H", &header], WHOAMI);
    assert_eq!(status(&again), "401", "{again}");
}

#[test]
fn keys_out_of_step_are_told_without_their_versions() {
    let site = WebSite::start_proxied("");
    site.change_keys();
    let session = signed_in(&site, "alice");
    let refused = site.curl(&session, &NEGOTIATE, WHOAMI);
    assert_eq!(status(&refused), "401", "{refused}");
    assert!(
        refused.stdout.contains("an older or a newer one"),
        "{refused}"
    );
    assert!(site.audit().contains("key version 2"), "{}", site.audit());
    // The proxy sees by itself that there is another keytab.
    site.write_keytab();
    let accepted = site.curl(&session, &NEGOTIATE, WHOAMI).succeeded();
    assert_eq!(status(&accepted), "200", "{accepted}");
}

#[test]
fn a_proxy_that_is_gone_is_no_fault_of_the_ticket() {
    let mut site = WebSite::start_proxied("");
    let session = signed_in(&site, "alice");
    site.lose_proxy();
    let refused = site.curl(&session, &NEGOTIATE, WHOAMI);
    assert_eq!(status(&refused), "503", "{refused}");
    assert!(
        refused.stdout.contains("cannot check tickets just now"),
        "{refused}"
    );
    let open = site.curl(&session, &[], "/open/x").succeeded();
    assert_eq!(status(&open), "200");
}

#[test]
fn bindings_can_be_required_by_way_of_the_proxy() {
    let site = WebSite::start_proxied("channel_bindings = \"require\"");
    let session = signed_in(&site, "alice");
    let refused = site.curl(&session, &NEGOTIATE, WHOAMI);
    let is_bound = refused.stdout.contains("<h1>alice</h1>");
    // Curl sends bindings since 8.10 only.
    assert!(
        is_bound || refused.stdout.contains("bound to the encrypted connection"),
        "{refused}"
    );
}
