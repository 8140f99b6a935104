//! Services act for users with MIT's and Heimdal's programs, and MIT's library believes our PACs.

use std::path::Path;

use kerbstone_kdc::{HostRealms, KdcConfig, Referrals};
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::keytab::{Keytab, KeytabEntry};
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::Attributes;
use kerbstone_testkit::lab::{Session, Suite, require_file};

use crate::peers::Lab;
use crate::site::{PASSWORD, REALM, Site, principal};

use super::{BACK, FAR, FRONT, admit, permit};

/// What python3-gssapi consists of.
const MODULE: &str = "/usr/lib/python3/dist-packages/gssapi/__init__.py";

/// Acts for a user at another service, in contexts of MIT's library: on its word and, when a
/// ticket of the user's is there, on that.
const GSS: &str = r#"
import sys, gssapi
from gssapi import raw

def reach(credentials, acceptor, target):
    initiator = gssapi.SecurityContext(name=target, creds=credentials, usage="initiate")
    token = initiator.step()
    accepted = gssapi.SecurityContext(creds=acceptor, usage="accept")
    accepted.step(token)
    name = accepted.initiator_name
    print("reached as", name)
    for attribute in raw.inquire_name(name).attrs:
        value = raw.get_name_attribute(name, attribute)
        print(attribute.decode(), "authenticated" if value.authenticated else "unproved")
    return accepted

krb5 = gssapi.MechType.kerberos
host = lambda text: gssapi.Name(text, gssapi.NameType.kerberos_principal)
front, back, user = map(host, sys.argv[1:4])
both = gssapi.Credentials(name=front, usage="both", mechs=[krb5])
own_word = both.impersonate(user.canonicalize(krb5), mechs=[krb5])
acceptor = gssapi.Credentials(name=back, usage="accept", mechs=[krb5])
reach(own_word, acceptor, back)
client = gssapi.Credentials(usage="initiate", mechs=[krb5], store={"ccache": sys.argv[4]})
evidence = reach(client, both, front).delegated_creds
reach(evidence, acceptor, back)
print("done")
"#;

fn site() -> Site {
    let site = Site::at(Site::now_by_the_wall());
    site.add_user(FRONT);
    site.add_user(BACK);
    site
}

/// A session in which the service has signed in, and its keytab.
fn service(lab: &Lab, site: &Site, suite: Suite, name: &str) -> (Session, String) {
    let session = lab.session_of(suite);
    session.sign_in(name, PASSWORD, &["-f"]).succeeded();
    let entry = site.directory.lookup(&principal(name)).unwrap().unwrap();
    let entries = entry.keys.iter().map(|key| KeytabEntry {
        principal: principal(name),
        timestamp: KerberosTime::from_unix(0),
        kvno: key.kvno,
        key: KeyBlock::new(key.key.enctype().number(), key.key.bytes()),
    });
    let keytab = Keytab::from_entries(entries).unwrap();
    let path = lab.folder.path().join(name.replace('/', "_"));
    std::fs::write(&path, &*keytab.to_bytes()).unwrap();
    (session, path.to_string_lossy().into_owned())
}

#[test]
fn kvno_of_mit_acts_for_a_user_on_its_word() {
    if !Suite::Mit.is_present() {
        return;
    }
    let site = site();
    let lab = Lab::start(&site);
    let (session, keytab) = service(&lab, &site, Suite::Mit, FRONT);
    for form in ["-U", "-I"] {
        session
            .run("kvno", &[form, "alice", "-k", &keytab, FRONT], "")
            .succeeded();
    }
    assert!(session.list().contains("for client alice@"));
    session
        .run("kvno", &["-U", "nobody", FRONT], "")
        .failed()
        .saying("not found");
    session.run("kvno", &["-U", "alice", BACK], "").failed();
}

