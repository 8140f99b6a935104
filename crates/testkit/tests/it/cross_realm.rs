//! Three realms with a store each, of which only neighbours know each other.

use kerbstone_client::{ClientError, LoginOptions, ObtainedTicket};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::name::Realm;
use kerbstone_realm::Capath;
use kerbstone_testkit::virtual_site::{ClientId, Conditions, Health, KdcId, VirtualSite};

use crate::town::{PASSWORD, code};

const ALICE: &str = "alice@NORTH.EXAMPLE";
const WEB: &str = "HTTP/www.south.example@SOUTH.EXAMPLE";
const CONF: &str = "[capaths]\nNORTH.EXAMPLE = {\nSOUTH.EXAMPLE = MIDDLE.EXAMPLE\n}\n";

struct Countries {
    site: VirtualSite,
    middle: KdcId,
    laptop: ClientId,
}

impl Countries {
    fn new() -> Self {
        let mut site = VirtualSite::new(1);
        site.add_realm("NORTH.EXAMPLE");
        let middle = site.add_realm("MIDDLE.EXAMPLE");
        site.add_realm("SOUTH.EXAMPLE");
        site.trust("NORTH.EXAMPLE", "MIDDLE.EXAMPLE");
        site.trust("MIDDLE.EXAMPLE", "SOUTH.EXAMPLE");
        site.add_user(ALICE, PASSWORD);
        site.add_service(WEB);
        let laptop = site.add_client();
        site.configure(laptop, CONF);
        Self {
            site,
            middle,
            laptop,
        }
    }

    /// South lets people from North come through Middle.
    fn permit(&mut self) {
        self.site.modify_realm("SOUTH.EXAMPLE", |settings| {
            settings.capaths = vec![Capath {
                client: Realm::from("NORTH.EXAMPLE"),
                server: Realm::from("SOUTH.EXAMPLE"),
                through: vec![Realm::from("MIDDLE.EXAMPLE")],
            }];
        });
    }

    fn travel(&mut self) -> Result<ObtainedTicket, ClientError> {
        let options = LoginOptions::default();
        let tgt = self.site.login(self.laptop, ALICE, PASSWORD, &options)?;
        self.site.service_ticket(self.laptop, &tgt, WEB)
    }
}

#[test]
fn users_reach_a_service_two_realms_away_through_a_storm() {
    let mut countries = Countries::new();
    countries.permit();
    countries.site.set_conditions(Conditions::STORM);
    let got = countries.travel().unwrap();
    assert_eq!(got.intermediate.len(), 2, "{:?}", got.intermediate);
    let flags = got.credential.flags;
    assert!(flags.contains(TicketFlags::TRANSITED_POLICY_CHECKED));
}

#[test]
fn a_path_that_the_last_realm_does_not_permit_is_refused() {
    let mut countries = Countries::new();
    let error = countries.travel().unwrap_err();
    assert_eq!(code(&error), ErrorCode::KDC_ERR_POLICY);
}

#[test]
fn a_realm_on_the_way_that_does_not_answer_is_named() {
    let mut countries = Countries::new();
    countries.permit();
    countries
        .site
        .set_health(countries.middle, Health::Refusing);
    match countries.travel().unwrap_err() {
        ClientError::Unreachable { realm, .. } => {
            assert_eq!(realm, Realm::from("MIDDLE.EXAMPLE"));
        }
        error => panic!("{error:?}"),
    }
}
