//! Every option that a configuration can have: the source of the book's table and of what an
//! unknown name is compared with.

/// Where an option stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `[gssproxy]`
    Global,
    /// `[service/NAME]`
    Service,
    /// `[service/NAME]` and `[directory/NAME]`
    Credentials,
    /// `[directory/NAME]`
    Directory,
}

/// An option, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownOption {
    /// Its name.
    pub name: &'static str,
    /// Where it stands.
    pub scope: Scope,
    /// Its value where the file has none; empty when it has none either.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Whether gssproxy knows it as well. It ignores the others.
    pub upstream: bool,
}

const fn theirs(
    name: &'static str,
    scope: Scope,
    default: &'static str,
    meaning: &'static str,
) -> KnownOption {
    KnownOption {
        name,
        scope,
        default,
        meaning,
        upstream: true,
    }
}

const fn ours(
    name: &'static str,
    scope: Scope,
    default: &'static str,
    meaning: &'static str,
) -> KnownOption {
    KnownOption {
        name,
        scope,
        default,
        meaning,
        upstream: false,
    }
}

/// All of them.
pub const OPTIONS: &[KnownOption] = &[
    theirs("debug", Scope::Global, "no", "the same as debug_level = 1"),
    theirs(
        "debug_level",
        Scope::Global,
        "0",
        "1 basic, 2 credential checks as well, 3 Kerberos traces and calls as well",
    ),
    theirs(
        "syslog_status",
        Scope::Global,
        "no",
        "log the status of every call",
    ),
    theirs(
        "run_as_user",
        Scope::Global,
        "",
        "the user that the daemon becomes once its sockets are there",
    ),
    theirs(
        "worker threads",
        Scope::Global,
        "",
        "the most calls that may wait for a KDC at the same time, unless max_waiting_calls says so",
    ),
    ours(
        "max_connections",
        Scope::Global,
        "8192",
        "connections of all callers",
    ),
    ours(
        "max_connections_per_uid",
        Scope::Global,
        "2048",
        "connections of one uid; one more closes the one that was silent longest",
    ),
    ours(
        "idle_timeout",
        Scope::Global,
        "0",
        "seconds after which a silent connection of anybody but root is closed; 0 is never",
    ),
    ours(
        "max_waiting_calls",
        Scope::Global,
        "64",
        "calls that may wait for a KDC at the same time",
    ),
    ours(
        "max_waiting_calls_per_uid",
        Scope::Global,
        "16",
        "the same, of one uid",
    ),
    ours(
        "max_queued_calls_per_uid",
        Scope::Global,
        "1024",
        "calls of one uid that queue behind those; one more is refused",
    ),
    theirs(
        "mechs",
        Scope::Credentials,
        "required",
        "krb5; ours also takes spnego, and both with a comma between",
    ),
    theirs(
        "euid",
        Scope::Service,
        "required",
        "the uid, or user name, that is served",
    ),
    theirs(
        "allow_any_uid",
        Scope::Service,
        "no",
        "serve every uid; put such a service behind others of the same socket",
    ),
    theirs(
        "program",
        Scope::Service,
        "",
        "serve only this program, an absolute path without links",
    ),
    theirs(
        "socket",
        Scope::Service,
        "the default one",
        "a socket of the service's own",
    ),
    theirs(
        "selinux_context",
        Scope::Service,
        "",
        "serve only processes of this context; deprecated",
    ),
    theirs(
        "cred_store",
        Scope::Service,
        "",
        "KEY:VALUE, repeatable: keytab, client_keytab, ccache, and MIT's other keys; %U is the caller's uid, %u its name",
    ),
    theirs(
        "krb5_principal",
        Scope::Credentials,
        "",
        "the name to initiate with where the caller wishes none",
    ),
    theirs(
        "cred_usage",
        Scope::Credentials,
        "both",
        "initiate, accept or both",
    ),
    theirs(
        "trusted",
        Scope::Service,
        "no",
        "a caller whose uid is euid may act for any uid, and impersonate",
    ),
    theirs(
        "impersonate",
        Scope::Service,
        "no",
        "callers of other uids initiate by S4U2Self and S4U2Proxy",
    ),
    theirs(
        "allow_protocol_transition",
        Scope::Credentials,
        "no",
        "callers may ask for a ticket to the service itself in any user's name (S4U2Self)",
    ),
    theirs(
        "allow_constrained_delegation",
        Scope::Credentials,
        "no",
        "impersonated credentials may go to other services (S4U2Proxy)",
    ),
    theirs(
        "allow_client_ccache_sync",
        Scope::Credentials,
        "no",
        "callers that ask for it are sent their credential again when it has new tickets",
    ),
    theirs(
        "filter_flags",
        Scope::Credentials,
        "+DELEGATE",
        "flags that are taken from every init_sec_context",
    ),
    theirs(
        "enforce_flags",
        Scope::Credentials,
        "",
        "flags that are added to every init_sec_context, before the filter",
    ),
    theirs(
        "min_lifetime",
        Scope::Credentials,
        "15",
        "seconds: a ticket with less life is as good as expired",
    ),
    theirs(
        "kernel_nfsd",
        Scope::Service,
        "no",
        "tell the kernel's NFS server that a proxy is there",
    ),
    ours(
        "socket_owner",
        Scope::Credentials,
        "the daemon",
        "the user who owns the socket",
    ),
    ours(
        "socket_group",
        Scope::Credentials,
        "the daemon's",
        "the group that owns the socket",
    ),
    ours(
        "socket_mode",
        Scope::Credentials,
        "0666; 0660 in a directory",
        "who may connect, as octal permissions",
    ),
    ours(
        "path",
        Scope::Directory,
        "required",
        "the folder of the sockets; made when it is not there",
    ),
    ours(
        "keytabs",
        Scope::Directory,
        "",
        "FOLDER/PATTERN: for each keytab a socket of its name, with .sock for its ending",
    ),
    ours(
        "ccaches",
        Scope::Directory,
        "",
        "the same for files of credential caches",
    ),
    ours(
        "owner",
        Scope::Directory,
        "the daemon",
        "the user who owns the folder",
    ),
    ours(
        "group",
        Scope::Directory,
        "the daemon's",
        "the group that owns the folder",
    ),
    ours(
        "mode",
        Scope::Directory,
        "0755",
        "who may enter the folder, as octal permissions",
    ),
];

/// Which kind of section an option was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SectionKind {
    Global,
    Service,
    Directory,
}

impl SectionKind {
    const fn has(self, scope: Scope) -> bool {
        matches!(
            (self, scope),
            (Self::Global, Scope::Global)
                | (Self::Service, Scope::Service | Scope::Credentials)
                | (Self::Directory, Scope::Directory | Scope::Credentials)
        )
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        OPTIONS
            .iter()
            .filter(move |option| self.has(option.scope))
            .map(|option| option.name)
    }

    /// Whether the option is known in such a section.
    pub(super) fn knows(self, name: &str) -> bool {
        self.names().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// The known name that an unknown one was probably meant for.
    pub(super) fn nearest(self, unknown: &str) -> Option<&'static str> {
        nearest(unknown, self.names())
    }
}

/// The known name that an unknown one was probably meant for.
pub(super) fn nearest(
    unknown: &str,
    known: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    let unknown = unknown.to_ascii_lowercase();
    known
        .map(|known| (strsim::damerau_levenshtein(&unknown, known), known))
        .min()
        .filter(|(distance, known)| *distance <= known.len().max(3) / 3)
        .map(|(_, known)| known)
}