#[test]
fn kvno_of_mit_acts_at_another_service_as_that_is_listed() {
    if !Suite::Mit.is_present() {
        return;
    }
    let site = site();
    site.set(FRONT, Attributes::OK_TO_AUTH_AS_DELEGATE);
    let lab = Lab::start(&site);
    let (session, keytab) = service(&lab, &site, Suite::Mit, FRONT);
    let proxy = ["-k", &keytab, "-U", "alice", "-P", BACK];
    session.run("kvno", &proxy[2..], "").failed();
    permit(&site, FRONT, &[BACK]);
    session.run("kvno", &proxy[2..], "").succeeded();
    assert!(session.list().contains(BACK), "{}", session.list());
}

#[test]
fn kvno_of_mit_acts_at_a_service_that_admits_it() {
    if !Suite::Mit.is_present() {
        return;
    }
    let site = site();
    admit(&site, BACK, &[FRONT]);
    let lab = Lab::start(&site);
    let (session, _) = service(&lab, &site, Suite::Mit, FRONT);
    session
        .run("kvno", &["-U", "alice", "-P", BACK], "")
        .succeeded();
}

#[test]
fn kvno_of_mit_acts_over_realms() {
    if !Suite::Mit.is_present() {
        return;
    }
    let site = site();
    site.add_realm(FAR);
    site.trust(REALM, FAR);
    site.trust(FAR, REALM);
    site.add_user(&format!("bob@{FAR}"));
    let target = format!("HTTP/www.other.test@{FAR}");
    site.add_service(&target);
    admit(&site, &target, &[FRONT]);
    let mut hosts = HostRealms::new();
    hosts.set(".other.test", FAR);
    let config = KdcConfig {
        referrals: Referrals {
            hosts,
            ..Referrals::default()
        },
        ..KdcConfig::default()
    };
    let lab = Lab::serving(site.kdc_with(config), "");
    let (session, keytab) = service(&lab, &site, Suite::Mit, FRONT);
    let bob = format!("bob@{FAR}");
    session
        .run("kvno", &["-U", &bob, "-k", &keytab, FRONT], "")
        .succeeded();
    assert!(session.list().contains("for client bob@OTHER.TEST"));
    session
        .run(
            "kvno",
            &["-U", "alice", "-P", "-S", "HTTP", "www.other.test"],
            "",
        )
        .succeeded();
    assert!(session.list().contains("HTTP/www.other.test@OTHER.TEST"));
}

#[test]
fn kgetcred_of_heimdal_acts_for_a_user_on_its_word() {
    if !Suite::Heimdal.is_present() {
        return;
    }
    let site = site();
    let lab = Lab::start(&site);
    let (session, _) = service(&lab, &site, Suite::Heimdal, FRONT);
    session
        .run("kgetcred", &["--impersonate=alice", FRONT], "")
        .succeeded();
}

#[test]
fn mits_library_acts_for_users_and_believes_our_pacs() {
    if !Suite::Mit.is_present() || !require_file(Path::new(MODULE), "python3-gssapi") {
        return;
    }
    let site = site();
    permit(&site, FRONT, &[BACK]);
    site.set(FRONT, Attributes::OK_TO_AUTH_AS_DELEGATE);
    let lab = Lab::start(&site);
    let user = lab.session();
    user.sign_in("alice", PASSWORD, &["-f"]).succeeded();
    let (front, keytab) = service(&lab, &site, Suite::Mit, FRONT);
    let (_back, backs) = service(&lab, &site, Suite::Mit, BACK);
    let mut keys = std::fs::read(&keytab).unwrap();
    keys.extend_from_slice(&std::fs::read(&backs).unwrap()[2..]);
    std::fs::write(&keytab, keys).unwrap();
    let front = front.env("KRB5_KTNAME", &keytab);
    let cache = user.cache().to_string_lossy().into_owned();
    let ran = front
        .run(
            "/usr/bin/python3",
            &["-c", GSS, FRONT, BACK, "alice", &cache],
            "",
        )
        .succeeded();
    assert_eq!(
        ran.stdout.matches("reached as alice@").count(),
        3,
        "{}",
        ran.stdout
    );
    let proved = ran
        .stdout
        .matches("urn:mspac:client-info authenticated")
        .count();
    assert_eq!(proved, 3, "{}", ran.stdout);
    assert!(!ran.stdout.contains("unproved"), "{}", ran.stdout);
}
