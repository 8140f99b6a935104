//! Whether to stand before the real mechanisms, for whom, and who is asked first.
//!
//! The environment decides as it does for gssproxy's plugin (`GSS_USE_PROXY`, `GSSPROXY_BEHAVIOR`,
//! `GSSPROXY_SOCKET`). A file may decide more, one `key = value` a line, `#` before remarks:
//!
//! | key | value |
//! |---|---|
//! | `use` | `environment` (the default: `GSS_USE_PROXY` says), `always` (unless that says no) or `never` |
//! | `mechanisms` | which to stand before: `krb5`, `krb5-old`, `krb5-wrong`, `iakerb` or dotted identifiers |
//! | `programs` | absolute paths of the only programs to serve |
//! | `skip-when-readable` | `no` (the default), `keytab`, `ccache` or `either`: leave a program alone that can read its default one |
//! | `behavior` | who is asked first, in the words of `GSSPROXY_BEHAVIOR`, which has precedence; `REMOTE_FIRST` |
//! | `socket` | the daemon's socket; `GSSPROXY_SOCKET` has precedence |
//! | `timeout` | seconds that an attempt may take, 15 |
//! | `attempts` | how many are made, 3 |
//!
//! The file is `/etc/kerbstone/interposer.conf`, or what `KERBSTONE_INTERPOSER_CONF` names. With a
//! line in it that is not understood, the plugin keeps out of the way altogether.
//!
//! In a program that runs with more rights than its caller has (AT_SECURE), no variable counts and
//! only a file that root alone can write. There the plugin works where the file says `always`, and
//! where a socket `<socket>.<program>` is made for the program.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use kerbstone_proxy::client::Limits;
use rustix::fs::{Access, AtFlags, CWD, accessat};

use crate::{krb5, oid};

const FILE: &str = "/etc/kerbstone/interposer.conf";
const DEFAULT_SOCKET: &str = "/var/lib/gssproxy/default.sock";
const LONGEST_FILE: u64 = 64 * 1024;

/// Who is asked, and in which order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Behavior {
    /// The real mechanism alone.
    LocalOnly,
    /// The daemon where the real mechanism fails.
    LocalFirst,
    /// The real mechanism where the daemon fails.
    RemoteFirst,
    /// The daemon alone.
    RemoteOnly,
}

impl Behavior {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "LOCAL_ONLY" => Self::LocalOnly,
            "LOCAL_FIRST" => Self::LocalFirst,
            "REMOTE_FIRST" => Self::RemoteFirst,
            "REMOTE_ONLY" => Self::RemoteOnly,
            _ => return None,
        })
    }

    /// Whether the real mechanism is asked before the daemon.
    pub fn begins_locally(self) -> bool {
        matches!(self, Self::LocalOnly | Self::LocalFirst)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Use {
    Environment,
    Always,
    Never,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Skip {
    No,
    Keytab,
    Ccache,
    Either,
}

/// What the file says.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Rules {
    usage: Use,
    mechanisms: Option<Vec<Vec<u8>>>,
    programs: Option<Vec<PathBuf>>,
    skip: Skip,
    behavior: Option<Behavior>,
    socket: Option<PathBuf>,
    timeout: Duration,
    attempts: u32,
}

impl Default for Rules {
    fn default() -> Self {
        let Limits {
            patience, attempts, ..
        } = Limits::default();
        Self {
            usage: Use::Environment,
            mechanisms: None,
            programs: None,
            skip: Skip::No,
            behavior: None,
            socket: None,
            timeout: patience,
            attempts,
        }
    }
}

/// The mechanisms that the plugin stands before in this process; none where it is not to.
pub fn mechanisms() -> Vec<Vec<u8>> {
    let rules = rules();
    if !is_wanted(rules) || !is_program_served(rules) || can_do_without(rules.skip) {
        return Vec::new();
    }
    let all = || {
        oid::INTERPOSED
            .iter()
            .map(|(_, mech)| mech.to_vec())
            .collect()
    };
    rules.mechanisms.clone().unwrap_or_else(all)
}

/// Who is asked first in this process.
pub fn behavior() -> Behavior {
    static BEHAVIOR: OnceLock<Behavior> = OnceLock::new();
    *BEHAVIOR.get_or_init(|| {
        variable("GSSPROXY_BEHAVIOR")
            .and_then(|named| Behavior::named(&named.to_string_lossy()))
            .or(rules().behavior)
            // As the distributions build upstream's plugin, whose own default is LOCAL_FIRST.
            .unwrap_or(Behavior::RemoteFirst)
    })
}

/// The daemon's socket. A program may set the variable after it has begun.
pub fn socket() -> PathBuf {
    if let Some(socket) = variable("GSSPROXY_SOCKET") {
        return socket.into();
    }
    let rules = rules();
    let socket = configured_socket(rules);
    match secure_socket(&socket) {
        Some(own) if is_secure() && rules.usage != Use::Always => own,
        _ => socket,
    }
}

/// How patient the client is.
pub fn limits() -> Limits {
    let rules = rules();
    Limits {
        patience: rules.timeout,
        attempts: rules.attempts,
        ..Limits::default()
    }
}

/// An environment variable, unless somebody with fewer rights chose it.
pub fn variable(name: &str) -> Option<OsString> {
    if is_secure() { None } else { env::var_os(name) }
}

/// Whether this program runs with more rights than whoever started it (as `secure_getenv` sees it).
fn is_secure() -> bool {
    // SAFETY: getauxval reads what the kernel gave the process, whatever is asked for.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| {
        let path = variable("KERBSTONE_INTERPOSER_CONF")
            .map_or_else(|| PathBuf::from(FILE), PathBuf::from);
        match trusted_text(&path) {
            Some(text) => parse(&text).unwrap_or_else(|| Rules {
                usage: Use::Never,
                ..Rules::default()
            }),
            None => Rules::default(),
        }
    })
}

