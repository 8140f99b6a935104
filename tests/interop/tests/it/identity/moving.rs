use kerbstone_testkit::lab::{Keystone, KeystoneSetup};

use super::service::{ALICE, BOB, Identity};

/// What there is at Keystone: bob is a member of a project by a group, and reads another project himself.
const CLOUD: &str = "\
    domain create west\n\
    project create --domain west --tag blue demo\n\
    project create --parent demo --domain west below\n\
    user create --domain default --email bob@example.org bob\n\
    user create --domain default alice\n\
    group create --domain default staff\n\
    group add user staff bob\n\
    role add --group staff --project demo --project-domain west member\n\
    role add --user bob --project below --project-domain west reader\n\
    role create watcher\n\
    implied role create --implied-role watcher reader\n\
    service create --name nova compute\n\
    endpoint create --region RegionOne compute public http://127.0.0.1:8774/v2.1\n";

#[test]
fn a_site_moves_from_keystone_with_its_ids() {
    let Some(mut identity) = Identity::prepare() else {
        return;
    };
    let Some(keystone) = Keystone::start(&KeystoneSetup::default()) else {
        return;
    };
    let administrator = keystone.administrator();
    let made = administrator.script(CLOUD).succeeded();
    assert!(
        made.says("| nova") && made.says("['blue']") && !made.says("(HTTP 5"),
        "{made}\n{}",
        keystone.log()
    );
    let demo = id_of(&made.stdout, "demo");
    let token = administrator.value(&["token", "issue", "-c", "id"]);

    let from = keystone.url();
    identity
        .with_token("gAAAAABwrong", &["import", "--from", &from])
        .failed()
        .saying("401")
        .saying("help: the token has to be an administrator's");
    let told = identity
        .with_token(&token, &["import", "--from", &from])
        .succeeded();
    assert!(
        told.says("nothing was written") && told.says("memberships   1 new"),
        "{told}"
    );
    let again = identity
        .with_token(&token, &["import", "--from", &from])
        .succeeded();
    assert_eq!(told.stdout, again.stdout, "a dry run wrote something");
    let done = identity.with_token(&token, &["import", "--from", &from, "--apply"]);
    done.succeeded().saying("users         3 new");
    let twice = identity.with_token(&token, &["import", "--from", &from, "--apply"]);
    twice.succeeded().saying("users         3 there already");

    identity.bootstrap();
    identity.serve();
    let ours = identity.somebody(ALICE);
    let value = |arguments: &[&str]| ours.value(arguments);
    assert_eq!(value(&["project", "show", &demo, "-c", "name"]), "demo");
    let bob = identity
        .somebody(BOB)
        .and([("OS_PROJECT_NAME", "below"), ("OS_PROJECT_DOMAIN_ID", "")])
        .and([("OS_PROJECT_DOMAIN_NAME", "west")]);
    let issued = bob.value(&["token", "issue", "-c", "project_id"]);
    let below = value(&["project", "show", "--domain", "west", "below", "-c", "id"]);
    assert_eq!(issued, below, "{}", identity.log());
    let roles = value(&[
        "role",
        "assignment",
        "list",
        "--names",
        "--effective",
        "--user",
        BOB,
        "-c",
        "Role",
    ]);
    for role in ["member", "reader", "watcher"] {
        assert!(roles.contains(role), "{role}: {roles}");
    }
    assert!(value(&["endpoint", "list", "--service", "compute", "-c", "URL"]).contains("8774"));
}

/// The id in the table of what was made by this name.
fn id_of(tables: &str, name: &str) -> String {
    let mut id = "";
    for line in tables.lines() {
        let mut cells = line.split('|').map(str::trim).skip(1);
        match (cells.next(), cells.next()) {
            (Some("id"), Some(value)) => id = value,
            (Some("name"), Some(value)) if value == name => return id.to_owned(),
            _ => {}
        }
    }
    panic!("no {name} in {tables}");
}
