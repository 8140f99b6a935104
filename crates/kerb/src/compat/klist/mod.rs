//! klist: what is in a credential cache or a keytab.

mod arguments;
mod enctype;
mod keytab;
mod ticket_lines;

use kerbstone_client::Cache;
use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::name::{Principal, Realm};

use self::arguments::{Arguments, Place};
use crate::compat::date::Calendar;
use crate::compat::mit_words::{Say, Words};
use crate::compat::{Call, MIT_VERSION, Outcome, Stop};
use crate::console::{Console, out};
use crate::session::Session;

pub(crate) use enctype::describe as describe_enctype;
pub(crate) use ticket_lines::flag_letters;

/// Runs klist.
pub(super) fn run(call: &Call, console: &mut Console) -> Outcome {
    let arguments = Arguments::read(call, console)?;
    if arguments.version {
        out!(console, "{MIT_VERSION}\n");
        return Ok(0);
    }
    let say = Say::new(&call.name, Words::Full);
    let cache = arguments
        .name
        .as_deref()
        .filter(|_| arguments.place != Place::Keytab);
    let session = Session::with_cache(cache)
        .or_else(|error| say.fail(console, &error, "while initializing krb5"))?;
    let klist = Klist::new(arguments, session, say);
    if klist.arguments.place == Place::Keytab {
        return keytab::run(
            &klist.arguments,
            &klist.session,
            &klist.calendar,
            &klist.say,
            console,
        );
    }
    if klist.arguments.list_caches {
        klist.list_caches(console)
    } else if klist.arguments.all_caches {
        klist.all_caches(console)
    } else {
        klist.one_cache(console)
    }
}

struct Klist {
    arguments: Arguments,
    session: Session,
    calendar: Calendar,
    now: i64,
    say: Say,
}

impl Klist {
    fn new(arguments: Arguments, session: Session, say: Say) -> Self {
        let now = session.now();
        Self {
            arguments,
            session,
            calendar: Calendar::of_environment(now),
            now,
            say,
        }
    }

    fn one_cache(&self, console: &mut Console) -> Outcome {
        match self.session.default_cache() {
            Ok(cache) if self.arguments.only_status => Ok(self.status(&cache)),
            Ok(cache) => Ok(self.show(&cache, console)),
            Err(_) if self.arguments.only_status => Err(Stop(1)),
            Err(error) => self.say.fail(console, &error, "while resolving ccache"),
        }
    }

    fn all_caches(&self, console: &mut Console) -> Outcome {
        let mut status = 1;
        for (at, cache) in self.caches(console)?.iter().enumerate() {
            let one = if self.arguments.only_status {
                self.status(cache)
            } else {
                if at > 0 {
                    out!(console, "\n");
                }
                self.show(cache, console)
            };
            status = status.min(one);
        }
        Ok(status)
    }

    fn list_caches(&self, console: &mut Console) -> Outcome {
        let caches = self.caches(console)?;
        out!(console, "{:<30} Cache name\n", "Principal name");
        out!(console, "{:<30} ----------\n", "--------------");
        let mut status = 1;
        for cache in &caches {
            let Ok(content) = cache.load() else { continue };
            let mut name = content.principal.unparse();
            name.resize(30, b' ');
            console.out_bytes(&name);
            let expired = if is_current(&content, self.now) {
                ""
            } else {
                " (Expired)"
            };
            out!(console, " {}{expired}\n", cache.name());
            status = 0;
        }
        Ok(status)
    }

    fn caches(&self, console: &mut Console) -> Result<Vec<Cache>, Stop> {
        let caches = self
            .session
            .collection()
            .and_then(|collection| collection.caches());
        match caches {
            Ok(caches) => Ok(caches),
            Err(_) if self.arguments.only_status => Err(Stop(1)),
            Err(error) => self
                .say
                .fail(console, &error, "while listing ccache collection"),
        }
    }

    fn status(&self, cache: &Cache) -> u8 {
        let current = cache
            .load()
            .is_ok_and(|content| is_current(&content, self.now));
        u8::from(!current)
    }

    fn show(&self, cache: &Cache, console: &mut Console) -> u8 {
        match cache.load() {
            Ok(content) => {
                self.show_content(cache, &content, console);
                0
            }
            Err(error) => {
                self.say.error(console, &error, "");
                1
            }
        }
    }

    fn show_content(&self, cache: &Cache, content: &CredentialCache, console: &mut Console) {
        let owner = content.principal.unparse();
        out!(
            console,
            "Ticket cache: {}\nDefault principal: ",
            cache.name()
        );
        console.out_bytes(&owner);
        let column = self.calendar.width().saturating_add(2);
        out!(
            console,
            "\n\n{:<column$}{:<column$}Service principal\n",
            "Valid starting",
            "Expires"
        );
        for credential in content
            .present()
            .filter(|entry| self.arguments.config_entries || !entry.is_config())
        {
            let lines =
                ticket_lines::lines(credential, &owner, self.arguments.details, &self.calendar);
            console.out_bytes(&lines);
        }
    }
}

/// Whether a cache is good for something: its TGT of the own realm is alive, or without one any ticket.
fn is_current(content: &CredentialCache, now: i64) -> bool {
    let alive = |credential: &Credential| credential.endtime.unix() > now;
    let local_tgt =
        |credential: &&Credential| is_local_tgt(&credential.server, &content.principal.realm);
    let mut tgts = content.present().filter(local_tgt).peekable();
    if tgts.peek().is_some() {
        return tgts.any(alive);
    }
    content
        .present()
        .any(|credential| !credential.is_config() && alive(credential))
}

fn is_local_tgt(server: &Principal, realm: &Realm) -> bool {
    server.realm == *realm && server.name.krbtgt_realm().is_some_and(|of| of == *realm)
}