/// The file's text; none where there is no file, or where others than root could have written it
/// and that matters.
fn trusted_text(path: &Path) -> Option<String> {
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let by_root_alone = metadata.uid() == 0 && metadata.mode() & 0o022 == 0;
    if is_secure() && !by_root_alone {
        return None;
    }
    let mut text = String::new();
    file.take(LONGEST_FILE).read_to_string(&mut text).ok()?;
    Some(text)
}

fn parse(text: &str) -> Option<Rules> {
    let mut rules = Rules::default();
    for line in text.lines() {
        let line = line
            .split_once('#')
            .map_or(line, |(before, _)| before)
            .trim();
        if line.is_empty() {
            continue;
        }
        let (key, value) = line.split_once('=')?;
        let value = value.trim();
        match key.trim() {
            "use" => rules.usage = parse_use(value)?,
            "mechanisms" => {
                rules.mechanisms = Some(
                    value
                        .split_whitespace()
                        .map(mechanism)
                        .collect::<Option<_>>()?,
                )
            }
            "programs" => {
                rules.programs = Some(
                    value
                        .split_whitespace()
                        .map(absolute)
                        .collect::<Option<_>>()?,
                )
            }
            "skip-when-readable" => rules.skip = parse_skip(value)?,
            "behavior" => rules.behavior = Some(Behavior::named(value)?),
            "socket" => rules.socket = Some(absolute(value)?),
            "timeout" => {
                rules.timeout =
                    Duration::from_secs(value.parse().ok().filter(|seconds| *seconds > 0)?)
            }
            "attempts" => rules.attempts = value.parse().ok().filter(|attempts| *attempts > 0)?,
            _ => return None,
        }
    }
    Some(rules)
}

fn parse_use(value: &str) -> Option<Use> {
    Some(match value {
        "environment" => Use::Environment,
        "always" => Use::Always,
        "never" => Use::Never,
        _ => return None,
    })
}

fn parse_skip(value: &str) -> Option<Skip> {
    Some(match value {
        "no" => Skip::No,
        "keytab" => Skip::Keytab,
        "ccache" => Skip::Ccache,
        "either" => Skip::Either,
        _ => return None,
    })
}

fn mechanism(name: &str) -> Option<Vec<u8>> {
    let known = oid::INTERPOSED.iter().find(|(known, _)| *known == name);
    known
        .map(|(_, mech)| mech.to_vec())
        .or_else(|| oid::parse(name))
}

