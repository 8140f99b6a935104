use std::fs;

use kerbstone_testkit::lab::Keeper;

use crate::workshop::Workshop;

#[test]
fn keeps_out_of_the_way_until_it_is_told_to_work() {
    let Some(workshop) = Workshop::open(Keeper::Debian) else {
        return;
    };
    let acquire = || workshop.program("acquire.py");
    acquire().run().succeeded();
    fs::remove_file(workshop.cache()).unwrap();
    acquire()
        .without("GSS_USE_PROXY")
        .run()
        .failed()
        .saying("MissingCredentialsError");
    acquire().env("GSS_USE_PROXY", "no").run().failed();
    acquire().env("GSS_USE_PROXY", "TRUE").run().succeeded();
}

#[test]
fn heeds_its_file() {
    let Some(workshop) = Workshop::open(Keeper::Debian) else {
        return;
    };
    let rules =
        |text: &str| fs::write(workshop.folder.path().join("interposer.conf"), text).unwrap();
    let works = |text: &str| {
        rules(text);
        let _ = fs::remove_file(workshop.cache());
        workshop
            .program("acquire.py")
            .without("GSS_USE_PROXY")
            .run()
            .code
            == 0
    };
    assert!(works("use = always"));
    assert!(!works("use = environment"));
    assert!(!works("use = always\nmisspelt = yes"));
    assert!(!works("use = always\nprograms = /usr/sbin/sshd"));
    let python = fs::canonicalize("/usr/bin/python3").unwrap();
    assert!(works(&format!(
        "use = always\nprograms = /usr/sbin/sshd {}",
        python.display()
    )));
    assert!(!works("use = always\nmechanisms = iakerb"));
    assert!(works("use = always\nmechanisms = krb5"));
    assert!(!works("use = always\nbehavior = LOCAL_ONLY"));
    rules("use = always");
    let refused = workshop.program("acquire.py").env("GSS_USE_PROXY", "no");
    let _ = fs::remove_file(workshop.cache());
    refused.run().failed();
}

#[test]
fn takes_the_socket_from_its_file() {
    let Some(workshop) = Workshop::open(Keeper::Debian) else {
        return;
    };
    let text = format!("socket = {}\n", workshop.daemon.socket().display());
    fs::write(workshop.folder.path().join("interposer.conf"), text).unwrap();
    workshop
        .program("acquire.py")
        .without("GSSPROXY_SOCKET")
        .run()
        .succeeded();
}

#[test]
fn leaves_programs_alone_that_can_read_their_keys() {
    let Some(workshop) = Workshop::open(Keeper::Debian) else {
        return;
    };
    let text = "skip-when-readable = keytab\nbehavior = REMOTE_ONLY\n";
    fs::write(workshop.folder.path().join("interposer.conf"), text).unwrap();
    let acquire = || workshop.program("acquire.py");
    acquire().run().succeeded();
    fs::remove_file(workshop.cache()).unwrap();
    let keytab = workshop.mit.keytab("host/server.lab");
    acquire()
        .env("KRB5_KTNAME", keytab)
        .run()
        .failed()
        .saying("MissingCredentialsError");
}
