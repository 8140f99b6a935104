//! The part of a locale that dates need, as glibc has compiled it on this machine.
//!
//! MIT's programs print dates with strftime after `setlocale(LC_ALL, "")`. Calling that is `unsafe`,
//! so the compiled tables are read here: `LC_TIME` below LOCPATH or /usr/lib/locale, or the
//! locale-archive. As with setlocale, one category without its locale puts everything back to "C".

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Names and formats of dates, as bytes in the locale's own encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Locale {
    fields: Vec<Vec<u8>>,
}

/// Order of the fields in glibc's LC_TIME, up to the formats.
const SHORT_DAY: usize = 0;
const DAY: usize = 7;
const SHORT_MONTH: usize = 14;
const MONTH: usize = 26;
const AM_PM: usize = 38;
const DATE_TIME: usize = 40;
const DATE: usize = 41;
const TIME: usize = 42;
const TIME_AM_PM: usize = 43;
const FIELDS: usize = 44;

const C_FIELDS: [&str; FIELDS] = [
    "Sun",
    "Mon",
    "Tue",
    "Wed",
    "Thu",
    "Fri",
    "Sat",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
    "AM",
    "PM",
    "%a %b %e %H:%M:%S %Y",
    "%m/%d/%y",
    "%H:%M:%S",
    "%I:%M:%S %p",
];

const CATEGORIES: [&str; 12] = [
    "LC_CTYPE",
    "LC_NUMERIC",
    "LC_TIME",
    "LC_COLLATE",
    "LC_MONETARY",
    "LC_MESSAGES",
    "LC_PAPER",
    "LC_NAME",
    "LC_ADDRESS",
    "LC_TELEPHONE",
    "LC_MEASUREMENT",
    "LC_IDENTIFICATION",
];

/// LC_TIME's number among glibc's categories.
const LC_TIME: usize = 2;

impl Locale {
    /// The "C" locale.
    pub(crate) fn c() -> Self {
        Self {
            fields: C_FIELDS
                .iter()
                .map(|field| field.as_bytes().to_vec())
                .collect(),
        }
    }

    /// The locale that the environment asks for.
    pub(crate) fn of_environment() -> Self {
        let places = Places::of_environment();
        let chosen = CATEGORIES.map(|category| (category, name_of(category)));
        if chosen
            .iter()
            .any(|(category, name)| !is_c(name) && places.table(category, name).is_none())
        {
            return Self::c();
        }
        let time = name_of("LC_TIME");
        if is_c(&time) {
            return Self::c();
        }
        places
            .table("LC_TIME", &time)
            .and_then(|table| Self::parse(&table))
            .unwrap_or_else(Self::c)
    }

    /// A compiled LC_TIME: a magic number, the count of fields, their offsets, the strings.
    fn parse(table: &[u8]) -> Option<Self> {
        const MAGIC: u32 = 0x2003_1115 ^ 2;
        if number(table, 0)? != MAGIC || size(number(table, 4)?) < FIELDS {
            return None;
        }
        let fields = (0..FIELDS).map(|field| {
            let offset = number(table, field.checked_mul(4)?.checked_add(8)?)?;
            Some(text(table, size(offset))?.to_vec())
        });
        Some(Self {
            fields: fields.collect::<Option<_>>()?,
        })
    }

    fn field(&self, start: usize, at: usize) -> &[u8] {
        self.fields
            .get(start.saturating_add(at))
            .map_or(b"?", Vec::as_slice)
    }

    /// `Sun`, for a day from 0.
    pub(crate) fn short_day(&self, day: usize) -> &[u8] {
        self.field(SHORT_DAY, day)
    }

    /// `Sunday`, for a day from 0.
    pub(crate) fn day(&self, day: usize) -> &[u8] {
        self.field(DAY, day)
    }

    /// `Jan`, for a month from 0.
    pub(crate) fn short_month(&self, month: usize) -> &[u8] {
        self.field(SHORT_MONTH, month)
    }

    /// `January`, for a month from 0.
    pub(crate) fn month(&self, month: usize) -> &[u8] {
        self.field(MONTH, month)
    }

    /// `AM` or `PM`.
    pub(crate) fn am_pm(&self, afternoon: bool) -> &[u8] {
        self.field(AM_PM, usize::from(afternoon))
    }

    /// The format behind `%c`.
    pub(crate) fn date_time_format(&self) -> &[u8] {
        self.field(DATE_TIME, 0)
    }

    /// The format behind `%x`.
    pub(crate) fn date_format(&self) -> &[u8] {
        self.field(DATE, 0)
    }

    /// The format behind `%X`.
    pub(crate) fn time_format(&self) -> &[u8] {
        self.field(TIME, 0)
    }

