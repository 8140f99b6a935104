//! The table of entry points is replaced while requests are under way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::web_site::WebSite;
use super::{seen, signed_in, status, value};
use crate::service::eventually;

const NEGOTIATE: [&str; 3] = ["--negotiate", "-u", ":"];

fn entry(path: &str, more: &str) -> String {
    format!("[[gateway.entry]]\npath = \"{path}\"\nback_end = \"BACK_END\"\n{more}\n")
}

#[test]
fn new_settings_take_effect_and_nothing_under_way_fails() {
    let mut site = WebSite::start_with("", &entry("/old", "ways = [\"none\"]"));
    let session = signed_in(&site, "alice");
    let (is_over, loops) = (AtomicBool::new(false), 3);
    let port = site.port();
    let (config_site, session) = (&mut site, &session);
    let slow = config_site.begin_slow(session, "/old/slow");
    thread::scope(|scope| {
        let is_over = &is_over;
        let folder = session.folder();
        let visitors: Vec<_> = (0..loops)
            .map(|_| scope.spawn(move || visit_until(is_over, port, folder)))
            .collect();
        for turn in 0..5 {
            let entries = entry(
                "/new",
                &format!("ways = [\"none\"]\ntell = []\ndomain = \"{turn}\""),
            );
            config_site.reload_with(&entries);
            eventually("the new entry", || {
                let finished = config_site.curl(session, &[], "/new");
                (status(&finished) == "200").then_some(())
            });
        }
        let gone = config_site.curl(session, &[], "/old");
        assert_eq!(status(&gone), "404", "{gone}");
        is_over.store(true, Ordering::SeqCst);
        for visitor in visitors {
            assert_eq!(visitor.join().unwrap(), 0, "requests failed");
        }
    });
    config_site.let_back_end_answer();
    let finished = slow.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&finished.stdout);
    assert!(text.ends_with("200"), "by the old table: {text}");
}

/// Asks for a page that stays, again and again, and counts what fails.
fn visit_until(is_over: &AtomicBool, port: u16, folder: &std::path::Path) -> usize {
    let mut failed = 0;
    let mut asked = 0;
    while !is_over.load(Ordering::SeqCst) || asked == 0 {
        asked += 1;
        let url = format!("https://localhost:{port}/open");
        let output = std::process::Command::new("curl")
            .args([
                "-sk",
                "--noproxy",
                "*",
                "-o",
                "/dev/null",
                "-w",
                "%{http_code}",
                &url,
            ])
            .current_dir(folder)
            .output()
            .unwrap();
        if output.stdout != b"200" {
            failed += 1;
        }
    }
    failed
}

#[test]
fn a_bad_file_leaves_everything_as_it_was_and_says_so() {
    let mut site = WebSite::start_with("", &entry("/mine", "users = [\"alice\"]"));
    let session = signed_in(&site, "alice");
    for (bad, complaint) in [
        (entry("/x/../y", ""), "has a segment . or .."),
        (
            "[[gateway.entry]]\npath = \"/z\"\npool = \"none\"\n".to_owned(),
            "the pool `none`",
        ),
        ("[[gateway.entri]]\n".to_owned(), "entri"),
    ] {
        site.reload_with(&bad);
        eventually("a complaint", || {
            let log = site.log();
            let last = log
                .lines()
                .rev()
                .find(|line| line.contains("stay as they were"));
            last.is_some_and(|line| line.contains(complaint))
                .then_some(())
        });
        let finished = site.curl(&session, &NEGOTIATE, "/mine").succeeded();
        assert_eq!(value(&seen(&finished), "remote_user"), ["alice"]);
    }
    site.reload_with(&entry("/mine", "users = [\"bob\"]"));
    eventually("the rule", || {
        let finished = site.curl(&session, &NEGOTIATE, "/mine");
        (status(&finished) == "403").then_some(())
    });
}