fn absolute(path: &str) -> Option<PathBuf> {
    path.starts_with('/').then(|| path.into())
}

fn is_wanted(rules: &Rules) -> bool {
    if rules.usage == Use::Never {
        return false;
    }
    if is_secure() {
        return rules.usage == Use::Always
            || secure_socket(&configured_socket(rules))
                .is_some_and(|own| is_accessible(&own, Access::WRITE_OK));
    }
    match variable("GSS_USE_PROXY") {
        Some(said) => is_true(&said.to_string_lossy()),
        None => rules.usage == Use::Always,
    }
}

fn is_true(word: &str) -> bool {
    ["1", "on", "true", "yes"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

fn configured_socket(rules: &Rules) -> PathBuf {
    rules
        .socket
        .clone()
        .unwrap_or_else(|| DEFAULT_SOCKET.into())
}

/// The socket made for this program. The program's name is its file's: that which it was called by is
/// the caller's to choose.
fn secure_socket(socket: &Path) -> Option<PathBuf> {
    let program = program()?;
    let mut own = socket.as_os_str().to_owned();
    own.push(".");
    own.push(program.file_name()?);
    Some(own.into())
}

fn program() -> Option<PathBuf> {
    std::fs::read_link("/proc/self/exe").ok()
}

fn is_program_served(rules: &Rules) -> bool {
    let Some(programs) = &rules.programs else {
        return true;
    };
    program().is_some_and(|program| programs.contains(&program))
}

fn can_do_without(skip: Skip) -> bool {
    let keytab =
        || krb5::default_keytab().is_some_and(|path| is_accessible(&path, Access::READ_OK));
    let ccache =
        || krb5::default_ccache().is_some_and(|path| is_accessible(&path, Access::READ_OK));
    match skip {
        Skip::No => false,
        Skip::Keytab => keytab(),
        Skip::Ccache => ccache(),
        Skip::Either => keytab() || ccache(),
    }
}

fn is_accessible(path: &Path, access: Access) -> bool {
    accessat(CWD, path, access, AtFlags::EACCESS).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_rule() {
        let text = "# ours\nuse = always\nmechanisms = krb5 1.3.6.1.5.2.5\nprograms = /usr/sbin/sshd /usr/bin/curl\n\
                    skip-when-readable = keytab # often\nbehavior = REMOTE_ONLY\nsocket = /run/p.sock\ntimeout=2\nattempts = 1\n";
        let rules = parse(text).unwrap();
        assert_eq!(
            rules,
            Rules {
                usage: Use::Always,
                mechanisms: Some(vec![oid::KRB5.to_vec(), oid::IAKERB.to_vec()]),
                programs: Some(vec!["/usr/sbin/sshd".into(), "/usr/bin/curl".into()]),
                skip: Skip::Keytab,
                behavior: Some(Behavior::RemoteOnly),
                socket: Some("/run/p.sock".into()),
                timeout: Duration::from_secs(2),
                attempts: 1,
            }
        );
    }

    #[test]
    fn keeps_out_of_the_way_with_a_line_it_does_not_understand() {
        for wrong in [
            "program = /bin/true",
            "use = maybe",
            "mechanisms = ntlm",
            "programs = sshd",
            "behavior = local_first",
            "socket = default.sock",
            "timeout = 0",
            "timeout = soon",
            "attempts = 0",
            "always",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(parse("\n  # nothing\n"), Some(Rules::default()));
    }

    #[test]
    fn takes_the_words_for_yes_that_gssproxy_takes() {
        for yes in ["1", "on", "On", "TRUE", "yes"] {
            assert!(is_true(yes), "{yes}");
        }
        for no in ["", "0", "no", "y", "enable"] {
            assert!(!is_true(no), "{no}");
        }
    }

    #[test]
    fn names_a_programs_own_socket_after_its_file() {
        let own = secure_socket(Path::new("/run/default.sock")).unwrap();
        let name = own.file_name().unwrap().to_string_lossy();
        assert!(name.starts_with("default.sock."), "{name}");
        assert!(name.len() > "default.sock.".len());
    }
}
