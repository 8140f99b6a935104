//! A service's ticket to itself in a user's name, whom it knows in another way (S4U2Self, MS-SFU 3.1.5.1.1).

use kerbstone_crypto::Enctype;
use kerbstone_proto::ccache::Credential;
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::message::KrbError;
use kerbstone_proto::name::{NameType, Principal, PrincipalName, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand_core::CryptoRng;

use super::behalf::{Behalf, Subject};
use super::tgs_exchange::{self, Granted, Pending, Reply, Wanted, inherited};
use super::user_realm::{Found, UserRealm};
use super::{
    MAX_REFERRALS, ObtainedTicket, TicketRequest, TicketSettings, WantedService, failure, issuer,
};
use crate::clock::Offset;
use crate::error::{BehalfRefusal, ClientError};
use crate::machine::{Input, Machine, Request, Service, Step};

/// For whom a service asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForUser {
    /// A user by name. The KDCs find the realm of an enterprise name.
    Name(Principal),
    /// Whoever the realm says owns this certificate, X.509 in DER.
    Certificate(Vec<u8>),
}

/// Which ticket a service wants to itself.
#[derive(Clone, Debug)]
pub struct WantedForUser {
    /// Whose name the ticket shall be in.
    pub user: ForUser,
    /// Until when the ticket shall be valid; as long as the TGT when absent.
    pub till: Option<KerberosTime>,
    /// Other encryption types than the settings'.
    pub enctypes: Option<Vec<Enctype>>,
    /// Further options of the KDC request.
    pub options: KdcOptions,
}

impl WantedForUser {
    /// A plain ticket in a user's name.
    pub const fn new(user: Principal) -> Self {
        Self {
            user: ForUser::Name(user),
            till: None,
            enctypes: None,
            options: KdcOptions::EMPTY,
        }
    }

    /// A plain ticket in the name of a certificate's owner.
    pub const fn by_certificate(der: Vec<u8>) -> Self {
        Self {
            user: ForUser::Certificate(der),
            till: None,
            enctypes: None,
            options: KdcOptions::EMPTY,
        }
    }
}

/// The machine of S4U2Self: to the user's realm, and back from there over referrals.
#[derive(Debug)]
pub struct S4u2SelfRequest {
    settings: TicketSettings,
    wish: WantedForUser,
    service: Principal,
    held: Vec<Credential>,
    start_realm: Option<Realm>,
    subject: Subject,
    stage: Stage,
    /// The TGTs that were asked with, each of which led to the next.
    way: Vec<Credential>,
    skew_retried: bool,
    notes: Vec<String>,
    step: Option<Step<ObtainedTicket>>,
}

#[derive(Debug)]
enum Stage {
    /// Finding the user's realm.
    Realm(UserRealm),
    /// Getting a TGT for it.
    Tgt(Box<TicketRequest>),
    /// Asking for the ticket.
    Asked(Box<Pending>),
    Over,
}

