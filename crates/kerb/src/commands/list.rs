//! `kerb list`: tickets and keys for people, or as JSON.

use clap::Args;
use comfy_table::{Table, presets};
use kerbstone_client::{Cache, ClientError};
use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::message::Ticket;
use kerbstone_proto::time::KerberosTime;
use serde::Serialize;

use crate::commands::human;
use crate::compat::{describe_enctype, flag_letters};
use crate::console::{Console, out};
use crate::failure::{Exit, Failure};
use crate::session::Session;

/// The command line of `kerb list`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The cache to show, for example FILE:/tmp/krb5cc_1000 or DIR:/run/user/1000/krb5cc; with -k the keytab.
    name: Option<String>,
    /// Show every cache of the collection.
    #[arg(short = 'A', long, conflicts_with = "keytab")]
    all: bool,
    /// Show the keys in a keytab instead.
    #[arg(short, long)]
    keytab: bool,
    /// Show encryption types and flags too.
    #[arg(short = 'e', long, conflicts_with = "json")]
    details: bool,
    /// Print nothing; the exit code says whether there is a usable ticket (0) or none (3).
    #[arg(short = 's', long, conflicts_with_all = ["json", "keytab"])]
    silent: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A cache as `--json` prints it.
#[derive(Serialize)]
struct CacheRow {
    cache: String,
    principal: String,
    tickets: Vec<TicketRow>,
}

#[derive(Serialize)]
struct TicketRow {
    service: String,
    client: String,
    /// RFC 3339, as all times here.
    starts: String,
    ends: String,
    renewable_until: Option<String>,
    seconds_left: i64,
    flags: String,
    session_enctype: String,
    ticket_enctype: Option<String>,
}

#[derive(Serialize)]
struct KeytabRow {
    principal: String,
    kvno: u32,
    enctype: String,
    written: String,
}

/// Shows what is asked for.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    let cache = typed.name.as_deref().filter(|_| !typed.keytab);
    let session =
        Session::with_cache(cache).map_err(|error| Failure::of("cannot begin", &error))?;
    if typed.keytab {
        return keys(typed, &session, console);
    }
    let now = session.now();
    let contents = contents(typed, &session)?;
    if typed.silent {
        let usable = |(_, content): &(Cache, CredentialCache)| {
            content.tickets().any(|ticket| left(ticket, now) > 0)
        };
        return if contents.iter().any(usable) {
            Ok(())
        } else {
            Err(Failure::silent(Exit::NoTicket))
        };
    }
    if typed.json {
        let rows: Vec<CacheRow> = contents
            .iter()
            .map(|(cache, content)| CacheRow::new(cache, content, now))
            .collect();
        return print_json(&rows, console);
    }
    for (at, (cache, content)) in contents.iter().enumerate() {
        if at > 0 {
            out!(console, "\n");
        }
        show(cache, content, typed.details, now, console);
    }
    Ok(())
}

fn contents(typed: &Typed, session: &Session) -> Result<Vec<(Cache, CredentialCache)>, Failure> {
    let read = || -> Result<_, ClientError> {
        if !typed.all {
            let cache = session.default_cache()?;
            let content = cache.load()?;
            return Ok(vec![(cache, content)]);
        }
        let collection = session.collection()?;
        let read: Vec<_> = collection
            .caches()?
            .into_iter()
            .filter_map(|cache| cache.load().ok().map(|content| (cache, content)))
            .collect();
        if read.is_empty() {
            Err(ClientError::NoCache {
                name: collection.name().to_string(),
            })
        } else {
            Ok(read)
        }
    };
    read().map_err(|error| match typed.silent {
        true => Failure::silent(Exit::NoTicket),
        false => Failure::of("cannot list tickets", &error),
    })
}

