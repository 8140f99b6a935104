//! AS and TGS requests made with real keys, changed before they are sealed.

use arbitrary::Arbitrary;
use kerbstone_crypto::{Key, KeyUsage};
use kerbstone_proto::flags::{ApOptions, KdcOptions};
use kerbstone_proto::message::{
    ApReq, Authenticator, AuthorizationData, Checksum, EncryptedData, EncryptionKey, Fixed,
    HostAddresses, KdcReq, KdcReqBody, KdcReqKind, Microseconds, PaData, PaEncTsEnc, PaType,
    Secret, UInt32,
};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand_core::CryptoRng;

use crate::acting::Acting;
use crate::clock::{NOW, around_now};
use crate::shown_ticket::{Held, ShownTicket, any_key};
use crate::site::Site;
use crate::values::{AnyAddress, AnyEnctype, AnyName, Bits, Damage, Moment, Typed, enctype};

/// A request to be made.
#[derive(Arbitrary, Debug)]
pub enum Asked<'a> {
    /// An AS-REQ.
    As(Box<AsAsked<'a>>),
    /// A TGS-REQ.
    Tgs(Box<TgsAsked<'a>>),
}

impl Asked<'_> {
    /// Its bytes.
    pub fn to_bytes(&self, site: &Site, rng: &mut dyn CryptoRng) -> Vec<u8> {
        let (request, damage) = match self {
            Self::As(asked) => (asked.request(site, rng), asked.damage),
            Self::Tgs(asked) => (asked.request(site, rng), asked.damage),
        };
        let mut bytes = request.to_der();
        if let Some(damage) = damage {
            damage.apply(&mut bytes);
        }
        bytes
    }
}

/// An AS-REQ, good unless it says something else.
#[derive(Arbitrary, Debug)]
pub struct AsAsked<'a> {
    client: AnyName<'a>,
    service: Option<AnyName<'a>>,
    proof: Proof<'a>,
    body: Vec<BodyChange<'a>>,
    padata: Vec<Typed<'a>>,
    damage: Option<Damage<'a>>,
}

/// How a client proves that it knows its password.
#[derive(Arbitrary, Debug)]
enum Proof<'a> {
    Good,
    None,
    Late(Moment),
    OfAnothersKey(AnyName<'a>),
    /// Something else under the right key.
    Strange(&'a [u8]),
    /// Under the right key, for another use.
    Usage(u8),
    Damaged(Damage<'a>),
}

impl AsAsked<'_> {
    fn request(&self, site: &Site, rng: &mut dyn CryptoRng) -> KdcReq {
        let client = self.client.principal();
        let mut body = plain_body(&client.realm);
        body.cname = Some(client.name.clone());
        if let Some(service) = &self.service {
            body.sname = Some(service.principal().name);
        }
        for change in &self.body {
            change.apply(&mut body, None, rng);
        }
        let mut padata: Vec<PaData> = self.padata.iter().map(|typed| typed.padata()).collect();
        padata.extend(self.proof.padata(site, &client, rng));
        KdcReq::new(KdcReqKind::As, padata, body)
    }
}

impl Proof<'_> {
    fn padata(&self, site: &Site, client: &Principal, rng: &mut dyn CryptoRng) -> Option<PaData> {
        let whose = match self {
            Self::None => return None,
            Self::OfAnothersKey(name) => name.principal(),
            _ => client.clone(),
        };
        let plain = match self {
            Self::Strange(bytes) => bytes.to_vec(),
            Self::Late(moment) => PaEncTsEnc::from(Timestamp::new(moment.time(), 0)).to_der(),
            _ => PaEncTsEnc::from(NOW).to_der(),
        };
        let usage = match self {
            Self::Usage(number) => KeyUsage((*number).into()),
            _ => KeyUsage::AS_REQ_PA_ENC_TIMESTAMP,
        };
        let key = newest_key(site, &whose, rng);
        let mut sealed = EncryptedData::encrypt(&key, usage, None, &plain, rng).to_der();
        if let Self::Damaged(damage) = self {
            damage.apply(&mut sealed);
        }
        Some(PaData::new(PaType::ENC_TIMESTAMP, sealed))
    }
}

