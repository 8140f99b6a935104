//! The local user behind a principal, as the kernel's NFS server wants it (`linux_creds_v1`).
//!
//! Name services may answer from afar, so whoever must not wait does not come here.

use std::ffi::CString;

use kerbstone_proto::krb5_conf::Krb5Conf;
use kerbstone_proto::localname::local_name;
use kerbstone_proto::name::Principal;
use nix::unistd::{User, getgrouplist};

/// More groups than the kernel takes (NGROUPS_MAX).
const MAX_GROUPS: usize = 65_536;

/// Who a caller is to a file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalUser {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl LocalUser {
    /// Nobody: the kernel makes the anonymous user of the export of it.
    const NOBODY: Self = Self {
        uid: u32::MAX,
        gid: u32::MAX,
        groups: Vec::new(),
    };

    /// The user that `auth_to_local` and the user data base make of a principal; nobody when they
    /// make none of it, which is no error: machines come without a user.
    pub(super) fn of(principal: &Principal, conf: &Krb5Conf) -> Self {
        local_name(conf, principal)
            .ok()
            .and_then(|name| Self::named(&name))
            .unwrap_or(Self::NOBODY)
    }

    fn named(name: &str) -> Option<Self> {
        let user = User::from_name(name).ok()??;
        let name = CString::new(name).ok()?;
        let groups = getgrouplist(&name, user.gid).ok()?;
        Some(Self {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            groups: groups
                .into_iter()
                .take(MAX_GROUPS)
                .map(nix::unistd::Gid::as_raw)
                .collect(),
        })
    }

    /// In the machine's byte order: user, group, how many groups, groups.
    pub(super) fn to_linux_creds(&self) -> Vec<u8> {
        let count = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        [self.uid, self.gid, count]
            .iter()
            .chain(&self.groups)
            .flat_map(|number| number.to_ne_bytes())
            .collect()
    }
}

/// The name of a user, if there is one of that number.
pub(super) fn user_name(uid: u32) -> Option<String> {
    Some(User::from_uid(uid.into()).ok()??.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_becomes_numbers_and_a_stranger_becomes_nobody() {
        let conf = Krb5Conf::parse("[libdefaults]\ndefault_realm = LAB.TEST\n").unwrap();
        let root = Principal::parse("root@LAB.TEST", None).unwrap();
        let blob = LocalUser::of(&root, &conf).to_linux_creds();
        assert_eq!(blob.get(..8), Some(&[0; 8][..]));
        let machine = Principal::parse("nfs/host@LAB.TEST", None).unwrap();
        let blob = LocalUser::of(&machine, &conf).to_linux_creds();
        assert_eq!(blob, [[0xff; 4], [0xff; 4], [0; 4]].concat());
    }
}
