//! MIT's and Heimdal's programs sign in, get tickets and change passwords here.

use std::sync::Arc;

use kerbstone_kdc::{HostRealms, KdcConfig, Referrals};
use kerbstone_testkit::lab::{Krb5ConfText, Session, Suite};
use tempfile::TempDir;

use crate::site::{Administrators, PASSWORD, REALM, Server, Site};

pub(crate) struct Lab {
    _server: Server,
    pub(crate) folder: TempDir,
    pub(crate) configuration: std::path::PathBuf,
}

impl Lab {
    pub(crate) fn start(site: &Site) -> Self {
        let kdc = site.kdc().with_password_authority(Arc::new(Administrators));
        Self::serving(kdc, "")
    }

    pub(crate) fn serving(kdc: kerbstone_kdc::Kdc, extra: &str) -> Self {
        let server = Server::start(kdc);
        let folder = TempDir::with_prefix("kerbstone-kdc-").unwrap();
        let other = kerbstone_testkit::lab::Addresses {
            realm: "OTHER.TEST".to_owned(),
            ..server.addresses.clone()
        };
        let configuration =
            Krb5ConfText::new(&[&server.addresses, &other], extra).write(folder.path());
        Self {
            _server: server,
            folder,
            configuration,
        }
    }

    pub(crate) fn session(&self) -> Session {
        self.session_of(Suite::Mit)
    }

    pub(crate) fn session_of(&self, suite: Suite) -> Session {
        Session::new(suite, &self.configuration)
    }
}

fn site() -> Site {
    Site::at(Site::now_by_the_wall())
}

#[test]
fn kinit_and_kvno_of_mit_get_tickets() {
    if !Suite::Mit.is_present() {
        return;
    }
    let lab = Lab::start(&site());
    let session = lab.session();
    session.sign_in("alice", PASSWORD, &[]).succeeded();
    session.ticket("host/www.kerbstone.test").succeeded();
    let list = session.list();
    assert!(list.contains("host/www.kerbstone.test@"), "{list}");
    assert!(session.flags("krbtgt/").contains('A'), "{list}");
}

#[test]
fn kinit_of_mit_says_that_the_password_is_wrong() {
    if !Suite::Mit.is_present() {
        return;
    }
    let lab = Lab::start(&site());
    lab.session()
        .sign_in("alice", "wrong", &[])
        .failed()
        .saying("Password incorrect");
    lab.session()
        .sign_in("nobody", "wrong", &[])
        .failed()
        .saying("not found in Kerberos database");
}

#[test]
fn kinit_of_mit_renews_and_forwards() {
    if !Suite::Mit.is_present() {
        return;
    }
    let lab = Lab::start(&site());
    let session = lab.session();
    session
        .sign_in("alice", PASSWORD, &["-f", "-p", "-r", "2d"])
        .succeeded();
    let flags = session.flags("krbtgt/");
    for flag in ['F', 'P', 'R', 'I', 'A'] {
        assert!(flags.contains(flag), "{flag} is missing in {flags}");
    }
    session.renew().succeeded();
    assert!(session.flags("krbtgt/").contains('R'));
}

#[test]
fn kinit_of_mit_gets_a_postdated_ticket_and_validates_it() {
    if !Suite::Mit.is_present() {
        return;
    }
    let lab = Lab::start(&site());
    let session = lab.session();
    session
        .sign_in("alice", PASSWORD, &["-s", "3s"])
        .succeeded();
    assert!(session.flags("krbtgt/").contains('i'));
    std::thread::sleep(std::time::Duration::from_secs(4));
    session.run("kinit", &["-v"], "").succeeded();
    assert!(!session.flags("krbtgt/").contains('i'));
}

#[test]
fn kvno_of_mit_gets_a_user_to_user_ticket() {
    if !Suite::Mit.is_present() {
        return;
    }
    let site = site();
    site.add_user("bob");
    let lab = Lab::start(&site);
    let bob = lab.session();
    bob.sign_in("bob", PASSWORD, &[]).succeeded();
    let alice = lab.session();
    alice.sign_in("alice", PASSWORD, &[]).succeeded();
    let cache = bob.cache().to_string_lossy().into_owned();
    alice.run("kvno", &["--u2u", &cache, "bob"], "").succeeded();
}

#[test]
fn kpasswd_of_mit_changes_a_password() {
    if !Suite::Mit.is_present() {
        return;
    }
    let lab = Lab::start(&site());
    let session = lab.session();
    session
        .change_password("alice", PASSWORD, "another horse")
        .succeeded()
        .saying("Password changed");
    session.sign_in("alice", PASSWORD, &[]).failed();
    session.sign_in("alice", "another horse", &[]).succeeded();
}

