//! Entry points: who comes in by which way, and what is told behind.

use std::fs;

use kerbstone_testkit::lab::Finished;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use super::web_site::{PASSWORD, WebSite};
use super::{seen, signed_in, status, value};

const NEGOTIATE: [&str; 3] = ["--negotiate", "-u", ":"];

/// As in front of Keystone: whoever asks for a token shows a ticket, and tokens pass.
const KEYSTONE: &str = r#"
[gateway.domains]
"WEB.TEST" = "Default"
[[gateway.entry]]
path = "/krb/v3"
rewrite = "/v3"
ways = ["token"]
back_end = "BACK_END"
[[gateway.entry]]
path = "/krb/v3/auth/tokens"
methods = "POST"
rewrite = "/v3/auth/tokens"
ways = ["negotiate"]
tell = ["user", "auth-type", "domain", "realm"]
back_end = "BACK_END"
[[gateway.entry]]
path = "/main"
rewrite = "/"
ways = ["none"]
back_end = "BACK_END"
"#;

/// The answer's headers of that name, as curl's trace shows them.
fn answered<'a>(finished: &'a Finished, name: &str) -> Vec<&'a str> {
    let lines = finished.stderr.lines();
    lines
        .filter_map(|line| {
            let (own, value) = line.strip_prefix("< ")?.split_once(": ")?;
            own.eq_ignore_ascii_case(name).then(|| value.trim())
        })
        .collect()
}

/// What the back end was asked for.
fn request_line(finished: &Finished) -> &str {
    finished.stdout.lines().next().unwrap_or_default()
}

#[test]
fn a_method_and_a_path_choose_the_way_and_the_path_is_rewritten() {
    let site = WebSite::start_with("", KEYSTONE);
    let session = signed_in(&site, "alice");
    let post = ["-X", "POST", "-d", "{}", "-H", "REMOTE_DOMAIN: Evil"];
    let tokens = "/krb/v3/auth/tokens?nocatalog";
    let posted = site.curl(&session, &[&NEGOTIATE[..], &post].concat(), tokens);
    assert_eq!(status(&posted), "200", "{posted}");
    assert_eq!(
        request_line(&posted),
        "POST /v3/auth/tokens?nocatalog HTTP/1.1"
    );
    let told = seen(&posted);
    for (name, expected) in [
        ("REMOTE_USER", "alice"),
        ("AUTH_TYPE", "Negotiate"),
        ("REMOTE_DOMAIN", "Default"),
        ("REMOTE_REALM", "WEB.TEST"),
        ("X-Forwarded-Prefix", "/krb"),
    ] {
        assert_eq!(value(&told, name), [expected], "{posted}");
    }
    assert_eq!(value(&told, "GSS_NAME"), [""; 0], "it was not to be told");

    let asked = site.back_end_requests();
    let unasked = site.curl(&session, &post, tokens);
    assert_eq!(status(&unasked), "401");
    assert_eq!(answered(&unasked, "www-authenticate"), ["Negotiate"]);
    let without = site.curl(&session, &[], "/krb/v3/auth/tokens");
    assert_eq!(status(&without), "401", "a GET needs a token: {without}");
    assert_eq!(answered(&without, "www-authenticate"), [""; 0]);
    assert_eq!(site.back_end_requests(), asked, "the back end was bothered");

    let token = ["-H", "X-Auth-Token: secret", "-H", "Remote-User: root"];
    let passed = site
        .curl(&session, &token, "/krb/v3/auth/tokens")
        .succeeded();
    assert_eq!(request_line(&passed), "GET /v3/auth/tokens HTTP/1.1");
    assert_eq!(value(&seen(&passed), "x-auth-token"), ["secret"]);
    assert_eq!(value(&seen(&passed), "remote_user"), [""; 0], "{passed}");
    let open = site.curl(&session, &[], "/main//v3/").succeeded();
    assert_eq!(request_line(&open), "GET //v3/ HTTP/1.1");
}

