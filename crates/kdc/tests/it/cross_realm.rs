//! Trust between realms of ours and one of MIT's, whose KDC stands at either end and in the middle.

use kerbstone_proto::name::Realm;
use kerbstone_realm::Capath;
use kerbstone_testkit::lab::{Addresses, Krb5ConfText, Mit, Session, Setup, Suite};
use tempfile::TempDir;

use crate::site::{PASSWORD, REALM, Server, Site};

const MIT: &str = "MIT.TEST";
const FAR: &str = "FAR.TEST";
const BETWEEN: &str = "between realms";

/// Ours, MIT's and again ours, each trusting its neighbour.
struct World {
    _server: Server,
    _mit: Mit,
    _folder: TempDir,
    session: Session,
}

fn world(capaths: &str, adjust: impl FnOnce(&Site)) -> Option<World> {
    let mit = Mit::start(&Setup::realm(MIT))?;
    mit.trust(REALM, BETWEEN);
    mit.trust(FAR, BETWEEN);
    mit.add_user("bob", PASSWORD);
    mit.add_service("host/www.mit.test");
    let site = Site::at(Site::now_by_the_wall());
    site.add_realm(FAR);
    site.trust_stranger(REALM, MIT, BETWEEN);
    site.trust_stranger(FAR, MIT, BETWEEN);
    site.add_service("host/www.far.test@FAR.TEST");
    adjust(&site);
    let server = Server::start(site.kdc());
    let far = Addresses {
        realm: FAR.to_owned(),
        ..server.addresses.clone()
    };
    let folder = TempDir::with_prefix("kerbstone-kdc-").unwrap();
    let realms = [&server.addresses, mit.addresses(), &far];
    let configuration = Krb5ConfText::new(&realms, capaths).write(folder.path());
    Some(World {
        session: Session::new(Suite::Mit, &configuration),
        _server: server,
        _mit: mit,
        _folder: folder,
    })
}

#[test]
fn our_users_reach_a_service_of_mits_realm() {
    let Some(world) = world("", |_| {}) else {
        return;
    };
    world.session.sign_in("alice", PASSWORD, &[]).succeeded();
    world
        .session
        .ticket("host/www.mit.test@MIT.TEST")
        .succeeded();
}

#[test]
fn users_of_mits_realm_reach_a_service_of_ours() {
    let Some(world) = world("", |_| {}) else {
        return;
    };
    world
        .session
        .sign_in("bob@MIT.TEST", PASSWORD, &[])
        .succeeded();
    world
        .session
        .ticket("host/www.kerbstone.test@KERBSTONE.TEST")
        .succeeded();
}

const CAPATHS: &str = "[capaths]\nKERBSTONE.TEST = {\nFAR.TEST = MIT.TEST\n}\n";

#[test]
fn a_way_over_mits_realm_is_permitted_by_capaths_alone() {
    let permit = |site: &Site| {
        site.modify_realm(FAR, |settings| {
            settings.capaths = vec![Capath {
                client: Realm::from(REALM),
                server: Realm::from(FAR),
                through: vec![Realm::from(MIT)],
            }];
        });
    };
    let Some(permitted) = world(CAPATHS, permit) else {
        return;
    };
    let service = "host/www.far.test@FAR.TEST";
    permitted
        .session
        .sign_in("alice", PASSWORD, &[])
        .succeeded();
    permitted.session.ticket(service).succeeded();
    assert!(permitted.session.flags("host/www.far").contains('T'));

    let Some(forbidden) = world(CAPATHS, |_| {}) else {
        return;
    };
    forbidden
        .session
        .sign_in("alice", PASSWORD, &[])
        .succeeded();
    forbidden
        .session
        .ticket(service)
        .failed()
        .saying("KDC policy rejects request");
}