fn show(cache: &Cache, content: &CredentialCache, details: bool, now: i64, console: &mut Console) {
    out!(console, "{} in {}\n", content.principal, cache.name());
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let mut header = vec!["SERVICE", "ENDS", "RENEWABLE"];
    if details {
        header.extend(["FLAGS", "SESSION KEY", "TICKET"]);
    }
    table.set_header(header);
    for ticket in content.tickets() {
        table.add_row(cells(ticket, details, now));
    }
    print_table(table, console);
}

fn cells(ticket: &Credential, details: bool, now: i64) -> Vec<String> {
    let ends = match left(ticket, now) {
        left if left > 0 => human::until(ticket.endtime.unix(), now),
        _ => format!("expired {}", human::until(ticket.endtime.unix(), now)),
    };
    let renewable = match ticket.renew_till.is_zero() {
        true => "no".to_owned(),
        false if ticket.renew_till.unix() <= now => "no longer".to_owned(),
        false => format!(
            "for {}",
            human::duration(ticket.renew_till.unix().saturating_sub(now))
        ),
    };
    let mut cells = vec![ticket.server.to_string(), ends, renewable];
    if details {
        cells.push(flag_letters(ticket.flags));
        cells.push(describe_enctype(ticket.key.enctype));
        cells.push(ticket_enctype(ticket).unwrap_or_default());
    }
    cells
}

fn left(ticket: &Credential, now: i64) -> i64 {
    ticket.endtime.unix().saturating_sub(now)
}

fn ticket_enctype(credential: &Credential) -> Option<String> {
    let ticket = Ticket::from_der(&credential.ticket).ok()?;
    Some(describe_enctype(ticket.enc_part.etype))
}

impl CacheRow {
    fn new(cache: &Cache, content: &CredentialCache, now: i64) -> Self {
        Self {
            cache: cache.name().to_string(),
            principal: content.principal.to_string(),
            tickets: content
                .tickets()
                .map(|ticket| TicketRow::new(ticket, now))
                .collect(),
        }
    }
}

impl TicketRow {
    fn new(ticket: &Credential, now: i64) -> Self {
        let starts = if ticket.starttime.is_zero() {
            ticket.authtime
        } else {
            ticket.starttime
        };
        let some = |time: KerberosTime| (!time.is_zero()).then(|| time.to_string());
        Self {
            service: ticket.server.to_string(),
            client: ticket.client.to_string(),
            starts: starts.to_string(),
            ends: ticket.endtime.to_string(),
            renewable_until: some(ticket.renew_till),
            seconds_left: left(ticket, now).max(0),
            flags: flag_letters(ticket.flags),
            session_enctype: describe_enctype(ticket.key.enctype),
            ticket_enctype: ticket_enctype(ticket),
        }
    }
}

fn keys(typed: &Typed, session: &Session, console: &mut Console) -> Result<(), Failure> {
    let cannot = |error: ClientError| Failure::of("cannot list keys", &error);
    let keytab = session
        .keytab(typed.name.as_deref())
        .map_err(cannot)?
        .load()
        .map_err(cannot)?;
    let rows: Vec<KeytabRow> = keytab
        .entries()
        .map(|entry| KeytabRow {
            principal: entry.principal.to_string(),
            kvno: entry.kvno,
            enctype: describe_enctype(entry.key.enctype),
            written: entry.timestamp.to_string(),
        })
        .collect();
    if typed.json {
        return print_json(&rows, console);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["KVNO", "PRINCIPAL", "ENCTYPE", "WRITTEN"]);
    for row in rows {
        table.add_row([
            row.kvno.to_string(),
            row.principal,
            row.enctype,
            row.written,
        ]);
    }
    print_table(table, console);
    Ok(())
}

fn print_table(mut table: Table, console: &mut Console) {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    out!(console, "{}\n", table.trim_fmt());
}

fn print_json<T: Serialize>(rows: &T, console: &mut Console) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(rows)
        .map_err(|error| Failure::refused("cannot print", error.to_string(), ""))?;
    out!(console, "{text}\n");
    Ok(())
}
