use std::fs;

use kerbstone_testkit::lab::{Session, Suite};

use crate::matrix::matrix;
use crate::stage::{PASSWORD, SERVICE, Stage, TGT, USER};

matrix! {
    gets_a_service_ticket,
    refuses_a_ticket_for_an_unknown_service,
    a_service_ticket_inherits_what_the_first_ticket_may,
    gets_a_service_ticket_over_tcp_alone,
}

fn gets_a_service_ticket(stage: &Stage) {
    stage.sign_in(&[]);
    stage.session.ticket(SERVICE).succeeded();
    let flags = stage.session.flags(SERVICE);
    assert!(!flags.contains('I'), "{flags}");
    assert!(stage.session.list().contains(TGT));
}

fn refuses_a_ticket_for_an_unknown_service(stage: &Stage) {
    stage.sign_in(&[]);
    stage.session.ticket("host/nowhere.lab.example").failed();
}

fn a_service_ticket_inherits_what_the_first_ticket_may(stage: &Stage) {
    stage.sign_in(&["-f", "-r", "2d"]);
    stage.session.ticket(SERVICE).succeeded();
    let flags = stage.session.flags(SERVICE);
    assert!(flags.contains('F') && flags.contains('A'), "{flags}");
}

fn gets_a_service_ticket_over_tcp_alone(stage: &Stage) {
    let tcp = stage.server.folder().join("tcp.conf");
    let text = fs::read_to_string(stage.server.krb5_conf()).expect("the lab's krb5.conf");
    // MIT's programs and ours know the limit, Heimdal's the prefix.
    let text = match stage.session.suite() {
        Suite::Heimdal => text.replace("kdc = 127", "kdc = tcp/127"),
        _ => text.replace("[libdefaults]", "[libdefaults]\nudp_preference_limit = 1"),
    };
    fs::write(&tcp, text).expect("a krb5.conf for TCP");
    let session = Session::new(stage.session.suite(), &tcp);
    session.sign_in(USER, PASSWORD, &[]).succeeded();
    session.ticket(SERVICE).succeeded();
}
