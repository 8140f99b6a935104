//! klist -k: the keys in a keytab.

use kerbstone_client::{ClientError, KeytabFile};

use super::arguments::Arguments;
use super::enctype;
use crate::compat::date::Calendar;
use crate::compat::mit_words::Say;
use crate::compat::{Outcome, Stop};
use crate::console::{Console, out};
use crate::session::Session;

/// Lists the keytab that the command line names.
pub(super) fn run(
    arguments: &Arguments,
    session: &Session,
    calendar: &Calendar,
    say: &Say,
    console: &mut Console,
) -> Outcome {
    let keytab = resolve(arguments, session, say, console)?;
    out!(console, "Keytab name: {}\n", keytab.name());
    let content = match keytab.load() {
        Ok(content) => content,
        // MIT's library sees what is wrong with a record when it comes to it.
        Err(error @ ClientError::Keytab { .. }) => {
            header(arguments.times, calendar, console);
            return say.fail(console, &error, "while scanning keytab");
        }
        Err(error) => return say.fail(console, &error, "while starting keytab scan"),
    };
    header(arguments.times, calendar, console);
    for entry in content.entries() {
        out!(console, "{:4} ", entry.kvno);
        if arguments.times {
            console.out_bytes(&calendar.column(entry.timestamp.unix()));
            out!(console, " ");
        }
        console.out_bytes(&entry.principal.unparse());
        if arguments.details.enctypes {
            out!(console, " ({}) ", enctype::describe(entry.key.enctype));
        }
        if arguments.keys {
            let digits: String = entry
                .key
                .bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            out!(console, " (0x{digits})");
        }
        out!(console, "\n");
    }
    Ok(0)
}

fn resolve(
    arguments: &Arguments,
    session: &Session,
    say: &Say,
    console: &mut Console,
) -> Result<KeytabFile, Stop> {
    let fail =
        |console: &mut Console, error: &ClientError, doing: &str| say.fail(console, error, doing);
    match (&arguments.name, arguments.client_keytab) {
        (Some(name), _) => session
            .keytab(Some(name))
            .or_else(|error| fail(console, &error, &format!("while resolving keytab {name}"))),
        (None, true) => session
            .client_keytab()
            .or_else(|error| fail(console, &error, "while getting default client keytab")),
        (None, false) => session
            .keytab(None)
            .or_else(|error| fail(console, &error, "while getting default keytab")),
    }
}

fn header(times: bool, calendar: &Calendar, console: &mut Console) {
    const LINE: usize = 79;
    if times {
        let column = calendar.width();
        let rest = LINE.saturating_sub(column).saturating_sub("KVNO  ".len());
        out!(console, "KVNO {:<column$} Principal\n", "Timestamp");
        out!(
            console,
            "---- {} {}\n",
            "-".repeat(column),
            "-".repeat(rest)
        );
    } else {
        out!(
            console,
            "KVNO Principal\n---- {}\n",
            "-".repeat(LINE.saturating_sub("KVNO ".len()))
        );
    }
}
