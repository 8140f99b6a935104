//! What can be wrong with a configuration, where, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SubstitutionError;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as it was named.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// How a line breaks the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Syntax {
    /// A line that is no header and has no `=`.
    #[error("expected `name = value`")]
    NoEqualSign,
    /// `= value`.
    #[error("there is no name before `=`")]
    NamelessOption,
    /// `[` without `]`, or something behind it.
    #[error("a section header is `[name]` and nothing else on the line")]
    OpenHeader,
    /// `[]`.
    #[error("the section has no name")]
    NamelessSection,
    /// `/*` without `*/` at the end of a later line.
    #[error("a comment that began with /* does not end")]
    OpenComment,
    /// A vertical tab, form feed or carriage return before the first letter.
    #[error("a control character begins the line")]
    ControlCharacter,
    /// A name with `!`, a control character, or a letter that is not ASCII.
    #[error("a name has only printable ASCII characters, and no `!`")]
    CharacterInName,
    /// A name of more than 1024 octets.
    #[error("the name is longer than 1024 characters")]
    LongName,
    /// Octets that are no UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// A NUL octet.
    #[error("the line has a NUL octet")]
    Nul,
}

/// What a value is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    /// It does not begin with digits, or is out of range.
    #[error("expected a whole number")]
    Number,
    /// It is none of `initiate`, `accept`, `both`.
    #[error("expected initiate, accept or both")]
    CredUsage,
    /// There is no such user.
    #[error("there is no user of this name")]
    UnknownUser,
    /// There is no such group.
    #[error("there is no group of this name")]
    UnknownGroup,
    /// The name service failed.
    #[error("the name service gave no answer: {0}")]
    NameService(String),
    /// A `cred_store` without `:`.
    #[error("there is no `:` between the key and its value")]
    CredStore,
    /// An empty `socket`.
    #[error("expected a path")]
    NoSocket,
    /// A relative `program`.
    #[error("a program is an absolute path")]
    RelativeProgram,
    /// A `program` with `|`.
    #[error("`|` is reserved in program paths")]
    PipeInProgram,
    /// A `selinux_context` that is not `user:role:type[:range]`.
    #[error("expected user:role:type or user:role:type:range")]
    SelinuxContext,
    /// A mode that is not three or four octal digits.
    #[error("expected permissions as octal digits, such as 0660")]
    Mode,
    /// A `path`, `keytabs` or `ccaches` that is relative, or has a wildcard in a folder's name.
    #[error("expected an absolute path")]
    RelativePath,
    /// A wildcard in a folder's name.
    #[error("only the last part of the path can have * and ?")]
    WildcardInFolder,
    /// A mechanism that is not ours, where no other is named.
    #[error("there is no such mechanism")]
    Mechanism,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line breaks the grammar.
    #[error("{location}: {syntax}")]
    Syntax {
        /// Where.
        location: Location,
        /// How.
        syntax: Syntax,
    },
    /// There is no usable `[service/NAME]` or `[directory/NAME]` in any of the files.
    #[error("{path}: no service sections configured", path = path.display())]
    NoServices {
        /// The file that was read first.
        path: PathBuf,
    },
    /// A section has not all that it needs.
    #[error("{location}: option '{option}' is missing from [{section}]")]
    Missing {
        /// The section's header.
        location: Location,
        /// The section.
        section: String,
        /// What is missing.
        option: &'static str,
    },
    /// A value cannot be used.
    #[error("{location}: {option} = {value}: {fault}")]
    Value {
        /// Where.
        location: Location,
        /// The option.
        option: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        fault: ValueFault,
    },
    /// An option that gssproxy had before 0.3.
    #[error("{location}: the option {option} is no longer known")]
    Removed {
        /// Where.
        location: Location,
        /// The option.
        option: &'static str,
        /// The line that takes its place.
        instead: String,
    },
    /// Two services for the same callers.
    #[error(
        "{location}: [service/{service}] and [service/{earlier}] ({earlier_location}) serve the same callers: socket, program, selinux_context and euid are the same"
    )]
    SameCallers {
        /// The later section's header.
        location: Location,
        /// The later service.
        service: String,
        /// The earlier section's header.
        earlier_location: Location,
        /// The earlier service.
        earlier: String,
    },
    /// A service behind one that serves every uid.
    #[error(
        "{location}: [service/{service}] can never be reached: [service/{earlier}] ({earlier_location}) sets allow_any_uid with the same socket, program and selinux_context"
    )]
    BehindAnyUid {
        /// The later section's header.
        location: Location,
        /// The later service.
        service: String,
        /// The earlier section's header.
        earlier_location: Location,
        /// The earlier service.
        earlier: String,
    },
    /// Two services give one socket different owners or permissions.
    #[error(
        "{location}: [service/{service}] and [service/{earlier}] ({earlier_location}) share a socket and give it different owners or permissions"
    )]
    SocketAccess {
        /// The later section's header.
        location: Location,
        /// The later service.
        service: String,
        /// The earlier section's header.
        earlier_location: Location,
        /// The earlier service.
        earlier: String,
    },
}

