//! Applications that accept with a key that only the daemon can read.

use kerbstone_testkit::lab::{Gssproxy, Keeper};

use super::site::Site;

#[test]
fn an_application_accepts_with_the_key_of_its_service() {
    let Some(site) = Site::start("") else {
        return;
    };
    for keeper in [Keeper::Debian, Keeper::Ours, Keeper::OursAsGssproxy] {
        let services = site.service("web", "");
        let daemon = Gssproxy::start(keeper, site.kdc.krb5_conf(), &services).unwrap();
        let names = site.accepts(&daemon.socket(), 3).succeeded().stdout;
        assert_eq!(names, "alice@LAB.EXAMPLE\n".repeat(3), "{keeper:?}");
    }
}
