use kerbstone_testkit::lab::Keeper;

use crate::workshop::{KEEPERS, Workshop};

#[test]
fn gives_c_programs_everything_that_gss_api_has() {
    for keeper in KEEPERS {
        let Some(workshop) = Workshop::open(keeper) else {
            return;
        };
        for behavior in ["LOCAL_FIRST", "REMOTE_FIRST", "REMOTE_ONLY"] {
            let Some(everything) = workshop.everything() else {
                return;
            };
            let everything = everything.env("GSSPROXY_BEHAVIOR", behavior);
            everything
                .arg("remote")
                .run()
                .succeeded()
                .saying("everything works");
        }
    }
}

#[test]
fn gives_c_programs_everything_with_their_own_keys_too() {
    let Some(workshop) = Workshop::open(KEEPERS[0]) else {
        return;
    };
    workshop.sign_in("alice");
    let keytab = workshop.mit.keytab("host/server.lab");
    for behavior in ["LOCAL_ONLY", "LOCAL_FIRST"] {
        let Some(everything) = workshop.everything() else {
            return;
        };
        let everything = everything
            .env("GSSPROXY_BEHAVIOR", behavior)
            .env("GSSPROXY_SOCKET", "/nonexistent")
            .env("KRB5_KTNAME", &keytab);
        everything.run().succeeded().saying("everything works");
    }
}

#[test]
fn goes_on_with_a_context_that_takes_three_legs() {
    // gssproxy forgets an acceptor's context between legs, and so only ours is asked.
    let Some(workshop) = Workshop::open(Keeper::Ours) else {
        return;
    };
    let Some(everything) = workshop.everything() else {
        return;
    };
    let everything = everything
        .arg("legs")
        .env("GSSPROXY_BEHAVIOR", "REMOTE_ONLY");
    everything.run().succeeded().saying("everything works");
}
