//! The sections `[[gateway.pool]]`: back ends, and how requests are spread over them.

use std::fmt::{self, Formatter};
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use kerbstone_gateway::pool::{
    Balance, CheckKind, CheckSettings, MemberSettings, PoolSettings, Reuse, StickBy, Stickiness,
    Timeouts,
};
use kerbstone_gateway::transport::{MemberAddress, Protocol, Trust, TrustBy, TrustSettings};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::settings_file::duration;

/// A section `[[gateway.pool]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypedPool {
    /// What entries call it.
    pub(crate) name: String,
    /// Addresses, or tables with more about them.
    #[serde(default)]
    members: Vec<Brief<TypedMember>>,
    #[serde(default)]
    balance: TypedBalance,
    /// `"source"`, `"user"`, or a table.
    stick: Option<Brief<TypedStick>>,
    /// `"tcp"`, `"tls"`, `"http"`, or a table.
    check: Option<Brief<TypedCheck>>,
    /// Requests under way at once.
    connections: Option<usize>,
    /// Requests that may wait for a place.
    queue: Option<usize>,
    /// How often a request is tried again.
    retries: Option<u32>,
    /// `"never"`, or a table.
    reuse: Option<Brief<TypedReuse>>,
    #[serde(default)]
    timeouts: TypedTimeouts,
}

