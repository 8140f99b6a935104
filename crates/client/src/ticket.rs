//! Tickets from a TGT: for services near and far, renewed, validated, forwarded and proxied ones, and those that a service
//! gets in a user's name.

mod behalf;
mod cross_realm;
mod host_names;
mod referral;
mod s4u2proxy;
mod s4u2self;
mod tgs_exchange;
mod user_realm;

use std::sync::Arc;
use std::time::Duration;

use kerbstone_crypto::Enctype;
use kerbstone_proto::ccache::Credential;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::krb5_conf::Krb5Conf;
use kerbstone_proto::message::{HostAddress, KrbError, Ticket};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand_core::CryptoRng;

use self::behalf::Behalf;
pub use self::host_names::{HostNames, candidates, service_principal};
pub use self::s4u2proxy::{S4u2ProxyRequest, WantedOnBehalf};
pub use self::s4u2self::{ForUser, S4u2SelfRequest, WantedForUser};
use self::tgs_exchange::{Pending, Reply, Wanted, inherited};
use crate::clock::Offset;
use crate::error::ClientError;
use crate::machine::{Input, Machine, Request, Service, Step};

/// More referrals than this are a loop (MIT's bound).
const MAX_REFERRALS: usize = 10;

/// How a TGS is spoken to.
#[derive(Clone, Debug)]
pub struct TicketSettings {
    /// Paths between realms and the realms of hosts.
    pub conf: Arc<Krb5Conf>,
    /// The encryption types to offer, best first.
    pub enctypes: Vec<Enctype>,
    /// By how much clocks may differ.
    pub clock_skew: Duration,
    /// Whether the KDC's clock is believed where ours differs (`kdc_timesync`).
    pub sync_time: bool,
    /// How far the KDC's clock is known to be ahead of ours.
    pub offset: Offset,
}

/// Which service ticket is wanted.
#[derive(Clone, Debug)]
pub struct WantedService {
    /// The service. An empty realm leaves it to the KDC where the service lives.
    pub server: Principal,
    /// Until when the ticket shall be valid; as long as the TGT when absent.
    pub till: Option<KerberosTime>,
    /// Other encryption types than the settings' (`kvno -e`).
    pub enctypes: Option<Vec<Enctype>>,
    /// The server's own TGT: user to user.
    pub second_ticket: Option<Ticket>,
    /// Further options of the KDC request.
    pub options: KdcOptions,
}

impl WantedService {
    /// A plain ticket for a service.
    pub const fn new(server: Principal) -> Self {
        Self {
            server,
            till: None,
            enctypes: None,
            second_ticket: None,
            options: KdcOptions::EMPTY,
        }
    }
}

/// A ticket, and TGTs that were needed on the way and are worth keeping.
#[derive(Clone, Debug)]
pub struct ObtainedTicket {
    /// The ticket. Its server is the name that was asked for; the ticket itself may say another.
    pub credential: Credential,
    /// Cross-realm TGTs.
    pub intermediate: Vec<Credential>,
    /// How far the KDC's clock is ahead, where it was corrected on the way.
    pub offset: Offset,
}

/// The machine that gets one ticket.
#[derive(Debug)]
pub struct TicketRequest {
    settings: TicketSettings,
    wish: WantedService,
    client: Principal,
    start_realm: Realm,
    /// The service in the realm where it is looked for now.
    server: Principal,
    held: Vec<Credential>,
    stage: Stage,
    walk: Walk,
    tgt: Option<Credential>,
    pending: Option<Pending>,
    found: Vec<Credential>,
    seen: Vec<Realm>,
    fallback_realm: Option<Realm>,
    referrals: usize,
    skew_retried: bool,
    notes: Vec<String>,
    step: Option<Step<ObtainedTicket>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Walking to the TGT of the service's realm, along the path.
    Path(Goal),
    /// Led off the path by a KDC that knows better.
    OffPath(Goal),
    /// Asking for the service where a referral may be the answer.
    Referral,
    /// Asking for the service where it must be.
    Direct,
    /// One exchange with a given ticket.
    Single,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Referral,
    Direct,
}

/// Where we are on the path between realms.
#[derive(Debug, Default)]
struct Walk {
    path: Vec<Realm>,
    at: usize,
    next: usize,
    /// Requests sent so far. A path of n realms may take n² of them, and a name of hundreds of dots is easily made.
    asked: usize,
    /// What the realm where we are said about the realm that is wanted; what it says about others is of less use.
    refusal: Option<ClientError>,
    /// The realms between by hierarchy, until they were tried.
    detour: Vec<Realm>,
}

