//! krb5.conf: which files are read, what in them cannot be understood, and what bites.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kerbstone_client::Environment;
use kerbstone_crypto::Enctype;
use kerbstone_proto::krb5_conf::{ConfError, FileSource, Krb5Conf, Relation, search_path};

use super::finding::{Area, Cause, Finding};

/// Files of MIT's default search path need not exist.
const DEFAULT: &str = "/etc/krb5.conf";
/// Clocks of one site that are further apart than this are a fault, not a tolerance.
const LAX_CLOCKS: Duration = Duration::from_secs(900);
const ENCTYPE_LISTS: [&str; 3] = [
    "permitted_enctypes",
    "default_tkt_enctypes",
    "default_tgs_enctypes",
];

/// The options of `[libdefaults]` that MIT krb5 1.22 and Heimdal 7 know.
const OPTIONS: [&str; 62] = [
    "allow_des3",
    "allow_rc4",
    "allow_weak_crypto",
    "canonicalize",
    "ccache_type",
    "client_aware_channel_bindings",
    "clockskew",
    "default_ccache_name",
    "default_cc_name",
    "default_cc_type",
    "default_client_keytab_name",
    "default_etypes",
    "default_etypes_des",
    "default_keytab_name",
    "default_keytab_modify_name",
    "default_rcache_name",
    "default_realm",
    "default_tgs_enctypes",
    "default_tkt_enctypes",
    "dns_canonicalize_hostname",
    "dns_lookup_kdc",
    "dns_lookup_realm",
    "dns_proxy",
    "dns_uri_lookup",
    "enforce_ok_as_delegate",
    "err_fmt",
    "extra_addresses",
    "forward",
    "forwardable",
    "http_proxy",
    "ignore_acceptor_hostname",
    "ignore_addresses",
    "k5login_authoritative",
    "k5login_directory",
    "kcm_mach_service",
    "kcm_socket",
    "kdc_default_options",
    "kdc_timeout",
    "kdc_timesync",
    "kdc_req_checksum_type",
    "krb5_get_tickets",
    "log_utc",
    "max_retries",
    "noaddresses",
    "permitted_enctypes",
    "plugin_base_dir",
    "preferred_preauth_types",
    "proxiable",
    "qualify_shortname",
    "radius_attributes",
    "rdns",
    "realm_try_domains",
    "renew_lifetime",
    "request_timeout",
    "safe_checksum_type",
    "scan_interfaces",
    "spake_preauth_groups",
    "ticket_lifetime",
    "time_format",
    "udp_preference_limit",
    "v4_instance_resolve",
    "verify_ap_req_nofail",
];

/// What krb5.conf came to.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    pub(super) findings: Vec<Finding>,
    /// The files that were read, in order.
    pub(super) files: Vec<PathBuf>,
}

/// Reads the files as the library does, and takes down what happened to each.
pub(super) fn files(environment: &Environment) -> Configuration {
    let paths = search_path(
        environment.krb5_config.as_deref(),
        environment.home.as_deref(),
    );
    let source = Watched::default();
    let loaded = Krb5Conf::load(&paths, &source);
    let mut seen = Configuration::default();
    for (path, outcome) in source.seen.into_inner() {
        let asked_for = environment.krb5_config.is_some() && paths.contains(&path);
        if let Some(finding) = file(&path, outcome, asked_for) {
            seen.findings.push(finding);
        }
        if outcome.is_none() && !seen.files.contains(&path) {
            seen.files.push(path);
        }
    }
    match loaded {
        Err(error) => seen.findings.push(unusable(&error)),
        Ok(_) if seen.files.is_empty() => seen.findings.push(Finding::warning(
            Area::Configuration,
            listed(&paths),
            Cause::ConfigurationUnreadable,
            "there is no krb5.conf, so that the realm and its KDCs have to come from DNS",
            format!("write one with default_realm in it: {DEFAULT}"),
        )),
        Ok(_) => {}
    }
    seen
}

fn file(path: &Path, outcome: Option<io::ErrorKind>, asked_for: bool) -> Option<Finding> {
    let shown = path.display();
    match outcome {
        None => Some(Finding::ok(Area::Configuration, shown, "read")),
        Some(io::ErrorKind::NotFound) if asked_for => Some(Finding::warning(
            Area::Configuration,
            shown,
            Cause::ConfigurationUnreadable,
            "KRB5_CONFIG names it, and it does not exist",
            "correct KRB5_CONFIG, or unset it for /etc/krb5.conf",
        )),
        Some(io::ErrorKind::PermissionDenied) => Some(Finding::warning(
            Area::Configuration,
            &shown,
            Cause::ConfigurationUnreadable,
            "this user may not read it, so nothing in it counts",
            format!("chmod 644 {shown}"),
        )),
        Some(_) => None,
    }
}

