use std::fs;

use kerbstone_testkit::lab::{Gssproxy, Keeper};
use tempfile::TempDir;

use crate::workshop::{KEEPERS, Program, Workshop, realm, services};

const SEALED: &str = "Encrypted/Credentials/v1@X-GSSPROXY:";
const TGT: &str = "krbtgt/LAB.EXAMPLE@LAB.EXAMPLE";

#[test]
fn keeps_a_sealed_credential_for_the_next_program() {
    for keeper in KEEPERS {
        let Some(workshop) = Workshop::open(keeper) else {
            return;
        };
        let first = workshop
            .program("walk.py")
            .env("GSSPROXY_BEHAVIOR", "REMOTE_ONLY");
        first.run().succeeded();
        assert!(workshop.list().contains(SEALED), "{}", workshop.list());
        let second = workshop
            .program("walk.py")
            .env("GSSPROXY_BEHAVIOR", "LOCAL_FIRST");
        second.run().succeeded();
        assert_eq!(
            workshop.list().matches(SEALED).count(),
            1,
            "{}",
            workshop.list()
        );
    }
}

#[test]
fn leaves_a_users_ticket_granting_ticket_where_it_is() {
    for keeper in KEEPERS {
        let Some(workshop) = Workshop::open(keeper) else {
            return;
        };
        workshop.sign_in("alice");
        let remote = || {
            workshop
                .program("walk.py")
                .env("GSSPROXY_BEHAVIOR", "REMOTE_FIRST")
        };
        remote().run().succeeded();
        remote().run().succeeded();
        let list = workshop.list();
        assert!(list.contains(TGT) && list.contains(SEALED), "{list}");
        let own = workshop
            .program("walk.py")
            .env("GSSPROXY_BEHAVIOR", "LOCAL_ONLY");
        own.env("KRB5_KTNAME", workshop.mit.keytab("host/server.lab"))
            .run()
            .succeeded();
    }
}

#[test]
fn does_not_take_somebody_elses_cache_for_a_sealed_credential() {
    let Some(workshop) = Workshop::open(Keeper::Debian) else {
        return;
    };
    workshop.sign_in("bob");
    let walk = workshop
        .program("walk.py")
        .env("GSSPROXY_BEHAVIOR", "REMOTE_FIRST");
    walk.run().succeeded();
    let list = workshop.list();
    assert!(
        list.contains("Default principal: bob@LAB.EXAMPLE") && list.contains(TGT),
        "{list}"
    );
    assert!(!list.contains(SEALED), "{list}");
}

#[test]
fn begins_with_the_cache_that_a_program_names_also_where_only_the_daemon_is_asked() {
    for keeper in KEEPERS {
        let Some(workshop) = Workshop::open(keeper) else {
            return;
        };
        workshop.sign_in("bob");
        for behavior in ["REMOTE_ONLY", "REMOTE_FIRST", "LOCAL_FIRST"] {
            let begin = workshop
                .program("begin.py")
                .arg(workshop.cache())
                .env("GSSPROXY_BEHAVIOR", behavior);
            begin.run().succeeded().saying("begun");
        }
        let list = workshop.list();
        assert!(
            list.contains("Default principal: bob@LAB.EXAMPLE")
                && list.contains("host/server.lab@"),
            "{list}"
        );
    }
}

#[test]
fn stores_a_sealed_credential_where_a_program_says() {
    for keeper in KEEPERS {
        let Some(workshop) = Workshop::open(keeper) else {
            return;
        };
        for kind in ["FILE", "DIR", "MEMORY"] {
            let name = workshop.folder.path().join(kind);
            if kind == "DIR" {
                fs::create_dir(&name).unwrap();
            }
            let cache = format!("{kind}:{}", name.display());
            let store = workshop
                .program("store.py")
                .arg(&cache)
                .env("GSSPROXY_BEHAVIOR", "REMOTE_ONLY");
            store.run().succeeded().saying("stored");
        }
    }
}

#[test]
fn reads_what_debians_plugin_stored() {
    let Some(workshop) = Workshop::open(Keeper::Debian) else {
        return;
    };
    let debians = workshop.folder.path().join("debians.conf");
    fs::write(
        &debians,
        "gssproxy_v1 2.16.840.1.113730.3.8.15.1 /usr/lib/x86_64-linux-gnu/gssproxy/proxymech.so <interposer>\n",
    )
    .unwrap();
    let acquire = || {
        workshop
            .program("acquire.py")
            .env("GSSPROXY_BEHAVIOR", "LOCAL_FIRST")
    };
    acquire().env("GSS_MECH_CONFIG", &debians).run().succeeded();
    assert!(workshop.list().contains(SEALED));
    acquire().run().succeeded().saying("alice@LAB.EXAMPLE");
    acquire()
        .env("GSS_MECH_CONFIG", &debians)
        .run()
        .succeeded()
        .saying("alice@LAB.EXAMPLE");
}

#[test]
fn keeps_what_the_daemon_added_to_a_credential() {
    for keeper in KEEPERS {
        let Some(mit) = realm() else {
            return;
        };
        let services = services(&mit) + "allow_client_ccache_sync = yes\n";
        let Some(daemon) = Gssproxy::start(keeper, mit.krb5_conf(), &services) else {
            return;
        };
        let folder = TempDir::new().unwrap();
        let begin = Program::new("begin.py", folder.path())
            .env("KRB5_CONFIG", mit.krb5_conf())
            .env("GSSPROXY_SOCKET", daemon.socket())
            .env("GSSPROXY_BEHAVIOR", "REMOTE_ONLY");
        begin.run().succeeded().saying("begun");
        let ccache = fs::read(folder.path().join("ccache")).unwrap();
        assert!(ccache.windows(10).any(|window| window == b"X-GSSPROXY"));
    }
}