impl TicketRequest {
    /// A ticket for a service. `held` is what the client's cache holds, `start_realm` the realm of the TGT to begin with
    /// when it is not the client's.
    pub fn for_service(
        client: Principal,
        wish: WantedService,
        held: &[Credential],
        start_realm: Option<Realm>,
        settings: TicketSettings,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ClientError> {
        let tgts = held
            .iter()
            .filter(|credential| credential.server.is_krbtgt());
        let start_realm = start_realm.unwrap_or_else(|| client.realm.clone());
        let mut request = Self::new(client, wish, start_realm, tgts.cloned().collect(), settings);
        request.get_tgt(Goal::Referral, now, rng)?;
        Ok(request)
    }

    /// Where to look for a service of unknown realm when the KDC refers nowhere, instead of the realm that is named after its
    /// host's domain.
    #[must_use]
    pub fn fallback_realm(mut self, realm: Option<Realm>) -> Self {
        self.fallback_realm = realm;
        self
    }

    /// A renewable ticket once more, for as long again.
    pub fn renew(
        held: &Credential,
        settings: TicketSettings,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ClientError> {
        Self::again(held, KdcOptions::RENEW, settings, now, rng)
    }

    /// A postdated ticket whose time has come.
    pub fn validate(
        held: &Credential,
        settings: TicketSettings,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ClientError> {
        Self::again(held, KdcOptions::VALIDATE, settings, now, rng)
    }

    /// The TGT for use from other addresses (none: from anywhere).
    pub fn forward(
        tgt: &Credential,
        addresses: Vec<HostAddress>,
        forwardable: bool,
        settings: TicketSettings,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ClientError> {
        let mut options = inherited(tgt.flags) | KdcOptions::FORWARDED;
        options.set(KdcOptions::FORWARDABLE, forwardable);
        let realm = &tgt.client.realm;
        let server = Principal::krbtgt(realm, realm);
        Self::single(tgt, server, options, Some(addresses), settings, now, rng)
    }

    /// A ticket for one service, for use from other addresses.
    pub fn proxy(
        tgt: &Credential,
        server: Principal,
        addresses: Vec<HostAddress>,
        settings: TicketSettings,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ClientError> {
        let options = inherited(tgt.flags) | KdcOptions::PROXY;
        Self::single(tgt, server, options, Some(addresses), settings, now, rng)
    }

    fn again(
        held: &Credential,
        option: KdcOptions,
        settings: TicketSettings,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ClientError> {
        let options = inherited(held.flags) | option;
        Self::single(held, held.server.clone(), options, None, settings, now, rng)
    }

    fn single(
        with: &Credential,
        server: Principal,
        options: KdcOptions,
        addresses: Option<Vec<HostAddress>>,
        settings: TicketSettings,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ClientError> {
        let wanted = Wanted {
            server: server.clone(),
            options,
            till: None,
            enctypes: settings.enctypes.clone(),
            addresses,
            second_ticket: None,
            behalf: Behalf::Own,
        };
        let client = with.client.clone();
        let start = client.realm.clone();
        let mut request = Self::new(
            client,
            WantedService::new(server),
            start,
            Vec::new(),
            settings,
        );
        request.stage = Stage::Single;
        request.send(with, wanted, now, rng)?;
        Ok(request)
    }

    fn new(
        client: Principal,
        wish: WantedService,
        start_realm: Realm,
        held: Vec<Credential>,
        settings: TicketSettings,
    ) -> Self {
        let mut server = wish.server.clone();
        if server.realm.is_empty() {
            server.realm = start_realm.clone();
        }
        Self {
            settings,
            wish,
            client,
            start_realm,
            server,
            held,
            stage: Stage::Over,
            walk: Walk::default(),
            tgt: None,
            pending: None,
            found: Vec::new(),
            seen: Vec::new(),
            fallback_realm: None,
            referrals: 0,
            skew_retried: false,
            notes: Vec::new(),
            step: None,
        }
    }

    fn send(
        &mut self,
        with: &Credential,
        wanted: Wanted,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let now = self.settings.offset.apply(now);
        let etypes: Vec<&str> = wanted.enctypes.iter().map(|e| e.short_name()).collect();
        self.notes.push(format!(
            "etypes requested in TGS request: {}",
            etypes.join(", ")
        ));
        let pending = tgs_exchange::request(with, wanted, now, rng)?;
        self.step = Some(Step::Send(Request {
            realm: pending.realm.clone(),
            service: Service::Kdc,
            bytes: pending.bytes.clone(),
        }));
        self.pending = Some(pending);
        Ok(())
    }

    fn handle_error(
        &mut self,
        pending: Pending,
        error: &KrbError,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        if is_curable_skew(error, &self.settings) && !self.skew_retried {
            self.skew_retried = true;
            self.settings.offset = Offset::between(error.server_time(), now);
            return self.send(&pending.with, pending.wanted, now, rng);
        }
        match self.stage {
            Stage::Path(goal) => {
                let refusal = failure(&pending, error, now);
                self.walk.refusal.get_or_insert(refusal);
                self.walk_nearer(goal, now, rng)
            }
            Stage::Referral if self.referrals <= 1 => {
                self.fall_back(failure(&pending, error, now), now, rng)
            }
            _ => Err(failure(&pending, error, now)),
        }
    }

    fn handle_ticket(
        &mut self,
        ticket: Credential,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        match self.stage {
            Stage::Path(goal) => self.handle_path(goal, ticket, now, rng),
            Stage::OffPath(goal) => self.handle_off_path(goal, ticket, now, rng),
            Stage::Referral => self.handle_referral(ticket, now, rng),
            Stage::Direct => {
                self.finish(ticket);
                Ok(())
            }
            Stage::Single => {
                self.stage = Stage::Over;
                self.step = Some(Step::Done(ObtainedTicket {
                    credential: ticket,
                    intermediate: Vec::new(),
                    offset: self.settings.offset,
                }));
                Ok(())
            }
            Stage::Over => Err(ClientError::Misuse("the request is over")),
        }
    }

    fn see(&mut self, realm: Realm) -> Result<(), ClientError> {
        let again = self.seen.contains(&realm);
        self.seen.push(realm);
        self.referrals = self.referrals.saturating_add(1);
        if again || self.referrals > MAX_REFERRALS {
            return Err(ClientError::Looping {
                realms: self.seen.clone(),
            });
        }
        Ok(())
    }

    fn finish(&mut self, mut ticket: Credential) {
        self.stage = Stage::Over;
        self.notes.push(format!(
            "Received creds for desired service {}",
            ticket.server
        ));
        ticket.server = self.wish.server.clone();
        self.step = Some(Step::Done(ObtainedTicket {
            credential: ticket,
            intermediate: std::mem::take(&mut self.found),
            offset: self.settings.offset,
        }));
    }

    /// The TGTs that were found on the way, also when it led nowhere.
    pub fn take_intermediate(&mut self) -> Vec<Credential> {
        std::mem::take(&mut self.found)
    }

    fn current_tgt(&self) -> Result<Credential, ClientError> {
        self.tgt.clone().ok_or_else(|| ClientError::NoTicket {
            wanted: Principal::krbtgt(&self.start_realm, &self.start_realm),
            place: None,
        })
    }
}

impl Machine for TicketRequest {
    type Output = ObtainedTicket;

    fn handle(
        &mut self,
        input: Input<'_>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let (Some(pending), Input::Reply(reply)) = (self.pending.take(), input) else {
            return Err(ClientError::Misuse("the request did not ask for this"));
        };
        match pending.open(reply, self.settings.clock_skew)? {
            Reply::Error(error) => self.handle_error(pending, &error, now, rng),
            Reply::Ticket(granted) => self.handle_ticket(granted.credential, now, rng),
        }
    }

    fn poll(&mut self) -> Option<Step<ObtainedTicket>> {
        self.step.take()
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

/// The realm that a TGT leads to.
fn issuer(tgt: &Credential) -> Result<Realm, ClientError> {
    tgt.server
        .name
        .krbtgt_realm()
        .ok_or(ClientError::ReplyModified {
            what: "the kind of ticket, which is no TGT",
        })
}

/// The TGT of `client` for `realm`'s own KDC that lasts longest.
fn own_tgt(
    held: &[Credential],
    client: &Principal,
    realm: &Realm,
    now: KerberosTime,
) -> Result<Credential, ClientError> {
    let server = Principal::krbtgt(realm, realm);
    let ours = |credential: &&Credential| {
        credential.server == server && credential.client == *client && !credential.is_skey
    };
    let newest = held.iter().filter(ours).max_by_key(|tgt| tgt.endtime);
    let Some(tgt) = newest else {
        return Err(ClientError::NoTicket {
            wanted: server,
            place: None,
        });
    };
    if tgt.endtime < now {
        return Err(ClientError::TicketExpired { server });
    }
    Ok(tgt.clone())
}

/// Whether the same request with the KDC's time would do.
fn is_curable_skew(error: &KrbError, settings: &TicketSettings) -> bool {
    error.error_code == ErrorCode::KRB_AP_ERR_SKEW && settings.sync_time
}

fn failure(pending: &Pending, error: &KrbError, now: Timestamp) -> ClientError {
    let realm = pending.realm.clone();
    match error.error_code {
        ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN => ClientError::UnknownService {
            server: pending.wanted.server.clone(),
        },
        ErrorCode::KRB_AP_ERR_SKEW => ClientError::ClockSkew {
            realm,
            offset: Offset::between(error.server_time(), now).seconds(),
        },
        ErrorCode::KRB_AP_ERR_TKT_EXPIRED => ClientError::TicketExpired {
            server: pending.with.server.clone(),
        },
        code => ClientError::Kdc {
            code,
            text: crate::login::text_of(error),
            realm,
            about: pending.wanted.server.clone(),
        },
    }
}