/// The newest key of a principal; of nobody, some key.
fn newest_key(site: &Site, whose: &Principal, rng: &mut dyn CryptoRng) -> Key {
    site.entry(whose)
        .and_then(|entry| entry.current_keys().next().map(|key| key.key.clone()))
        .unwrap_or_else(|| any_key(rng))
}

/// A TGS-REQ, good unless it says something else.
#[derive(Arbitrary, Debug)]
pub struct TgsAsked<'a> {
    shown: ShownTicket<'a>,
    service: AnyName<'a>,
    body: Vec<BodyChange<'a>>,
    second: Option<ShownTicket<'a>>,
    options: Option<Bits>,
    authenticator: Vec<AuthenticatorChange<'a>>,
    padata: Vec<Typed<'a>>,
    acting: Option<Acting<'a>>,
    damage: Option<Damage<'a>>,
}

impl TgsAsked<'_> {
    fn request(&self, site: &Site, rng: &mut dyn CryptoRng) -> KdcReq {
        let client = match self.acting {
            Some(_) => "HTTP/front@HOME.TEST",
            None => "alice@HOME.TEST",
        };
        let usual = "krbtgt/HOME.TEST@HOME.TEST";
        let shown = self.shown.seal_of(site, client, usual, rng);
        let service = self.service.principal();
        let mut body = plain_body(&service.realm);
        body.sname = Some(service.name);
        if let Some(second) = &self.second {
            let second = second.seal(site, "krbtgt/HOME.TEST@HOME.TEST", rng);
            body.kdc_options |= KdcOptions::ENC_TKT_IN_SKEY;
            body.additional_tickets.push(second.ticket);
        }
        if let Some(acting) = &self.acting {
            acting.ask(&mut body, site, rng);
        }
        for change in &self.body {
            change.apply(&mut body, Some(&shown.session_key), rng);
        }
        let mut padata: Vec<PaData> = self.padata.iter().map(|typed| typed.padata()).collect();
        if let Some(acting) = &self.acting {
            padata.push(acting.padata(&shown.session_key, &body));
        }
        let proof = self.proof(shown, &body, rng);
        padata.push(PaData::new(PaType::TGS_REQ, proof.to_der()));
        KdcReq::new(KdcReqKind::Tgs, padata, body)
    }

    fn proof(&self, shown: Held, body: &KdcReqBody, rng: &mut dyn CryptoRng) -> ApReq {
        let key = &shown.session_key;
        let checksum = Checksum::compute(key, KeyUsage::TGS_REQ_CKSUM, &body.to_der());
        let mut authenticator = good_authenticator(&shown, Some(checksum));
        for change in &self.authenticator {
            change.apply(&mut authenticator, key, rng);
        }
        let plain = authenticator.to_der();
        let sealed = EncryptedData::encrypt(key, KeyUsage::TGS_REQ_AUTH, None, &plain, rng);
        let options = self.options.map_or(0, Bits::bits);
        ApReq::new(ApOptions::from_bits(options), shown.ticket, sealed)
    }
}

/// The authenticator of the ticket's owner, now.
pub fn good_authenticator(shown: &Held, cksum: Option<Checksum>) -> Authenticator {
    Authenticator {
        authenticator_vno: Fixed,
        crealm: shown.part.crealm.clone(),
        cname: shown.part.cname.clone(),
        cksum,
        cusec: Microseconds::of(NOW),
        ctime: NOW.time,
        subkey: None,
        seq_number: None,
        authorization_data: AuthorizationData::default(),
    }
}

