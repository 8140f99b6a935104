//! kvno: gets service tickets and says which version of the service's key seals them.

use base64ct::{Base64, Encoding};
use kerbstone_client::{Cache, ClientError, ForUser, KeytabFile};
use kerbstone_crypto::Enctype;
use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::message::Ticket;
use kerbstone_proto::name::{NameType, Principal};

use crate::compat::getopt::{Found, Getopt, Long, Options};
use crate::compat::mit_words::{Say, Words, system_text};
use crate::compat::{Call, Outcome, Stop};
use crate::console::{Console, err, out};
use crate::session::{ServiceWish, Session, UserWish, opens};

const U2U: char = '\u{1}';
const OUT_CACHE: char = '\u{2}';
const CACHED_ONLY: char = '\u{3}';
const NO_STORE: char = '\u{4}';

static OPTIONS: Options = Options {
    short: "uCc:e:hk:qPS:I:U:F:",
    long: &[
        Long {
            name: "cached-only",
            takes_value: false,
            letter: CACHED_ONLY,
        },
        Long {
            name: "no-store",
            takes_value: false,
            letter: NO_STORE,
        },
        Long {
            name: "out-cache",
            takes_value: true,
            letter: OUT_CACHE,
        },
        Long {
            name: "u2u",
            takes_value: true,
            letter: U2U,
        },
    ],
};

/// In whose name, as typed.
#[derive(Clone, Debug)]
enum User {
    Name(String),
    Enterprise(String),
    Certificate(String),
}

/// The checked command line.
#[derive(Clone, Debug, Default)]
struct Arguments {
    canonicalize: bool,
    cache: Option<String>,
    enctype: Option<String>,
    keytab: Option<String>,
    quiet: bool,
    proxy: bool,
    service: Option<String>,
    unknown_type: bool,
    for_user: Option<User>,
    cached_only: bool,
    no_store: bool,
    out_cache: Option<String>,
    u2u: Option<String>,
    names: Vec<String>,
}

impl Arguments {
    fn read(call: &Call, console: &mut Console) -> Result<Self, Stop> {
        let mut arguments = Self::default();
        let mut options = Getopt::new(&call.typed, &call.words, &OPTIONS);
        while let Some(found) = options.next(console) {
            match found {
                Found::Mistake | Found::Option('h', _) => return Err(usage(call, console)),
                Found::Option(letter, value) => arguments.option(letter, value),
            }
            if arguments.unknown_type && arguments.service.is_some() {
                err!(console, "Options -u and -S are mutually exclusive\n");
                return Err(usage(call, console));
            }
        }
        if arguments.u2u.is_some() && arguments.for_user.is_some() {
            err!(
                console,
                "Options --u2u and -I|-U|-F are mutually exclusive\n"
            );
            return Err(usage(call, console));
        }
        if arguments.proxy && arguments.for_user.is_none() {
            err!(
                console,
                "Option -P (constrained delegation) requires option -I|-U|-F (protocol transition)\n"
            );
            return Err(usage(call, console));
        }
        arguments.names = options.operands();
        if arguments.names.is_empty() {
            return Err(usage(call, console));
        }
        Ok(arguments)
    }

    fn option(&mut self, letter: char, value: Option<String>) {
        match letter {
            'C' => self.canonicalize = true,
            'c' => self.cache = value,
            'e' => self.enctype = value,
            'k' => self.keytab = value,
            'q' => self.quiet = true,
            'P' => self.proxy = true,
            'S' => self.service = value,
            'u' => self.unknown_type = true,
            'I' => self.for_user = value.map(User::Name),
            'U' => self.for_user = value.map(User::Enterprise),
            'F' => self.for_user = value.map(User::Certificate),
            U2U => self.u2u = value,
            OUT_CACHE => self.out_cache = value,
            CACHED_ONLY => self.cached_only = true,
            NO_STORE => self.no_store = true,
            _ => {}
        }
    }
}

/// Runs kvno.
pub(super) fn run(call: &Call, console: &mut Console) -> Outcome {
    let arguments = Arguments::read(call, console)?;
    let say = Say::new(&call.name, Words::Full);
    let session = Session::open()
        .or_else(|error| say.fail(console, &error, "while initializing krb5 library"))?;
    let kvno = Kvno::prepare(arguments, session, say, console)?;
    kvno.get_all(console)
}

