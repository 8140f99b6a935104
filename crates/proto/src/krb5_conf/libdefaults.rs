//! `[libdefaults]`.
//!
//! Booleans come in two kinds, as in MIT's library: for most a word that means neither true nor
//! false is an error, for what concerns a login it means false.

use core::time::Duration;

use kerbstone_crypto::Enctype;

use super::error::ConfError;
use super::profile::{Profile, Relation};
use super::scalar::boolean;
use crate::delta_time::parse_duration;
use crate::flags::KdcOptions;
use crate::name::Realm;

const SECTION: &str = "libdefaults";
const DEFAULT_CLOCK_SKEW: i32 = 300;
const DEFAULT_UDP_LIMIT: i32 = 1465;
const MAX_UDP_LIMIT: i32 = 32_700;

/// Whether a service's host name is looked up in DNS before a ticket is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanonicalizeHostname {
    /// Always.
    Yes,
    /// Never.
    No,
    /// Only when the KDC does not know the name as it was given.
    Fallback,
}

/// Settings of the library as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Libdefaults<'a> {
    profile: &'a Profile,
}

macro_rules! booleans {
    ($($(#[$doc:meta])* $name:ident = $default:literal;)*) => {
        impl Libdefaults<'_> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// The value is neither true nor false.
                pub fn $name(&self) -> Result<bool, ConfError> {
                    self.boolean(stringify!($name), $default)
                }
            )*

            fn wrong_booleans(&self) -> Vec<ConfError> {
                [$(stringify!($name)),*]
                    .into_iter()
                    .filter_map(|name| self.boolean(name, false).err())
                    .collect()
            }
        }
    };
}

booleans! {
    /// Whether weak enctypes may be used at all.
    allow_weak_crypto = false;
    /// Whether des3-cbc-sha1 may be used (MIT since 1.21).
    allow_des3 = false;
    /// Whether arcfour-hmac may be used (MIT since 1.21).
    allow_rc4 = false;
    /// Whether KDCs are looked for in DNS when `[realms]` names none.
    dns_lookup_kdc = true;
    /// Whether the realm of a host is looked for in DNS.
    dns_lookup_realm = false;
    /// Whether URI records are looked for before SRV records.
    dns_uri_lookup = true;
    /// Whether an acceptor takes a ticket for any host name in its keytab.
    ignore_acceptor_hostname = false;
    /// Whether credentials are delegated only to services that the KDC says may have them.
    enforce_ok_as_delegate = false;
    /// Whether a host's address is looked up backwards for its canonical name.
    rdns = true;
    /// Whether a `.k5login` that does not list a principal refuses it.
    k5login_authoritative = true;
    /// Whether a client says that it checks channel bindings.
    client_aware_channel_bindings = false;
}

impl<'a> Libdefaults<'a> {
    pub(super) const fn new(profile: &'a Profile) -> Self {
        Self { profile }
    }

