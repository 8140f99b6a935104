use super::service::{ALICE, Identity};

/// Each line, and words of its answer.
const CONVERSATION: &[(&str, &str)] = &[
    ("catalog list", "keystone"),
    ("domain create --description second west", "second"),
    (
        "project create --domain west --description first --tag blue demo",
        "blue",
    ),
    ("project set --domain west --description changed demo", ""),
    ("project show --domain west demo", "changed"),
    ("project list --domain west --tags blue", "demo"),
    (
        "user create --domain west --email carol@example.org carol",
        "carol@example.org",
    ),
    ("user set --domain west --disable carol", ""),
    ("user show --domain west carol", "False"),
    ("user set --domain west --enable carol", ""),
    ("role create --description looks watcher", "looks"),
    (
        "role add --user carol --user-domain west --project demo --project-domain west watcher",
        "",
    ),
    (
        "role assignment list --names --project demo --project-domain west",
        "carol@west",
    ),
    ("group create --domain west staff", "staff"),
    (
        "group add user --group-domain west --user-domain west staff carol",
        "",
    ),
    (
        "group contains user --group-domain west --user-domain west staff carol",
        "carol in group staff",
    ),
    (
        "role add --group staff --group-domain west --domain west --inherited member",
        "",
    ),
    (
        "role assignment list --names --effective --user carol --user-domain west",
        "reader",
    ),
    ("implied role create --implied-role reader watcher", ""),
    ("implied role list", "watcher"),
    (
        "role remove --user carol --user-domain west --project demo --project-domain west watcher",
        "",
    ),
    ("region create --description far north", "far"),
    ("service create --name nova compute", "compute"),
    (
        "endpoint create --region north compute public http://127.0.0.1:8774/v2.1",
        "8774",
    ),
    ("endpoint list --service compute", "8774"),
    ("limit list", ""),
    ("registered limit list", ""),
    ("policy list", ""),
    (
        "credential create --type totp alice GEZDGNBVGY3TQOJQ",
        "GEZDGNBVGY3TQOJQ",
    ),
    ("credential list --type totp", "GEZDGNBVGY3TQOJQ"),
    ("ec2 credentials create", "secret"),
    ("ec2 credentials list", "Access"),
    ("access rule list", ""),
    ("project delete --domain west demo", ""),
    ("user delete --domain west carol", ""),
    ("group delete --domain west staff", ""),
    ("domain set --disable west", ""),
    ("domain delete west", ""),
    ("domain list", "Default"),
];

#[test]
fn the_openstack_command_administers_our_service() {
    let Some(identity) = Identity::start() else {
        return;
    };
    let lines: Vec<&str> = CONVERSATION.iter().map(|(line, _)| *line).collect();
    let said = identity
        .somebody(ALICE)
        .script(&format!("{}\n", lines.join("\n")))
        .succeeded();
    let all = format!("{}{}", said.stdout, said.stderr);
    for trouble in [
        "Traceback",
        "(HTTP ",
        "unrecognized",
        "usage:",
        "No service",
        "not found",
    ] {
        assert!(
            !all.contains(trouble),
            "{trouble}: {said}\n{}",
            identity.log()
        );
    }
    for (line, words) in CONVERSATION {
        assert!(all.contains(words), "{line}: no {words:?} in {said}");
    }
    let store = std::fs::read(identity.realm.folder().join("identity.redb")).unwrap();
    let secret = b"GEZDGNBVGY3TQOJQ";
    assert!(
        !store.windows(secret.len()).any(|octets| octets == secret),
        "a secret lies open in the store"
    );
}

#[test]
fn the_service_explains_itself_on_the_command_line() {
    let Some(identity) = Identity::start() else {
        return;
    };
    let token = identity
        .somebody(ALICE)
        .value(&["token", "issue", "-c", "id"]);
    identity
        .realm
        .run(&["identity", "token"], &token)
        .succeeded()
        .saying("methods     password")
        .saying("project");
    identity
        .realm
        .run(&["identity", "token"], "gAAAAABnothing")
        .failed()
        .saying("help: tokens are read with the keys in");
    let again = ["identity", "bootstrap", "--admin", ALICE];
    identity
        .realm
        .run(&again, "")
        .failed()
        .saying("another process has this directory open")
        .saying("stop the service first");
    // Old tokens hold for as many rotations as there are keys; the service sees new ones without being told.
    identity
        .realm
        .run(&["identity", "fernet", "rotate"], "")
        .succeeded()
        .saying("3 keys");
    let by_token = |token: &str| {
        let header = format!("X-Auth-Token: {token}");
        identity.curl("/auth/projects", &["-H", &header]).0
    };
    assert_eq!(by_token(&token), "200", "{}", identity.log());
    let newer = identity
        .somebody(ALICE)
        .value(&["token", "issue", "-c", "id"]);
    assert_eq!(by_token(&newer), "200", "{}", identity.log());
}