/// A member; its address alone is enough.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedMember {
    #[serde(deserialize_with = "address")]
    address: MemberAddress,
    name: Option<String>,
    #[serde(default = "one")]
    weight: u16,
    #[serde(default)]
    backup: bool,
    connections: Option<usize>,
    /// Authorities of which one has issued its certificate, in PEM.
    ca: Option<PathBuf>,
    /// Its certificate's SHA-256, in hexadecimal digits.
    #[serde(default, deserialize_with = "fingerprint")]
    fingerprint: Option<[u8; 32]>,
    /// `false` takes anybody for the member.
    verify: Option<bool>,
    /// The name in its certificate, and the one that is asked for.
    sni: Option<String>,
    /// What we show if we are asked, in PEM.
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TypedBalance {
    #[default]
    RoundRobin,
    LeastConnections,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedStick {
    by: TypedStickBy,
    #[serde(default, deserialize_with = "some_duration")]
    expire: Option<Duration>,
    entries: Option<usize>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TypedStickBy {
    Source,
    User,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedCheck {
    kind: TypedKind,
    path: Option<String>,
    host: Option<String>,
    expect: Option<Vec<Statuses>>,
    #[serde(default, deserialize_with = "some_duration")]
    every: Option<Duration>,
    #[serde(default, deserialize_with = "some_duration")]
    timeout: Option<Duration>,
    /// In percent of the interval.
    jitter: Option<u8>,
    rise: Option<u32>,
    fall: Option<u32>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum TypedKind {
    Tcp,
    Tls,
    Http,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedReuse {
    #[serde(skip)]
    is_never: bool,
    /// Connections that are kept to each member, by each thread.
    keep: Option<usize>,
    #[serde(default, deserialize_with = "some_duration")]
    idle: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TypedTimeouts {
    #[serde(deserialize_with = "some_duration")]
    queue: Option<Duration>,
    #[serde(deserialize_with = "some_duration")]
    connect: Option<Duration>,
    #[serde(deserialize_with = "some_duration")]
    tls: Option<Duration>,
    #[serde(deserialize_with = "some_duration")]
    answer: Option<Duration>,
    #[serde(deserialize_with = "some_duration")]
    between: Option<Duration>,
    #[serde(deserialize_with = "some_duration")]
    tunnel: Option<Duration>,
}

/// A pool that cannot be meant so.
#[derive(Debug, thiserror::Error)]
#[error("the pool {pool}, member {member}: {why}")]
pub(crate) struct BadMember {
    pool: String,
    member: String,
    why: String,
}

impl TypedPool {
    /// The pool's settings; the files that they name are read.
    ///
    /// # Errors
    /// [`BadMember`]
    pub(crate) fn pool(&self, folder: &Path) -> Result<PoolSettings, BadMember> {
        let members = self.members.iter().map(|Brief(member)| {
            member.member(folder).map_err(|why| BadMember {
                pool: self.name.clone(),
                member: member.address.to_string(),
                why,
            })
        });
        let usual = PoolSettings::new(self.name.clone(), members.collect::<Result<_, _>>()?);
        Ok(PoolSettings {
            balance: match self.balance {
                TypedBalance::RoundRobin => Balance::RoundRobin,
                TypedBalance::LeastConnections => Balance::LeastConnections,
            },
            stickiness: self.stick.as_ref().map(|Brief(stick)| stick.stickiness()),
            check: self.check.as_ref().map(|Brief(check)| check.check()),
            connections: self.connections,
            queue: self.queue.unwrap_or(usual.queue),
            retries: self.retries.unwrap_or(usual.retries),
            reuse: match &self.reuse {
                Some(Brief(reuse)) => reuse.reuse(),
                None => usual.reuse,
            },
            timeouts: self.timeouts.timeouts(),
            ..usual
        })
    }

    /// Every file that is named.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.members.iter().flat_map(|Brief(member)| {
            let files = [&member.ca, &member.certificate, &member.key];
            files.into_iter().flatten()
        })
    }
}

impl TypedMember {
    fn member(&self, folder: &Path) -> Result<MemberSettings, String> {
        let usual = MemberSettings::at(self.address.clone());
        Ok(MemberSettings {
            name: self.name.clone().unwrap_or(usual.name),
            trust: self.trust(folder)?,
            weight: self.weight,
            is_backup: self.backup,
            connections: self.connections,
            address: usual.address.within(folder),
        })
    }

    fn trust(&self, folder: &Path) -> Result<Option<Trust>, String> {
        let by = match (&self.ca, self.fingerprint, self.verify) {
            (Some(ca), None, None | Some(true)) => TrustBy::Authorities(folder.join(ca)),
            (None, Some(fingerprint), None | Some(true)) => TrustBy::Fingerprint(fingerprint),
            (None, None, Some(false)) => TrustBy::Nothing,
            (None, None, None) if self.address.protocol != Protocol::Https => return Ok(None),
            (None, None, None | Some(true)) => {
                return Err(
                    "say whom to believe: `ca`, `fingerprint`, or `verify = false`".to_owned(),
                );
            }
            _ => return Err("it has one of `ca`, `fingerprint` and `verify = false`".to_owned()),
        };
        let own = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => Some((folder.join(certificate), folder.join(key))),
            (None, None) => None,
            _ => return Err("`certificate` and `key` come together".to_owned()),
        };
        let settings = TrustSettings {
            by,
            name: self.sni.clone(),
            own,
        };
        Trust::new(settings)
            .map(Some)
            .map_err(|error| error.to_string())
    }
}

impl TypedStick {
    fn stickiness(self) -> Stickiness {
        let usual = Stickiness::default();
        Stickiness {
            by: match self.by {
                TypedStickBy::Source => StickBy::Source,
                TypedStickBy::User => StickBy::User,
            },
            expire: self.expire.unwrap_or(usual.expire),
            entries: self.entries.unwrap_or(usual.entries),
        }
    }
}

impl TypedCheck {
    fn check(&self) -> CheckSettings {
        let usual = CheckSettings::default();
        CheckSettings {
            kind: match self.kind {
                TypedKind::Tcp => CheckKind::Tcp,
                TypedKind::Tls => CheckKind::Tls,
                TypedKind::Http => CheckKind::Http {
                    path: self.path.clone().unwrap_or_else(|| "/".to_owned()),
                    host: self.host.clone(),
                    expect: self.expected(),
                },
            },
            interval: self.every.unwrap_or(usual.interval),
            jitter: self.jitter.unwrap_or(usual.jitter),
            timeout: self.timeout.unwrap_or(usual.timeout),
            rise: self.rise.unwrap_or(usual.rise),
            fall: self.fall.unwrap_or(usual.fall),
        }
    }

    /// A redirection is a sign of life as well: Keystone's root answers 300.
    fn expected(&self) -> Vec<RangeInclusive<u16>> {
        match &self.expect {
            Some(expect) => expect.iter().map(|Statuses(range)| range.clone()).collect(),
            None => vec![200..=399],
        }
    }
}

impl TypedReuse {
    const fn never() -> Self {
        Self {
            is_never: true,
            keep: None,
            idle: None,
        }
    }

    fn reuse(&self) -> Reuse {
        match Reuse::default() {
            _ if self.is_never => Reuse::Never,
            Reuse::Kept { most, idle } => Reuse::Kept {
                most: self.keep.unwrap_or(most),
                idle: self.idle.unwrap_or(idle),
            },
            never @ Reuse::Never => never,
        }
    }
}

impl TypedTimeouts {
    fn timeouts(self) -> Timeouts {
        let usual = Timeouts::default();
        Timeouts {
            queue: self.queue.unwrap_or(usual.queue),
            connect: self.connect.unwrap_or(usual.connect),
            tls: self.tls.unwrap_or(usual.tls),
            answer: self.answer.unwrap_or(usual.answer),
            between: self.between.unwrap_or(usual.between),
            tunnel: self.tunnel.unwrap_or(usual.tunnel),
        }
    }
}

/// What may be a table, and one word where the rest is as usual.
#[derive(Clone, Debug)]
struct Brief<T>(T);

impl<'de, T: Deserialize<'de> + FromStr<Err = String>> Deserialize<'de> for Brief<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(WordOrTable(PhantomData))
            .map(Self)
    }
}