fn unusable(error: &ConfError) -> Finding {
    let (place, cause, help) = match error {
        ConfError::Unreadable { path, .. } => (
            path.display().to_string(),
            Cause::ConfigurationUnreadable,
            format!(
                "make it a file that everybody may read: chmod 644 {}",
                path.display()
            ),
        ),
        ConfError::Include { at, path, .. } => (
            at.to_string(),
            Cause::ConfigurationUnreadable,
            format!("make {} readable, or remove the line", path.display()),
        ),
        ConfError::Syntax { at, .. } => (
            at.to_string(),
            Cause::ConfigurationSyntax,
            "correct the line; no Kerberos program starts before that".to_owned(),
        ),
        _ => (
            DEFAULT.to_owned(),
            Cause::ConfigurationValue,
            "correct the value".to_owned(),
        ),
    };
    Finding::problem(Area::Configuration, place, cause, error.to_string(), help)
}

fn listed(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    shown.join(", ")
}

/// Values that cannot be understood, and those that can and bite.
pub(super) fn values(conf: &Krb5Conf) -> Vec<Finding> {
    let mut findings: Vec<Finding> = conf.problems().iter().map(wrong_value).collect();
    findings.push(default_realm(conf));
    findings.extend(enctypes(conf));
    findings.extend(misspelt(conf));
    findings.extend(biting(conf));
    findings.extend(domains(conf));
    findings
}

fn wrong_value(error: &ConfError) -> Finding {
    let text = error.to_string();
    let (place, says) = match error {
        ConfError::Value { at, .. }
        | ConfError::Duration { at, .. }
        | ConfError::NoEnctype { at, .. } => {
            let place = at.to_string();
            let says = text.strip_prefix(&format!("{place}: ")).unwrap_or(&text);
            (place, says.to_owned())
        }
        _ => (DEFAULT.to_owned(), text),
    };
    Finding::problem(
        Area::Configuration,
        place,
        Cause::ConfigurationValue,
        says,
        "correct the value, or remove the line for the default",
    )
}

fn default_realm(conf: &Krb5Conf) -> Finding {
    const WHAT: &str = "default_realm";
    let Some(relation) = libdefault(conf, WHAT) else {
        return Finding::warning(
            Area::Configuration,
            WHAT,
            Cause::NoDefaultRealm,
            "is not set, so that names without a realm fail",
            "set default_realm under [libdefaults] in krb5.conf",
        );
    };
    let realm = relation.value.as_str();
    if realm != realm.to_uppercase() {
        return Finding::warning(
            Area::Configuration,
            &relation.at,
            Cause::ConfigurationValue,
            format!(
                "default_realm = {realm}: realms are told apart by case, and nearly all are in capitals"
            ),
            format!(
                "if the realm is {0}, write default_realm = {0}",
                realm.to_uppercase()
            ),
        );
    }
    Finding::ok(Area::Configuration, WHAT, realm)
}

fn enctypes(conf: &Krb5Conf) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in ENCTYPE_LISTS {
        let Some(relation) = libdefault(conf, name) else {
            continue;
        };
        let list = Enctype::parse_list(&relation.value);
        if !list.unknown.is_empty() {
            findings.push(Finding::warning(
                Area::Configuration,
                &relation.at,
                Cause::ConfigurationValue,
                format!("{name} names unknown enctypes, which are passed over: {}", list.unknown.join(", ")),
                "write aes256-cts-hmac-sha384-192 aes256-cts-hmac-sha1-96 and the like, or remove the line for the default",
            ));
        }
        if name != "permitted_enctypes" {
            findings.push(
                Finding::note(
                    Area::Configuration,
                    &relation.at,
                    format!(
                        "{name} fixes what clients ask for; new enctypes of the KDC will pass it by"
                    ),
                )
                .with_help("remove the line, or use permitted_enctypes alone"),
            );
        }
    }
    findings
}

fn misspelt(conf: &Krb5Conf) -> Vec<Finding> {
    let names = conf.profile().relation_names(&["libdefaults"]);
    let strangers = names.into_iter().filter(|name| !OPTIONS.contains(name));
    strangers
        .filter_map(|name| {
            let nearest = OPTIONS
                .iter()
                .min_by_key(|known| strsim::damerau_levenshtein(known, name))?;
            let near = strsim::damerau_levenshtein(nearest, name) <= 2;
            let relation = libdefault(conf, name).filter(|_| near)?;
            Some(Finding::warning(
                Area::Configuration,
                &relation.at,
                Cause::ConfigurationValue,
                format!("{name} is no option of Kerberos and does nothing"),
                format!("was {nearest} meant?"),
            ))
        })
        .collect()
}

/// What is understood, and has hurt many.
fn biting(conf: &Krb5Conf) -> Vec<Finding> {
    let settings = conf.libdefaults();
    let mut findings = Vec::new();
    let mut bites = |name: &str, bites: bool, why: &str, help: &str| {
        if let Some(relation) = libdefault(conf, name).filter(|_| bites) {
            findings.push(Finding::warning(
                Area::Configuration,
                &relation.at,
                Cause::ConfigurationValue,
                format!("{name} = {}: {why}", relation.value),
                help,
            ));
        }
    };
    let on = |value: Result<bool, ConfError>| value.unwrap_or(false);
    bites(
        "allow_weak_crypto",
        on(settings.allow_weak_crypto()),
        "broken ciphers (des3, rc4) are accepted",
        "remove the line once no key of the realm needs it",
    );
    bites(
        "dns_lookup_realm",
        on(settings.dns_lookup_realm()),
        "whoever answers for DNS chooses the realm that a host's tickets are asked from",
        "remove the line, and name the realms of hosts under [domain_realm]",
    );
    bites(
        "noaddresses",
        settings
            .string("noaddresses")
            .is_some_and(|_| !conf.login_defaults("").noaddresses()),
        "tickets are bound to this host's addresses, and fail behind address translation",
        "remove the line",
    );
    bites(
        "clockskew",
        settings.clockskew() > LAX_CLOCKS,
        "a stolen authenticator can be used for that long",
        "remove the line, and keep clocks together by NTP",
    );
    bites(
        "kdc_timesync",
        !settings.kdc_timesync(),
        "a client whose clock is off does not correct itself by the KDC's",
        "remove the line",
    );
    findings
}