struct Kvno {
    arguments: Arguments,
    session: Session,
    say: Say,
    enctype: Option<Enctype>,
    cache: Cache,
    out_cache: Option<Cache>,
    keytab: Option<KeytabFile>,
    second_ticket: Option<Ticket>,
    for_user: Option<ForUser>,
    owner: Principal,
}

impl Kvno {
    fn prepare(
        arguments: Arguments,
        session: Session,
        say: Say,
        console: &mut Console,
    ) -> Result<Self, Stop> {
        let enctype = match arguments.enctype.as_deref().map(str::parse) {
            None => None,
            Some(Ok(enctype)) => Some(enctype),
            Some(Err(_)) => {
                say.text(console, "Invalid argument", "while converting etype");
                return Err(Stop(1));
            }
        };
        let cache = session
            .cache(arguments.cache.as_deref())
            .or_else(|error| say.fail(console, &error, "while opening ccache"))?;
        let out_cache = arguments.out_cache.as_deref().map(Cache::parse).transpose();
        let out_cache = out_cache
            .or_else(|error| say.fail(console, &error, "while resolving output ccache"))?;
        let keytab = arguments
            .keytab
            .as_deref()
            .map(|name| session.keytab(Some(name)))
            .transpose()
            .or_else(|error| {
                let name = arguments.keytab.as_deref().unwrap_or_default();
                say.fail(console, &error, &format!("resolving keytab {name}"))
            })?;
        let for_user = match &arguments.for_user {
            None => None,
            Some(typed) => Some(read_user(typed, &session, &say, console)?),
        };
        let second_ticket = match &arguments.u2u {
            None => None,
            Some(name) => Some(
                Cache::parse(name)
                    .and_then(|cache| session.own_tgt(&cache))
                    .or_else(|error| {
                        say.fail(
                            console,
                            &error,
                            &format!("while getting user-to-user ticket from {name}"),
                        )
                    })?,
            ),
        };
        let owner = cache
            .principal()
            .or_else(|error| say.fail(console, &error, "while getting client principal name"))?;
        Ok(Self {
            arguments,
            session,
            say,
            enctype,
            cache,
            out_cache,
            keytab,
            second_ticket,
            for_user,
            owner,
        })
    }

    fn get_all(&self, console: &mut Console) -> Outcome {
        let mut got = Vec::new();
        let mut failures = 0;
        for name in &self.arguments.names {
            match self.get(name, console) {
                Ok(credential) => got.push(credential),
                Err(Stop(_)) => failures += 1,
            }
        }
        if failures > 0 {
            return Ok(1);
        }
        if let (Some(cache), Some(first)) = (&self.out_cache, got.first().cloned()) {
            let mut content = CredentialCache::new(first.client.clone());
            // A lone TGT of another realm is where whoever uses the cache begins.
            let start = first.server.name.krbtgt_realm();
            if let Some(realm) =
                start.filter(|realm| got.len() == 1 && *realm != first.client.realm)
            {
                content.set_config(CredentialCache::START_REALM, None, realm.as_bytes());
            }
            content.credentials.append(&mut got);
            cache.replace(&content).or_else(|error| {
                self.say
                    .fail(console, &error, "while writing output ccache")
            })?;
        }
        Ok(0)
    }

    fn get(&self, name: &str, console: &mut Console) -> Result<Credential, Stop> {
        let server = self.server(name, console)?;
        let credential = self.ticket(&server, console)?.or_else(|error| {
            self.say.fail(
                console,
                &error,
                &format!("while getting credentials for {server}"),
            )
        })?;
        let Ok(ticket) = Ticket::from_der(&credential.ticket) else {
            self.say.text(
                console,
                "ASN.1 parse error",
                &format!("while decoding ticket for {server}"),
            );
            return Err(Stop(1));
        };
        self.report(&server, &ticket, console)?;
        match self.arguments.proxy {
            true => self.go_on(&server, &credential, console),
            false => Ok(credential),
        }
    }

    /// A ticket for the server; or for the cache's owner, in the name of the user.
    fn ticket(
        &self,
        server: &Principal,
        console: &mut Console,
    ) -> Result<Result<Credential, ClientError>, Stop> {
        let Some(user) = &self.for_user else {
            let wish = self.wish(server);
            return Ok(self.session.service_ticket(&self.cache, wish));
        };
        if !self.arguments.proxy && self.owner != *server {
            let doing = "client and server principal names must match";
            self.say.text(console, "Invalid argument", doing);
            return Err(Stop(1));
        }
        let wish = UserWish {
            user: user.clone(),
            enctype: self.enctype,
            cached_only: self.arguments.cached_only,
            store: self.stores(),
        };
        Ok(self.session.ticket_for_user(&self.cache, wish))
    }

