//! Our initiator at Apache's httpd with mod_auth_gssapi, which accepts with MIT's library.

use std::path::Path;
use std::time::Duration;

use kerbstone_gss::krb5::InitiatorOptions;
use kerbstone_gss::spnego::Initiator;
use kerbstone_gss::{ChannelBindings, Context, GssFlags, Oid, Step};
use kerbstone_proto::time::Timestamp;
use kerbstone_testkit::lab::{Apache, Krb5ConfText, Server, Session, Setup, Suite};
use rand::rng;
use tempfile::TempDir;

use crate::caller::{Caller, USUAL, options};
use crate::http_client::{Connection, Reply};
use crate::matrix::at_each_server;
use crate::stage::{PASSWORD, SERVICE, Stage, TGT, USER};

const TARGET: &str = "HTTP@www.lab.example";
const PRINCIPAL: &str = "HTTP/www.lab.example";
const ALICE: &str = "alice@LAB.EXAMPLE";

/// Apache with alice's tickets at hand.
struct Site {
    apache: Apache,
    caller: Caller,
}

impl Site {
    fn on(stage: &Stage) -> Option<Self> {
        let apache = start(&stage.server, PRINCIPAL, stage.server.krb5_conf())?;
        stage.sign_in(&["-f"]);
        Some(Self {
            apache,
            caller: Caller::on(stage),
        })
    }

    /// Asks for a page on a connection of its own.
    #[track_caller]
    fn visit(&self, page: &str, options: InitiatorOptions) -> (Reply, Context) {
        self.visit_with(page, &mut Initiator::new(options))
    }

    #[track_caller]
    fn visit_with(&self, page: &str, initiator: &mut Initiator) -> (Reply, Context) {
        let mut connection = Connection::open(self.apache.port());
        let (reply, outcome) = connection.sign_in(page, &self.caller, initiator);
        assert_eq!(reply.status, 200, "{reply:?}\n{}", self.apache.log());
        let outcome = outcome.expect("Apache's last token was for us");
        (reply, outcome.expect("Apache has proved itself"))
    }
}

/// Apache with the keys of a service in a realm.
fn start(realm: &Server, service: &str, krb5_conf: &Path) -> Option<Apache> {
    realm.add_service(service);
    let pages = [
        ("page", ""),
        ("delegated", "GssapiDelegCcacheDir FOLDER/delegated"),
        ("bound", "GssapiConnectionBound On"),
    ];
    Apache::start(krb5_conf, &realm.keytab(service), &pages)
}

/// A site with MIT's KDC, for what does not depend on whose KDC it is.
fn site() -> Option<(Stage, Site)> {
    let stage = Stage::set(Suite::Mit, Suite::Mit)?;
    let site = Site::on(&stage)?;
    Some((stage, site))
}

at_each_server! {
    gives_its_page_to_whom_it_knows_and_proves_itself,
    keeps_delegated_credentials_that_all_programs_can_use,
}

fn gives_its_page_to_whom_it_knows_and_proves_itself(stage: &Stage) {
    let Some(site) = Site::on(stage) else { return };
    let mut connection = Connection::open(site.apache.port());
    let stranger = connection.get("page", None);
    assert_eq!(stranger.status, 401, "{stranger:?}");
    assert!(stranger.offers_negotiate() && stranger.token().is_none());
    assert!(!stranger.body.contains("the page"));

    let (reply, context) = site.visit("page", options(TARGET, USUAL));
    assert_eq!(reply.body, "the page\n");
    assert_eq!(reply.header("X-User"), Some(ALICE));
    assert_eq!(context.initiator_name().to_string(), ALICE);
    assert_eq!(
        context.acceptor_name().to_string(),
        format!("{PRINCIPAL}@LAB.EXAMPLE")
    );
    assert!(context.flags().contains(GssFlags::MUTUAL));
}

fn keeps_delegated_credentials_that_all_programs_can_use(stage: &Stage) {
    let Some(site) = Site::on(stage) else { return };
    let flags = USUAL | GssFlags::DELEG;
    let (reply, context) = site.visit("delegated", options(TARGET, flags));
    assert!(context.flags().contains(GssFlags::DELEG));
    let cache = reply.header("X-Ccache").expect("KRB5CCNAME of the request");
    let folder = site.apache.folder().join("delegated");
    assert!(
        cache.starts_with(&format!("FILE:{}/", folder.display())),
        "{cache}"
    );

    for (suite, service) in [(Suite::Mit, SERVICE), (Suite::Kerb, PRINCIPAL)] {
        let of_apache = Session::new(suite, stage.server.krb5_conf()).env("KRB5CCNAME", cache);
        let list = of_apache.list();
        assert!(list.contains(&format!("rincipal: {ALICE}")), "{list}");
        // F: may be forwarded again; f: was forwarded.
        let flags = of_apache.flags(TGT);
        assert!(flags.contains('F') && flags.contains('f'), "{flags}");
        of_apache.ticket(service).succeeded().saying(service);
    }
}