/// Lines of `[domain_realm]` that never match, or lead nowhere.
fn domains(conf: &Krb5Conf) -> Vec<Finding> {
    let by_dns = conf.libdefaults().dns_lookup_kdc().unwrap_or(true);
    let known = conf.realm_names();
    let mut findings = Vec::new();
    for name in conf.profile().relation_names(&["domain_realm"]) {
        let Some(relation) = conf.profile().relation(&["domain_realm", name]) else {
            continue;
        };
        let realm = relation.value.as_str();
        if name != name.to_lowercase() {
            findings.push(Finding::warning(
                Area::Configuration,
                &relation.at,
                Cause::ConfigurationValue,
                format!(
                    "{name} = {realm} never matches: names of hosts are compared in small letters"
                ),
                format!("write {} = {realm}", name.to_lowercase()),
            ));
        } else if !by_dns && !known.contains(&realm) {
            findings.push(Finding::warning(
                Area::Configuration,
                &relation.at,
                Cause::RealmMapping,
                format!("{name} belongs to {realm}, of which no KDC is known: [realms] has no such realm and dns_lookup_kdc is off"),
                format!("correct the realm's name, or add {realm} = {{ kdc = ... }} under [realms]"),
            ));
        }
    }
    findings
}

fn libdefault<'a>(conf: &'a Krb5Conf, name: &str) -> Option<&'a Relation> {
    conf.profile().relation(&["libdefaults", name])
}

/// The file system, and what was asked of it: nothing behind a path that could be read.
#[derive(Debug, Default)]
struct Watched {
    seen: RefCell<Vec<(PathBuf, Option<io::ErrorKind>)>>,
}

impl FileSource for Watched {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let outcome = std::fs::read(path);
        let kind = outcome.as_ref().err().map(io::Error::kind);
        self.seen.borrow_mut().push((path.to_owned(), kind));
        outcome
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(directory)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::finding::Verdict;
    use super::*;

    fn values_of(text: &str) -> Vec<String> {
        let conf = Krb5Conf::parse(text).unwrap();
        let bad = values(&conf)
            .into_iter()
            .filter(|finding| finding.verdict >= Verdict::Warning);
        bad.map(|finding| format!("{}: {}", finding.looked_at, finding.says))
            .collect()
    }

    #[test]
    fn a_usual_configuration_has_nothing_wrong() {
        let text = "[libdefaults]\ndefault_realm = EXAMPLE.ORG\nrdns = false\nforwardable = true\n\
                    [realms]\nEXAMPLE.ORG = {\nkdc = kdc.example.org\n}\n\
                    [domain_realm]\n.example.org = EXAMPLE.ORG\n";
        assert_eq!(values_of(text), Vec::<String>::new());
    }

    #[test]
    fn each_value_that_bites_is_named_with_its_line() {
        let text = "[libdefaults]\ndefault_realm = example.org\npermitted_enctypes = aes256-cts idea\n\
                    rdsn = false\nallow_weak_crypto = true\nclockskew = 86400\ndns_lookup_kdc = false\n\
                    ticket_lifetime = soon\n\
                    [domain_realm]\n.Example.org = EXAMPLE.ORG\n.example.net = EXAMPLE.NET\n";
        let seen = values_of(text);
        for (line, words) in [
            (2, "capitals"),
            (3, "idea"),
            (4, "no option"),
            (5, "broken ciphers"),
            (6, "stolen"),
            (8, "ticket_lifetime"),
            (10, "small letters"),
            (11, "no KDC is known"),
        ] {
            let place = format!("krb5.conf:{line}: ");
            let found = seen
                .iter()
                .any(|s| s.starts_with(&place) && s.contains(words));
            assert!(found, "{line} {words}: {seen:#?}");
        }
    }

    #[test]
    fn a_line_that_is_no_krb5_conf_is_named() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("krb5.conf");
        std::fs::write(&path, "[libdefaults]\ndefault_realm EXAMPLE.ORG\n").unwrap();
        let environment = Environment {
            krb5_config: Some(path.display().to_string()),
            ..Environment::default()
        };
        let seen = files(&environment);
        let last = seen.findings.last().unwrap();
        assert_eq!(last.cause, Some(Cause::ConfigurationSyntax));
        assert_eq!(last.looked_at, format!("{}:2", path.display()));
    }
}
