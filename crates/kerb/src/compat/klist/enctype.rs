//! Encryption types as klist writes them.

use kerbstone_crypto::Enctype;

/// Types that MIT names although nothing computes them any more, and weak ones that it marks.
const OLD: [(i32, &str); 6] = [
    (1, "des-cbc-crc"),
    (2, "des-cbc-md4"),
    (3, "des-cbc-md5"),
    (4, "des-cbc-raw"),
    (6, "des3-cbc-raw"),
    (8, "des-hmac-sha1"),
];

/// Export-strength RC4.
const ARCFOUR_EXPORT: i32 = 24;

/// The name, with `DEPRECATED:` before it where MIT 1.20 says so; `etype N` without one.
pub(crate) fn describe(number: i32) -> String {
    let old = OLD
        .iter()
        .find(|(known, _)| *known == number)
        .map(|(_, name)| *name);
    match Enctype::from_number(number) {
        Some(enctype) if enctype.is_legacy() => format!("DEPRECATED:{}", enctype.name()),
        Some(enctype) => enctype.name().to_owned(),
        None if number == ARCFOUR_EXPORT => "DEPRECATED:arcfour-hmac-exp".to_owned(),
        None => match old {
            Some(name) => format!("DEPRECATED:{name}"),
            None => format!("DEPRECATED:etype {number}"),
        },
    }
}
