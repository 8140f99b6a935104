//! Minor statuses: the numbers that MIT's library gives for the same troubles, and its texts.

use kerbstone_client::ClientError;
use kerbstone_proto::error_code::ErrorCode;

/// A minor status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Minor(pub(super) u32);

/// Where the table of the protocol's errors begins among com_err's.
const KRB5: u32 = 0x96c7_3a00;
/// Where that of the krb5 mechanism begins (`k5g`).
const K5G: u32 = 0x025e_a100;
/// Where that of GSS-API at large begins (`ggss`).
const GGSS: u32 = 0x861b_6d00;

macro_rules! minors {
    ($($name:ident = $number:expr, $text:literal;)+) => {
        impl Minor {
            $(#[doc = concat!($text, ".")] pub(super) const $name: Self = Self($number);)+

            const fn fixed_text(self) -> Option<&'static str> {
                $(if self.0 == Self::$name.0 {
                    return Some($text);
                })+
                None
            }
        }
    };
}

minors! {
    ENOENT = 2, "No such file or directory";
    EIO = 5, "Input/output error";
    EACCES = 13, "Permission denied";
    EINVAL = 22, "Invalid argument";
    ENOSPC = 28, "No space left on device";
    ENOTSUP = 95, "Operation not supported";
    CC_NOT_FOUND = KRB5 + 141, "Matching credential not found";
    KDC_UNREACHABLE = KRB5 + 156, "Cannot contact any KDC for requested realm";
    NO_LOCAL_NAME = KRB5 + 176, "No translation available for requested principal";
    KEYTAB_NOT_FOUND = KRB5 + 181, "Key table entry not found";
    NO_CACHE = KRB5 + 195, "No credentials cache found";
    CC_IO = KRB5 + 193, "Credentials cache I/O operation failed";
    CC_FORMAT = KRB5 + 199, "Bad format in credentials cache";
    NOT_FORWARDABLE = KRB5 + 221, "Requesting ticket can't get forwardable tickets";
    NO_DEFAULT_REALM = KRB5 + 224, "Configuration file does not specify default realm";
    BAD_FORMAT = KRB5 + 136, "Improper format of Kerberos configuration file";
    PARSE_MALFORMED = KRB5 + 134, "Malformed representation of principal";
    NO_ENCTYPE = KRB5 + 150, "Program lacks support for encryption type";
    CACHE_NO_MATCH = K5G, "Principal in credential cache does not match desired name";
    KEYTAB_NO_MATCH = K5G + 1, "No principal in keytab matches desired name";
    EMPTY_CACHE = K5G + 12, "Credential cache is empty";
    CONTEXT_INCOMPLETE = K5G + 7, "Attempt to use incomplete security context";
    BAD_USAGE = GGSS + 7, "Credential usage type is unknown";
    UNKNOWN_QOP = GGSS + 8, "Unknown quality of protection specified";
    USAGE_MISMATCH = GGSS + 17, "The given credential's usage does not match the requested usage";
    NO_ACCEPTOR_STORE = GGSS + 18, "Storing of acceptor credentials is not supported by the mechanism";
}

impl Minor {
    /// Nothing to add to the major status.
    pub(super) const NONE: Self = Self(0);

    /// The number of a code of the protocol.
    pub(super) const fn of_code(code: ErrorCode) -> Self {
        Self(KRB5.wrapping_add(code.0.cast_unsigned()))
    }

    /// The number of what befell our client.
    pub(super) fn of_client(error: &ClientError) -> Self {
        match error {
            ClientError::Unreachable { .. } | ClientError::NoServers { .. } => {
                Self::KDC_UNREACHABLE
            }
            ClientError::NoTicket { .. } => Self::CC_NOT_FOUND,
            ClientError::NoCache { .. } | ClientError::NoCacheFor { .. } => Self::NO_CACHE,
            ClientError::CacheIo { .. } => Self::CC_IO,
            ClientError::CacheFormat { .. } => Self::CC_FORMAT,
            ClientError::NoKeytab { .. } | ClientError::NoKeyInKeytab { .. } => {
                Self::KEYTAB_NOT_FOUND
            }
            ClientError::KeytabIo { .. } => Self::KEYTAB_NOT_FOUND,
            ClientError::Configuration { .. } => Self::BAD_FORMAT,
            ClientError::NoDefaultRealm => Self::NO_DEFAULT_REALM,
            ClientError::Name { .. } => Self::PARSE_MALFORMED,
            _ => Self::of_code(error.krb_code().unwrap_or(ErrorCode::KRB_ERR_GENERIC)),
        }
    }

    /// What MIT's library says of the number; nothing where it would say that it is generic.
    pub(super) fn text(self) -> Option<&'static str> {
        if let Some(text) = self.fixed_text() {
            return Some(text);
        }
        let code = ErrorCode(self.0.wrapping_sub(KRB5).cast_signed());
        if code == ErrorCode::KRB_ERR_GENERIC || code == ErrorCode::KDC_ERR_NONE {
            return None;
        }
        code.message()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_mits_tables() {
        for (minor, number) in [
            (Minor::CC_NOT_FOUND, -1_765_328_243),
            (Minor::KDC_UNREACHABLE, -1_765_328_228),
            (Minor::KEYTAB_NOT_FOUND, -1_765_328_203),
            (Minor::NO_CACHE, -1_765_328_189),
            (Minor::KEYTAB_NO_MATCH, 39_756_033),
            (Minor::USAGE_MISMATCH, -2_045_022_959),
            (Minor::of_code(ErrorCode::KRB_AP_ERR_SKEW), -1_765_328_347),
        ] {
            assert_eq!(minor.0.cast_signed(), number, "{minor:?}");
        }
    }

    #[test]
    fn a_protocol_code_has_mits_words_and_the_generic_one_none() {
        let replay = Minor::of_code(ErrorCode::KRB_AP_ERR_REPEAT);
        assert_eq!(replay.text(), Some("Request is a replay"));
        assert_eq!(Minor::of_code(ErrorCode::KRB_ERR_GENERIC).text(), None);
        assert_eq!(Minor::NONE.text(), None);
    }
}
