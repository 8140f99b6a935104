use std::fs;
use std::thread;
use std::time::Duration;

use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_testkit::lab::{Session, Suite};

use crate::matrix::{at_each_server, matrix};
use crate::stage::{PASSWORD, SERVICE, Stage, TGT, USER};

matrix! {
    gets_a_service_ticket,
    refuses_a_ticket_for_an_unknown_service,
    a_service_ticket_inherits_what_the_first_ticket_may,
    gets_a_service_ticket_over_tcp_alone,
    lives_as_long_as_was_asked_for,
    gets_a_postdated_ticket_and_validates_it,
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

/// The ticket whose server begins with `service`, as the cache's bytes have it.
fn cached(stage: &Stage, service: &str) -> Credential {
    let bytes = fs::read(stage.session.cache()).expect("the cache was written");
    let cache = CredentialCache::parse(&bytes).expect("the cache is readable");
    let mut tickets = cache.tickets();
    tickets
        .find(|ticket| ticket.server.to_string().starts_with(service))
        .expect("the ticket is in the cache")
        .clone()
}

fn life(ticket: &Credential) -> Duration {
    let start = if ticket.starttime.is_zero() {
        ticket.authtime
    } else {
        ticket.starttime
    };
    ticket.endtime.duration_since(start)
}

fn lives_as_long_as_was_asked_for(stage: &Stage) {
    const HOUR: Duration = Duration::from_secs(3600);
    // Clients ask for an end, not a length: a second may pass before the KDC counts.
    let about =
        |length: Duration, asked: Duration| length.abs_diff(asked) <= Duration::from_secs(5);
    stage.sign_in(&["-l", "1h", "-r", "3h"]);
    let tgt = cached(stage, TGT);
    assert!(about(life(&tgt), HOUR), "{tgt:?}");
    assert!(
        about(tgt.renew_till.duration_since(tgt.authtime), 3 * HOUR),
        "{tgt:?}"
    );
    stage.session.ticket(SERVICE).succeeded();
    assert!(cached(stage, SERVICE).endtime <= tgt.endtime);
}

fn gets_a_postdated_ticket_and_validates_it(stage: &Stage) {
    stage.sign_in(&["-s", "1s"]);
    let flags = cached(stage, TGT).flags;
    assert!(
        flags.contains(TicketFlags::POSTDATED | TicketFlags::INVALID),
        "{flags:?}"
    );
    let validated = || stage.session.run("kinit", &["-v"], "");
    // Not before its time has come, which the KDC's clock says.
    while validated().code != 0 {
        assert!(cached(stage, TGT).flags.contains(TicketFlags::INVALID));
        thread::sleep(Duration::from_millis(100));
    }
    assert!(!cached(stage, TGT).flags.contains(TicketFlags::INVALID));
    stage.session.ticket(SERVICE).succeeded();
}

at_each_server! {
    gets_a_user_to_user_ticket,
}

/// The other user is the client itself, whose cache is at hand.
fn gets_a_user_to_user_ticket(stage: &Stage) {
    stage.sign_in(&[]);
    let cache = stage.session.cache().to_string_lossy().into_owned();
    stage
        .session
        .run("kvno", &["--u2u", &cache, USER], "")
        .succeeded();
    let ticket = cached(stage, USER);
    assert!(ticket.is_skey && !ticket.second_ticket.is_empty());
}