    fn go_on(
        &self,
        server: &Principal,
        evidence: &Credential,
        console: &mut Console,
    ) -> Result<Credential, Stop> {
        let wish = self.wish(server);
        self.session
            .ticket_on_behalf(&self.cache, evidence, wish)
            .or_else(|error| {
                let doing = format!("{server}: constrained delegation failed");
                self.say.fail(console, &error, &doing)
            })
    }

    fn wish(&self, server: &Principal) -> ServiceWish {
        ServiceWish {
            server: server.clone(),
            enctype: self.enctype,
            second_ticket: self.second_ticket.clone(),
            canonicalize: self.arguments.canonicalize,
            cached_only: self.arguments.cached_only,
            store: self.stores(),
        }
    }

    const fn stores(&self) -> bool {
        !self.arguments.no_store && self.out_cache.is_none()
    }

    fn server(&self, name: &str, console: &mut Console) -> Result<Principal, Stop> {
        let parsed = match &self.arguments.service {
            Some(service) => Ok(self.session.service_principal(service, name)),
            None => self.session.principal(name, false),
        };
        let mut server = parsed.map_err(|error| {
            if !self.arguments.quiet {
                self.say.error(
                    console,
                    &error,
                    &format!("while parsing principal name {name}"),
                );
            }
            Stop(1)
        })?;
        if self.arguments.unknown_type {
            server.name.name_type = NameType::UNKNOWN;
        }
        Ok(server)
    }

    fn report(
        &self,
        server: &Principal,
        ticket: &Ticket,
        console: &mut Console,
    ) -> Result<(), Stop> {
        let kvno = ticket.enc_part.kvno.map_or(0, |kvno| kvno.0);
        let quiet = self.arguments.quiet;
        let Some(keytab) = &self.keytab else {
            if !quiet {
                out!(console, "{server}: kvno = {kvno}\n");
            }
            return Ok(());
        };
        if let Err(refusal) = opens(keytab, ticket) {
            if !quiet {
                err!(console, "{server}: kvno = {kvno}, keytab entry invalid\n");
            }
            let doing = format!("while decrypting ticket for {server}");
            match refusal {
                Some(error) => self.say.error(console, &error, &doing),
                None => self.say.text(console, "Wrong principal in request", &doing),
            }
            return Err(Stop(1));
        }
        if !quiet {
            out!(console, "{server}: kvno = {kvno}, keytab entry valid\n");
        }
        Ok(())
    }
}

fn read_user(
    typed: &User,
    session: &Session,
    say: &Say,
    console: &mut Console,
) -> Result<ForUser, Stop> {
    let (name, is_enterprise) = match typed {
        User::Name(name) => (name, false),
        User::Enterprise(name) => (name, true),
        User::Certificate(file) => {
            return read_certificate(file)
                .map(ForUser::Certificate)
                .map_err(|why| {
                    let doing = format!("while reading certificate file {file}");
                    say.text(console, &why, &doing);
                    Stop(1)
                });
        }
    };
    session
        .principal(name, is_enterprise)
        .map(ForUser::Name)
        .or_else(|error| {
            let doing = format!("while parsing principal name {name}");
            say.fail(console, &error, &doing)
        })
}

/// The first certificate of a PEM file in DER; the errors are MIT's words.
fn read_certificate(file: &str) -> Result<Vec<u8>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| system_text(&error))?;
    let mut lines = text.lines().map(str::trim);
    if !lines.any(|line| line.starts_with("-----BEGIN CERTIFICATE-----")) {
        return Err("No begin line not found".to_owned());
    }
    let mut coded = String::new();
    for line in lines {
        if line.starts_with("-----END ") {
            return Base64::decode_vec(&coded).map_err(|_| "Invalid base64".to_owned());
        }
        if line.is_empty() || line.contains(':') {
            return Err("Unexpected header line".to_owned());
        }
        coded.push_str(line);
    }
    Err("No end line found".to_owned())
}

fn usage(call: &Call, console: &mut Console) -> Stop {
    err!(
        console,
        "usage: {} [-c ccache] [-e etype] [-k keytab] [-q] [-u | -S sname]\n\
         \t[[{{-F cert_file | {{-I | -U}} for_user}} [-P]] | --u2u ccache]\n\
         \t[--cached-only] [--no-store] [--out-cache] service1 service2 ...\n",
        call.name
    );
    Stop(1)
}
