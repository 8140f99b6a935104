//! The one error type of this crate's operations.

use std::path::PathBuf;

use kerbstone_crypto::CryptoError;
use kerbstone_proto::name::Principal;
use kerbstone_realm::{PolicyViolation, RealmError};

use crate::acl::Privilege;
use crate::reply::Refusal;

/// Why an operation was not performed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The caller's rule in `kadm5.acl`, or the list of local administrators, does not allow it.
    #[error("{caller} may not do this: it needs the privilege `{letter}` ({action})", letter = privilege.letter(), action = privilege.action())]
    NotPermitted {
        /// Who asked.
        caller: String,
        /// What is missing.
        privilege: Privilege,
    },
    /// Realms, trusts and dumps are the business of administrators on the KDC's own host.
    #[error("{0} may not do this: realms, trusts and dumps are administered on the KDC's own host")]
    LocalOnly(String),
    /// The keys of a principal with `lockdown_keys` neither leave the KDC nor are set from elsewhere.
    #[error("the keys of {0} are locked down (attribute lockdown_keys)")]
    LockedDown(Principal),
    /// The store refused.
    #[error(transparent)]
    Realm(#[from] RealmError),
    /// A key that the caller brought is none.
    #[error("key {0} is not usable: {1}")]
    BadKey(usize, CryptoError),
    /// A key of an enctype that this KDC does not have.
    #[error("enctype {0} is not supported")]
    UnknownEnctype(i32),
    /// A dump must not replace a file.
    #[error("{path} is there already", path = .0.display())]
    DumpExists(PathBuf),
    /// The path of a dump must not depend on where the KDC was started.
    #[error("{path} is not an absolute path", path = .0.display())]
    RelativePath(PathBuf),
    /// A policy's shortest password life is longer than its longest.
    #[error("the minimum password life is longer than the maximum")]
    PasswordLives,
    /// There are five kinds of characters.
    #[error("a password cannot have characters of {0} kinds: there are five")]
    TooManyClasses(u32),
    /// A trust has to lead somewhere.
    #[error("a trust needs a direction, and a realm cannot trust itself")]
    PointlessTrust,
}

/// A number of MIT's `kadm_err.et`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kadm5Code(pub u32);

macro_rules! codes {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        #[allow(missing_docs, reason = "the names and texts are MIT's; see `message`")]
        impl Kadm5Code {
            $(pub const $name: Self = Self(43_787_520 + $number);)*

            /// MIT's text for it.
            pub const fn message(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    _ => "Operation failed for unspecified reason",
                }
            }
        }

        #[cfg(test)]
        const NAMES: &[(&str, Kadm5Code)] = &[$((stringify!($name), Kadm5Code::$name),)*];
    };
}

codes! {
    FAILURE = 0, "Operation failed for unspecified reason";
    AUTH_GET = 1, "Operation requires ``get'' privilege";
    AUTH_ADD = 2, "Operation requires ``add'' privilege";
    AUTH_MODIFY = 3, "Operation requires ``modify'' privilege";
    AUTH_DELETE = 4, "Operation requires ``delete'' privilege";
    AUTH_INSUFFICIENT = 5, "Insufficient authorization for operation";
    BAD_DB = 6, "Database inconsistency detected";
    DUP = 7, "Principal or policy already exists";
    UNK_PRINC = 12, "Principal does not exist";
    UNK_POLICY = 13, "Policy does not exist";
    BAD_CLASS = 15, "Invalid number of character classes";
    BAD_PRINCIPAL = 18, "Illegal principal name";
    BAD_MIN_PASS_LIFE = 21, "Password minimum life is greater than password maximum life";
    PASS_Q_TOOSHORT = 22, "Password is too short";
    PASS_Q_CLASS = 23, "Password does not contain enough character classes";
    PASS_Q_DICT = 24, "Password is in the password dictionary";
    PASS_REUSE = 25, "Cannot reuse password";
    PASS_TOOSOON = 26, "Current password's minimum life has not expired";
    POLICY_REF = 27, "Policy is in use";
    AUTH_LIST = 44, "Operation requires ``list'' privilege";
    AUTH_CHANGEPW = 45, "Operation requires ``change-password'' privilege";
    AUTH_SETKEY = 50, "Operation requires ``set-key'' privilege";
    BAD_KEYSALTS = 58, "Invalid key/salt tuples";
    AUTH_EXTRACT = 60, "Operation requires ``extract-keys'' privilege";
    PROTECT_KEYS = 61, "Principal keys are locked down";
}