struct WordOrTable<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + FromStr<Err = String>> Visitor<'de> for WordOrTable<T> {
    type Value = T;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a word or a table")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<T, E> {
        word.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

impl FromStr for TypedMember {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self {
            address: parse_address(text)?,
            name: None,
            weight: 1,
            backup: false,
            connections: None,
            ca: None,
            fingerprint: None,
            verify: None,
            sni: None,
            certificate: None,
            key: None,
        })
    }
}

impl FromStr for TypedStick {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self {
            by: match text {
                "source" => TypedStickBy::Source,
                "user" => TypedStickBy::User,
                _ => return Err(format!("`{text}` is neither `source` nor `user`")),
            },
            expire: None,
            entries: None,
        })
    }
}

impl FromStr for TypedCheck {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self {
            kind: match text {
                "tcp" => TypedKind::Tcp,
                "tls" => TypedKind::Tls,
                "http" => TypedKind::Http,
                _ => return Err(format!("`{text}` is none of `tcp`, `tls` and `http`")),
            },
            path: None,
            host: None,
            expect: None,
            every: None,
            timeout: None,
            jitter: None,
            rise: None,
            fall: None,
        })
    }
}

impl FromStr for TypedReuse {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::never()),
            _ => Err(format!("`{text}` is not `never`")),
        }
    }
}

/// Statuses: one, or `"200-299"`.
#[derive(Clone, Debug)]
struct Statuses(RangeInclusive<u16>);

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StatusOrRange)
    }
}

struct StatusOrRange;

impl StatusOrRange {
    fn range<E: Error>(first: u64, last: u64) -> Result<Statuses, E> {
        let is_status = |status: u64| (100..=999).contains(&status);
        match (u16::try_from(first), u16::try_from(last)) {
            (Ok(low), Ok(high)) if is_status(first) && is_status(last) && low <= high => {
                Ok(Statuses(low..=high))
            }
            _ => Err(E::custom(
                "a status is a number from 100 to 999, and a range begins with the lower one",
            )),
        }
    }
}

