//! The gateway: its page that says who one is, with a ticket, and the page that asks for one, without.

use serde_json::Value;

use super::browser;
use super::program::{Program, Said};
use super::shell::Shell;
use super::verdict::{NotPassed, Outcome, Way, failed, left_out};
use super::visit::{Visit, in_words};
use super::walk::{Visitor, Walk};
use crate::up::{Site, front_page};

const WAY: Way = Way::Gateway;
const WITH_TICKET: &str = "sees who it is, with a ticket";
const WITHOUT: &str = "is asked to sign in, without a ticket";
/// Stands on the page that asks.
const INVITATION: &str = "Sign in with Kerberos</button>";
const NO_BROWSER: &str =
    "no browser is here that tells what it sees; the package chromium brings one";

/// Takes every web client there.
pub(super) async fn walk(walk: &mut Walk<'_, '_, '_>, visitor: Option<&Visitor>) {
    ours(walk, visitor).await;
    curl(walk, visitor).await;
    a_browser(walk, visitor).await;
}

async fn ours(walk: &mut Walk<'_, '_, '_>, visitor: Option<&Visitor>) {
    let site = walk.means.site;
    let with_ticket = async {
        let visitor = Visitor::signed_in(visitor)?;
        let mut visit = Visit::begin(site).await?;
        let page = visit.with_ticket(&visitor.shell).await?;
        names(&page.object, visitor, site)?;
        match page.object.get("channel_bound") {
            Some(Value::Bool(true)) => Ok(()),
            _ => Err(failed(
                "the gateway does not see that the proof is bound to its TLS",
            )),
        }
    };
    walk.step(WAY, "kerb", WITH_TICKET, with_ticket).await;
    let without = async {
        let mut visit = Visit::begin(site).await?;
        visit.as_stranger().await?;
        Ok(())
    };
    walk.step(WAY, "kerb", WITHOUT, without).await;
}

/// Whether the page is about the visitor.
fn names(object: &Value, visitor: &Visitor, site: &Site) -> Outcome {
    let expected = format!("{}@{}", visitor.name, site.realm());
    match object.get("principal").and_then(Value::as_str) {
        Some(principal) if principal == expected => Ok(()),
        Some(other) => Err(failed(format!("the gateway takes {expected} for {other}"))),
        None => Err(failed(format!("the gateway answers: {}", in_words(object)))),
    }
}

async fn curl(walk: &mut Walk<'_, '_, '_>, visitor: Option<&Visitor>) {
    let program = match &walk.means.clients.curl {
        Ok(program) => Program::new("curl", program),
        Err(why) => {
            walk.leave_out(WAY, "curl", WITH_TICKET, left_out(*why));
            return;
        }
    };
    let site = walk.means.site;
    let stranger = walk.shell("curl");
    let fetch = program
        .args([
            "-q",
            "-sS",
            "--noproxy",
            "*",
            "-w",
            "\n%{http_code}",
            "--cacert",
        ])
        .arg(site.ca())
        .args(["--negotiate", "-u", ":"]);
    let for_programs = fetch.clone().args(["-H", "Accept: application/json"]);
    let with_ticket = async {
        let visitor = Visitor::signed_in(visitor)?;
        let said = visitor
            .shell
            .run(for_programs.arg(front_page(site)))
            .await?;
        let (object, _) = page(said)?;
        names(
            &serde_json::from_str(&object).unwrap_or_default(),
            visitor,
            site,
        )
    };
    walk.step(WAY, "curl", WITH_TICKET, with_ticket).await;
    let without = async {
        let said = stranger?.run(fetch.arg(front_page(site))).await?;
        match page(said)? {
            (page, status) if status == "401" && page.contains(INVITATION) => Ok(()),
            (_, status) => Err(failed(format!(
                "the gateway answers {status} without an invitation"
            ))),
        }
    };
    walk.step(WAY, "curl", WITHOUT, without).await;
}

/// What curl got, and the status.
fn page(said: Said) -> Result<(String, String), NotPassed> {
    let said = said.succeeded()?;
    let (page, status) = said.out.rsplit_once('\n').unwrap_or_default();
    Ok((page.to_owned(), status.to_owned()))
}

async fn a_browser(walk: &mut Walk<'_, '_, '_>, visitor: Option<&Visitor>) {
    let Some((program, name)) = &walk.means.clients.browser else {
        walk.leave_out(WAY, "a browser", WITH_TICKET, left_out(NO_BROWSER));
        return;
    };
    let site = walk.means.site;
    let stranger = walk.shell("browser");
    let open = |shell: &Shell| browser::open(program, name, site, shell, &front_page(site));
    let with_ticket = async {
        let Visitor { name: who, shell } = Visitor::signed_in(visitor)?;
        let said = shell.run(open(shell)).await?;
        match said.out.contains(&format!("<h1>{who}</h1>")) {
            true => Ok(()),
            false => Err(browser::instead(name, &said)),
        }
    };
    walk.step(WAY, name, WITH_TICKET, with_ticket).await;
    let without = async {
        let stranger = stranger?;
        let said = stranger.run(open(&stranger)).await?;
        match said.out.contains(INVITATION) {
            true => Ok(()),
            false => Err(browser::instead(name, &said)),
        }
    };
    walk.step(WAY, name, WITHOUT, without).await;
}
