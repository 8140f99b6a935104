//! kinit's command line: as typed, then checked.

use crate::compat::date::Calendar;
use crate::compat::getopt::{Found, Getopt, Long, Options};
use crate::compat::{Call, Stop, lifetime};
use crate::console::{Console, err};

/// Letters of options that have no short form.
const REQUEST_PAC: char = '\u{1}';
const NO_REQUEST_PAC: char = '\u{2}';

const fn long(name: &'static str, letter: char) -> Long {
    Long {
        name,
        takes_value: false,
        letter,
    }
}

static OPTIONS: Options = Options {
    short: "r:fpFPn54aAVl:s:c:kit:T:RS:vX:CEI:",
    long: &[
        long("noforwardable", 'F'),
        long("noproxiable", 'P'),
        long("addresses", 'a'),
        long("forwardable", 'f'),
        long("proxiable", 'p'),
        long("noaddresses", 'A'),
        long("canonicalize", 'C'),
        long("enterprise", 'E'),
        long("request-pac", REQUEST_PAC),
        long("no-request-pac", NO_REQUEST_PAC),
    ],
};

/// What kinit is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Action {
    /// Sign in with a password.
    #[default]
    Password,
    /// Sign in with a keytab.
    Keytab,
    /// Renew the ticket in the cache.
    Renew,
    /// Make the postdated ticket in the cache usable.
    Validate,
}

/// The checked command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    pub(super) action: Action,
    /// Seconds; negative ones are asked for as they are.
    pub(super) lifetime: Option<i32>,
    pub(super) renewable_life: Option<i32>,
    /// Seconds from now.
    pub(super) start: Option<i32>,
    pub(super) forwardable: Option<bool>,
    pub(super) proxiable: Option<bool>,
    pub(super) addresses: Option<bool>,
    pub(super) pac: Option<bool>,
    pub(super) anonymous: bool,
    pub(super) canonicalize: bool,
    pub(super) enterprise: bool,
    pub(super) verbose: bool,
    pub(super) client_keytab: bool,
    pub(super) keytab: Option<String>,
    pub(super) cache: Option<String>,
    pub(super) input_cache: Option<String>,
    pub(super) armor_cache: Option<String>,
    pub(super) service: Option<String>,
    pub(super) preauth_options: Vec<(String, String)>,
    pub(super) principal: Option<String>,
}

/// The command line as typed: opposites may both stand.
#[derive(Default)]
struct Typed {
    arguments: Arguments,
    forwardable: Opposites,
    proxiable: Opposites,
    addresses: Opposites,
    pac: Opposites,
    mistakes: bool,
}

/// A flag and its opposite.
#[derive(Clone, Copy, Default)]
struct Opposites {
    yes: bool,
    no: bool,
}

impl Opposites {
    const fn both(self) -> bool {
        self.yes && self.no
    }

    const fn wish(self) -> Option<bool> {
        match (self.yes, self.no) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }
}

impl Arguments {
    /// Reads and checks; every mistake is told before the usage.
    pub(super) fn read(
        call: &Call,
        calendar: &Calendar,
        now: i64,
        console: &mut Console,
    ) -> Result<Self, Stop> {
        let mut typed = Typed::default();
        let mut options = Getopt::new(&call.typed, &call.words, &OPTIONS);
        while let Some(found) = options.next(console) {
            match found {
                Found::Mistake => typed.mistakes = true,
                Found::Option(letter, value) => {
                    typed.option(letter, value.unwrap_or_default(), calendar, now, console)?;
                }
            }
        }
        typed.check(options.operands(), console);
        if typed.mistakes {
            return Err(usage(call, console));
        }
        Ok(typed.arguments)
    }
}

impl Typed {
    fn option(
        &mut self,
        letter: char,
        value: String,
        calendar: &Calendar,
        now: i64,
        console: &mut Console,
    ) -> Result<(), Stop> {
        match letter {
            'V' => self.arguments.verbose = true,
            'l' => self.arguments.lifetime = self.lifetime(&value, console),
            'r' => self.arguments.renewable_life = self.lifetime(&value, console),
            's' => self.arguments.start = self.start(&value, calendar, now, console),
            'f' => self.forwardable.yes = true,
            'F' => self.forwardable.no = true,
            'p' => self.proxiable.yes = true,
            'P' => self.proxiable.no = true,
            'a' => self.addresses.yes = true,
            'A' => self.addresses.no = true,
            REQUEST_PAC => self.pac.yes = true,
            NO_REQUEST_PAC => self.pac.no = true,
            'n' => self.arguments.anonymous = true,
            'C' => self.arguments.canonicalize = true,
            'E' => self.arguments.enterprise = true,
            'i' => self.arguments.client_keytab = true,
            'k' => self.arguments.action = Action::Keytab,
            'R' => self.arguments.action = Action::Renew,
            'v' => self.arguments.action = Action::Validate,
            'S' => self.arguments.service = Some(value),
            't' => self.once(letter, value, "Only one -t option allowed.", console),
            'T' => self.once(letter, value, "Only one armor_ccache", console),
            'c' => self.once(letter, value, "Only one -c option allowed", console),
            'I' => self.once(letter, value, "Only one -I option allowed", console),
            'X' => {
                let (name, value) = value.split_once('=').unwrap_or((&value, "yes"));
                self.arguments
                    .preauth_options
                    .push((name.to_owned(), value.to_owned()));
            }
            '4' => {
                err!(console, "Kerberos 4 is no longer supported\n");
                return Err(Stop(3));
            }
            _ => {}
        }
        Ok(())
    }