#[test]
fn a_back_ends_401_has_no_negotiate_beside_it() {
    let entries =
        "[[gateway.entry]]\npath = \"/strict\"\nback_end = \"BACK_END\"\nunknown_user = 403\n";
    let site = WebSite::start_with("", entries);
    let session = signed_in(&site, "alice");
    let refused = site.curl(&session, &NEGOTIATE, "/app/unknown");
    assert_eq!(status(&refused), "401", "{refused}");
    let last = refused.stderr.rsplit("< HTTP/").next().unwrap();
    assert!(last.contains("Keystone uri="), "{refused}");
    assert!(!last.to_lowercase().contains(": negotiate"), "{refused}");
    let refused = site.curl(&session, &NEGOTIATE, "/strict/unknown");
    assert_eq!(status(&refused), "403", "{refused}");
}

#[test]
fn a_password_is_checked_by_the_kdc_and_stays_here() {
    let entries = "[[gateway.entry]]\npath = \"/either\"\nways = [\"negotiate\", \"basic\"]\nback_end = \"BACK_END\"\n";
    let site = WebSite::start_with("", entries);
    let nobody = site.session();
    let asked = site.curl(&nobody, &[], "/either");
    assert_eq!(
        answered(&asked, "www-authenticate"),
        ["Negotiate", "Basic realm=\"localhost\", charset=\"UTF-8\""]
    );
    let login = format!("alice:{PASSWORD}");
    let known = site.curl(&nobody, &["-u", &login], "/either").succeeded();
    assert_eq!(status(&known), "200", "{known}");
    let told = seen(&known);
    assert_eq!(value(&told, "remote_user"), ["alice"]);
    assert_eq!(value(&told, "auth_type"), ["Basic"]);
    assert_eq!(value(&told, "authorization"), [""; 0], "{known}");
    let before = site.back_end_requests();
    let wrong = site.curl(&nobody, &["-u", "alice:wrong"], "/either");
    assert_eq!(status(&wrong), "401", "{wrong}");
    assert_eq!(site.back_end_requests(), before);
    // Where it is not asked for, it is somebody else's.
    let passed = site.curl(&nobody, &["-u", &login], "/open").succeeded();
    assert_eq!(value(&seen(&passed), "authorization").len(), 1, "{passed}");
}

#[test]
fn rules_know_patterns_and_groups() {
    let entries = r#"
[gateway.groups]
staff = ["bob", "*/admin@WEB.TEST"]
[[gateway.entry]]
path = "/realm"
users = ["*@WEB.TEST"]
back_end = "BACK_END"
[[gateway.entry]]
path = "/admins"
users = ["*/admin@WEB.TEST"]
back_end = "BACK_END"
[[gateway.entry]]
path = "/staff"
groups = ["staff"]
tell = ["user", "groups"]
back_end = "BACK_END"
"#;
    let site = WebSite::start_with("", entries);
    for (person, path, expected) in [
        ("alice", "/realm", "200"),
        ("alice", "/admins", "403"),
        ("alice", "/staff", "403"),
        ("bob", "/staff", "200"),
    ] {
        let session = signed_in(&site, person);
        let finished = site.curl(&session, &NEGOTIATE, path);
        assert_eq!(status(&finished), expected, "{person} {path}: {finished}");
        if path == "/staff" && expected == "200" {
            assert_eq!(value(&seen(&finished), "remote_groups"), ["staff"]);
        }
    }
}

#[test]
fn a_session_stands_for_the_proof_that_began_it() {
    let entries = r#"
[[gateway.entry]]
path = "/kept"
ways = ["session", "negotiate", "form"]
back_end = "BACK_END"
"#;
    let site = WebSite::start_with("", entries);
    let session = signed_in(&site, "alice");
    let jar = session.folder().join("jar").to_string_lossy().into_owned();
    let began = site.curl(&session, &[&NEGOTIATE[..], &["-c", &jar]].concat(), "/kept");
    assert_eq!(value(&seen(&began.succeeded()), "remote_user"), ["alice"]);
    let nobody = site.session();
    let goes_on = site.curl(&nobody, &["-b", &jar], "/kept").succeeded();
    let told = seen(&goes_on);
    assert_eq!(value(&told, "remote_user"), ["alice"], "{goes_on}");
    assert_eq!(value(&told, "auth_type"), ["Negotiate"]);
    assert_eq!(
        value(&told, "cookie"),
        [""; 0],
        "the cookie is ours: {goes_on}"
    );
    let forged = ["-b", "__Host-kerbstone=AAAA", "-H", "Accept: text/html"];
    let forged = site.curl(&nobody, &forged, "/kept");
    assert_eq!(status(&forged), "401", "{forged}");
    let cookies = answered(&forged, "set-cookie");
    assert!(
        cookies
            .iter()
            .any(|one| one.starts_with("__Host-kerbstone=;")),
        "{forged}"
    );
    assert!(
        forged.stdout.contains("type=\"password\""),
        "the form: {forged}"
    );
}

