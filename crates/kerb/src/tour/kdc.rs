//! The KDC: signing in by password and by keytab, a service ticket, a password changed and changed back.

use std::path::PathBuf;

use super::password_change::Change;
use super::shell::Shell;
use super::suite::{Kind, Suite};
use super::verdict::{NotPassed, Outcome, Way, left_out};
use super::walk::{Means, Visitor, Walk};
use crate::up::PASSWORDS_FILE;

const WAY: Way = Way::Kdc;
/// A service of every site.
const SERVICE: &str = "host/localhost";
const FORGOTTEN: &str = "its passwords were forgotten (kerb up --forget), so nobody here knows one";

/// Takes every suite to the KDC, and returns who has signed in first: ours if it can.
pub(super) async fn walk(walk: &mut Walk<'_, '_, '_>) -> Option<Visitor> {
    let mut first = None;
    for kind in [Kind::Kerb, Kind::Mit, Kind::Heimdal] {
        let Some(suite) = walk.means.clients.suite(kind) else {
            walk.leave_out(WAY, kind.name(), "signs in", left_out(kind.remedy()));
            continue;
        };
        let visitor = visit(walk, suite).await;
        first = first.or(visitor);
    }
    first
}

/// Takes one suite there.
async fn visit(walk: &mut Walk<'_, '_, '_>, suite: &Suite) -> Option<Visitor> {
    let person = person(&walk.means);
    let by_password = by_password(walk, suite, person.as_ref()).await;
    let by_keytab = by_keytab(walk, suite).await;
    let visitor = by_password.or(by_keytab);
    ticket(walk, suite, visitor.as_ref()).await;
    password(walk, suite, person.as_ref()).await;
    visitor
}

/// Somebody whose password is known.
struct Person {
    name: String,
    password: String,
}

fn person(means: &Means<'_>) -> Option<Person> {
    let (principal, password) = means.site.people().into_iter().next()?;
    let name = principal.split('@').next()?.to_owned();
    Some(Person { name, password })
}

async fn by_password(
    walk: &mut Walk<'_, '_, '_>,
    suite: &Suite,
    person: Option<&Person>,
) -> Option<Visitor> {
    let what = "signs in with a password";
    let Some(person) = person else {
        walk.leave_out(WAY, suite.name(), what, forgotten(&walk.means));
        return None;
    };
    let shell = walk.shell(&format!("{}-password", suite.name()));
    let realm = walk.means.site.realm().to_owned();
    let list = walk.means.site.path(PASSWORDS_FILE);
    let help = format!("is it still the password in {}?", list.display());
    let doing = async {
        let shell = shell.clone()?;
        let program = suite.sign_in(&person.name, &person.password);
        let signed_in = shell.run(program).await?.succeeded();
        signed_in.map_err(|trouble| trouble.with_help(help))?;
        shows_ticket(&shell, suite, &person.name, &realm).await
    };
    let has_passed = walk.step(WAY, suite.name(), what, doing).await;
    Some(Visitor {
        name: person.name.clone(),
        shell: shell.ok().filter(|_| has_passed)?,
    })
}

async fn by_keytab(walk: &mut Walk<'_, '_, '_>, suite: &Suite) -> Option<Visitor> {
    let shell = walk.shell(&format!("{}-keytab", suite.name()));
    let realm = walk.means.site.realm().to_owned();
    let keytab = keytab(&walk.means);
    let doing = async {
        let shell = shell.clone()?;
        let program = suite.sign_in_with_keytab(SERVICE, &keytab);
        let signed_in = shell.run(program).await?.succeeded();
        // What a client advises is meant for people with passwords.
        signed_in.map_err(|trouble| trouble.with_help(""))?;
        shows_ticket(&shell, suite, SERVICE, &realm).await
    };
    let what = "signs in with a keytab";
    let has_passed = walk.step(WAY, suite.name(), what, doing).await;
    Some(Visitor {
        name: SERVICE.to_owned(),
        shell: shell.ok().filter(|_| has_passed)?,
    })
}

/// A client may say that all is well and have nothing to show for it.
async fn shows_ticket(shell: &Shell, suite: &Suite, who: &str, realm: &str) -> Outcome {
    let listed = shell.run(suite.list()).await?.succeeded()?;
    let owned = listed.saying(&format!("{who}@{realm}"))?;
    owned.saying(&format!("krbtgt/{realm}@{realm}")).map(drop)
}

async fn ticket(walk: &mut Walk<'_, '_, '_>, suite: &Suite, visitor: Option<&Visitor>) {
    let what = format!("gets a ticket for {SERVICE}");
    let (realm, keytab) = (walk.means.site.realm().to_owned(), keytab(&walk.means));
    let doing = async {
        let Visitor { shell, .. } = Visitor::signed_in(visitor)?;
        let program = suite.ticket(SERVICE, &keytab);
        shell.run(program).await?.succeeded()?;
        let listed = shell.run(suite.list()).await?.succeeded()?;
        listed.saying(&format!("{SERVICE}@{realm}")).map(drop)
    };
    walk.step(WAY, suite.name(), &what, doing).await;
}

async fn password(walk: &mut Walk<'_, '_, '_>, suite: &Suite, person: Option<&Person>) {
    let what = "changes a password, and changes it back";
    let Some(Person { name, password }) = person else {
        walk.leave_out(WAY, suite.name(), what, forgotten(&walk.means));
        return;
    };
    // A cache of another suite may lead kpasswd astray.
    let shell = walk.shell(&format!("{}-change", suite.name()));
    let open_change = walk.means.change;
    let doing = async {
        let shell = shell?;
        let change = Change::of(name, password);
        open_change.open(change.clone());
        let Change { new, .. } = &change;
        let there = suite.change_password(name, password, new);
        let changed = shell.run(there).await?.succeeded();
        if changed.is_err() {
            open_change.close();
        }
        changed?;
        let with_new = suite.sign_in(name, new);
        shell.run(with_new).await?.succeeded()?;
        let back = suite.change_password(name, new, password);
        shell.run(back).await?.succeeded()?;
        open_change.close();
        let with_old = suite.sign_in(name, password);
        shell.run(with_old).await?.succeeded().map(drop)
    };
    walk.step(WAY, suite.name(), what, doing).await;
    walk.put_back().await;
}

fn keytab(means: &Means<'_>) -> PathBuf {
    means.site.keytab("host")
}

fn forgotten(means: &Means<'_>) -> NotPassed {
    let list = means.site.path(PASSWORDS_FILE);
    left_out(format!("{} is not there: {FORGOTTEN}", list.display()))
}