#[test]
fn tickets_of_our_own_programs_and_our_own_kdc_open_it() {
    let Some(stage) = Stage::set(Suite::Kerb, Suite::Kerb) else {
        return;
    };
    keeps_delegated_credentials_that_all_programs_can_use(&stage);
}

/// Alice's realm and Apache's trust each other; what she delegates is of her own.
fn knows_whoever_comes_from_a_trusted_realm(home: Suite, away: Suite) {
    let (user, service) = ("alice@HOME.EXAMPLE", "HTTP/www.away.example");
    let start_realm = |suite, realm| Server::start(suite, &Setup::realm(realm));
    let (Some(home), Some(away)) = (
        start_realm(home, "HOME.EXAMPLE"),
        start_realm(away, "AWAY.EXAMPLE"),
    ) else {
        return;
    };
    home.trust("AWAY.EXAMPLE", "between us");
    away.trust("HOME.EXAMPLE", "between us");
    home.add_user(USER, PASSWORD);
    let folder = TempDir::new().expect("a folder for krb5.conf");
    let domains = "[domain_realm]\n.away.example = AWAY.EXAMPLE\n";
    let config =
        Krb5ConfText::new(&[home.addresses(), away.addresses()], domains).write(folder.path());
    let Some(apache) = start(&away, service, &config) else {
        return;
    };
    let session = Session::new(Suite::Mit, &config);
    session.sign_in(USER, PASSWORD, &["-f"]).succeeded();
    let caller = Caller::new(&config, &session);
    let site = Site { apache, caller };

    let wish = options("HTTP@www.away.example", USUAL | GssFlags::DELEG);
    let (reply, context) = site.visit("delegated", wish);
    assert_eq!(reply.header("X-User"), Some(user));
    let acceptor = format!("{service}@AWAY.EXAMPLE");
    assert_eq!(context.acceptor_name().to_string(), acceptor);
    let cache = reply.header("X-Ccache").expect("KRB5CCNAME of the request");
    let of_apache = Session::new(Suite::Mit, &config).env("KRB5CCNAME", cache);
    assert!(of_apache.flags("krbtgt/HOME.EXAMPLE@HOME").contains('f'));
    of_apache.ticket(&acceptor).succeeded();
}

#[test]
fn knows_whoever_comes_from_a_realm_of_ours_to_one_of_mits() {
    knows_whoever_comes_from_a_trusted_realm(Suite::Kerb, Suite::Mit);
}

#[test]
fn knows_whoever_comes_from_a_realm_of_mits_to_one_of_ours() {
    knows_whoever_comes_from_a_trusted_realm(Suite::Mit, Suite::Kerb);
}

#[test]
fn a_server_need_not_prove_itself_to_who_does_not_ask_for_it() {
    let Some((_stage, site)) = site() else { return };
    let (reply, context) = site.visit("page", options(TARGET, GssFlags::EMPTY));
    assert_eq!(reply.header("X-User"), Some(ALICE));
    assert!(!context.flags().contains(GssFlags::MUTUAL));
}

#[test]
fn nothing_is_delegated_unless_it_was_asked_for() {
    let Some((_stage, site)) = site() else { return };
    let (reply, context) = site.visit("delegated", options(TARGET, USUAL));
    assert!(!context.flags().contains(GssFlags::DELEG));
    assert_eq!(reply.header("X-Ccache"), Some("(null)"));
}

#[test]
fn a_ticket_that_cannot_be_forwarded_signs_in_without_delegation() {
    let Some((stage, site)) = site() else { return };
    stage.sign_in(&["-F"]);
    let mut initiator = Initiator::new(options(TARGET, USUAL | GssFlags::DELEG));
    let (reply, context) = site.visit_with("delegated", &mut initiator);
    assert_eq!(reply.header("X-User"), Some(ALICE));
    assert_eq!(reply.header("X-Ccache"), Some("(null)"));
    assert!(!context.flags().contains(GssFlags::DELEG));
    assert!(initiator.not_delegated().is_some());
}