    /// The format behind `%r`.
    pub(crate) fn time_am_pm_format(&self) -> &[u8] {
        self.field(TIME_AM_PM, 0)
    }
}

/// The name asked for: LC_ALL before the category's own variable before LANG.
fn name_of(category: &str) -> String {
    ["LC_ALL", category, "LANG"]
        .iter()
        .filter_map(|name| env::var(name).ok())
        .find(|value| !value.is_empty())
        .unwrap_or_else(|| "C".to_owned())
}

fn is_c(name: &str) -> bool {
    matches!(name, "C" | "POSIX")
}

/// The name as given, and with its encoding written as glibc stores it (`UTF-8` as `utf8`).
fn spellings(name: &str) -> Vec<String> {
    let mut spellings = vec![name.to_owned()];
    if let Some((place, rest)) = name.split_once('.') {
        let (encoding, modifier) = rest.split_at(rest.find('@').unwrap_or(rest.len()));
        let plain: String = encoding
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        spellings.push(format!("{place}.{}{modifier}", plain.to_ascii_lowercase()));
    }
    spellings
}

/// Where compiled locales are looked for.
struct Places {
    directories: Vec<PathBuf>,
    archive: Option<Vec<u8>>,
}

const SYSTEM: &str = "/usr/lib/locale";

impl Places {
    fn of_environment() -> Self {
        let mut directories: Vec<PathBuf> = env::var_os("LOCPATH")
            .map_or_else(Vec::new, |paths| env::split_paths(&paths).collect());
        let archive = match directories.is_empty() {
            true => fs::read(Path::new(SYSTEM).join("locale-archive")).ok(),
            false => None,
        };
        directories.push(PathBuf::from(SYSTEM));
        Self {
            directories,
            archive,
        }
    }

    fn table(&self, category: &str, name: &str) -> Option<Vec<u8>> {
        // A name that climbs out of the folder is nobody's locale.
        if name.contains('/') {
            return None;
        }
        spellings(name).iter().find_map(|spelling| {
            let archived = self
                .archive
                .as_deref()
                .and_then(|archive| archived(archive, spelling));
            archived.or_else(|| {
                self.directories
                    .iter()
                    .find_map(|place| read(&place.join(spelling), category))
            })
        })
    }
}

/// A category's file; messages are a folder with the file in it.
fn read(locale: &Path, category: &str) -> Option<Vec<u8>> {
    let path = locale.join(category);
    fs::read(&path)
        .or_else(|_| fs::read(path.join(format!("SYS_{category}"))))
        .ok()
}

/// LC_TIME of a locale in the archive: a table of names leads to records of offsets and lengths.
fn archived(archive: &[u8], name: &str) -> Option<Vec<u8>> {
    const MAGIC: u32 = 0xde02_0109;
    const NAME_ENTRY: usize = 12;
    if number(archive, 0)? != MAGIC {
        return None;
    }
    let names = size(number(archive, 8)?);
    let slots = size(number(archive, 16)?);
    let entry = (0..slots).find_map(|slot| {
        let entry = slot.checked_mul(NAME_ENTRY)?.checked_add(names)?;
        let stored = size(number(archive, entry.checked_add(4)?)?);
        (stored != 0 && text(archive, stored)? == name.as_bytes()).then_some(entry)
    })?;
    let record = size(number(archive, entry.checked_add(8)?)?).checked_add(4)?;
    let place = LC_TIME.checked_mul(8)?.checked_add(record)?;
    let start = size(number(archive, place)?);
    let length = size(number(archive, place.checked_add(4)?)?);
    archive
        .get(start..start.checked_add(length)?)
        .map(<[u8]>::to_vec)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

fn text(bytes: &[u8], at: usize) -> Option<&[u8]> {
    bytes.get(at..)?.split(|&byte| byte == 0).next()
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Locale, spellings};

    #[test]
    fn spells_an_encoding_as_glibc_stores_it() {
        assert_eq!(spellings("en_US.UTF-8"), ["en_US.UTF-8", "en_US.utf8"]);
        assert_eq!(
            spellings("de_DE.ISO-8859-15@euro"),
            ["de_DE.ISO-8859-15@euro", "de_DE.iso885915@euro"]
        );
        assert_eq!(spellings("fr_FR"), ["fr_FR"]);
    }

    #[test]
    fn refuses_a_table_that_ends_early() {
        let mut table = Vec::new();
        table.extend_from_slice(&(0x2003_1115u32 ^ 2).to_ne_bytes());
        table.extend_from_slice(&159u32.to_ne_bytes());
        assert_eq!(Locale::parse(&table), None);
    }
}
