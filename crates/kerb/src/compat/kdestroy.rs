//! kdestroy: removes credential caches.

use kerbstone_client::{Cache, ClientError};

use crate::compat::getopt::{Found, Getopt, Options};
use crate::compat::mit_words::{Say, Words};
use crate::compat::{Call, Outcome, Stop};
use crate::console::{Console, err};
use crate::session::Session;

static OPTIONS: Options = Options {
    short: "54Aqc:p:",
    long: &[],
};

/// The checked command line.
#[derive(Debug, Default)]
struct Arguments {
    all: bool,
    quiet: bool,
    cache: Option<String>,
    principal: Option<String>,
}

/// Runs kdestroy.
pub(super) fn run(call: &Call, console: &mut Console) -> Outcome {
    let arguments = Arguments::read(call, console)?;
    let say = Say::new(&call.name, Words::Table);
    let session = Session::with_cache(arguments.cache.as_deref())
        .or_else(|error| say.fail(console, &error, "while initializing krb5"))?;
    if arguments.all {
        return destroy_all(&session, &say, console);
    }
    let cache = chosen(&arguments, &session, &say, console)?;
    let status = destroy(&cache, arguments.quiet, &say, console);
    if !arguments.quiet && status == 0 && arguments.principal.is_none() {
        warn_of_others(&session, &say, console)?;
    }
    Ok(status)
}

impl Arguments {
    fn read(call: &Call, console: &mut Console) -> Result<Self, Stop> {
        let mut arguments = Self::default();
        let mut mistakes = false;
        let mut options = Getopt::new(&call.typed, &call.words, &OPTIONS);
        while let Some(found) = options.next(console) {
            match found {
                Found::Option('A', _) => arguments.all = true,
                Found::Option('q', _) => arguments.quiet = true,
                Found::Option('c', Some(name)) if arguments.cache.is_none() => {
                    arguments.cache = Some(name)
                }
                Found::Option('p', Some(name)) if arguments.principal.is_none() => {
                    arguments.principal = Some(name)
                }
                Found::Option(twice @ ('c' | 'p'), _) => {
                    err!(console, "Only one -{twice} option allowed\n");
                    mistakes = true;
                }
                Found::Option('4', _) => {
                    err!(console, "Kerberos 4 is no longer supported\n");
                    return Err(Stop(3));
                }
                Found::Option(..) => {}
                Found::Mistake => mistakes = true,
            }
        }
        if arguments.all && arguments.principal.is_some() {
            err!(console, "-A option is exclusive with -p option\n");
            mistakes = true;
        }
        if mistakes || !options.operands().is_empty() {
            return Err(usage(call, console));
        }
        Ok(arguments)
    }
}

fn destroy_all(session: &Session, say: &Say, console: &mut Console) -> Outcome {
    for cache in collection(session, say, console)? {
        match cache.destroy() {
            Ok(()) | Err(ClientError::NoCache { .. }) => {}
            Err(error) => say.error(
                console,
                &error,
                &format!("while destroying cache {}", cache.name()),
            ),
        }
    }
    Ok(0)
}

fn collection(session: &Session, say: &Say, console: &mut Console) -> Result<Vec<Cache>, Stop> {
    session
        .collection()
        .and_then(|collection| collection.caches())
        .or_else(|error| say.fail(console, &error, "while listing credential caches"))
}

fn chosen(
    arguments: &Arguments,
    session: &Session,
    say: &Say,
    console: &mut Console,
) -> Result<Cache, Stop> {
    let Some(name) = &arguments.principal else {
        return session
            .default_cache()
            .or_else(|error| say.fail(console, &error, "while resolving ccache"));
    };
    let principal = session.principal(name, false).or_else(|error| {
        say.fail(
            console,
            &error,
            &format!("while parsing principal name {name}"),
        )
    })?;
    session
        .collection()
        .and_then(|collection| collection.cache_of(&principal))
        .or_else(|error| say.fail(console, &error, &format!("while finding cache for {name}")))
}

fn destroy(cache: &Cache, quiet: bool, say: &Say, console: &mut Console) -> u8 {
    let Err(error) = cache.destroy() else {
        return 0;
    };
    say.error(console, &error, "while destroying cache");
    if matches!(error, ClientError::NoCache { .. }) {
        return 0;
    }
    // The bell is MIT's.
    let bell = if quiet { "" } else { "\u{7}" };
    err!(console, "Ticket cache {bell}NOT{bell} destroyed!\n");
    1
}

fn warn_of_others(session: &Session, say: &Say, console: &mut Console) -> Result<(), Stop> {
    if !collection(session, say, console)?.is_empty() {
        err!(
            console,
            "Other credential caches present, use -A to destroy all\n"
        );
    }
    Ok(())
}

fn usage(call: &Call, console: &mut Console) -> Stop {
    err!(
        console,
        "Usage: {} [-A] [-q] [-c cache_name] [-p princ_name]\n",
        call.name
    );
    err!(
        console,
        "\t-A destroy all credential caches in collection\n"
    );
    err!(console, "\t-q quiet mode\n");
    err!(console, "\t-c specify name of credentials cache\n");
    err!(console, "\t-p specify principal name within collection\n");
    Stop(2)
}
