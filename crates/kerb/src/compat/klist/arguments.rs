//! klist's command line, read and checked.

use crate::compat::getopt::{Found, Getopt, Options};
use crate::compat::klist::ticket_lines::Details;
use crate::compat::{Call, Stop};
use crate::console::{Console, err};

static OPTIONS: Options = Options {
    short: "dfetKsnacki45lAVC",
    long: &[],
};

/// What klist shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// A cache, as nothing else was said.
    #[default]
    Default,
    /// A cache, by -c.
    Cache,
    /// A keytab.
    Keytab,
}

/// The checked command line.
#[derive(Clone, Debug, Default)]
pub(super) struct Arguments {
    pub(super) place: Place,
    pub(super) details: Details,
    pub(super) only_status: bool,
    pub(super) times: bool,
    pub(super) keys: bool,
    pub(super) client_keytab: bool,
    pub(super) list_caches: bool,
    pub(super) all_caches: bool,
    pub(super) config_entries: bool,
    pub(super) version: bool,
    pub(super) name: Option<String>,
}

impl Arguments {
    /// Reads and checks.
    pub(super) fn read(call: &Call, console: &mut Console) -> Result<Self, Stop> {
        let mut arguments = Self::default();
        let mut options = Getopt::new(&call.typed, &call.words, &OPTIONS);
        while let Some(found) = options.next(console) {
            match found {
                Found::Mistake => return Err(usage(call, console)),
                Found::Option(letter, _) => arguments.option(letter, call, console)?,
            }
        }
        if arguments.contradicts_itself() {
            return Err(usage(call, console));
        }
        let mut operands = options.operands().into_iter();
        arguments.name = operands.next();
        if let Some(extra) = operands.next() {
            err!(console, "Extra arguments (starting with \"{extra}\").\n");
            return Err(usage(call, console));
        }
        Ok(arguments)
    }

    fn option(&mut self, letter: char, call: &Call, console: &mut Console) -> Result<(), Stop> {
        match letter {
            'd' => self.details.authdata_types = true,
            'f' => self.details.flags = true,
            'e' => self.details.enctypes = true,
            't' => self.times = true,
            'K' => self.keys = true,
            's' => self.only_status = true,
            'n' => self.details.numeric_addresses = true,
            'a' => self.details.addresses = true,
            'i' => self.client_keytab = true,
            'l' => self.list_caches = true,
            'A' => self.all_caches = true,
            'C' => self.config_entries = true,
            'V' => self.version = true,
            'c' | 'k' if self.place != Place::Default => return Err(usage(call, console)),
            'c' => self.place = Place::Cache,
            'k' => self.place = Place::Keytab,
            '4' => {
                err!(console, "Kerberos 4 is no longer supported\n");
                return Err(Stop(3));
            }
            _ => {}
        }
        Ok(())
    }

    const fn contradicts_itself(&self) -> bool {
        let details = &self.details;
        if details.numeric_addresses && !details.addresses {
            return true;
        }
        match self.place {
            Place::Keytab => {
                details.flags
                    || self.only_status
                    || details.addresses
                    || self.all_caches
                    || self.list_caches
            }
            Place::Default | Place::Cache => {
                self.times
                    || self.keys
                    || (self.list_caches && (self.all_caches || self.only_status))
            }
        }
    }
}

fn usage(call: &Call, console: &mut Console) -> Stop {
    err!(
        console,
        "Usage: {} [-e] [-V] [[-c] [-l] [-A] [-d] [-f] [-s] [-a [-n]]] [-k [-i] [-t] [-K]] [-C] [name]\n",
        call.name
    );
    for (depth, line) in OPTION_LINES {
        err!(console, "{}{line}\n", "\t".repeat(depth));
    }
    Stop(1)
}

const OPTION_LINES: [(usize, &str); 18] = [
    (1, "-c specifies credentials cache"),
    (1, "-k specifies keytab"),
    (1, "   (Default is credentials cache)"),
    (1, "-i uses default client keytab if no name given"),
    (1, "-l lists credential caches in collection"),
    (1, "-A shows content of all credential caches"),
    (1, "-e shows the encryption type"),
    (1, "-V shows the Kerberos version and exits"),
    (1, "options for credential caches:"),
    (2, "-d shows the submitted authorization data types"),
    (2, "-f shows credentials flags"),
    (2, "-s sets exit status based on valid tgt existence"),
    (2, "-a displays the address list"),
    (3, "-n do not reverse-resolve"),
    (1, "options for keytabs:"),
    (2, "-t shows keytab entry timestamps"),
    (2, "-K shows keytab entry keys"),
    (2, "-C includes configuration data entries"),
];
