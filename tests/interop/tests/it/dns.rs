//! Servers and realms that only DNS knows.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use kerbstone_testkit::lab::{
    Dns, Mit, Port, Records, Session, Setup, Suite, has_network_to_itself, kerb_binary,
};

use crate::stage::{PASSWORD, REALM, TGT, USER};

/// Runs each case in a network of its own: `case::mit` and `case::ours`.
macro_rules! for_each_client {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            use kerbstone_testkit::lab::Suite;

            #[test]
            fn mit() {
                crate::dns::run(concat!(module_path!(), "::mit"), Suite::Mit, super::$case);
            }

            #[test]
            fn ours() {
                crate::dns::run(concat!(module_path!(), "::ours"), Suite::Kerb, super::$case);
            }
        })+
    };
}

for_each_client! {
    finds_the_kdc_by_srv_records,
    finds_a_kdc_that_is_published_for_tcp_alone,
    asks_the_srv_record_of_lower_priority_number_first,
    goes_on_when_the_first_srv_record_leads_to_nobody,
    prefers_uri_records_to_srv_records,
    asks_the_uri_record_of_lower_priority_number_first,
    does_without_uri_records_when_told,
    changes_a_password_where_srv_records_say,
    changes_a_password_where_uri_records_say,
    asks_the_primary_by_srv_records_when_a_replica_refuses,
    asks_for_a_password_once_when_the_primary_itself_refuses,
    finds_the_realm_of_a_host_by_the_txt_record_of_its_domain,
    believes_no_txt_record_unless_told,
    asks_no_dns_when_told,
}

const KDC: &str = "kdc.lab.example";
/// The same machine by another name: MIT's library takes all KDCs of one name for one.
const PRIMARY: &str = "primary.lab.example";
const UDP: &str = "_kerberos._udp.LAB.EXAMPLE";
const TCP: &str = "_kerberos._tcp.LAB.EXAMPLE";
const URI: &str = "_kerberos.LAB.EXAMPLE";

fn run(test: &str, client: Suite, case: fn(Suite, &Mit)) {
    let (_, test) = test.split_once("::").expect("the crate's name in front");
    if !client.is_present() || !has_network_to_itself(test) {
        return;
    }
    if let Some(mit) = realm() {
        case(client, &mit);
    }
}

/// MIT's servers with a user, at ports that nobody guesses.
fn realm() -> Option<Mit> {
    let mit = Mit::start(&Setup::realm(REALM))?;
    mit.add_user(USER, PASSWORD);
    Some(mit)
}

fn records() -> Records {
    Records::new()
        .host(KDC, Ipv4Addr::LOCALHOST)
        .host(PRIMARY, Ipv4Addr::LOCALHOST)
}

/// A client whose krb5.conf names no server.
fn client(suite: Suite, mit: &Mit, libdefaults: &str) -> Session {
    Session::new(suite, &krb5_conf(mit, libdefaults))
}

fn krb5_conf(mit: &Mit, libdefaults: &str) -> PathBuf {
    let path = mit.folder().join("by-dns.conf");
    let text = format!(
        "[libdefaults]\n\
         default_realm = {REALM}\n\
         dns_canonicalize_hostname = false\n\
         rdns = false\n\
         {libdefaults}\n"
    );
    fs::write(&path, text).expect("a krb5.conf");
    path
}

const LOOK: &str = "dns_lookup_kdc = true";

/// Somebody who takes requests and says nothing.
struct Silence(UdpSocket);

impl Silence {
    fn new() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        socket.set_nonblocking(true).expect("a socket");
        Self(socket)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().expect("its address").port()
    }

    fn was_asked(&self) -> bool {
        self.0.recv(&mut [0; 4096]).is_ok()
    }
}

fn signs_in(session: &Session) {
    session.sign_in(USER, PASSWORD, &[]).succeeded();
    assert!(session.flags(TGT).contains('I'));
}

#[track_caller]
fn was_asked(dns: &Dns, question: &str) {
    let questions = dns.questions();
    let asked = questions.iter().any(|q| q.eq_ignore_ascii_case(question));
    assert!(asked, "{questions:?}");
}

fn finds_the_kdc_by_srv_records(suite: Suite, mit: &Mit) {
    let port = mit.addresses().kdc;
    let dns = Dns::start(
        &records()
            .srv(UDP, 0, 0, KDC, port)
            .srv(TCP, 0, 0, KDC, port),
    );
    signs_in(&client(suite, mit, LOOK));
    was_asked(&dns, &format!("SRV {UDP}"));
}

fn finds_a_kdc_that_is_published_for_tcp_alone(suite: Suite, mit: &Mit) {
    let _dns = Dns::start(&records().srv(TCP, 0, 0, KDC, mit.addresses().kdc));
    signs_in(&client(suite, mit, LOOK));
}