    fn once(&mut self, letter: char, value: String, complaint: &str, console: &mut Console) {
        let place = match letter {
            't' => &mut self.arguments.keytab,
            'T' => &mut self.arguments.armor_cache,
            'c' => &mut self.arguments.cache,
            _ => &mut self.arguments.input_cache,
        };
        if place.is_some() {
            err!(console, "{complaint}\n");
            self.mistakes = true;
        } else {
            *place = Some(value);
        }
    }

    fn lifetime(&mut self, text: &str, console: &mut Console) -> Option<i32> {
        let seconds = lifetime::parse(text).filter(|&seconds| seconds != 0);
        if seconds.is_none() {
            err!(console, "Bad lifetime value {text}\n");
            self.mistakes = true;
        }
        seconds
    }

    /// A delay, or a moment by the local clock.
    fn start(
        &mut self,
        text: &str,
        calendar: &Calendar,
        now: i64,
        console: &mut Console,
    ) -> Option<i32> {
        let delay = lifetime::parse(text).filter(|&seconds| seconds != 0);
        let moment = || calendar.parse(text, now).filter(|&unix| unix != 0);
        let start = delay.or_else(|| i32::try_from(moment()?.saturating_sub(now)).ok());
        if start.is_none() {
            err!(console, "Bad start time value {text}\n");
            self.mistakes = true;
        }
        start
    }

    fn check(&mut self, operands: Vec<String>, console: &mut Console) {
        let pairs = [
            (self.forwardable, "-f and -F"),
            (self.proxiable, "-p and -P"),
            (self.pac, "--request-pac and --no-request-pac"),
            (self.addresses, "-a and -A"),
        ];
        for (opposites, names) in pairs {
            if opposites.both() {
                err!(console, "Only one of {names} allowed\n");
                self.mistakes = true;
            }
        }
        self.arguments.forwardable = self.forwardable.wish();
        self.arguments.proxiable = self.proxiable.wish();
        self.arguments.addresses = self.addresses.wish();
        self.arguments.pac = self.pac.wish();
        if self.arguments.keytab.is_some() && self.arguments.client_keytab {
            err!(console, "Only one of -t and -i allowed\n");
            self.mistakes = true;
        }
        let keytab_named = self.arguments.keytab.is_some() || self.arguments.client_keytab;
        if keytab_named && self.arguments.action != Action::Keytab {
            self.arguments.action = Action::Keytab;
            err!(console, "keytab specified, forcing -k\n");
        }
        if let Some(extra) = operands.get(1) {
            err!(console, "Extra arguments (starting with \"{extra}\").\n");
            self.mistakes = true;
        }
        self.arguments.principal = operands.into_iter().next();
    }
}

fn usage(call: &Call, console: &mut Console) -> Stop {
    err!(
        console,
        "Usage: {} [-V] [-l lifetime] [-s start_time] [-r renewable_life]\n\
         \t[-f | -F] [-p | -P] [-n] [-a | -A] [-C] [-E]\n\
         \t[--request-pac | --no-request-pac]\n\
         \t[-v] [-R] [-k [-i|-t keytab_file]] [-c cachename]\n\
         \t[-S service_name] [-I input_ccache] [-T ticket_armor_cache]\n\
         \t[-X <attribute>[=<value>]] [principal]\n\n\
         \x20   options:\n",
        call.name
    );
    for line in OPTION_LINES {
        err!(console, "\t{line}\n");
    }
    Stop(2)
}

const OPTION_LINES: [&str; 24] = [
    "-V verbose",
    "-l lifetime",
    "-s start time",
    "-r renewable lifetime",
    "-f forwardable",
    "-F not forwardable",
    "-p proxiable",
    "-P not proxiable",
    "-n anonymous",
    "-a include addresses",
    "-A do not include addresses",
    "-v validate",
    "-R renew",
    "-C canonicalize",
    "-E client is enterprise principal name",
    "-k use keytab",
    "-i use default client keytab (with -k)",
    "-t filename of keytab to use",
    "-c Kerberos 5 cache name",
    "-S service",
    "-I input credential cache",
    "-T armor credential cache",
    "-X <attribute>[=<value>]",
    "--{,no}-request-pac request KDC include/exclude a PAC",
];