impl AdminError {
    /// The number that MIT's kadmin knows it by.
    pub const fn kadm5_code(&self) -> Kadm5Code {
        match self {
            Self::NotPermitted { privilege, .. } => missing(*privilege),
            Self::LocalOnly(_) => Kadm5Code::AUTH_INSUFFICIENT,
            Self::LockedDown(_) => Kadm5Code::PROTECT_KEYS,
            Self::Realm(error) => code_of_realm(error),
            Self::BadKey(..) | Self::UnknownEnctype(_) => Kadm5Code::BAD_KEYSALTS,
            Self::PasswordLives => Kadm5Code::BAD_MIN_PASS_LIFE,
            Self::TooManyClasses(_) => Kadm5Code::BAD_CLASS,
            Self::DumpExists(_) | Self::RelativePath(_) | Self::PointlessTrust => {
                Kadm5Code::FAILURE
            }
        }
    }

    /// What the administrator can do about it.
    pub fn help(&self) -> String {
        match self {
            Self::NotPermitted { .. } => {
                "be root or the KDC's own user, or have yourself added to `users` or to the file `acl` \
                 of [admin] in kerbstone.toml"
                    .to_owned()
            }
            Self::LocalOnly(_) => "run `kerb admin` on the KDC's host".to_owned(),
            Self::LockedDown(_) => LOCKDOWN_HELP.to_owned(),
            Self::Realm(error) => help_of_realm(error),
            Self::BadKey(..) | Self::UnknownEnctype(_) => {
                "give keys of the enctypes that `kerb admin realm show` lists".to_owned()
            }
            Self::DumpExists(_) => "name a file that does not exist yet".to_owned(),
            Self::RelativePath(_) => "begin the path with a slash".to_owned(),
            Self::PasswordLives => "make --min-password-life the shorter one".to_owned(),
            Self::TooManyClasses(_) => {
                "they are lower case, upper case, digits, punctuation and others".to_owned()
            }
            Self::PointlessTrust => "name another realm, and one direction or both".to_owned(),
        }
    }

    /// The form in which it crosses a socket.
    pub fn to_refusal(&self) -> Refusal {
        Refusal {
            code: self.kadm5_code().0,
            message: self.to_string(),
            help: self.help(),
        }
    }
}

const LOCKDOWN_HELP: &str = "if it must be, clear the attribute first, on the KDC's own host: \
                             kerb admin principal modify NAME --attributes -lockdown_keys";

const fn missing(privilege: Privilege) -> Kadm5Code {
    match privilege {
        Privilege::Add => Kadm5Code::AUTH_ADD,
        Privilege::ChangePassword => Kadm5Code::AUTH_CHANGEPW,
        Privilege::Delete => Kadm5Code::AUTH_DELETE,
        Privilege::Extract => Kadm5Code::AUTH_EXTRACT,
        Privilege::Inquire => Kadm5Code::AUTH_GET,
        Privilege::List => Kadm5Code::AUTH_LIST,
        Privilege::Modify => Kadm5Code::AUTH_MODIFY,
        Privilege::Propagate => Kadm5Code::AUTH_INSUFFICIENT,
        Privilege::SetKey => Kadm5Code::AUTH_SETKEY,
    }
}