/// Which of two records is asked first, whichever comes first in the server's answer.
fn order_is_kept(
    suite: Suite,
    mit: &Mit,
    [first, second]: [(u16, u16); 2],
    add: fn(Records, (u16, u16), u16) -> Records,
) {
    let session = client(suite, mit, LOOK);
    let alive = mit.addresses().kdc;
    for turned in [false, true] {
        let silence = Silence::new();
        let publish = |of_silence, of_kdc| {
            let both = [(of_silence, silence.port()), (of_kdc, alive)];
            let [a, b] = if turned { [both[1], both[0]] } else { both };
            Dns::start(&add(add(records(), a.0, a.1), b.0, b.1))
        };
        let dns = publish(second, first);
        signs_in(&session);
        assert!(!silence.was_asked());
        drop(dns);

        let _dns = publish(first, second);
        signs_in(&session);
        assert!(silence.was_asked());
    }
}

fn add_srv(records: Records, (priority, weight): (u16, u16), port: u16) -> Records {
    records.srv(UDP, priority, weight, KDC, port)
}

fn asks_the_srv_record_of_lower_priority_number_first(suite: Suite, mit: &Mit) {
    order_is_kept(suite, mit, [(10, 1), (20, 99)], add_srv);
}

/// MIT's library leaves records of one priority in the order of the answer.
#[test]
fn ours_asks_the_heavier_of_two_srv_records_first() {
    let test = concat!(
        module_path!(),
        "::ours_asks_the_heavier_of_two_srv_records_first"
    );
    run(test, Suite::Kerb, |suite, mit| {
        order_is_kept(suite, mit, [(10, 99), (10, 1)], add_srv);
    });
}

fn goes_on_when_the_first_srv_record_leads_to_nobody(suite: Suite, mit: &Mit) {
    let dead = Port::claim();
    let _dns = Dns::start(
        &records()
            .srv(UDP, 0, 0, "gone.lab.example", dead.number())
            .srv(UDP, 1, 0, KDC, dead.number())
            .srv(UDP, 2, 0, KDC, mit.addresses().kdc),
    );
    signs_in(&client(suite, mit, LOOK));
}

fn uri(transport: &str, port: u16) -> String {
    format!("krb5srv:m:{transport}:{KDC}:{port}")
}

fn prefers_uri_records_to_srv_records(suite: Suite, mit: &Mit) {
    let port = mit.addresses().kdc;
    for transport in ["udp", "tcp"] {
        let silence = Silence::new();
        let _dns = Dns::start(&records().uri(URI, 1, &uri(transport, port)).srv(
            UDP,
            0,
            0,
            KDC,
            silence.port(),
        ));
        signs_in(&client(suite, mit, LOOK));
        assert!(!silence.was_asked());
    }
}

fn asks_the_uri_record_of_lower_priority_number_first(suite: Suite, mit: &Mit) {
    order_is_kept(
        suite,
        mit,
        [(10, 0), (20, 0)],
        |records, (priority, _), port| records.uri(URI, priority, &uri("udp", port)),
    );
}

fn does_without_uri_records_when_told(suite: Suite, mit: &Mit) {
    let silence = Silence::new();
    let dns = Dns::start(&records().uri(URI, 1, &uri("udp", silence.port())).srv(
        UDP,
        0,
        0,
        KDC,
        mit.addresses().kdc,
    ));
    signs_in(&client(suite, mit, "dns_uri_lookup = false"));
    let questions = dns.questions();
    assert!(
        !questions.iter().any(|q| q.starts_with("URI")),
        "{questions:?}"
    );
}

const NEW: &str = "battery staple 1";

fn changes_password(session: &Session) {
    session.change_password(USER, PASSWORD, NEW).succeeded();
    session.sign_in(USER, PASSWORD, &[]).failed();
    session.sign_in(USER, NEW, &[]).succeeded();
}

fn changes_a_password_where_srv_records_say(suite: Suite, mit: &Mit) {
    let addresses = mit.addresses();
    let _dns = Dns::start(&records().srv(UDP, 0, 0, KDC, addresses.kdc).srv(
        "_kpasswd._udp.LAB.EXAMPLE",
        0,
        0,
        KDC,
        addresses.kpasswd,
    ));
    changes_password(&client(suite, mit, LOOK));
}

fn changes_a_password_where_uri_records_say(suite: Suite, mit: &Mit) {
    let addresses = mit.addresses();
    let _dns = Dns::start(&records().uri(URI, 0, &uri("udp", addresses.kdc)).uri(
        "_kpasswd.LAB.EXAMPLE",
        0,
        &uri("tcp", addresses.kpasswd),
    ));
    changes_password(&client(suite, mit, LOOK));
}

/// A replica that has not heard of a new password, beside its primary.
fn a_replica_refuses(suite: Suite, primary: &Mit, publish: fn(&Mit, &Mit) -> Records) {
    let Some(replica) = realm() else { return };
    primary.admin(&["cpw", "-pw", NEW, USER]);
    let _dns = Dns::start(&publish(&replica, primary));
    let session = client(suite, primary, LOOK);
    session.sign_in(USER, NEW, &[]).succeeded();
    session.sign_in(USER, "neither", &[]).failed();
}

