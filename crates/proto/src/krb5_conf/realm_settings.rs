//! `[realms]`: one realm's servers and rules.

use super::error::ConfError;
use super::profile::{Profile, Relation};
use super::server_address::ServerAddress;

const SECTION: &str = "realms";
const KERBEROS_PORT: u16 = 88;
const KPASSWD_PORT: u16 = 464;
const KADMIN_PORT: u16 = 749;
const SERVERS: [(&str, u16); 5] = [
    ("kdc", KERBEROS_PORT),
    ("primary_kdc", KERBEROS_PORT),
    ("master_kdc", KERBEROS_PORT),
    ("admin_server", KADMIN_PORT),
    ("kpasswd_server", KPASSWD_PORT),
];

/// What `[realms]` says about one realm.
#[derive(Clone, Copy, Debug)]
pub struct RealmSettings<'a> {
    profile: &'a Profile,
    realm: &'a str,
}

impl<'a> RealmSettings<'a> {
    pub(super) const fn new(profile: &'a Profile, realm: &'a str) -> Self {
        Self { profile, realm }
    }

    /// Any relation's first value.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<&'a str> {
        self.profile.string(&[SECTION, self.realm, name])
    }

    /// All values of a relation.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.relations(name).map(|relation| relation.value.as_str())
    }

    fn relations(&self, name: &str) -> impl Iterator<Item = &'a Relation> + use<'a> {
        self.profile.relations(&[SECTION, self.realm, name])
    }

    fn servers(&self, name: &str, port: u16) -> Result<Vec<ServerAddress>, ConfError> {
        self.relations(name)
            .map(|relation| {
                ServerAddress::parse(&relation.value, port).ok_or_else(|| {
                    relation.expected(
                        name,
                        "host, host:port, [v6]:port, tcp/host or https://host/path",
                    )
                })
            })
            .collect()
    }

    /// The KDCs, in the order in which they are tried.
    ///
    /// # Errors
    /// One of them is no address.
    pub fn kdcs(&self) -> Result<Vec<ServerAddress>, ConfError> {
        self.servers("kdc", KERBEROS_PORT)
    }

    /// The KDCs that know of password changes at once: `primary_kdc`, or else `master_kdc`.
    ///
    /// # Errors
    /// One of them is no address.
    pub fn primary_kdcs(&self) -> Result<Vec<ServerAddress>, ConfError> {
        let primary = self.servers("primary_kdc", KERBEROS_PORT)?;
        if primary.is_empty() {
            return self.servers("master_kdc", KERBEROS_PORT);
        }
        Ok(primary)
    }

    /// The servers of the kadmin protocol.
    ///
    /// # Errors
    /// One of them is no address.
    pub fn admin_servers(&self) -> Result<Vec<ServerAddress>, ConfError> {
        self.servers("admin_server", KADMIN_PORT)
    }

    /// The servers that change passwords (RFC 3244). When there are none here nor in DNS, MIT tries
    /// the hosts of [`RealmSettings::admin_servers`] on port 464.
    ///
    /// # Errors
    /// One of them is no address.
    pub fn kpasswd_servers(&self) -> Result<Vec<ServerAddress>, ConfError> {
        self.servers("kpasswd_server", KPASSWD_PORT)
    }

    /// The domain that Kerberos 4 names of hosts belong to.
    #[must_use]
    pub fn default_domain(&self) -> Option<&'a str> {
        self.string("default_domain")
    }

    /// Whether a login must not prove the password by an encrypted timestamp alone.
    ///
    /// # Errors
    /// The value is neither true nor false.
    pub fn disable_encrypted_timestamp(&self) -> Result<bool, ConfError> {
        const NAME: &str = "disable_encrypted_timestamp";
        self.relations(NAME)
            .next()
            .map_or(Ok(false), |relation| relation.boolean(NAME))
    }

    /// Certificates that an HTTPS proxy to this realm is checked against (`FILE:`, `DIR:`, `ENV:`).
    pub fn http_anchors(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.values("http_anchors")
    }

    /// The rules by which principals become local user names, in order.
    pub fn auth_to_local(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.values("auth_to_local")
    }

    /// The local user whom `auth_to_local_names` gives to a name without realm.
    #[must_use]
    pub fn auth_to_local_name(&self, name: &str) -> Option<&'a str> {
        self.profile
            .relations(&[SECTION, self.realm, "auth_to_local_names", name])
            .last()
            .map(|relation| relation.value.as_str())
    }

    pub(super) fn problems(&self) -> Vec<ConfError> {
        SERVERS
            .iter()
            .filter_map(|&(name, port)| self.servers(name, port).err())
            .chain(self.disable_encrypted_timestamp().err())
            .collect()
    }
}