    /// Any relation's first value.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<&'a str> {
        self.relation(name).map(|relation| relation.value.as_str())
    }

    fn relation(&self, name: &str) -> Option<&'a Relation> {
        self.profile.relation(&[SECTION, name])
    }

    fn boolean(&self, name: &str, default: bool) -> Result<bool, ConfError> {
        self.relation(name)
            .map_or(Ok(default), |relation| relation.boolean(name))
    }

    /// As MIT, a number that is none counts as the default.
    fn integer(&self, name: &str, default: i32) -> i32 {
        self.relation(name)
            .and_then(|relation| relation.integer(name).ok())
            .unwrap_or(default)
    }

    fn duration(&self, name: &str) -> Result<Option<Duration>, ConfError> {
        self.relation(name)
            .map(|relation| duration(relation, name))
            .transpose()
    }

    /// The realm of names that are written without one.
    #[must_use]
    pub fn default_realm(&self) -> Option<Realm> {
        self.string("default_realm").map(Realm::from)
    }

    /// Whether a service's host name is looked up in DNS; yes, unless said otherwise.
    ///
    /// # Errors
    /// The value is neither a boolean nor `fallback`.
    pub fn dns_canonicalize_hostname(&self) -> Result<CanonicalizeHostname, ConfError> {
        const NAME: &str = "dns_canonicalize_hostname";
        let Some(relation) = self.relation(NAME) else {
            return Ok(CanonicalizeHostname::Yes);
        };
        match boolean(&relation.value) {
            Some(true) => Ok(CanonicalizeHostname::Yes),
            Some(false) => Ok(CanonicalizeHostname::No),
            None if relation.value.eq_ignore_ascii_case("fallback") => {
                Ok(CanonicalizeHostname::Fallback)
            }
            None => Err(relation.expected(NAME, "true, false or fallback")),
        }
    }

    /// The domain that is put behind a host name of one word: `None` means the first search domain
    /// of the system, an empty text none.
    #[must_use]
    pub fn qualify_shortname(&self) -> Option<&'a str> {
        self.string("qualify_shortname")
    }

    /// The largest message that is tried over UDP first.
    #[must_use]
    pub fn udp_preference_limit(&self) -> usize {
        let limit = self.integer("udp_preference_limit", DEFAULT_UDP_LIMIT);
        let limit = if limit < 0 {
            DEFAULT_UDP_LIMIT
        } else {
            limit.min(MAX_UDP_LIMIT)
        };
        usize::try_from(limit).unwrap_or_default()
    }

    /// How far clocks may differ; five minutes, unless said otherwise.
    #[must_use]
    pub fn clockskew(&self) -> Duration {
        let seconds = self.integer("clockskew", DEFAULT_CLOCK_SKEW);
        Duration::from_secs(seconds.max(0).unsigned_abs().into())
    }

    /// Whether the client reckons with the KDC's clock where it differs from its own.
    #[must_use]
    pub fn kdc_timesync(&self) -> bool {
        self.integer("kdc_timesync", 1) != 0
    }

    /// The options of every AS request, whatever else is asked for.
    #[must_use]
    pub fn kdc_default_options(&self) -> KdcOptions {
        let default = KdcOptions::RENEWABLE_OK.bits().cast_signed();
        KdcOptions::from_bits(self.integer("kdc_default_options", default).cast_unsigned())
    }

    /// How long all attempts to reach a KDC may take together (MIT since 1.22).
    ///
    /// # Errors
    /// The value is no length of time.
    pub fn request_timeout(&self) -> Result<Option<Duration>, ConfError> {
        self.duration("request_timeout")
    }

    /// The name of the cache to use, with tokens not yet expanded.
    #[must_use]
    pub fn default_ccache_name(&self) -> Option<&'a str> {
        self.string("default_ccache_name")
    }

    /// The name of the services' keytab, with tokens not yet expanded.
    #[must_use]
    pub fn default_keytab_name(&self) -> Option<&'a str> {
        self.string("default_keytab_name")
    }

    /// The name of the keytab from which clients sign in by themselves, with tokens not yet expanded.
    #[must_use]
    pub fn default_client_keytab_name(&self) -> Option<&'a str> {
        self.string("default_client_keytab_name")
    }

    /// Where the `.k5login` files of all users are, named after the users.
    #[must_use]
    pub fn k5login_directory(&self) -> Option<&'a str> {
        self.string("k5login_directory")
    }

    /// The groups for SPAKE pre-authentication, best first.
    #[must_use]
    pub fn spake_preauth_groups(&self) -> Option<Vec<&'a str>> {
        self.string("spake_preauth_groups")
            .map(|text| words(text).collect())
    }

    /// Addresses that are put into tickets besides those of this machine.
    #[must_use]
    pub fn extra_addresses(&self) -> Vec<&'a str> {
        self.profile
            .relations(&[SECTION, "extra_addresses"])
            .flat_map(|relation| words(&relation.value))
            .collect()
    }

    /// The enctypes that may be used for session keys and authenticators, best first.
    ///
    /// # Errors
    /// The list names none that we have.
    pub fn permitted_enctypes(&self) -> Result<Vec<Enctype>, ConfError> {
        self.enctypes("permitted_enctypes")
    }

    /// The enctypes that a login asks for.
    ///
    /// # Errors
    /// The list names none that we have.
    pub fn default_tkt_enctypes(&self) -> Result<Vec<Enctype>, ConfError> {
        self.enctypes("default_tkt_enctypes")
    }

    /// The enctypes that are asked for with a service's ticket.
    ///
    /// # Errors
    /// The list names none that we have.
    pub fn default_tgs_enctypes(&self) -> Result<Vec<Enctype>, ConfError> {
        self.enctypes("default_tgs_enctypes")
    }

    /// The list of `name`, else the permitted ones, else the default ones; des3 and rc4 only where
    /// they are both named and allowed.
    fn enctypes(&self, name: &str) -> Result<Vec<Enctype>, ConfError> {
        let permitted = "permitted_enctypes";
        let found = self
            .relation(name)
            .map(|relation| (name, relation))
            .or_else(|| Some((permitted, self.relation(permitted)?)));
        let Some((name, relation)) = found else {
            return Ok(Enctype::DEFAULT.to_vec());
        };
        let weak = self.allow_weak_crypto()?;
        let des3 = weak || self.allow_des3()?;
        let rc4 = weak || self.allow_rc4()?;
        let mut list = Enctype::parse_list(&relation.value).enctypes;
        list.retain(|enctype| match enctype {
            Enctype::Des3CbcSha1 => des3,
            Enctype::Rc4Hmac => rc4,
            _ => true,
        });
        if list.is_empty() {
            return Err(ConfError::NoEnctype {
                at: relation.at.clone(),
                name: name.to_owned(),
                value: relation.value.clone(),
            });
        }
        Ok(list)
    }

    pub(super) fn problems(&self) -> Vec<ConfError> {
        let integers = ["udp_preference_limit", "clockskew", "kdc_timesync"];
        let durations = ["ticket_lifetime", "renew_lifetime", "request_timeout"];
        let lenient = LENIENT_BOOLEANS
            .iter()
            .filter_map(|&name| self.boolean(name, false).err());
        let lists = [
            "permitted_enctypes",
            "default_tkt_enctypes",
            "default_tgs_enctypes",
        ];
        self.wrong_booleans()
            .into_iter()
            .chain(lenient)
            .chain(self.dns_canonicalize_hostname().err())
            .chain(
                integers
                    .into_iter()
                    .filter_map(|name| self.relation(name)?.integer(name).err()),
            )
            .chain(
                durations
                    .into_iter()
                    .filter_map(|name| self.duration(name).err()),
            )
            .chain(lists.into_iter().filter_map(|name| {
                self.relation(name)?;
                self.enctypes(name).err()
            }))
            .collect()
    }
}

