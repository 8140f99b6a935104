use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;

use kerbstone_testkit::lab::{Daemon, Port};

use super::service::{ALICE, Identity, PASSWORD, curl};

#[test]
fn keystonemiddleware_takes_our_tokens_and_no_others() {
    let middleware = Path::new("/usr/lib/python3/dist-packages/keystonemiddleware");
    let Some(identity) = Identity::start().filter(|_| middleware.is_dir()) else {
        return;
    };
    let port = Port::claim();
    let _guarded = guarded(&identity, port.number());
    let ask = |path: &str, token: &str| {
        let header = format!("X-Auth-Token: {token}");
        curl(
            &format!("http://127.0.0.1:{}{path}", port.number()),
            &["-H", &header],
        )
    };
    let alice = identity.somebody(ALICE);
    let token = alice.value(&["token", "issue", "-c", "id"]);
    let (status, body) = ask("/servers", &token);
    assert_eq!(status, "200", "{body}\n{}", identity.log());
    assert!(
        body.starts_with("alice admin ") && body.contains("reader"),
        "{body}"
    );
    assert_eq!(ask("/servers", "gAAAAABbogus").0, "401");
    let altered = format!("{}AAAA", &token[..token.len() - 4]);
    assert_eq!(ask("/servers", &altered).0, "401");

    alice.run(&["token", "revoke", &token]).succeeded();
    assert_eq!(ask("/servers", &token).0, "401", "a revoked token is taken");

    // Services that are not in the catalog have no access rules.
    alice
        .script("service create compute\nendpoint create compute public http://127.0.0.1/\n")
        .succeeded();
    let rules = r#"[{"service":"compute","method":"GET","path":"/servers/*"}]"#;
    let create = [
        "application",
        "credential",
        "create",
        "--access-rules",
        rules,
    ];
    let made = alice.value(&[&create[..], &["-c", "id", "-c", "secret", "limited"]].concat());
    let (id, secret) = made.split_once('\n').expect("an id and a secret");
    let limited = identity.openstack("v3applicationcredential").and([
        ("OS_APPLICATION_CREDENTIAL_ID", id),
        ("OS_APPLICATION_CREDENTIAL_SECRET", secret),
    ]);
    let token = limited.value(&["token", "issue", "-c", "id"]);
    assert_eq!(ask("/servers/5", &token).0, "200", "{}", identity.log());
    assert_eq!(ask("/servers/5/ips", &token).0, "401");
    // The identity service is not among what it may call either.
    limited.run(&["project", "list", "--my-projects"]).failed();
}

fn guarded(identity: &Identity, port: u16) -> Daemon {
    let mut command = Command::new("/usr/bin/python3");
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/identity/guarded.py"))
        .args([&port.to_string(), &identity.url(), ALICE, PASSWORD])
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    Daemon::start(
        command,
        &identity.realm.folder().join("guarded.out"),
        || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok(),
    )
}