#[test]
fn kinit_of_mit_gets_a_password_that_has_expired_changed() {
    if !Suite::Mit.is_present() {
        return;
    }
    let site = site();
    site.modify("alice", |entry| {
        entry.password_expiration = entry.last_password_change;
    });
    std::thread::sleep(std::time::Duration::from_secs(2));
    let lab = Lab::start(&site);
    let session = lab.session();
    session
        .run(
            "kinit",
            &["alice"],
            &format!("{PASSWORD}\nanother horse\nanother horse\n"),
        )
        .succeeded()
        .saying("Password expired");
}

#[test]
fn kvno_of_mit_reaches_a_service_of_another_realm() {
    if !Suite::Mit.is_present() {
        return;
    }
    let site = site();
    site.add_realm("OTHER.TEST");
    site.trust(REALM, "OTHER.TEST");
    site.add_service("host/far.other.test@OTHER.TEST");
    let lab = Lab::start(&site);
    let session = lab.session();
    session.sign_in("alice", PASSWORD, &[]).succeeded();
    session.ticket("host/far.other.test@OTHER.TEST").succeeded();
}

#[test]
fn kvno_of_mit_follows_a_referral() {
    if !Suite::Mit.is_present() {
        return;
    }
    let site = site();
    site.add_realm("OTHER.TEST");
    site.trust(REALM, "OTHER.TEST");
    site.add_service("host/far.other.test@OTHER.TEST");
    let mut hosts = HostRealms::new();
    hosts.set(".other.test", "OTHER.TEST");
    let referrals = Referrals {
        hosts,
        ..Referrals::default()
    };
    let config = KdcConfig {
        referrals,
        ..KdcConfig::default()
    };
    let lab = Lab::serving(site.kdc_with(config), "");
    let session = lab.session();
    session.sign_in("alice", PASSWORD, &[]).succeeded();
    session
        .run("kvno", &["-S", "host", "far.other.test"], "")
        .succeeded();
    assert!(session.list().contains("OTHER.TEST"));
}

#[test]
fn kinit_of_mit_signs_in_with_an_enterprise_name_and_an_alias() {
    if !Suite::Mit.is_present() {
        return;
    }
    let site = site();
    let alias = crate::site::principal("al");
    let alice = crate::site::principal("alice");
    site.registrar
        .add_alias(&alias, &alice, &site.stamp())
        .unwrap();
    let lab = Lab::start(&site);
    for name in ["alice@kerbstone.test", "alice@KERBSTONE.TEST"] {
        let session = lab.session();
        session.sign_in(name, PASSWORD, &["-E"]).succeeded();
        assert!(session.list().contains("alice@KERBSTONE.TEST"));
    }
    let session = lab.session();
    session.sign_in("al", PASSWORD, &["-C"]).succeeded();
    assert!(session.list().contains("alice@KERBSTONE.TEST"));
    let session = lab.session();
    session.sign_in("al", PASSWORD, &[]).succeeded();
    session.ticket("host/www.kerbstone.test").succeeded();
    assert!(lab.folder.path().is_dir());
}

#[test]
fn programs_of_heimdal_get_tickets_and_renew_them() {
    if !Suite::Heimdal.is_present() {
        return;
    }
    let lab = Lab::start(&site());
    let session = lab.session_of(Suite::Heimdal);
    session
        .sign_in("alice", PASSWORD, &["-f", "-p", "-r", "2d"])
        .succeeded();
    session.ticket("host/www.kerbstone.test").succeeded();
    let flags = session.flags("krbtgt/");
    for flag in ['F', 'P', 'R', 'I', 'A'] {
        assert!(flags.contains(flag), "{flag} is missing in {flags}");
    }
    session.renew().succeeded();
    lab.session_of(Suite::Heimdal)
        .sign_in("alice", "wrong", &[])
        .failed();
}

#[test]
fn kpasswd_of_heimdal_changes_a_password() {
    if !Suite::Heimdal.is_present() {
        return;
    }
    let lab = Lab::start(&site());
    let session = lab.session_of(Suite::Heimdal);
    session
        .change_password("alice", PASSWORD, "another horse")
        .succeeded();
    session.sign_in("alice", "another horse", &[]).succeeded();
}

#[test]
fn kgetcred_of_heimdal_reaches_a_service_of_another_realm() {
    if !Suite::Heimdal.is_present() {
        return;
    }
    let site = site();
    site.add_realm("OTHER.TEST");
    site.trust(REALM, "OTHER.TEST");
    site.add_service("host/far.other.test@OTHER.TEST");
    let lab = Lab::start(&site);
    let session = lab.session_of(Suite::Heimdal);
    session.sign_in("alice", PASSWORD, &[]).succeeded();
    session.ticket("host/far.other.test@OTHER.TEST").succeeded();
}