#[test]
fn a_certificate_stands_for_a_principal() {
    let entries = r#"
[gateway.certificates]
ca = "ca.pem"
[[gateway.certificates.map]]
from = "cn"
principal = "{cn}@WEB.TEST"
[[gateway.entry]]
path = "/x509"
ways = ["certificate"]
tell = ["user", "auth-type", "subject-dn", "subject-dn-slash", "issuer-dn", "fingerprint"]
back_end = "BACK_END"
[[gateway.entry]]
path = "/both"
certificate = { common_name = "alice" }
back_end = "BACK_END"
"#;
    let site = WebSite::start_certified("client_certificates = \"optional\"", entries, |folder| {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        ca.distinguished_name.push(DnType::CommonName, "People");
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        fs::write(folder.join("ca.pem"), ca.pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut own = CertificateParams::default();
        own.distinguished_name = rcgen::DistinguishedName::new();
        own.distinguished_name.push(DnType::OrganizationName, "Web");
        own.distinguished_name.push(DnType::CommonName, "alice");
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let own = own.signed_by(&key, &ca).unwrap();
        fs::write(folder.join("alice.pem"), own.pem() + &key.serialize_pem()).unwrap();
    });
    let nobody = site.session();
    let certificate = site.folder().join("alice.pem");
    let certificate = certificate.to_string_lossy();
    let known = site
        .curl(&nobody, &["--cert", &certificate], "/x509")
        .succeeded();
    let told = seen(&known);
    assert_eq!(value(&told, "remote_user"), ["alice"], "{known}");
    assert_eq!(value(&told, "auth_type"), ["Certificate"]);
    assert_eq!(value(&told, "ssl_client_s_dn"), ["CN=alice,O=Web"]);
    assert_eq!(value(&told, "ssl_client_s_dn_legacy"), ["/O=Web/CN=alice"]);
    assert_eq!(value(&told, "ssl_client_i_dn"), ["CN=People"], "{known}");
    assert_eq!(status(&site.curl(&nobody, &[], "/x509")), "401");
    let bob = signed_in(&site, "bob");
    let ticket_alone = site.curl(&bob, &NEGOTIATE, "/both");
    assert_eq!(status(&ticket_alone), "403", "{ticket_alone}");
    let both = [&NEGOTIATE[..], &["--cert", &certificate]].concat();
    let both = site.curl(&bob, &both, "/both").succeeded();
    assert_eq!(value(&seen(&both), "remote_user"), ["bob"], "{both}");
    let explained = site.kerb_gateway(
        &bob,
        &[
            "explain",
            "https://localhost/x509",
            "--certificate",
            &certificate,
        ],
    );
    let explained = explained.succeeded().stdout;
    assert!(explained.contains("alice@WEB.TEST"), "{explained}");
    assert!(
        explained.contains("SSL_CLIENT_S_DN=CN=alice,O=Web"),
        "{explained}"
    );
}

#[test]
fn explain_says_what_becomes_of_a_request_and_why() {
    let entries = format!(
        "{KEYSTONE}[[gateway.entry]]\npath = \"/bobs\"\nusers = [\"bob\"]\npool = \"apps\"\n\
                           [[gateway.pool]]\nname = \"apps\"\nmembers = [\"BACK_END\"]\n"
    );
    let site = WebSite::start_with("", &entries);
    let session = site.session();
    let explained = |arguments: &[&str]| {
        let finished = site.kerb_gateway(&session, &[&["explain"], arguments].concat());
        finished.succeeded().stdout
    };
    let tokens = "https://localhost/krb/v3/auth/tokens";
    let text = explained(&[tokens, "--method", "POST", "--as", "alice"]);
    for part in [
        "entry     POST /krb/v3/auth/tokens",
        "ways      [negotiate]",
        "alice@WEB.TEST, the user alice here, of the domain Default",
        "rule      admitted",
        "/v3/auth/tokens at http://127.0.0.1:",
        "REMOTE_DOMAIN=Default",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = explained(&[tokens, "--method", "POST"]);
    assert!(
        text.contains("401 with WWW-Authenticate: Negotiate"),
        "{text}"
    );
    let text = explained(&[tokens, "--token"]);
    assert!(text.contains("ways      [token]"), "{text}");
    let text = explained(&["https://localhost/bobs", "--as", "alice"]);
    assert!(text.contains("403: this user is not among those"), "{text}");
    assert!(text.contains("users = bob"), "{text}");
    let text = explained(&["https://localhost/nowhere"]);
    assert!(text.contains("404"), "{text}");
    let text = explained(&["https://localhost/a/../b"]);
    assert!(text.contains("400"), "{text}");
}

#[test]
fn check_finds_every_problem_at_once_and_warns_of_what_nobody_can_meet() {
    let mut site = WebSite::start("");
    let session = site.session();
    let check = |site: &WebSite| site.kerb_gateway(&session, &["check"]);
    let fine = check(&site).succeeded();
    assert!(fine.stdout.contains("is in order"), "{fine}");

    site.reload_with(
        "[[gateway.entry]]\npath = \"/a/../b\"\nback_end = \"BACK_END\"\n\
         [[gateway.entry]]\npath = \"/c\"\npool = \"nobody\"\nunknown_user = 200\n\
         [[gateway.entry]]\npath = \"/d\"\nback_end = \"ftp://x\"\n",
    );
    let bad = check(&site);
    assert_ne!(bad.code, 0, "{bad}");
    for part in ["/a/../b", "unknown_user", "uwsgi://HOST:PORT"] {
        assert!(bad.stderr.contains(part), "{part}: {bad}");
    }

    site.reload_with(
        "[[gateway.pool]]\nname = \"lonely\"\nmembers = [\"BACK_END\"]\n\
         [[gateway.entry]]\npath = \"/x\"\nback_end = \"BACK_END\"\nusers = [\"alice@WEB.TEST\"]\nrealms = [\"OTHER.TEST\"]\n\
         [[gateway.entry]]\npath = \"/y\"\nback_end = \"BACK_END\"\nways = [\"certificate\", \"none\"]\ngroups = [\"no-such-group\"]\n\
         tell = [\"domain\"]\n\
         [[gateway.entry]]\npath = \"/z\"\nback_end = \"BACK_END\"\nforward_authorization = true\n",
    );
    let doubtful = check(&site).succeeded();
    for part in [
        "no entry leads to the pool lonely",
        "`alice@WEB.TEST` never comes in at /x",
        "nobody can show a certificate at /y",
        "nobody is in the group `no-such-group`",
        "nobody comes in at /y: it tells `domain`",
        "/y has `none` beside other ways",
        "/z forwards `Authorization`",
    ] {
        assert!(doubtful.stdout.contains(part), "{part}: {doubtful}");
    }
}

#[test]
fn looking_at_settings_leaves_no_file_behind() {
    let entries = "[gateway.sessions]\nkeys = \"elsewhere/keys\"\n\
                   [[gateway.entry]]\npath = \"/kept\"\nways = [\"session\", \"negotiate\"]\nback_end = \"BACK_END\"\n";
    let mut site = WebSite::start("");
    let session = site.session();
    site.write_settings(entries);
    let before = fs::read_dir(site.folder()).unwrap().count();
    site.kerb_gateway(&session, &["check"]).succeeded();
    site.kerb_gateway(
        &session,
        &["explain", "https://localhost/kept", "--as", "alice"],
    )
    .succeeded();
    assert_eq!(fs::read_dir(site.folder()).unwrap().count(), before);
}