/// What is different about an authenticator.
#[derive(Arbitrary, Debug)]
pub enum AuthenticatorChange<'a> {
    /// Another client.
    Client(AnyName<'a>),
    /// Another time.
    Time(Moment),
    /// A subkey that is good.
    Subkey(u8),
    /// A subkey that may be none.
    StrangeSubkey(AnyEnctype, &'a [u8]),
    /// Another checksum.
    Checksum(i32, &'a [u8]),
    /// A checksum of the same bytes for another use.
    ChecksumOf(u8, &'a [u8]),
    /// No checksum.
    NoChecksum,
    /// A sequence number.
    Sequence(u32),
    /// Authorization data.
    Authorization(Typed<'a>),
}

impl AuthenticatorChange<'_> {
    /// Makes it.
    pub fn apply(&self, authenticator: &mut Authenticator, key: &Key, rng: &mut dyn CryptoRng) {
        match self {
            Self::Client(name) => {
                let client = name.principal();
                authenticator.crealm = client.realm;
                authenticator.cname = client.name;
            }
            Self::Time(moment) => authenticator.ctime = moment.time(),
            Self::Subkey(number) => {
                authenticator.subkey = Key::random(enctype(*number), rng)
                    .ok()
                    .map(|key| EncryptionKey::from(&key));
            }
            Self::StrangeSubkey(enctype, bytes) => {
                authenticator.subkey = Some(EncryptionKey {
                    keytype: enctype.number(),
                    keyvalue: Secret::from(*bytes),
                });
            }
            Self::Checksum(cksumtype, bytes) => {
                authenticator.cksum = Some(Checksum {
                    cksumtype: *cksumtype,
                    checksum: bytes.to_vec(),
                });
            }
            Self::ChecksumOf(usage, bytes) => {
                let usage = KeyUsage((*usage).into());
                authenticator.cksum = Some(Checksum::compute(key, usage, bytes));
            }
            Self::NoChecksum => authenticator.cksum = None,
            Self::Sequence(number) => authenticator.seq_number = Some(UInt32(*number)),
            Self::Authorization(typed) => {
                authenticator.authorization_data.push(typed.authorization());
            }
        }
    }
}

/// What is different about what is asked for.
#[derive(Arbitrary, Debug)]
enum BodyChange<'a> {
    Options(Bits),
    Client(Option<AnyName<'a>>),
    Service(Option<AnyName<'a>>),
    Realm(&'a [u8]),
    From(Option<Moment>),
    Till(Moment),
    RenewTill(Option<Moment>),
    Nonce(u32),
    Enctypes(Vec<AnyEnctype>),
    Address(AnyAddress<'a>),
    /// Authorization data, sealed so that it can be read.
    Authorization(Vec<Typed<'a>>, u8),
    StrangeAuthorization(AnyEnctype, &'a [u8]),
}

fn plain_body(realm: &Realm) -> KdcReqBody {
    KdcReqBody {
        kdc_options: KdcOptions::EMPTY,
        cname: None,
        realm: realm.clone(),
        sname: Some(Principal::krbtgt(realm, realm).name),
        from: None,
        till: around_now(3600),
        rtime: None,
        nonce: UInt32(4711),
        etype: vec![18, 17, 20, 19, 26, 25],
        addresses: HostAddresses::default(),
        enc_authorization_data: None,
        additional_tickets: Vec::new(),
    }
}

impl BodyChange<'_> {
    fn apply(&self, body: &mut KdcReqBody, key: Option<&Key>, rng: &mut dyn CryptoRng) {
        let time = |moment: Option<Moment>| -> Option<KerberosTime> { moment.map(Moment::time) };
        match self {
            Self::Options(bits) => {
                body.kdc_options = KdcOptions::from_bits(body.kdc_options.bits() ^ bits.bits());
            }
            Self::Client(name) => body.cname = name.as_ref().map(|name| name.principal().name),
            Self::Service(name) => body.sname = name.as_ref().map(|name| name.principal().name),
            Self::Realm(realm) => body.realm = Realm::new(realm.to_vec()),
            Self::From(moment) => body.from = time(*moment),
            Self::Till(moment) => body.till = moment.time(),
            Self::RenewTill(moment) => body.rtime = time(*moment),
            Self::Nonce(nonce) => body.nonce = UInt32(*nonce),
            Self::Enctypes(list) => {
                body.etype = list.iter().map(|enctype| enctype.number()).collect();
            }
            Self::Address(address) => body.addresses.push(address.address()),
            Self::Authorization(list, usage) => {
                let data = AuthorizationData(list.iter().map(|one| one.authorization()).collect());
                let usage = KeyUsage(4 + u32::from(usage % 2));
                body.enc_authorization_data =
                    key.map(|key| EncryptedData::encrypt(key, usage, None, &data.to_der(), rng));
            }
            Self::StrangeAuthorization(enctype, cipher) => {
                body.enc_authorization_data = Some(EncryptedData {
                    etype: enctype.number(),
                    kvno: None,
                    cipher: cipher.to_vec(),
                });
            }
        }
    }
}
