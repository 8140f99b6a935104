//! The realm that most of these tests happen in.

use std::time::Duration;

use kerbstone_client::{ClientError, LoginOptions};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_testkit::virtual_site::{ClientId, KdcId, VirtualSite};

pub(crate) const REALM: &str = "TOWN.EXAMPLE";
pub(crate) const ALICE: &str = "alice@TOWN.EXAMPLE";
pub(crate) const WEB: &str = "HTTP/www.town.example@TOWN.EXAMPLE";
pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) struct Town {
    pub(crate) site: VirtualSite,
    pub(crate) kdc: KdcId,
    pub(crate) laptop: ClientId,
}

impl Town {
    /// A realm with alice, a web server and one laptop.
    pub(crate) fn new(seed: u64) -> Self {
        let mut site = VirtualSite::new(seed);
        let kdc = site.add_realm(REALM);
        site.add_user(ALICE, PASSWORD);
        site.add_service(WEB);
        let laptop = site.add_client();
        Self { site, kdc, laptop }
    }

    pub(crate) fn login(
        &mut self,
        options: &LoginOptions,
    ) -> Result<kerbstone_client::InitialTicket, ClientError> {
        self.login_with(PASSWORD, options)
    }

    pub(crate) fn login_with(
        &mut self,
        password: &str,
        options: &LoginOptions,
    ) -> Result<kerbstone_client::InitialTicket, ClientError> {
        self.site.login(self.laptop, ALICE, password, options)
    }
}

/// The code of a KDC's refusal.
pub(crate) fn code(error: &ClientError) -> ErrorCode {
    match error {
        ClientError::Kdc { code, .. } => *code,
        other => panic!("not a KDC's refusal: {other:?}"),
    }
}
