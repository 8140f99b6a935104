//! The front door of a cloud: the shipped example, and clients as they are.

mod back_end;
mod certificates;
mod house;
mod own_plugins;

use std::path::Path;

use kerbstone_testkit::lab::{Finished, Session};
use kerbstone_testkit::transcripts;

use self::back_end::BackEnd;
use self::house::{House, PASSWORD, STRANGER};

fn status(finished: &Finished) -> &str {
    finished.stdout.rsplit('\n').next().unwrap_or_default()
}

fn the_client_chooses_its_way_in_by_url(back_end: BackEnd) {
    let Some(house) = House::build(back_end) else {
        return;
    };
    let alice = house.signed_in("alice");
    let kerberos = house.with_tickets("/krb/v3", &alice);
    let said = kerberos.script("token issue\ncatalog list\n").succeeded();
    assert!(
        said.stdout.contains("project_id"),
        "{said}\n{}\n{}",
        house.books(),
        house.behind.log()
    );
    assert!(said.stdout.contains("/main/v3"), "{said}");
    let token = kerberos.value(&["token", "issue", "-c", "id"]);

    let by_token = house
        .openstack("/main/v3", "v3token")
        .and([("OS_TOKEN", &token)]);
    assert!(!by_token.value(&["token", "issue", "-c", "id"]).is_empty());
    let by_password = house.openstack("/main/v3", "v3password").and([
        ("OS_USERNAME", "alice"),
        ("OS_PASSWORD", PASSWORD),
        ("OS_USER_DOMAIN_ID", "default"),
    ]);
    assert!(
        !by_password
            .value(&["token", "issue", "-c", "id"])
            .is_empty()
    );

    a_certificate_buys_a_token(&house);
    a_certificate_does_without_a_token(&house);
    the_other_version_has_a_pool_of_its_own(&house, &alice);
    a_token_passes_where_kerberos_buys_it(&house, &alice, &token);
    a_stranger_is_refused_in_words(&house);
}

/// At the entry point of Kerberos tokens are looked at and given back without a ticket.
fn a_token_passes_where_kerberos_buys_it(house: &House, session: &Session, token: &str) {
    let (own, subject) = (
        format!("X-Auth-Token: {token}"),
        format!("X-Subject-Token: {token}"),
    );
    let tokens = "/krb/v3/auth/tokens";
    let with = ["-H", &own, "-H", &subject];
    let seen = house.curl(session, tokens, &with);
    assert_eq!(status(&seen), "200", "{seen}");
    assert!(seen.stdout.contains("\"kerberos\""), "{seen}");
    let head = house.curl(session, tokens, &[&["-I"][..], &with].concat());
    assert_eq!(status(&head), "200", "{head}");
    let bare = house.curl(session, tokens, &["-X", "POST", "-d", "{}", "-H", &own]);
    assert_eq!(status(&bare), "401", "{bare}");
    assert!(
        bare.stdout
            .to_lowercase()
            .contains("www-authenticate: negotiate"),
        "{bare}"
    );
    let gone = house.curl(session, tokens, &[&["-X", "DELETE"][..], &with].concat());
    assert_eq!(status(&gone), "204", "{gone}");
    let after = house.curl(session, tokens, &with);
    assert_eq!(status(&after), "401", "{after}");
}

const EXTERNAL: &str = r#"{"auth":{"identity":{"methods":["external"],"external":{}},
"scope":{"project":{"name":"demo","domain":{"id":"default"}}}}}"#;

fn a_certificate_buys_a_token(house: &House) {
    let nobody = house.session();
    let (certificate, key) = house.authority.certify("alice");
    let shown = [
        "--cert",
        certificate.to_str().unwrap(),
        "--key",
        key.to_str().unwrap(),
    ];
    let asked = ["-H", "Content-Type: application/json", "-d", EXTERNAL];
    let token = house.curl(
        &nobody,
        "/x509/v3/auth/tokens",
        &[&shown[..], &asked].concat(),
    );
    assert_eq!(status(&token), "201", "{token}\n{}", house.behind.log());
    assert!(
        token.stdout.to_lowercase().contains("x-subject-token: "),
        "{token}"
    );
    let without = house.curl(&nobody, "/x509/v3/auth/tokens", &asked);
    assert_eq!(status(&without), "000", "{without}");
    let elsewhere = house.curl(&nobody, "/main/v3/auth/tokens", &asked);
    assert_eq!(status(&elsewhere), "401", "{elsewhere}");
}

/// The stock plugin `v3tokenlessauth`.
fn a_certificate_does_without_a_token(house: &House) {
    let (certificate, key) = house.authority.certify("alice");
    let shown = [("OS_CERT", certificate), ("OS_KEY", key)];
    let tokenless = house
        .openstack("/tokenless/v3", "v3tokenlessauth")
        .and(shown);
    let seen = tokenless.run(&["user", "show", "alice"]);
    // alice may not look at users, and is known well enough to be told so.
    seen.failed().saying("not authorized").saying("identity:");
}

fn the_other_version_has_a_pool_of_its_own(house: &House, session: &Session) {
    for path in ["/main/v2", "/admin/v2"] {
        let seen = house.curl(session, path, &[]);
        assert!(seen.stdout.contains("v2.0"), "{seen}");
    }
}

/// A good ticket of somebody whom the cloud does not know: a clean 401, and no traceback in the client.
fn a_stranger_is_refused_in_words(house: &House) {
    let stranger = house.signed_in(STRANGER);
    let refused = house
        .with_tickets("/krb/v3", &stranger)
        .run(&["token", "issue"])
        .failed();
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(
        !said.contains("Traceback") && !said.contains("GSSError"),
        "{refused}"
    );
    assert!(said.contains("HTTP 401"), "{refused}");
}

#[test]
fn the_client_chooses_its_way_in_to_keystone_by_url() {
    the_client_chooses_its_way_in_by_url(BackEnd::Keystone);
}

#[test]
fn the_client_chooses_its_way_in_to_our_identity_service_by_url() {
    the_client_chooses_its_way_in_by_url(BackEnd::Ours);
}

#[test]
fn the_manuals_page_on_keystone_is_as_it_is() {
    let Some(house) = House::build(BackEnd::Keystone) else {
        return;
    };
    house.authority.certify("alice");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts/keystone.md");
    transcripts::play(&page, house.folder(), &house.shell());
}