#[test]
fn a_bound_connection_knows_its_user_from_then_on_and_no_other_does() {
    let Some((_stage, site)) = site() else { return };
    let mut connection = Connection::open(site.apache.port());
    let mut initiator = Initiator::new(options(TARGET, USUAL));
    let (first, _) = connection.sign_in("bound", &site.caller, &mut initiator);
    assert_eq!(first.status, 200);
    let second = connection.get("bound", None);
    assert_eq!((second.status, second.header("X-User")), (200, Some(ALICE)));
    let elsewhere = Connection::open(site.apache.port()).get("bound", None);
    assert_eq!(elsewhere.status, 401);
}

/// With a mechanism first that Apache does not know, both sides prove which list they saw: one request more.
#[test]
fn a_negotiation_of_several_requests_comes_to_its_end_on_a_bound_connection() {
    let Some((_stage, site)) = site() else { return };
    let mut initiator = Initiator::new(options(TARGET, USUAL)).offer(vec![Oid::NEGOEX, Oid::KRB5]);
    let (reply, context) = site.visit_with("bound", &mut initiator);
    assert_eq!(reply.header("X-User"), Some(ALICE));
    assert_eq!(*context.mech(), Oid::KRB5);
}

/// mod_auth_gssapi 1.6 gives MIT's library no bindings to compare with, so that a token bound to TLS passes unjudged.
#[test]
fn a_token_that_is_bound_to_a_channel_is_taken_by_an_acceptor_that_does_not_look() {
    let Some((_stage, site)) = site() else { return };
    let mut bound = options(TARGET, USUAL);
    bound.bindings = Some(ChannelBindings::application_data(
        *b"tls-server-end-point:of another server",
    ));
    let (reply, _) = site.visit("page", bound);
    assert_eq!(reply.header("X-User"), Some(ALICE));
}

#[test]
fn a_token_of_ours_is_taken_once() {
    let Some((_stage, site)) = site() else { return };
    let mut initiator = Initiator::new(options(TARGET, USUAL));
    let token = match site.caller.negotiate(&mut initiator, None) {
        Ok(Step::Continue { token }) => token,
        other => panic!("no token to send: {other:?}"),
    };
    let first = Connection::open(site.apache.port()).get("page", Some(&token));
    assert_eq!(first.status, 200);
    let second = Connection::open(site.apache.port()).get("page", Some(&token));
    assert_eq!(second.status, 401);
    let log = site.apache.log();
    assert!(log.contains("Request is a replay"), "{log}");
}

#[test]
fn a_ticket_for_another_service_is_refused() {
    let Some((stage, site)) = site() else { return };
    stage.server.add_service("HTTP/other.lab.example");
    let mut connection = Connection::open(site.apache.port());
    let mut initiator = Initiator::new(options("HTTP@other.lab.example", USUAL));
    let (reply, outcome) = connection.sign_in("page", &site.caller, &mut initiator);
    assert_eq!(reply.status, 401, "{reply:?}");
    assert!(reply.header("X-User").is_none_or(|user| user != ALICE));
    let refused = outcome.expect("Apache says why").unwrap_err().to_string();
    assert!(refused.contains("The ticket isn't for us"), "{refused}");
}

#[test]
fn a_service_that_the_realm_does_not_know_is_named_before_anything_is_sent() {
    let Some((_stage, site)) = site() else { return };
    let mut initiator = Initiator::new(options("HTTP@nowhere.lab.example", USUAL));
    let refused = site.caller.negotiate(&mut initiator, None).unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("HTTP/nowhere.lab.example"), "{said}");
}

#[test]
fn without_tickets_nothing_is_sent() {
    let Some((stage, site)) = site() else { return };
    stage.session.destroy().succeeded();
    let mut initiator = Initiator::new(options(TARGET, USUAL));
    let refused = site.caller.negotiate(&mut initiator, None).unwrap_err();
    let cache = stage.session.cache().display().to_string();
    assert!(refused.to_string().contains(&cache), "{refused}");
}

#[test]
fn we_say_that_apaches_clock_is_another() {
    let Some((_stage, site)) = site() else { return };
    let now = site.caller.now();
    let early = Timestamp::new(now.time.saturating_sub(Duration::from_secs(3000)), now.usec);
    let mut initiator = Initiator::new(options(TARGET, USUAL));
    let step = initiator.step(None, &mut site.caller.tickets(), early, &mut rng());
    let Ok(Step::Continue { token }) = step else {
        panic!("no token to send: {step:?}");
    };
    let reply = Connection::open(site.apache.port()).get("page", Some(&token));
    assert_eq!(reply.status, 401, "{reply:?}");
    let answer = reply.token().expect("Apache says why");
    let refused = site.caller.negotiate(&mut initiator, Some(&answer));
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("Clock skew too great"), "{said}");
}
