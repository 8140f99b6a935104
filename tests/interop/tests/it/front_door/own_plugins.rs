//! Our plugins for keystoneauth, in the unmodified openstack command.

use std::fs;
use std::path::Path;
use std::process::Command;

use kerbstone_testkit::lab::{Finished, Openstack};
use tempfile::TempDir;

use super::back_end::BackEnd;
use super::house::{House, PASSWORD};

const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/python");

#[test]
fn our_plugins_earn_tokens_by_certificate_and_find_the_way_in() {
    let Some(house) = House::build(BackEnd::Ours) else {
        return;
    };
    let installed = install();
    let with_plugins = |client: Openstack| client.and([("PYTHONPATH", installed.path())]);
    let user = |client: &Openstack| {
        let issued = client.run(&["token", "issue", "-c", "user_id", "-f", "value"]);
        let books = || house.books() + &house.behind.log();
        assert_eq!(issued.stdout.trim().len(), 32, "{issued}\n{}", books());
        issued.stdout
    };
    let alice = house.signed_in("alice");
    let by_ticket = user(&house.with_tickets("/krb/v3", &alice));

    let (certificate, key) = house.authority.certify("alice");
    let shown = [("OS_CERT", certificate), ("OS_KEY", key)];
    // The example's entry for certificates tells whose it is, as `external` asks.
    let by_certificate = with_plugins(house.openstack("/x509/v3", "v3x509"))
        .and(shown.clone())
        .and([("OS_AUTH_METHOD", "external")]);
    assert_eq!(user(&by_certificate), by_ticket);
    with_plugins(house.openstack("/x509/v3", "v3x509"))
        .run(&["token", "issue"])
        .failed()
        .saying("a client certificate is needed");

    // The same plugin, with what somebody happens to have.
    let with_ticket = with_plugins(house.with_tickets("/krb/v3", &alice));
    let with_ticket = with_ticket.and([("OS_AUTH_TYPE", "v3kerbstone")]);
    assert_eq!(user(&with_ticket), by_ticket);
    // And with the site's address alone, which tells of every entry point.
    let from_the_site = |client: Openstack| {
        let site = [
            ("OS_AUTH_URL", house.url("")),
            ("OS_AUTH_TYPE", "v3kerbstone".to_owned()),
        ];
        user(&with_plugins(client).and(site))
    };
    assert_eq!(
        from_the_site(house.with_tickets("/krb/v3", &alice)),
        by_ticket
    );
    let without_ticket = house
        .openstack("/x509/v3", "v3kerbstone")
        .and(shown.clone());
    let without_ticket = without_ticket.and([("KRB5CCNAME", "FILE:/nonexistent/tickets")]);
    assert_eq!(from_the_site(without_ticket), by_ticket);
    let with_certificate = with_plugins(house.openstack("/x509/v3", "v3kerbstone")).and(shown);
    assert_eq!(user(&with_certificate), by_ticket);
    let with_password = with_plugins(house.openstack("/main/v3", "v3kerbstone")).and([
        ("OS_USERNAME", "alice"),
        ("OS_PASSWORD", PASSWORD),
        ("OS_USER_DOMAIN_ID", "default"),
    ]);
    assert_eq!(user(&with_password), by_ticket);
}

/// As users install it, and without asking anybody on the network.
fn install() -> TempDir {
    let folder = TempDir::with_prefix("kerbstone-plugins-").expect("a folder for the plugins");
    let (copy, target) = (folder.path().join("source"), folder.path());
    copy_package(Path::new(PACKAGE), &copy);
    let mut command = Command::new("/usr/bin/python3");
    command
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-index"])
        .args(["--no-build-isolation", "--target"])
        .args([target, &copy])
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .env("PIP_ROOT_USER_ACTION", "ignore");
    Finished::of(&mut command, "pip", "").succeeded();
    folder
}

/// Building leaves files in the folder that is built.
fn copy_package(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("kerbstone_keystoneauth")).expect("a folder for the source");
    for file in ["pyproject.toml", "README.md"] {
        fs::copy(from.join(file), to.join(file)).expect("the package's description");
    }
    let modules = fs::read_dir(from.join("kerbstone_keystoneauth")).expect("the package's modules");
    for module in modules.flatten().filter(|module| module.path().is_file()) {
        let there = to.join("kerbstone_keystoneauth").join(module.file_name());
        fs::copy(module.path(), there).expect("a module");
    }
}
