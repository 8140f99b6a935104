//! The page about the gateway, live, and its JSON.

use std::sync::LazyLock;

use askama::Template;
use base64ct::{Base64, Encoding};
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use sha2::{Digest, Sha256};

use super::report::Status;
use crate::body::Body;
use crate::pages::{self, Form, STYLE};

/// What the page's tables and charts look like, beside what every page has.
pub(crate) const TABLES: &str = include_str!("../../templates/status.css");
/// Puts a fresh page in the place of the one that is shown, every two seconds while somebody looks.
pub(crate) const LIVE: &str = include_str!("../../templates/live.js");

/// As the other pages have it, with the script of this one, which may ask for this page again.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = |text: &str| Base64::encode_string(&Sha256::digest(text));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}' 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(TABLES),
        hash(LIVE)
    );
    HeaderValue::from_str(&policy).ok()
});

#[derive(Template)]
#[template(path = "status.html")]
struct Page<'a> {
    status: &'a Status,
}

/// The answer that shows the gateway.
pub fn answer(status: &Status, form: Form) -> Response<Body> {
    if form == Form::Json {
        let mut object = serde_json::to_string_pretty(status).unwrap_or_default();
        object.push('\n');
        return pages::answer(StatusCode::OK, "application/json", object);
    }
    let mut response = pages::html(StatusCode::OK, &Page { status });
    if let Some(policy) = &*POLICY {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    }
    response
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use kerbstone_proto::time::KerberosTime;

    use super::super::history::SECONDS;
    use super::super::ledger::tests::event;
    use super::super::{Facts, Ledger, ListenerFacts, RouteFacts};
    use super::*;
    use crate::observer::Outcome;
    use crate::pool::{CheckReport, MemberReport, MemberState, PoolReport};
    use crate::way::Way;

    const NOW: Duration = Duration::from_secs(1_795_374_000);

    fn member(name: &str, state: MemberState, why: &str) -> MemberReport {
        MemberReport {
            name: name.to_owned(),
            address: format!("uwsgi://{name}.example.test:5000"),
            state,
            since: UNIX_EPOCH + NOW - Duration::from_secs(725),
            why: why.to_owned(),
            weight: 1,
            is_backup: false,
            current: 3,
            most: Some(64),
            idle: 2,
            served: 118_203,
            failed: 12,
            retried: 12,
            connected: 40,
            checks: CheckReport::default(),
        }
    }

    /// A gateway that has served for ten minutes, with some of everything.
    fn status() -> Status {
        let ledger = Ledger::new(UNIX_EPOCH + NOW - Duration::from_secs(7300));
        let pool = |served: u64| PoolReport {
            name: "v3".to_owned(),
            balance: "round-robin",
            members: vec![
                MemberReport {
                    served,
                    ..member("keystone1", MemberState::Up, "its check passed")
                },
                member("keystone2", MemberState::Draining, "by command of uid 0"),
                member(
                    "keystone3",
                    MemberState::Down,
                    "3 checks failed: connection refused",
                ),
            ],
            current: 6,
            queued: 0,
            turned_away: 0,
            sticky: 17,
        };
        for second in 0..SECONDS as u64 {
            let wave = (second / 7 % 9) + (second / 41 % 5) * 3;
            for _ in 0..wave {
                ledger.decided(&event("/krb/v3", Outcome::Admitted));
            }
            if second % 23 == 0 {
                ledger.decided(&event("/krb/v3", Outcome::Refused));
            }
            if second > 400 && second < 430 {
                ledger.decided(&event("/main/v3", Outcome::Failed));
            }
            let at = UNIX_EPOCH + NOW - Duration::from_secs(SECONDS as u64 - second);
            ledger.read(&[pool(second * 3)], at);
        }
        let route = |label: &str, ways: &[Way]| RouteFacts {
            label: label.into(),
            ways: ways.to_vec(),
            leads_to: "pool v3".to_owned(),
        };
        let facts = Facts {
            routes: vec![
                route("/krb/v3", &[Way::Session, Way::Negotiate]),
                route("/main/v3", &[Way::Nobody]),
                route("<b>/never</b>", &[Way::Certificate]),
            ],
            pools: vec![pool(1800)],
            listeners: vec![ListenerFacts {
                name: "https".to_owned(),
                addresses: vec!["0.0.0.0:443".to_owned()],
                client_certificates: Some("none"),
                certificate_ends: Some(KerberosTime::from_unix(1_796_000_000)),
            }],
            viewer: Some("admin".to_owned()),
        };
        Status::of(&ledger, facts, UNIX_EPOCH + NOW)
    }

    fn page() -> String {
        Page { status: &status() }.render().unwrap()
    }

    #[test]
    fn the_page_shows_routes_members_refusals_and_the_certificates_end() {
        let page = page();
        if let Ok(path) = std::env::var("KERBSTONE_SHOW_PAGE") {
            std::fs::write(path, &page).unwrap();
        }
        for shown in [
            "/krb/v3",
            "keystone2",
            "draining",
            "connection refused",
            "replay",
            "2026-11-30",
            "12 min",
        ] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
    }

    #[test]
    fn the_page_loads_nothing_and_works_without_its_script() {
        let page = page();
        for outside in [" src=", "href=\"http", "href=\"/", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}: {page}");
        }
        assert!(
            page.contains("<noscript><meta http-equiv=\"refresh\""),
            "{page}"
        );
    }

    #[test]
    fn names_out_of_the_settings_are_text() {
        assert!(!page().contains("<b>/never</b>"));
    }

    #[test]
    fn nothing_but_our_own_script_runs_and_it_asks_nobody_else() {
        let response = answer(&status(), Form::Html);
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(policy.contains("connect-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn the_json_has_the_same_figures() {
        let object = serde_json::to_value(status()).unwrap();
        assert_eq!(object["uptime_seconds"], 7300);
        assert_eq!(object["routes"][0]["ways"][1], "negotiate");
        assert_eq!(object["pools"][0]["members"][1]["state"], "draining");
        assert_eq!(object["refusals"]["replay"], 27);
        assert_eq!(object["history"]["requests"].as_array().unwrap().len(), 60);
        assert!(object["requests_per_second"].as_f64().unwrap() > 0.0);
    }
}
