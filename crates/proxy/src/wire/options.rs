//! Options that clients and daemons know. Their names, and values that are words, end with a NUL
//! that counts.

use super::RpcOption;

/// In the call's context: the form in which the context is wanted.
pub const EXPORTED_CONTEXT_TYPE: &[u8] = b"exported_context_type\0";
/// A context as the kernel takes it; a value of [`EXPORTED_CONTEXT_TYPE`].
pub const LINUX_LUCID_V1: &[u8] = b"linux_lucid_v1\0";
/// In the call's context: the form in which the initiator's local identity is wanted.
pub const EXPORTED_CREDS_TYPE: &[u8] = b"exported_creds_type\0";
/// User and group numbers as the kernel takes them: a value of [`EXPORTED_CREDS_TYPE`], and the
/// option of the reply that has them.
pub const LINUX_CREDS_V1: &[u8] = b"linux_creds_v1\0";
/// With ACQUIRE_CRED: how the credential is acquired.
pub const ACQUIRE_TYPE: &[u8] = b"acquire_type\0";
/// As somebody else, without that one's key; a value of [`ACQUIRE_TYPE`].
pub const IMPERSONATE_NAME: &[u8] = b"impersonate_name\0";
/// With INIT_SEC_CONTEXT and ACCEPT_SEC_CONTEXT: whether the client wants credentials back that the
/// call changed.
pub const SYNC_MODIFIED_CREDS: &[u8] = b"sync_modified_creds\0";
/// A value of [`SYNC_MODIFIED_CREDS`].
pub const DEFAULT: &[u8] = b"default\0";
/// In the reply: the changed credential, encoded.
pub const SYNC_CREDS: &[u8] = b"sync_creds\0";
/// With IMPORT_AND_CANON_NAME: the local user is wanted; and in the reply, who that is.
pub const LOCALNAME: &[u8] = b"localname\0";
/// In a credential's element: the enctypes allowed, as 32-bit numbers in the host's order.
pub const ALLOWED_ENCTYPES: &[u8] = b"krb5_set_allowed_enctype_values\0";
/// In a credential's element: without the flags for confidentiality and integrity.
pub const NO_CI_FLAGS: &[u8] = b"krb5_set_no_ci_flags\0";

/// With ACCEPT_SEC_CONTEXT: application data of further channel bindings, once for each; the initiator may be bound to
/// any of them instead of to the call's. An extension of Kerbstone's; gssproxy passes over options that it does not know.
pub const OTHER_BINDINGS: &[u8] = b"kerbstone_other_bindings\0";

/// The names of all of them, and of the values that are words.
pub const ALL: &[&[u8]] = &[
    EXPORTED_CONTEXT_TYPE,
    LINUX_LUCID_V1,
    EXPORTED_CREDS_TYPE,
    LINUX_CREDS_V1,
    ACQUIRE_TYPE,
    IMPERSONATE_NAME,
    SYNC_MODIFIED_CREDS,
    DEFAULT,
    SYNC_CREDS,
    LOCALNAME,
    ALLOWED_ENCTYPES,
    NO_CI_FLAGS,
    OTHER_BINDINGS,
];

/// The value of the first option with this name.
pub fn find<'a>(options: &'a [RpcOption], name: &[u8]) -> Option<&'a [u8]> {
    options
        .iter()
        .find(|option| option.option == *name)
        .map(|option| option.value.as_slice())
}

/// The values of all options with this name.
pub fn find_all<'a>(options: &'a [RpcOption], name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    let named = options.iter().filter(move |option| option.option == *name);
    named.map(|option| option.value.as_slice())
}

impl RpcOption {
    /// An option of that name and value; both as they go over the wire, NUL and all.
    pub fn new(name: &[u8], value: &[u8]) -> Self {
        Self {
            option: name.into(),
            value: value.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_ends_with_its_only_nul() {
        for name in ALL {
            assert_eq!(
                name.iter().position(|&byte| byte == 0),
                Some(name.len() - 1)
            );
        }
    }

    #[test]
    fn finds_the_first_option_of_a_name_and_no_shorter_one() {
        let options = [
            RpcOption::new(b"localname", b"no NUL"),
            RpcOption::new(LOCALNAME, b"first"),
            RpcOption::new(LOCALNAME, b"second"),
        ];
        assert_eq!(find(&options, LOCALNAME), Some(b"first".as_slice()));
        assert_eq!(find(&options, SYNC_CREDS), None);
    }
}