const fn code_of_realm(error: &RealmError) -> Kadm5Code {
    match error {
        RealmError::NoSuchPrincipal(_) => Kadm5Code::UNK_PRINC,
        RealmError::PrincipalExists(_)
        | RealmError::PolicyExists(_)
        | RealmError::RealmExists(_) => Kadm5Code::DUP,
        RealmError::NotAnAlias(_)
        | RealmError::IsAlias { .. }
        | RealmError::AliasOfAlias { .. }
        | RealmError::AliasInOtherRealm { .. } => Kadm5Code::BAD_PRINCIPAL,
        RealmError::LockedDown(_) => Kadm5Code::PROTECT_KEYS,
        RealmError::NoSuchPolicy { .. } => Kadm5Code::UNK_POLICY,
        RealmError::PolicyInUse { .. } => Kadm5Code::POLICY_REF,
        RealmError::KeysaltsRefused(_) => Kadm5Code::BAD_KEYSALTS,
        RealmError::Password(violation) => code_of_password(violation),
        RealmError::Damaged { .. }
        | RealmError::Engine(_)
        | RealmError::Unsealable(_)
        | RealmError::NoSuchMasterKey(_) => Kadm5Code::BAD_DB,
        _ => Kadm5Code::FAILURE,
    }
}

const fn code_of_password(violation: &PolicyViolation) -> Kadm5Code {
    match violation {
        PolicyViolation::Empty | PolicyViolation::TooShort { .. } => Kadm5Code::PASS_Q_TOOSHORT,
        PolicyViolation::TooFewClasses { .. } => Kadm5Code::PASS_Q_CLASS,
        PolicyViolation::IsName => Kadm5Code::PASS_Q_DICT,
        PolicyViolation::Reused => Kadm5Code::PASS_REUSE,
        PolicyViolation::TooSoon(_) => Kadm5Code::PASS_TOOSOON,
    }
}

fn help_of_realm(error: &RealmError) -> String {
    let text = match error {
        RealmError::NoSuchPrincipal(_) => {
            "look for the name: kerb admin principal list '*PART*'; or make it: kerb admin principal add"
        }
        RealmError::PrincipalExists(name) => {
            return format!("look at it: kerb admin principal show '{name}'");
        }
        RealmError::IsAlias { target, .. } => return format!("say {target}"),
        RealmError::NotAnAlias(_) => "a principal goes with: kerb admin principal delete",
        RealmError::AliasOfAlias { .. } => "name the principal behind the alias",
        RealmError::AliasInOtherRealm { .. } => "choose a name in the principal's own realm",
        RealmError::LockedDown(_) => LOCKDOWN_HELP,
        RealmError::NoSuchPolicy { .. } => {
            "kerb admin policy list shows the policies, kerb admin policy add makes one"
        }
        RealmError::PolicyExists(_) => "change it: kerb admin policy modify",
        RealmError::PolicyInUse { .. } => {
            "give those that use it another: kerb admin principal modify NAME --policy OTHER, \
             or --no-policy"
        }
        RealmError::NoSuchRealm(_) => {
            "kerb admin realm list shows the realms, kerb admin realm add makes one"
        }
        RealmError::RealmExists(_) => "change it: kerb admin realm modify",
        RealmError::Conflict(_) => "look at it again, then repeat the change",
        RealmError::Password(_) => "choose another; kerb admin policy show says what is demanded",
        RealmError::KeysaltsRefused(_) => {
            "kerb admin policy show says which enctypes the policy allows"
        }
        RealmError::BadPattern { .. } => {
            "*, ? and [a-z] stand for characters, \\ takes their meaning"
        }
        RealmError::DiskFull { .. } => "make room, then repeat",
        RealmError::Damaged { .. } | RealmError::Engine(_) | RealmError::Unsealable(_) => {
            "restore the latest dump: kerb kdc restore"
        }
        _ => "",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MIT's header, when its development files are there, is the judge of our numbers.
    #[test]
    fn the_numbers_are_those_of_mits_header() {
        let Ok(header) = std::fs::read_to_string("/usr/include/kadm5/kadm_err.h") else {
            assert_eq!(Kadm5Code::UNK_PRINC.0, 43_787_532);
            return;
        };
        for (name, code) in NAMES {
            let line = format!("KADM5_{name} ");
            let defined = header.lines().find(|text| text.contains(&line)).unwrap();
            assert!(defined.contains(&code.0.to_string()), "{defined}");
        }
    }

    #[test]
    fn a_refused_password_has_mits_code() {
        let error = AdminError::from(RealmError::from(PolicyViolation::Reused));
        assert_eq!(error.kadm5_code().message(), "Cannot reuse password");
        assert!(!error.help().is_empty());
    }
}
