use std::process::Command;

use kerbstone_testkit::lab::Finished;

use crate::workshop::{KEEPERS, Workshop};

#[test]
fn walks_with_the_daemons_keys_whoever_is_asked_first() {
    for keeper in KEEPERS {
        let Some(workshop) = Workshop::open(keeper) else {
            return;
        };
        for behavior in ["LOCAL_FIRST", "REMOTE_FIRST", "REMOTE_ONLY"] {
            let walk = workshop
                .program("walk.py")
                .arg("default")
                .env("GSSPROXY_BEHAVIOR", behavior);
            walk.run().succeeded().saying("walked");
        }
    }
}

#[test]
fn walks_with_its_own_keys_where_nobody_else_may_be_asked() {
    let Some(workshop) = Workshop::open(KEEPERS[0]) else {
        return;
    };
    let local = || {
        workshop
            .program("walk.py")
            .arg("default")
            .env("GSSPROXY_BEHAVIOR", "LOCAL_ONLY")
            .env("GSSPROXY_SOCKET", "/nonexistent")
    };
    local().run().failed().saying("MissingCredentialsError");
    workshop.sign_in("alice");
    local()
        .env("KRB5_KTNAME", workshop.mit.keytab("host/server.lab"))
        .run()
        .succeeded();
}

#[test]
fn hands_a_context_to_another_process() {
    for keeper in KEEPERS {
        let Some(workshop) = Workshop::open(keeper) else {
            return;
        };
        let context = workshop.folder.path().join("context");
        let export = workshop.program("hand_over.py").arg("export").arg(&context);
        export
            .env("GSSPROXY_BEHAVIOR", "REMOTE_ONLY")
            .run()
            .succeeded();
        let import = workshop.program("hand_over.py").arg("import").arg(&context);
        import.run().succeeded().saying("alice@LAB.EXAMPLE");
    }
}

#[test]
fn knows_names_as_the_real_mechanism_does() {
    for keeper in KEEPERS {
        let Some(workshop) = Workshop::open(keeper) else {
            return;
        };
        for behavior in ["LOCAL_FIRST", "REMOTE_ONLY"] {
            let names = workshop
                .program("names.py")
                .env("GSSPROXY_BEHAVIOR", behavior);
            names.run().succeeded().saying("named");
        }
    }
}

#[test]
fn carries_delegated_credentials_to_the_service() {
    for keeper in KEEPERS {
        let Some(workshop) = Workshop::open(keeper) else {
            return;
        };
        // The initiator has a ticket of its own: the daemon forwards none of alice's.
        let mut forwardable = Command::new("kinit");
        forwardable
            .args(["-f", "alice"])
            .env("KRB5_CONFIG", workshop.mit.krb5_conf())
            .env("KRB5CCNAME", workshop.cache());
        Finished::of(&mut forwardable, "kinit", "secret\n").succeeded();
        let delegate = workshop
            .program("delegate.py")
            .env("GSSPROXY_BEHAVIOR", "LOCAL_FIRST");
        delegate
            .run()
            .succeeded()
            .saying("delegated alice@LAB.EXAMPLE");
    }
}

#[test]
fn keeps_passwords_to_the_process() {
    for keeper in KEEPERS {
        let Some(workshop) = Workshop::open(keeper) else {
            return;
        };
        workshop
            .program("password.py")
            .run()
            .succeeded()
            .saying("signed in");
        let remote = workshop
            .program("password.py")
            .env("GSSPROXY_BEHAVIOR", "REMOTE_ONLY");
        remote.run().failed().saying("the proxy takes no passwords");
    }
}
