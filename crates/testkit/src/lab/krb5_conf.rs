use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Where a realm's servers listen, all on 127.0.0.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The realm.
    pub realm: String,
    /// AS and TGS requests, UDP and TCP.
    pub kdc: u16,
    /// Password changes (RFC 3244).
    pub kpasswd: u16,
    /// kadm5 over RPC, where the server has it.
    pub kadmin: Option<u16>,
}

/// A `krb5.conf` that asks no DNS and names every realm's servers; all suites read it.
#[derive(Debug, Clone)]
pub struct Krb5ConfText(String);

impl Krb5ConfText {
    /// For one or several realms, of which the first is the default; `extra` sections stand at the end.
    ///
    /// # Panics
    /// When `realms` is empty.
    #[must_use]
    pub fn new(realms: &[&Addresses], extra: &str) -> Self {
        let default = realms.first().expect("at least one realm");
        let mut text = format!(
            "[libdefaults]\n\
             default_realm = {}\n\
             dns_lookup_kdc = false\n\
             dns_lookup_realm = false\n\
             dns_canonicalize_hostname = false\n\
             rdns = false\n\
             [realms]\n",
            default.realm
        );
        for realm in realms {
            realm.write_section(&mut text);
        }
        text.push_str(extra);
        text.push('\n');
        Self(text)
    }

    /// Writes the file and says where.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("krb5.conf");
        fs::write(&path, &self.0).expect("krb5.conf of the lab");
        path
    }
}

impl Addresses {
    fn write_section(&self, text: &mut String) {
        let _ = writeln!(text, "{} = {{", self.realm);
        let _ = writeln!(text, "kdc = 127.0.0.1:{}", self.kdc);
        let _ = writeln!(text, "kpasswd_server = 127.0.0.1:{}", self.kpasswd);
        if let Some(port) = self.kadmin {
            let _ = writeln!(text, "admin_server = 127.0.0.1:{port}");
        }
        text.push_str("}\n");
    }
}
