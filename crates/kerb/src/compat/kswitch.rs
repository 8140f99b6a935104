//! kswitch: makes another cache of a collection the primary one.

use kerbstone_client::Cache;

use crate::compat::getopt::{Found, Getopt, Options};
use crate::compat::mit_words::{Say, Words};
use crate::compat::{Call, Outcome, Stop};
use crate::console::{Console, err};
use crate::session::Session;

static OPTIONS: Options = Options {
    short: "c:p:",
    long: &[],
};

/// Which cache becomes primary.
enum Wanted {
    Cache(String),
    Principal(String),
}

/// Runs kswitch.
pub(super) fn run(call: &Call, console: &mut Console) -> Outcome {
    let wanted = Wanted::read(call, console)?;
    let say = Say::new(&call.name, Words::Table);
    let session =
        Session::open().or_else(|error| say.fail(console, &error, "while initializing krb5"))?;
    let cache = match &wanted {
        Wanted::Cache(name) => Cache::parse(name)
            .or_else(|error| say.fail(console, &error, &format!("while resolving {name}")))?,
        Wanted::Principal(name) => {
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
                .or_else(|error| {
                    say.fail(
                        console,
                        &error,
                        &format!("while searching for ccache for {name}"),
                    )
                })?
        }
    };
    if is_switchable(&cache) {
        cache
            .switch_to()
            .or_else(|error| say.fail(console, &error, "while switching to credential cache"))?;
    }
    Ok(0)
}

/// Switching to a cache that is alone of its kind does nothing, successfully.
fn is_switchable(cache: &Cache) -> bool {
    matches!(cache.name().kind(), "DIR" | "KEYRING")
}

impl Wanted {
    fn read(call: &Call, console: &mut Console) -> Result<Self, Stop> {
        let mut wanted = None;
        let mut mistakes = false;
        let mut options = Getopt::new(&call.typed, &call.words, &OPTIONS);
        while let Some(found) = options.next(console) {
            let next = match found {
                Found::Option('c', Some(name)) => Self::Cache(name),
                Found::Option('p', Some(name)) => Self::Principal(name),
                _ => {
                    mistakes = true;
                    continue;
                }
            };
            if wanted.is_some() {
                err!(console, "Only one -c or -p option allowed\n");
                mistakes = true;
            } else {
                wanted = Some(next);
            }
        }
        mistakes |= !options.operands().is_empty();
        if wanted.is_none() {
            err!(console, "One of -c or -p must be specified\n");
        }
        wanted
            .filter(|_| !mistakes)
            .ok_or_else(|| usage(call, console))
    }
}

fn usage(call: &Call, console: &mut Console) -> Stop {
    err!(
        console,
        "Usage: {} {{-c cache_name | -p principal}}\n",
        call.name
    );
    err!(console, "\t-c specify name of credentials cache\n");
    err!(console, "\t-p specify name of principal\n");
    Stop(2)
}
