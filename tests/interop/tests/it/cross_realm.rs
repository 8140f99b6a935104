use kerbstone_testkit::lab::{Krb5ConfText, Server, Session, Setup, Suite};
use tempfile::TempDir;

use crate::stage::{PASSWORD, USER};

const HOME: &str = "HOME.EXAMPLE";
const AWAY: &str = "AWAY.EXAMPLE";
const SERVICE: &str = "host/www.away.example";
/// Both sides can have keys of this one, and the trust needs one in common.
const ENCTYPE: &str = "aes256-cts-hmac-sha1-96";

/// A user of one realm gets a ticket for a service of another through the trust between them.
fn crosses(client: Suite, home: Suite, away: Suite) {
    let start = |suite, realm| Server::start(suite, &Setup::realm(realm).enctypes(&[ENCTYPE]));
    let (Some(home), Some(away)) = (start(home, HOME), start(away, AWAY)) else {
        return;
    };
    if !client.is_present() {
        return;
    }
    home.trust(AWAY, "between us");
    away.trust(HOME, "between us");
    home.add_user(USER, PASSWORD);
    away.add_service(SERVICE);

    let folder = TempDir::new().expect("a folder for krb5.conf");
    let config = Krb5ConfText::new(&[home.addresses(), away.addresses()], "").write(folder.path());
    let session = Session::new(client, &config);
    session.sign_in(USER, PASSWORD, &[]).succeeded();
    session.ticket(&format!("{SERVICE}@{AWAY}")).succeeded();
    assert!(session.list().contains(&format!("krbtgt/{AWAY}@{HOME}")));
}

#[test]
fn mit_from_mit_to_heimdal() {
    crosses(Suite::Mit, Suite::Mit, Suite::Heimdal);
}

#[test]
fn mit_from_heimdal_to_mit() {
    crosses(Suite::Mit, Suite::Heimdal, Suite::Mit);
}

#[test]
fn heimdal_from_mit_to_heimdal() {
    crosses(Suite::Heimdal, Suite::Mit, Suite::Heimdal);
}

#[test]
fn ours_from_mit_to_heimdal() {
    crosses(Suite::Kerb, Suite::Mit, Suite::Heimdal);
}

#[test]
fn ours_from_heimdal_to_mit() {
    crosses(Suite::Kerb, Suite::Heimdal, Suite::Mit);
}

#[test]
fn mit_from_ours_to_ours() {
    crosses(Suite::Mit, Suite::Kerb, Suite::Kerb);
}

#[test]
fn mit_from_ours_to_mit() {
    crosses(Suite::Mit, Suite::Kerb, Suite::Mit);
}

#[test]
fn mit_from_mit_to_ours() {
    crosses(Suite::Mit, Suite::Mit, Suite::Kerb);
}

#[test]
fn mit_from_ours_to_heimdal() {
    crosses(Suite::Mit, Suite::Kerb, Suite::Heimdal);
}

#[test]
fn mit_from_heimdal_to_ours() {
    crosses(Suite::Mit, Suite::Heimdal, Suite::Kerb);
}

#[test]
fn heimdal_from_ours_to_mit() {
    crosses(Suite::Heimdal, Suite::Kerb, Suite::Mit);
}

#[test]
fn heimdal_from_mit_to_ours() {
    crosses(Suite::Heimdal, Suite::Mit, Suite::Kerb);
}

#[test]
fn ours_from_ours_to_ours() {
    crosses(Suite::Kerb, Suite::Kerb, Suite::Kerb);
}

#[test]
fn ours_from_ours_to_mit() {
    crosses(Suite::Kerb, Suite::Kerb, Suite::Mit);
}

#[test]
fn ours_from_mit_to_ours() {
    crosses(Suite::Kerb, Suite::Mit, Suite::Kerb);
}

#[test]
fn ours_from_ours_to_heimdal() {
    crosses(Suite::Kerb, Suite::Kerb, Suite::Heimdal);
}

#[test]
fn ours_from_heimdal_to_ours() {
    crosses(Suite::Kerb, Suite::Heimdal, Suite::Kerb);
}