impl Visitor<'_> for StatusOrRange {
    type Value = Statuses;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a status, or a range of them like \"200-299\"")
    }

    fn visit_i64<E: Error>(self, status: i64) -> Result<Statuses, E> {
        let status = u64::try_from(status).unwrap_or_default();
        Self::range(status, status)
    }

    fn visit_u64<E: Error>(self, status: u64) -> Result<Statuses, E> {
        Self::range(status, status)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Statuses, E> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (first.trim().parse(), last.trim().parse()) {
            (Ok(first), Ok(last)) => Self::range(first, last),
            _ => Err(E::custom(format!("`{text}` is no range of statuses"))),
        }
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MemberAddress, D::Error> {
    parse_address(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn parse_address(text: &str) -> Result<MemberAddress, String> {
    text.parse::<MemberAddress>()
        .map_err(|error| format!("`{text}`: {error}"))
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// Digits in pairs, with colons between them or without.
fn fingerprint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[u8; 32]>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digits: String = text.chars().filter(|digit| *digit != ':').collect();
    let wrong = || D::Error::custom("a fingerprint is a SHA-256 in 64 hexadecimal digits");
    if digits.len() != 64 || !digits.is_ascii() {
        return Err(wrong());
    }
    let mut octets = [0; 32];
    for (octet, at) in octets.iter_mut().zip((0..64).step_by(2)) {
        let pair = digits.get(at..at + 2).ok_or_else(wrong)?;
        *octet = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(Some(octets))
}

const fn one() -> u16 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(text: &str) -> Result<PoolSettings, String> {
        let typed: TypedPool = toml::from_str(text).map_err(|error| error.to_string())?;
        typed
            .pool(Path::new("/etc/kerbstone"))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_pool_is_a_name_and_addresses() {
        let plain = pool("name = \"v3\"\nmembers = [\"uwsgi://127.0.0.1:5000\"]").unwrap();
        assert_eq!(plain.members[0].name, "uwsgi://127.0.0.1:5000");
        assert_eq!(plain.timeouts, Timeouts::default());
        assert_eq!(plain.reuse, Reuse::default());
        assert!(plain.check.is_none() && plain.stickiness.is_none());
    }

    #[test]
    fn one_word_stands_for_a_table() {
        let brief = "name = \"v3\"\nmembers = [\"http://h:80\"]\nstick = \"user\"\ncheck = \"http\"\nreuse = \"never\"";
        let brief = pool(brief).unwrap();
        assert_eq!(brief.stickiness.unwrap().by, StickBy::User);
        assert_eq!(brief.reuse, Reuse::Never);
        let Some(CheckKind::Http { path, expect, .. }) = brief.check.map(|check| check.kind) else {
            panic!("it is checked by HTTP");
        };
        assert_eq!((path.as_str(), expect), ("/", vec![200..=399]));
    }

    #[test]
    fn everything_can_be_said() {
        let full = pool(
            r#"
            name = "v3"
            balance = "least-connections"
            stick = { by = "source", expire = "10m", entries = 100 }
            check = { kind = "http", path = "/v3", host = "k", expect = [200, "300-302"], every = "5s", timeout = "1s", rise = 3, fall = 4, jitter = 20 }
            connections = 100
            queue = 50
            retries = 1
            reuse = { keep = 4, idle = "5s" }
            timeouts = { queue = "1s", connect = "2s", tls = "3s", answer = "4s", between = "5s", tunnel = "6s" }
            members = [
                { address = "https://k1:5000", name = "k1", verify = false, sni = "keystone", weight = 3, connections = 10 },
                { address = "unix:/run/k2.sock", backup = true },
            ]
            "#,
        )
        .unwrap();
        assert_eq!(full.balance, Balance::LeastConnections);
        let check = full.check.unwrap();
        assert_eq!((check.rise, check.fall, check.jitter), (3, 4, 20));
        let CheckKind::Http { expect, .. } = check.kind else {
            panic!("it is checked by HTTP");
        };
        assert_eq!(expect, [200..=200, 300..=302]);
        assert_eq!(full.timeouts.tunnel, Duration::from_secs(6));
        assert_eq!(
            full.members[0].trust.as_ref().unwrap().settings().by,
            TrustBy::Nothing
        );
        assert!(full.members[1].is_backup);
    }

    #[test]
    fn who_speaks_tls_is_believed_for_a_reason() {
        let member = |rest: &str| {
            pool(&format!(
                "name = \"p\"\nmembers = [{{ address = \"https://h:443\"{rest} }}]"
            ))
        };
        for (rest, why) in [
            ("", "say whom to believe"),
            (", verify = true", "say whom to believe"),
            (", ca = \"/nowhere/ca.pem\"", "/nowhere/ca.pem"),
            (", ca = \"ca.pem\", verify = false", "one of"),
            (", fingerprint = \"abc\"", "64 hexadecimal digits"),
            (", verify = false, key = \"k.pem\"", "come together"),
            (", verify = false, sni = \"a b\"", "no host name"),
        ] {
            let error = member(rest).unwrap_err();
            assert!(error.contains(why), "{rest}: {error}");
        }
        let fingerprint = "AB:".repeat(32);
        member(&format!(
            ", fingerprint = \"{}\"",
            fingerprint.trim_end_matches(':')
        ))
        .unwrap();
    }

    #[test]
    fn files_that_are_named_are_known() {
        let typed: TypedPool = toml::from_str(
            "name = \"p\"\nmembers = [\"http://h\", { address = \"https://h\", ca = \"ca.pem\", certificate = \"c.pem\", key = \"k.pem\" }]",
        )
        .unwrap();
        let files: Vec<&Path> = typed.files().map(PathBuf::as_path).collect();
        assert_eq!(files, ["ca.pem", "c.pem", "k.pem"].map(Path::new));
    }

    #[test]
    fn a_mistake_is_named() {
        for (text, why) in [
            ("members = [\"http://h/app\"]", "http://h/app"),
            ("members = [{ adress = \"http://h\" }]", "adress"),
            ("members = [\"http://h\"]\nstick = \"cookie\"", "neither"),
            (
                "members = [\"http://h\"]\ncheck = { kind = \"http\", expect = [99] }",
                "from 100",
            ),
            (
                "members = [\"http://h\"]\ncheck = { kind = \"http\", expect = [\"299-200\"] }",
                "lower",
            ),
            ("members = [\"http://h\"]\nreuse = \"always\"", "never"),
            ("members = [\"http://h\"]\nballance = 1", "ballance"),
        ] {
            let error = pool(&format!("name = \"p\"\n{text}")).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