const LENIENT_BOOLEANS: [&str; 5] = [
    "forwardable",
    "proxiable",
    "noaddresses",
    "canonicalize",
    "verify_ap_req_nofail",
];

/// Settings of a login to one realm, which may stand in a subsection named after it.
#[derive(Clone, Copy, Debug)]
pub struct LoginDefaults<'a> {
    profile: &'a Profile,
    realm: &'a str,
}

impl<'a> LoginDefaults<'a> {
    pub(super) const fn new(profile: &'a Profile, realm: &'a str) -> Self {
        Self { profile, realm }
    }

    /// Any relation's first value.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<&'a str> {
        self.relation(name).map(|relation| relation.value.as_str())
    }

    fn relation(&self, name: &str) -> Option<&'a Relation> {
        self.profile
            .relation(&[SECTION, self.realm, name])
            .or_else(|| self.profile.relation(&[SECTION, name]))
    }

    fn boolean(&self, name: &str, default: bool) -> bool {
        self.string(name)
            .map_or(default, |text| boolean(text).unwrap_or(false))
    }

    fn duration(&self, name: &str) -> Result<Option<Duration>, ConfError> {
        self.relation(name)
            .map(|relation| duration(relation, name))
            .transpose()
    }

    /// Whether tickets are asked for that may be sent on to other hosts.
    #[must_use]
    pub fn forwardable(&self) -> bool {
        self.boolean("forwardable", false)
    }

    /// Whether tickets are asked for from which others can be made for other addresses.
    #[must_use]
    pub fn proxiable(&self) -> bool {
        self.boolean("proxiable", false)
    }

    /// Whether tickets are asked for that are good from any address.
    #[must_use]
    pub fn noaddresses(&self) -> bool {
        self.boolean("noaddresses", true)
    }

    /// Whether the KDC may answer with another client name than was asked for.
    #[must_use]
    pub fn canonicalize(&self) -> bool {
        self.boolean("canonicalize", false)
    }

    /// Whether checking a password against the host's own key fails when there is no keytab.
    #[must_use]
    pub fn verify_ap_req_nofail(&self) -> bool {
        self.boolean("verify_ap_req_nofail", false)
    }

    /// How long tickets are asked for.
    ///
    /// # Errors
    /// The value is no length of time.
    pub fn ticket_lifetime(&self) -> Result<Option<Duration>, ConfError> {
        self.duration("ticket_lifetime")
    }

    /// How long they are to be renewable.
    ///
    /// # Errors
    /// The value is no length of time.
    pub fn renew_lifetime(&self) -> Result<Option<Duration>, ConfError> {
        self.duration("renew_lifetime")
    }

    /// The pre-authentication types that are tried first.
    #[must_use]
    pub fn preferred_preauth_types(&self) -> Vec<i32> {
        self.string("preferred_preauth_types").map_or_else(
            || vec![17, 16, 15, 14],
            |text| words(text).map_while(|word| word.parse().ok()).collect(),
        )
    }
}

fn duration(relation: &Relation, name: &str) -> Result<Duration, ConfError> {
    parse_duration(&relation.value).map_err(|reason| ConfError::Duration {
        at: relation.at.clone(),
        name: name.to_owned(),
        value: relation.value.clone(),
        reason,
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t', ',']).filter(|word| !word.is_empty())
}
