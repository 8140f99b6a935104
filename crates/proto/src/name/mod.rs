//! Names of principals and realms (RFC 4120 6, 5.2.1, 5.2.2; RFC 6806 5), and the text in
//! which people write them.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod kerberos_string;
mod name_type;
mod principal;
mod principal_name;
mod realm;
mod text;

pub use kerberos_string::KerberosString;
pub use name_type::NameType;
pub use principal::Principal;
pub use principal_name::PrincipalName;
pub use realm::Realm;

/// More components than this in one name is refused; the protocol's own names have two or three.
pub const MAX_COMPONENTS: usize = 64;

/// Why a text is not the name of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text ends in a lone `\`: write the character that was to be escaped after it.
    #[error("malformed name: it ends in an escape character")]
    DanglingEscape,
    /// There is an `@` or a `/` in the realm: escape it as `\@` or `\/` where it belongs to a name.
    #[error("malformed name: unescaped {0:?} in the realm")]
    SeparatorInRealm(char),
    /// The text names no realm and there is no default realm: set one, or add `@REALM`.
    #[error("the name has no realm and there is no default realm")]
    NoRealm,
    /// The name has more than [`MAX_COMPONENTS`] components.
    #[error("the name has too many components")]
    TooManyComponents,
}
