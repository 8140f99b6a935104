use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::presence::absent;
use super::{Daemon, Finished, find_program, require};

const SUFFIX: &str = "dc=lab";
const ADMIN: &str = "cn=admin,dc=lab";
const PASSWORD: &str = "directory";
/// Debian keeps the schema with the package's documentation.
const SCHEMA: &str = "usr/share/doc/krb5-kdc-ldap/kerberos.schema.gz";

/// An LDAP directory on a Unix socket, in which a realm of MIT keeps its principals.
#[derive(Debug)]
pub(super) struct Directory {
    _slapd: Daemon,
    url: String,
}

impl Directory {
    /// Starts an empty one in a folder; `None` when a program is not on this machine.
    pub(super) fn start(folder: &Path) -> Option<Self> {
        let programs = [
            ("slapd", "slapd"),
            ("ldapadd", "ldap-utils"),
            ("kdb5_ldap_util", "krb5-kdc-ldap"),
        ];
        if !programs
            .iter()
            .all(|(program, package)| require(program, package))
        {
            return None;
        }
        let schema = schema()?;
        let home = folder.join("directory");
        fs::create_dir(&home).expect("a folder for the directory");
        let unpacked = Command::new("gzip")
            .arg("-dc")
            .arg(schema)
            .stderr(Stdio::inherit())
            .output()
            .expect("gzip runs");
        fs::write(home.join("kerberos.schema"), unpacked.stdout).expect("the schema");
        fs::write(home.join("slapd.conf"), slapd_conf(&home)).expect("slapd.conf");
        let socket = home.join("socket");
        let url = format!(
            "ldapi://{}",
            socket.display().to_string().replace('/', "%2F")
        );
        let mut command = Command::new(find_program("slapd")?);
        command.args(["-d", "0", "-h", &url, "-f"]);
        command.arg(home.join("slapd.conf"));
        let slapd = Daemon::start(command, &home.join("slapd.out"), || {
            UnixStream::connect(&socket).is_ok()
        });
        let directory = Self { _slapd: slapd, url };
        directory.change(
            "ldapadd",
            &format!(
                "dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: lab\no: lab\n"
            ),
        );
        // The stash of the directory's password, as kdb5_ldap_util writes it for those who type.
        let hex: String = PASSWORD.bytes().map(|byte| format!("{byte:02x}")).collect();
        fs::write(home.join("stash"), format!("{ADMIN}#{{HEX}}{hex}\n")).expect("the stash");
        Some(directory)
    }

    /// What tells the realm's programs where it is.
    pub(super) fn conf(&self, folder: &Path) -> String {
        let stash = folder.join("directory/stash");
        format!(
            "[dbmodules]\ndirectory = {{\ndb_library = kldap\nldap_kerberos_container_dn = cn=krb,{SUFFIX}\n\
             ldap_kdc_dn = {ADMIN}\nldap_kadmind_dn = {ADMIN}\nldap_service_password_file = {}\n\
             ldap_servers = {}\nldap_conns_per_server = 2\n}}\n",
            stash.display(),
            self.url
        )
    }

    /// What `kdb5_ldap_util` is called with before its command.
    pub(super) fn login(&self) -> [&str; 6] {
        ["-D", ADMIN, "-w", PASSWORD, "-H", &self.url]
    }

    /// Where the realm's principals are.
    pub(super) const fn subtree() -> &'static str {
        SUFFIX
    }

    /// Puts a service on the list of those to which another may go on in users' names.
    pub(super) fn allow_delegation(&self, realm: &str, service: &str, target: &str) {
        self.change(
            "ldapmodify",
            &format!(
                "dn: krbPrincipalName={service}@{realm},cn={realm},cn=krb,{SUFFIX}\nchangetype: modify\n\
                 add: krbAllowedToDelegateTo\nkrbAllowedToDelegateTo: {target}@{realm}\n"
            ),
        );
    }

    fn change(&self, program: &str, ldif: &str) {
        let path = find_program(program).expect("OpenLDAP's client");
        let mut command = Command::new(path);
        command.args(["-x", "-D", ADMIN, "-w", PASSWORD, "-H", &self.url]);
        Finished::of(&mut command, program, ldif).succeeded();
    }
}

fn schema() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/krb5-kdc-ldap");
    let found = [Path::new("/").join(SCHEMA), beside.join(SCHEMA)]
        .into_iter()
        .find(|path| path.is_file());
    if found.is_none() {
        absent(
            "the schema of krb5-kdc-ldap",
            "apt-get download krb5-kdc-ldap && dpkg-deb -x krb5-kdc-ldap_*.deb target/peers/krb5-kdc-ldap",
        );
    }
    found
}

fn slapd_conf(home: &Path) -> String {
    let home = home.display();
    let schemas: String = ["core", "cosine", "inetorgperson", "nis"]
        .iter()
        .map(|name| format!("include /etc/ldap/schema/{name}.schema\n"))
        .collect();
    format!(
        "{schemas}include {home}/kerberos.schema\npidfile {home}/pid\nargsfile {home}/args\n\
         modulepath /usr/lib/ldap\nmoduleload back_mdb\n\
         database mdb\nsuffix {SUFFIX}\nrootdn {ADMIN}\nrootpw {PASSWORD}\ndirectory {home}\n"
    )
}
