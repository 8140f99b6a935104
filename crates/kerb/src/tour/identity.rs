//! The identity service by way of the gateway: a token for a ticket, and none without.

use super::program::{Program, Said};
use super::verdict::{NotPassed, Outcome, Way, failed, left_out};
use super::walk::{Visitor, Walk};
use crate::up::cloud;

const WAY: Way = Way::Identity;
const WITH_TICKET: &str = "gets a token for its ticket";
const WITHOUT: &str = "gets none without a ticket";
const WITH_CERTIFICATE: &str = "gets a token for its certificate";

/// Takes every client of the cloud there.
pub(super) async fn walk(walk: &mut Walk<'_, '_, '_>, visitor: Option<&Visitor>) {
    curl(walk, visitor).await;
    openstack(walk, visitor).await;
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
    let stranger = walk.shell("curl-cloud");
    let tokens = |way| format!("{}/auth/tokens", cloud::url(site, way));
    let fetch = program
        .args(["-q", "-sS", "--noproxy", "*", "-i", "-w", "\n%{http_code}"])
        .args(["-H", "Content-Type: application/json", "--cacert"])
        .arg(site.ca());
    let ask = fetch
        .clone()
        .args(["--negotiate", "-u", ":", "-d", &token_by("kerberos")])
        .arg(tokens(cloud::BY_TICKET));
    let with_ticket = async {
        let visitor = Visitor::signed_in(visitor)?;
        match answer(visitor.shell.run(ask.clone()).await?)? {
            (status, answer) if status == "201" && has_token(&answer) => Ok(()),
            (status, answer) => Err(instead(&status, &answer)),
        }
    };
    walk.step(WAY, "curl", WITH_TICKET, with_ticket).await;
    let without = async {
        match answer(stranger?.run(ask).await?)? {
            (status, answer) if status == "401" && !has_token(&answer) => Ok(()),
            (status, answer) => Err(instead(&status, &answer)),
        }
    };
    walk.step(WAY, "curl", WITHOUT, without).await;
    let certified = async {
        let visitor = Visitor::signed_in(visitor)?;
        let [certificate, key] = site.certificate_of(&visitor.name);
        let ask = fetch
            .args(["-d", &token_by("x509"), "--cert"])
            .arg(certificate)
            .arg("--key")
            .arg(key)
            .arg(tokens(cloud::BY_CERTIFICATE));
        match answer(visitor.shell.run(ask).await?)? {
            (status, answer) if status == "201" && has_token(&answer) => Ok(()),
            (status, answer) => Err(instead(&status, &answer)),
        }
    };
    walk.step(WAY, "curl", WITH_CERTIFICATE, certified).await;
}

/// What a client asks for: a token for the demonstration project.
fn token_by(method: &str) -> String {
    let project = cloud::PROJECT;
    format!(
        r#"{{"auth":{{"identity":{{"methods":["{method}"],"{method}":{{}}}},"scope":{{"project":{{"name":"{project}","domain":{{"id":"default"}}}}}}}}}}"#
    )
}

/// The status, and everything that came before it.
fn answer(said: Said) -> Result<(String, String), NotPassed> {
    let said = said.succeeded()?;
    let (answer, status) = said.out.rsplit_once('\n').unwrap_or_default();
    Ok((status.to_owned(), answer.to_owned()))
}

fn has_token(answer: &str) -> bool {
    answer.to_ascii_lowercase().contains("x-subject-token: ")
}

fn instead(status: &str, answer: &str) -> NotPassed {
    let words = answer.lines().last().unwrap_or_default();
    failed(format!("the identity service answers {status}: {words}"))
}

async fn openstack(walk: &mut Walk<'_, '_, '_>, visitor: Option<&Visitor>) {
    let Some(program) = &walk.means.clients.openstack else {
        let why = "openstack is not here; the packages python3-openstackclient and python3-requests-kerberos bring it";
        walk.leave_out(WAY, "openstack", WITH_TICKET, left_out(why));
        return;
    };
    let program = Program::new("openstack", program);
    let issue = walk
        .means
        .site
        .environment()
        .into_iter()
        .filter(|(name, _)| name.starts_with("OS_"))
        .fold(program, |program, (name, value)| program.env(name, value))
        .args(["token", "issue", "-f", "value", "-c", "id"]);
    let with_ticket = async {
        let visitor = Visitor::signed_in(visitor)?;
        let said = visitor.shell.run(issue).await?.succeeded()?;
        outcome(!said.out.trim().is_empty(), "openstack prints no token")
    };
    walk.step(WAY, "openstack", WITH_TICKET, with_ticket).await;
}

fn outcome(has_passed: bool, otherwise: &str) -> Outcome {
    match has_passed {
        true => Ok(()),
        false => Err(failed(otherwise)),
    }
}
