//! Whether a keytab serves a ticket, and if not, why.

use kerbstone_crypto::{Enctype, KeyUsage};
use kerbstone_proto::keytab::{Keytab, KeytabEntry};
use kerbstone_proto::message::Ticket;
use kerbstone_proto::name::Principal;

/// What a keytab can do with the tickets that the KDC gives for a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeytabFit {
    /// A key opens the ticket.
    Opens {
        /// The key's version.
        kvno: u32,
        /// Its encryption type.
        enctype: Enctype,
    },
    /// The keytab has no key of the principal.
    NoEntry {
        /// Whose keys it has.
        has: Vec<Principal>,
    },
    /// The ticket was made with a version of the key that the keytab does not have.
    WrongKvno {
        /// The ticket's.
        ticket: u32,
        /// The keytab's.
        keytab: Vec<u32>,
    },
    /// The keytab has the ticket's version of the key, but not for its encryption type.
    MissingEnctype {
        /// The version of the key.
        kvno: Option<u32>,
        /// The number of the ticket's encryption type.
        ticket: i32,
        /// The numbers of the keytab's.
        keytab: Vec<i32>,
    },
    /// Version and encryption type fit, and the key is another one.
    WrongKey {
        /// The version of the key.
        kvno: u32,
        /// Its encryption type.
        enctype: Enctype,
    },
    /// The ticket is of an encryption type that cannot be tried here.
    CannotTry {
        /// Its number.
        enctype: i32,
    },
}

impl KeytabFit {
    /// Tries the keys that `keytab` has for `principal` on a ticket.
    pub fn of(ticket: &Ticket, keytab: &Keytab, principal: &Principal) -> Self {
        let own: Vec<&KeytabEntry> = keytab
            .entries()
            .filter(|entry| entry.principal == *principal)
            .collect();
        if own.is_empty() {
            let mut has: Vec<Principal> = Vec::new();
            for entry in keytab.entries() {
                if !has.contains(&entry.principal) {
                    has.push(entry.principal.clone());
                }
            }
            return Self::NoEntry { has };
        }
        let etype = ticket.enc_part.etype;
        let Some(enctype) = Enctype::from_number(etype).filter(|enctype| enctype.is_available())
        else {
            return Self::CannotTry { enctype: etype };
        };
        let same_enctype = || own.iter().filter(|entry| entry.key.enctype == etype);
        if let Some(entry) = same_enctype().find(|entry| opens(entry, ticket)) {
            let kvno = entry.kvno;
            return Self::Opens { kvno, enctype };
        }
        let wanted = ticket.enc_part.kvno.map(|kvno| kvno.0);
        if let Some(ticket) = wanted
            && !own.iter().any(|entry| is_version(entry, ticket))
        {
            let mut versions: Vec<u32> = own.iter().map(|entry| entry.kvno).collect();
            versions.sort_unstable();
            versions.dedup();
            return Self::WrongKvno {
                ticket,
                keytab: versions,
            };
        }
        let of_version =
            |entry: &&&KeytabEntry| wanted.is_none_or(|wanted| is_version(entry, wanted));
        if let Some(entry) = same_enctype().find(of_version) {
            let kvno = entry.kvno;
            return Self::WrongKey { kvno, enctype };
        }
        let mut enctypes = Vec::new();
        for entry in own.iter().filter(of_version) {
            if !enctypes.contains(&entry.key.enctype) {
                enctypes.push(entry.key.enctype);
            }
        }
        Self::MissingEnctype {
            kvno: wanted,
            ticket: etype,
            keytab: enctypes,
        }
    }
}

fn opens(entry: &KeytabEntry, ticket: &Ticket) -> bool {
    entry.key.to_key().is_ok_and(|key| {
        let opened = ticket.enc_part.decrypt(&key, KeyUsage::TICKET);
        opened.is_ok()
    })
}

/// Old keytabs hold the low eight bits of a version alone.
fn is_version(entry: &KeytabEntry, wanted: u32) -> bool {
    entry.kvno == wanted || entry.kvno == wanted & 0xff
}

#[cfg(test)]
mod tests {
    use kerbstone_crypto::Key;
    use kerbstone_proto::key_block::KeyBlock;
    use kerbstone_proto::message::EncryptedData;
    use kerbstone_proto::time::KerberosTime;
    use rand::rngs::SysRng;
    use rand_core::UnwrapErr;

    use super::*;

    const AES256: Enctype = Enctype::Aes256CtsHmacSha1_96;
    const AES128: Enctype = Enctype::Aes128CtsHmacSha1_96;

    fn key(enctype: Enctype, byte: u8) -> Key {
        Key::new(enctype, &vec![byte; enctype.key_length()]).unwrap()
    }

    fn www() -> Principal {
        Principal::parse("HTTP/www@R", None).unwrap()
    }

    fn ticket(kvno: u32) -> Ticket {
        let key = key(AES256, 1);
        let mut rng = UnwrapErr(SysRng);
        Ticket {
            realm: www().realm,
            sname: www().name,
            enc_part: EncryptedData::encrypt(&key, KeyUsage::TICKET, Some(kvno), b"x", &mut rng),
        }
    }

    fn keytab(entries: &[(&str, u32, Key)]) -> Keytab {
        Keytab::from_entries(entries.iter().map(|(name, kvno, key)| KeytabEntry {
            principal: Principal::parse(name, None).unwrap(),
            timestamp: KerberosTime::ZERO,
            kvno: *kvno,
            key: KeyBlock::from(key),
        }))
        .unwrap()
    }

    #[test]
    fn each_way_in_which_a_keytab_fails_is_told_apart() {
        let fit =
            |entries: &[(&str, u32, Key)]| KeytabFit::of(&ticket(3), &keytab(entries), &www());
        assert_eq!(
            fit(&[("HTTP/www@R", 3, key(AES256, 1))]),
            KeytabFit::Opens {
                kvno: 3,
                enctype: AES256
            }
        );
        assert!(matches!(
            fit(&[("host/www@R", 3, key(AES256, 1))]),
            KeytabFit::NoEntry { has } if has.len() == 1
        ));
        assert_eq!(
            fit(&[
                ("HTTP/www@R", 1, key(AES256, 2)),
                ("HTTP/www@R", 2, key(AES256, 2))
            ]),
            KeytabFit::WrongKvno {
                ticket: 3,
                keytab: vec![1, 2]
            }
        );
        assert_eq!(
            fit(&[("HTTP/www@R", 3, key(AES128, 1))]),
            KeytabFit::MissingEnctype {
                kvno: Some(3),
                ticket: 18,
                keytab: vec![17]
            }
        );
        assert_eq!(
            fit(&[("HTTP/www@R", 3, key(AES256, 2))]),
            KeytabFit::WrongKey {
                kvno: 3,
                enctype: AES256
            }
        );
    }
}