const MASTER: &str = "_kerberos-master._udp.LAB.EXAMPLE";

fn asks_the_primary_by_srv_records_when_a_replica_refuses(suite: Suite, mit: &Mit) {
    a_replica_refuses(suite, mit, |replica, primary| {
        records().srv(UDP, 0, 0, KDC, replica.addresses().kdc).srv(
            MASTER,
            0,
            0,
            PRIMARY,
            primary.addresses().kdc,
        )
    });
}

/// MIT's library sees that a replica refused, and asks the replica again.
#[test]
fn ours_asks_the_primary_by_uri_records_when_a_replica_refuses() {
    let test = concat!(
        module_path!(),
        "::ours_asks_the_primary_by_uri_records_when_a_replica_refuses"
    );
    run(test, Suite::Kerb, |suite, mit| {
        a_replica_refuses(suite, mit, |replica, primary| {
            let replica = format!("krb5srv::udp:{KDC}:{}", replica.addresses().kdc);
            let primary = uri("udp", primary.addresses().kdc);
            records().uri(URI, 0, &replica).uri(URI, 1, &primary)
        });
    });
}

fn asks_for_a_password_once_when_the_primary_itself_refuses(suite: Suite, mit: &Mit) {
    let port = mit.addresses().kdc;
    let _dns = Dns::start(
        &records()
            .srv(UDP, 0, 0, KDC, port)
            .srv(MASTER, 0, 0, KDC, port),
    );
    client(suite, mit, LOOK)
        .sign_in(USER, "wrong", &[])
        .failed();
    let refusals = mit.log().matches("PREAUTH_FAILED").count();
    assert_eq!(refusals, 1, "{}", mit.log());
}

const OTHER: &str = "OTHER.EXAMPLE";
const ELSEWHERE: &str = "www.rack7.elsewhere.example";

/// A service of another realm, which neither krb5.conf nor the names of hosts nor the user's KDC lead to.
fn ask_for_a_service_elsewhere(
    suite: Suite,
    mit: &Mit,
    libdefaults: &str,
    then: fn(&Session, &Dns),
) {
    let Some(other) = Mit::start(&Setup::realm(OTHER)) else {
        return;
    };
    mit.trust(OTHER, "between us");
    other.trust(REALM, "between us");
    other.add_service(&format!("host/{ELSEWHERE}"));
    let dns = Dns::start(
        &records()
            .srv(UDP, 0, 0, KDC, mit.addresses().kdc)
            .srv(
                "_kerberos._udp.OTHER.EXAMPLE",
                0,
                0,
                KDC,
                other.addresses().kdc,
            )
            .txt("_kerberos.elsewhere.example", OTHER),
    );
    let session = client(suite, mit, libdefaults);
    signs_in(&session);
    then(&session, &dns);
}

fn finds_the_realm_of_a_host_by_the_txt_record_of_its_domain(suite: Suite, mit: &Mit) {
    ask_for_a_service_elsewhere(suite, mit, "dns_lookup_realm = true", |session, dns| {
        session
            .run("kvno", &["-S", "host", ELSEWHERE], "")
            .succeeded();
        assert!(session.list().contains("krbtgt/OTHER.EXAMPLE@LAB.EXAMPLE"));
        was_asked(dns, &format!("TXT _kerberos.{ELSEWHERE}"));
    });
}

fn believes_no_txt_record_unless_told(suite: Suite, mit: &Mit) {
    ask_for_a_service_elsewhere(suite, mit, "", |session, dns| {
        session.run("kvno", &["-S", "host", ELSEWHERE], "").failed();
        let questions = dns.questions();
        assert!(
            !questions.iter().any(|q| q.starts_with("TXT")),
            "{questions:?}"
        );
    });
}

fn asks_no_dns_when_told(suite: Suite, mit: &Mit) {
    let dns = Dns::start(&records().srv(UDP, 0, 0, KDC, mit.addresses().kdc));
    client(suite, mit, "dns_lookup_kdc = false")
        .sign_in(USER, PASSWORD, &[])
        .failed()
        .saying("KDC for realm");
    assert_eq!(dns.questions(), [""; 0]);
}

#[test]
fn kerb_login_finds_the_kdc_by_srv_records() {
    let test = concat!(module_path!(), "::kerb_login_finds_the_kdc_by_srv_records");
    run(test, Suite::Kerb, |suite, mit| {
        let _dns = Dns::start(&records().srv(UDP, 0, 0, KDC, mit.addresses().kdc));
        let session = client(suite, mit, LOOK);
        symlink(kerb_binary(), session.folder().join("kerb")).expect("kerb's own name");
        let password = format!("{PASSWORD}\n");
        session.run("kerb", &["login", USER], &password).succeeded();
        assert!(session.flags(TGT).contains('I'));
    });
}