impl S4u2SelfRequest {
    /// A ticket to `service` for `wish`'s user. `held` is what the service's cache holds, `start_realm` the realm of the TGT
    /// to begin with when it is not the service's.
    pub fn new(
        service: Principal,
        wish: WantedForUser,
        held: &[Credential],
        start_realm: Option<Realm>,
        settings: TicketSettings,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ClientError> {
        let tgts = held.iter().filter(|held| held.server.is_krbtgt());
        let mut request = Self {
            held: tgts.cloned().collect(),
            subject: subject(&wish.user, &service.realm),
            settings,
            wish,
            service,
            start_realm,
            stage: Stage::Over,
            way: Vec::new(),
            skew_retried: false,
            notes: Vec::new(),
            step: None,
        };
        request.begin(now, rng)?;
        Ok(request)
    }

    fn begin(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Result<(), ClientError> {
        let named = self.subject.certificate.is_none();
        if named && self.subject.user.name.name_type != NameType::ENTERPRISE {
            return self.get_tgt(now, rng);
        }
        let (search, first) = UserRealm::begin(self.subject.clone(), &self.settings, now, rng);
        self.stage = Stage::Realm(search);
        self.step = Some(Step::Send(first));
        Ok(())
    }

    fn handle_realm(
        &mut self,
        mut search: UserRealm,
        reply: &[u8],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        match search.handle(reply, &self.settings, now, rng)? {
            Found::Ask(next) => {
                self.stage = Stage::Realm(search);
                self.step = Some(Step::Send(next));
                Ok(())
            }
            Found::Here(realm) => {
                self.notes.push(format!("Identified realm {realm}"));
                self.subject.user.realm = realm;
                self.get_tgt(now, rng)
            }
        }
    }

    fn get_tgt(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Result<(), ClientError> {
        let realm = &self.service.realm;
        let tgt = Principal::new(
            PrincipalName::krbtgt(&self.subject.user.realm),
            realm.clone(),
        );
        if self.subject.user.realm == *realm {
            let now_there = self.settings.offset.apply(now).time;
            let tgt = super::own_tgt(&self.held, &self.service, realm, now_there)?;
            return self.ask(tgt, now, rng);
        }
        let walk = TicketRequest::for_service(
            self.service.clone(),
            WantedService::new(tgt),
            &self.held,
            self.start_realm.clone(),
            self.settings.clone(),
            now,
            rng,
        )?;
        self.stage = Stage::Tgt(Box::new(walk));
        self.go_on_walking(now, rng)
    }

    fn go_on_walking(
        &mut self,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let Stage::Tgt(walk) = &mut self.stage else {
            return Err(ClientError::Misuse("there is no walk"));
        };
        self.notes.extend(walk.take_notes());
        match walk.poll() {
            Some(Step::Done(obtained)) => {
                self.settings.offset = obtained.offset;
                self.ask(obtained.credential, now, rng)
            }
            step => {
                self.step = step;
                Ok(())
            }
        }
    }

    fn ask(
        &mut self,
        tgt: Credential,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let realm = issuer(&tgt)?;
        let server = match realm == self.service.realm {
            true => self.service.clone(),
            // A foreign realm is asked for the way home, by a name that tells where that is.
            false => Principal::new(enterprise(&self.service), realm),
        };
        let user = &self.subject.user;
        self.notes
            .push(format!("Requesting a ticket to {server} for {user}"));
        let wanted = Wanted {
            server,
            options: inherited(tgt.flags) | self.wish.options | KdcOptions::CANONICALIZE,
            till: self.wish.till,
            enctypes: match &self.wish.enctypes {
                Some(wished) => wished.clone(),
                None => self.settings.enctypes.clone(),
            },
            addresses: None,
            second_ticket: None,
            behalf: Behalf::User(Box::new(self.subject.clone())),
        };
        self.way.push(tgt.clone());
        self.send(&tgt, wanted, now, rng)
    }

    fn send(
        &mut self,
        with: &Credential,
        wanted: Wanted,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let now = self.settings.offset.apply(now);
        let pending = tgs_exchange::request(with, wanted, now, rng)?;
        self.step = Some(Step::Send(Request {
            realm: pending.realm.clone(),
            service: Service::Kdc,
            bytes: pending.bytes.clone(),
        }));
        self.stage = Stage::Asked(Box::new(pending));
        Ok(())
    }

    fn handle_answer(
        &mut self,
        pending: Pending,
        reply: &[u8],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        match pending.open(reply, self.settings.clock_skew)? {
            Reply::Error(error)
                if super::is_curable_skew(&error, &self.settings) && !self.skew_retried =>
            {
                self.skew_retried = true;
                self.settings.offset = Offset::between(error.server_time(), now);
                self.send(&pending.with, pending.wanted, now, rng)
            }
            Reply::Error(error) => Err(self.refusal(&pending, &error, now)),
            Reply::Ticket(granted) => self.handle_ticket(*granted, now, rng),
        }
    }

    fn handle_ticket(
        &mut self,
        granted: Granted,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        if let Some(user) = granted.user {
            // The user's own realm may know them by another name; the realms on the way back may not change it.
            if self.way.len() > 1 && user != self.subject.user {
                return Err(ClientError::ReplyModified {
                    what: "the user's name, which changed on the way",
                });
            }
            self.subject.user = user;
        }
        // The user's realm alone looks at it.
        self.subject.certificate = None;
        let ticket = granted.credential;
        if ticket.server.name == self.service.name {
            return self.finish(ticket);
        }
        if !ticket.server.is_krbtgt() {
            return Err(ClientError::ReplyModified {
                what: "the server's name",
            });
        }
        let realm = issuer(&ticket)?;
        let been_there = self
            .way
            .iter()
            .any(|tgt| issuer(tgt).is_ok_and(|there| there == realm));
        if been_there || self.way.len() >= MAX_REFERRALS {
            let mut realms: Vec<Realm> = self.way.iter().filter_map(|t| issuer(t).ok()).collect();
            realms.push(realm);
            return Err(ClientError::Looping { realms });
        }
        self.ask(ticket, now, rng)
    }

    fn finish(&mut self, mut ticket: Credential) -> Result<(), ClientError> {
        if ticket.client != self.subject.user {
            return Err(ClientError::ReplyModified {
                what: "the user's name in the ticket",
            });
        }
        ticket.server = self.service.clone();
        self.step = Some(Step::Done(ObtainedTicket {
            credential: ticket,
            intermediate: Vec::new(),
            offset: self.settings.offset,
        }));
        Ok(())
    }

    fn refusal(&self, pending: &Pending, error: &KrbError, now: Timestamp) -> ClientError {
        match failure(pending, error, now) {
            ClientError::Kdc {
                code, text, realm, ..
            } => ClientError::ImpersonationRefused(Box::new(BehalfRefusal {
                service: self.service.clone(),
                user: self.subject.user.clone(),
                target: self.service.clone(),
                code,
                text,
                realm,
            })),
            other => other,
        }
    }
}

impl Machine for S4u2SelfRequest {
    type Output = ObtainedTicket;

    fn handle(
        &mut self,
        input: Input<'_>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        match (std::mem::replace(&mut self.stage, Stage::Over), input) {
            (Stage::Realm(search), Input::Reply(reply)) => {
                self.handle_realm(search, reply, now, rng)
            }
            (Stage::Tgt(mut walk), input) => {
                walk.handle(input, now, rng)?;
                self.stage = Stage::Tgt(walk);
                self.go_on_walking(now, rng)
            }
            (Stage::Asked(pending), Input::Reply(reply)) => {
                self.handle_answer(*pending, reply, now, rng)
            }
            _ => Err(ClientError::Misuse("the request did not ask for this")),
        }
    }

    fn poll(&mut self) -> Option<Step<ObtainedTicket>> {
        self.step.take()
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

/// What a service knows of the user before anybody is asked; the realm is where to ask first.
fn subject(user: &ForUser, realm: &Realm) -> Subject {
    match user {
        ForUser::Name(user) if user.name.name_type == NameType::ENTERPRISE => Subject {
            user: Principal::new(user.name.clone(), realm.clone()),
            certificate: None,
        },
        ForUser::Name(user) => Subject {
            user: user.clone(),
            certificate: None,
        },
        ForUser::Certificate(der) => Subject {
            // Windows wants one empty component of this type.
            user: Principal::new(
                PrincipalName::new(NameType::X500_PRINCIPAL, [""]),
                realm.clone(),
            ),
            certificate: Some(der.clone()),
        },
    }
}

/// A name with its realm inside.
fn enterprise(principal: &Principal) -> PrincipalName {
    PrincipalName::new(NameType::ENTERPRISE, [principal.to_string()])
}
