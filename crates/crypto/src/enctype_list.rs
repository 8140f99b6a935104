//! Lists of enctypes as krb5.conf writes them (`permitted_enctypes` and its relatives).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::Enctype;

/// What a list of enctype names stands for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EnctypeList {
    /// The enctypes chosen, most preferred first, each once.
    pub enctypes: Vec<Enctype>,
    /// The words that name nothing we know, in order; MIT's library passes over them silently.
    pub unknown: Vec<String>,
}

impl Enctype {
    /// Reads a list of names, separated by blanks or commas, from left to right.
    ///
    /// A word is the name of an enctype, of a family (`aes`, `aes-sha1`, `aes-sha2`, `camellia`,
    /// `des3`, `rc4`) or `DEFAULT` for [`Enctype::DEFAULT`]; `-word` takes away what the word
    /// stands for, `+word` is the same as `word`. Names that are not known are reported in
    /// [`EnctypeList::unknown`] and otherwise ignored.
    ///
    /// ```
    /// use kerbstone_crypto::Enctype;
    ///
    /// let list = Enctype::parse_list("aes, -aes128-cts idea");
    /// assert_eq!(list.enctypes.len(), 3);
    /// assert_eq!(list.unknown, ["idea"]);
    /// ```
    pub fn parse_list(text: &str) -> EnctypeList {
        let mut list = EnctypeList::default();
        let words = text
            .split([' ', '\t', '\r', '\n', ','])
            .filter(|word| !word.is_empty());
        for word in words {
            list.apply(word);
        }
        list
    }
}

impl EnctypeList {
    fn apply(&mut self, word: &str) {
        let (add, name) = match word.strip_prefix('-') {
            Some(name) => (false, name),
            None => (true, word.strip_prefix('+').unwrap_or(word)),
        };
        let Some(meant) = meaning(name) else {
            self.unknown.push(name.to_owned());
            return;
        };
        if add {
            for enctype in meant {
                if !self.enctypes.contains(&enctype) {
                    self.enctypes.push(enctype);
                }
            }
        } else {
            self.enctypes.retain(|enctype| !meant.contains(enctype));
        }
    }
}

fn meaning(name: &str) -> Option<Vec<Enctype>> {
    family(name)
        .map(<[Enctype]>::to_vec)
        .or_else(|| name.parse().ok().map(|enctype| vec![enctype]))
}

fn family(name: &str) -> Option<&'static [Enctype]> {
    const AES_SHA1: &[Enctype] = &[Enctype::Aes256CtsHmacSha1_96, Enctype::Aes128CtsHmacSha1_96];
    const AES_SHA2: &[Enctype] = &[
        Enctype::Aes256CtsHmacSha384_192,
        Enctype::Aes128CtsHmacSha256_128,
    ];
    const AES: &[Enctype] = &[
        Enctype::Aes256CtsHmacSha1_96,
        Enctype::Aes128CtsHmacSha1_96,
        Enctype::Aes256CtsHmacSha384_192,
        Enctype::Aes128CtsHmacSha256_128,
    ];
    const CAMELLIA: &[Enctype] = &[Enctype::Camellia256CtsCmac, Enctype::Camellia128CtsCmac];
    let families: [(&str, &'static [Enctype]); 7] = [
        ("DEFAULT", Enctype::DEFAULT),
        ("aes", AES),
        ("aes-sha1", AES_SHA1),
        ("aes-sha2", AES_SHA2),
        ("camellia", CAMELLIA),
        ("des3", &[Enctype::Des3CbcSha1]),
        ("rc4", &[Enctype::Rc4Hmac]),
    ];
    families
        .into_iter()
        .find(|(family, _)| family.eq_ignore_ascii_case(name))
        .map(|(_, members)| members)
}