impl SettingsError {
    /// What the administrator can do about it, in one line.
    pub fn help(&self) -> String {
        match self {
            Self::Unreadable { .. } => "name another file with -c, or a folder with -C".to_owned(),
            Self::Syntax { syntax, .. } => syntax.help().to_owned(),
            Self::NoServices { .. } => {
                "add a section such as [service/web] with mechs = krb5, euid and cred_store"
                    .to_owned()
            }
            Self::Missing { option, .. } => match *option {
                "euid" => "add `euid = USER`: the uid, or the user name, that the service serves",
                "mechs" => "add `mechs = krb5`",
                "path" => "add `path = FOLDER`: where the sockets are to be",
                _ => "add `keytabs = FOLDER/*.keytab`, or ccaches",
            }
            .to_owned(),
            Self::Value { option, fault, .. } => fault.help(option).to_owned(),
            Self::Removed { instead, .. } => format!("write `{instead}`"),
            Self::SameCallers { earlier, .. } => {
                format!("merge it with {earlier}, or tell the two apart by socket, program or euid")
            }
            Self::BehindAnyUid { earlier, .. } => {
                format!("put it before {earlier}, or give it a socket of its own")
            }
            Self::SocketAccess { .. } => {
                "give both the same socket_owner, socket_group and socket_mode, or two sockets"
                    .to_owned()
            }
        }
    }
}

impl Syntax {
    const fn help(self) -> &'static str {
        match self {
            Self::NoEqualSign => {
                "a comment begins in the first column, a value ends with its line, and a header is not indented"
            }
            Self::NamelessOption | Self::NamelessSection => "write the name, or remove the line",
            Self::OpenHeader => "comments stand on lines of their own",
            Self::OpenComment => "*/ ends a comment where it ends a line, with something before it",
            Self::ControlCharacter => "indent with blanks or tabs only",
            Self::CharacterInName | Self::LongName => "choose another name",
            Self::NotUtf8 => "save the file as UTF-8",
            Self::Nul => "save the file as plain text",
        }
    }
}

impl ValueFault {
    fn help(&self, option: &str) -> &'static str {
        match self {
            Self::Number => "write digits only",
            Self::CredUsage => "leave the option out for both",
            Self::UnknownUser if option == "euid" => {
                "write the uid as a number where the user is not known on this machine"
            }
            Self::UnknownUser | Self::UnknownGroup => {
                "check its spelling with `getent passwd` or `getent group`, or write the number"
            }
            Self::NameService(_) => "write the number, which needs no name service",
            Self::CredStore => "write for example `cred_store = keytab:/etc/krb5.keytab`",
            Self::NoSocket => "leave the option out for the default socket",
            Self::RelativeProgram => {
                "write what `realpath` prints for the program, with neither links nor arguments"
            }
            Self::PipeInProgram => "write one section for each program",
            Self::SelinuxContext => "leave the option out: a socket or an euid does the same",
            Self::Mode => "write 0600 for the owner, 0660 for the group, 0666 for everybody",
            Self::RelativePath => "begin it with /",
            Self::WildcardInFolder => "write one section for each folder",
            Self::Mechanism => "there are krb5 and spnego",
        }
    }
}

/// What is not as its writer may have meant it, though the configuration can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub location: Location,
    /// What.
    pub message: String,
    /// What to do about it; empty when there is nothing to say.
    pub help: String,
}

impl Warning {
    pub(super) fn new(
        location: &Location,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            location: location.clone(),
            message: message.into(),
            help: help.into(),
        }
    }

    pub(super) fn substitution(location: &Location, fault: SubstitutionError) -> Self {
        Self::new(
            location,
            fault.to_string(),
            "calls that need this value will fail; write %% for a % that stands for itself",
        )
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.message)
    }
}
