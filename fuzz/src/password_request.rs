//! Requests for new passwords made with real keys, changed before they are sealed.

use arbitrary::Arbitrary;
use kerbstone_crypto::{Key, KeyUsage};
use kerbstone_proto::flags::ApOptions;
use kerbstone_proto::kpasswd::{ChangePasswdData, PasswordRequest, PasswordVersion};
use kerbstone_proto::krb_priv;
use kerbstone_proto::message::{ApReq, EncryptedData, Secret, UInt32};
use kerbstone_proto::name::Principal;
use kerbstone_proto::stamp::Stamp;
use rand_core::CryptoRng;

use crate::request::{AuthenticatorChange, good_authenticator};
use crate::shown_ticket::{Held, ShownTicket, any_key};
use crate::site::Site;
use crate::values::{AnyAddress, AnyName, Bits, Damage};

const SEQUENCE: u32 = 7;

/// A request, good unless it says something else.
#[derive(Arbitrary, Debug)]
pub struct PasswordAsked<'a> {
    shown: ShownTicket<'a>,
    options: Option<Bits>,
    authenticator: Vec<AuthenticatorChange<'a>>,
    data: Data<'a>,
    address: AnyAddress<'a>,
    sequence: Option<Option<u32>>,
    wrong_key: bool,
    damage: Option<Damage<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Data<'a> {
    Change(&'a [u8]),
    Set(&'a [u8], Option<AnyName<'a>>, bool),
    StrangeSet(&'a [u8]),
}

/// A request and whose ticket it shows.
#[derive(Debug)]
pub struct Sent {
    /// Its bytes; none if it is too long for the protocol.
    pub bytes: Vec<u8>,
    /// The ticket.
    pub held: Held,
}

impl PasswordAsked<'_> {
    /// Makes it.
    pub fn make(&self, site: &Site, rng: &mut dyn CryptoRng) -> Sent {
        let held = self.shown.seal(site, "kadmin/changepw@HOME.TEST", rng);
        let (ap_req, key) = self.proof(&held, rng);
        let (version, data) = self.data.to_bytes();
        let stamp = Stamp {
            seq_number: self.sequence.unwrap_or(Some(SEQUENCE)),
            ..Stamp::from_address(self.address.address())
        };
        let request = PasswordRequest {
            version,
            ap_req,
            krb_priv: krb_priv::seal(&data, &key, &stamp, rng),
        };
        let mut bytes = request.to_bytes().unwrap_or_default();
        if let Some(damage) = self.damage {
            damage.apply(&mut bytes);
        }
        Sent { bytes, held }
    }

    /// The proof, and the key in which the password is sealed.
    fn proof(&self, held: &Held, rng: &mut dyn CryptoRng) -> (ApReq, Key) {
        let mut authenticator = good_authenticator(held, None);
        authenticator.seq_number = Some(UInt32(SEQUENCE));
        for change in &self.authenticator {
            change.apply(&mut authenticator, &held.session_key, rng);
        }
        let subkey = authenticator
            .subkey
            .as_ref()
            .and_then(|key| key.to_key().ok())
            .unwrap_or_else(|| held.session_key.clone());
        let key = if self.wrong_key { any_key(rng) } else { subkey };
        let plain = authenticator.to_der();
        let usage = KeyUsage::AP_REQ_AUTH;
        let sealed = EncryptedData::encrypt(&held.session_key, usage, None, &plain, rng);
        let options = ApOptions::from_bits(self.options.map_or(0, Bits::bits));
        (ApReq::new(options, held.ticket.clone(), sealed), key)
    }
}

impl Data<'_> {
    fn to_bytes(&self) -> (PasswordVersion, Vec<u8>) {
        match self {
            Self::Change(password) => (PasswordVersion::Change, password.to_vec()),
            Self::StrangeSet(bytes) => (PasswordVersion::Set, bytes.to_vec()),
            Self::Set(password, target, with_realm) => {
                let target = target.as_ref().map(AnyName::principal);
                let data = set_data(password, target, *with_realm);
                (PasswordVersion::Set, data.to_der())
            }
        }
    }
}

fn set_data(password: &[u8], target: Option<Principal>, with_realm: bool) -> ChangePasswdData {
    let (targname, targrealm) = match target {
        Some(target) => (Some(target.name), with_realm.then_some(target.realm)),
        None => (None, None),
    };
    ChangePasswdData {
        newpasswd: Secret::from(password),
        targname,
        targrealm,
    }
}
