/// What a lab's realm is to look like.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The realm's name.
    pub realm: String,
    /// Enctypes that keys are made for, strongest first, in MIT's spelling; empty leaves the peer's default.
    pub enctypes: Vec<String>,
    /// Further lines for the server's own section of its realm (MIT: `kdc.conf`; Heimdal: `[kdc]`).
    pub kdc_conf: String,
    /// Further sections for `krb5.conf`, of the server and of the lab's clients.
    pub krb5_conf: String,
}

impl Setup {
    /// A realm with the peer's default settings.
    #[must_use]
    pub fn realm(realm: &str) -> Self {
        Self {
            realm: realm.into(),
            enctypes: Vec::new(),
            kdc_conf: String::new(),
            krb5_conf: String::new(),
        }
    }

    /// Makes keys for these enctypes only.
    #[must_use]
    pub fn enctypes(mut self, enctypes: &[&str]) -> Self {
        self.enctypes = enctypes.iter().map(ToString::to_string).collect();
        self
    }

    /// Adds a line to the server's section.
    #[must_use]
    pub fn kdc_conf(mut self, line: &str) -> Self {
        self.kdc_conf.push_str(line);
        self.kdc_conf.push('\n');
        self
    }

    /// Adds sections to `krb5.conf`: capaths, domain_realm and the like.
    #[must_use]
    pub fn krb5_conf(mut self, text: &str) -> Self {
        self.krb5_conf.push_str(text);
        self.krb5_conf.push('\n');
        self
    }
}
