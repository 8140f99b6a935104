//! `kerb gss server`.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::Args;
use kerbstone_client::Context as Client;
use kerbstone_gss::replay::SharedReplayCache;
use kerbstone_gss::spnego::Acceptor;
use kerbstone_gss::{AcceptorCredential, AcceptorName, Context, GssError, Name, Refused, Step};
use nix::unistd::geteuid;

use super::message::{Mark, Message, receive, send};
use super::{DEFAULT_PORT, advice, flag_lines, now};
use crate::console::{Console, err};
use crate::failure::Failure;
use crate::supervised;

const CANNOT: &str = "cannot serve";
/// Connections at once.
const LIMIT: usize = 64;

/// The command line of `kerb gss server`.
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// As whom to serve: service@host, or a service on any host of the keytab; anybody if left out.
    service: Option<String>,
    /// The port; 0 takes a free one and says which.
    #[arg(short, long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED))]
    listen: IpAddr,
    /// The keytab with the service's keys.
    #[arg(short, long, value_name = "FILE")]
    keytab: Option<String>,
    /// Serve one connection and end.
    #[arg(long, conflicts_with = "inetd")]
    once: bool,
    /// Serve the connection on the standard streams.
    #[arg(long)]
    inetd: bool,
    /// Export and import each context three times before it is used.
    #[arg(long)]
    export: bool,
    /// Append what happens to this file instead of printing it.
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Where accepted requests are remembered, by all servers with these keys.
    #[arg(long, value_name = "FILE")]
    replay_cache: Option<PathBuf>,
    /// Print tokens.
    #[arg(short, long)]
    verbose: bool,
}

/// Serves until told to stop.
pub(super) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    supervised::begin("gss")?;
    let server = Arc::new(Server {
        credential: Arc::new(credential(typed)?),
        log: Mutex::new(log(typed)?),
        exports: typed.export,
        is_verbose: typed.verbose,
        connections: AtomicUsize::new(0),
    });
    if typed.inetd {
        supervised::ready();
        let mut stream = StandardStreams;
        server.serve(&mut stream);
        return Ok(());
    }
    let refused = |error: io::Error| {
        let where_to = format!("{} port {}", typed.listen, typed.port);
        Failure::refused(
            CANNOT,
            format!("{where_to}: {error}"),
            "choose another: --port",
        )
    };
    let listener = TcpListener::bind((typed.listen, typed.port)).map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    err!(console, "starting...\nlistening on {address}\n");
    supervised::ready();
    loop {
        let Ok((stream, _)) = listener.accept() else {
            // Of what an accept can fail from, nothing is better at once.
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        if typed.once {
            server.serve_connection(stream);
            return Ok(());
        }
        server.clone().serve_aside(stream);
    }
}

fn credential(typed: &Typed) -> Result<AcceptorCredential, Failure> {
    let client = Client::from_environment().map_err(|error| Failure::of(CANNOT, &error))?;
    let file = client.keytab(typed.keytab.as_deref());
    let keytab = file.and_then(|file| file.load());
    let keytab = keytab.map_err(|error| Failure::of(CANNOT, &error))?;
    let name = match typed.service.as_deref().map(Name::host_based) {
        Some(Name::HostBased { service, host }) => AcceptorName::HostBased { service, host },
        _ => AcceptorName::Any,
    };
    let path = typed
        .replay_cache
        .clone()
        .unwrap_or_else(default_replay_cache);
    let cache = SharedReplayCache::open(path, now(), &mut rand::rng());
    let cache = cache.map_err(|fault| {
        Failure::refused(
            CANNOT,
            fault.to_string(),
            "choose another: --replay-cache FILE",
        )
    })?;
    AcceptorCredential::new(&keytab, name, Arc::new(cache)).map_err(|error| {
        let service = typed.service.as_deref().unwrap_or_default();
        Failure::refused(CANNOT, error.to_string(), advice(&error, service))
    })
}

/// As MIT's: in KRB5RCACHEDIR or /var/tmp, one for each user.
fn default_replay_cache() -> PathBuf {
    let folder = std::env::var_os("KRB5RCACHEDIR").unwrap_or_else(|| "/var/tmp".into());
    PathBuf::from(folder).join(format!("kerbstone_{}.replay", geteuid()))
}

type Log = Box<dyn Write + Send>;

fn log(typed: &Typed) -> Result<Log, Failure> {
    match &typed.log_file {
        Some(path) => match OpenOptions::new().append(true).create(true).open(path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => {
                let why = format!("{}: {error}", path.display());
                Err(Failure::refused(CANNOT, why, "choose another: --log-file"))
            }
        },
        None if typed.inetd => Ok(Box::new(io::sink())),
        None => Ok(Box::new(io::stdout())),
    }
}

struct Server {
    credential: Arc<AcceptorCredential>,
    log: Mutex<Log>,
    exports: bool,
    is_verbose: bool,
    connections: AtomicUsize,
}

/// One connection among those that are counted, however it ends.
struct Place(Arc<Server>);

impl Place {
    fn take(server: Arc<Server>) -> Self {
        server.connections.fetch_add(1, Ordering::Relaxed);
        Self(server)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a conversation ended early.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the connection: {0}")]
    Connection(#[from] io::Error),
    #[error("the client has closed the connection before its end")]
    Closed,
    #[error("{0}")]
    Protocol(&'static str),
    #[error("accepting context: {0}")]
    Refused(#[from] Refused),
    #[error("{0}")]
    Message(#[from] GssError),
}

/// What inetd gives.
struct StandardStreams;

impl Read for StandardStreams {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::stdin().read(buffer)
    }
}

impl Write for StandardStreams {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

impl Server {
    fn serve_aside(self: Arc<Self>, stream: TcpStream) {
        let place = Place::take(Arc::clone(&self));
        if self.connections.load(Ordering::Relaxed) > LIMIT {
            self.tell(&format!(
                "more than {LIMIT} connections at once: one is closed\n"
            ));
            return;
        }
        let serve = move || place.0.serve_connection(stream);
        if let Err(error) = thread::Builder::new().spawn(serve) {
            self.tell(&format!("no thread for a connection: {error}\n"));
        }
    }

    fn serve_connection(&self, mut stream: TcpStream) {
        let prepared = stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(Some(Duration::from_secs(300))));
        match prepared {
            Ok(()) => self.serve(&mut stream),
            Err(error) => self.tell(&format!("the connection: {error}\n")),
        }
    }

    fn serve(&self, stream: &mut (impl Read + Write)) {
        if let Err(trouble) = self.converse(stream) {
            self.tell(&format!("GSS-API error {trouble}\n"));
        }
    }

    fn tell(&self, words: &str) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let _nobody_listens = log.write_all(words.as_bytes()).and_then(|()| log.flush());
    }

    fn converse(&self, stream: &mut (impl Read + Write)) -> Result<(), Trouble> {
        let first = receive(stream)?.ok_or(Trouble::Closed)?;
        let is_old = first.mark == Mark::OLD;
        let token = match first {
            Message { mark, token } if mark == Mark::OLD => Some(token),
            Message { mark, .. } if mark.contains(Mark::NOOP.with(Mark::CONTEXT_NEXT, true)) => {
                Some(receive(stream)?.ok_or(Trouble::Closed)?.token)
            }
            Message { mark, .. } if mark.contains(Mark::NOOP) => None,
            _ => return Err(Trouble::Protocol("the first message is not NOOP")),
        };
        let mut context = match token {
            Some(token) => {
                let context = self.establish(stream, token, is_old)?;
                Some(self.hand_on(context)?)
            }
            None => {
                self.tell("Accepted unauthenticated connection.\n");
                None
            }
        };
        while let Some(message) = receive(stream)? {
            if message.mark.contains(Mark::NOOP) {
                break;
            }
            self.hear(stream, message, context.as_mut())?;
        }
        Ok(())
    }

    fn establish(
        &self,
        stream: &mut (impl Read + Write),
        mut input: Vec<u8>,
        is_old: bool,
    ) -> Result<Context, Trouble> {
        let mark = if is_old { Mark::OLD } else { Mark::CONTEXT };
        let mut acceptor = Acceptor::new(self.credential.clone(), None);
        loop {
            self.show("Received token", &input);
            let step = acceptor.step(&input, now(), &mut rand::rng());
            let (token, outcome) = match step {
                Ok(Step::Continue { token }) => (Some(token), Ok(None)),
                Ok(Step::Established { token, context }) => (token, Ok(Some(context))),
                Err(mut refused) => (refused.token.take(), Err(refused)),
            };
            if let Some(token) = token {
                self.show("Sending accept_sec_context token", &token);
                send(stream, mark, &token)?;
            }
            if let Some(context) = outcome? {
                self.tell(&description(&context));
                return Ok(*context);
            }
            input = receive(stream)?.ok_or(Trouble::Closed)?.token;
        }
    }

    /// As to another process and back, if that is to be tried.
    fn hand_on(&self, mut context: Context) -> Result<Context, Trouble> {
        for _ in 0..3 {
            if self.exports {
                let exported = context.export();
                self.tell(&format!("Exported context: {} bytes\n", exported.len()));
                context = Context::import(&exported)?;
            }
        }
        Ok(context)
    }

    fn hear(
        &self,
        stream: &mut (impl Read + Write),
        message: Message,
        context: Option<&mut Context>,
    ) -> Result<(), Trouble> {
        let Message { mark, token } = message;
        let is_old = mark == Mark::OLD;
        let is_wrapped = is_old || mark.contains(Mark::WRAPPED);
        let wants_mic = is_old || mark.contains(Mark::SEND_MIC);
        let (text, mic) = match context {
            Some(context) => {
                let mut text = token;
                if is_wrapped {
                    let unwrapped = context.unwrap(&text)?;
                    if mark.contains(Mark::ENCRYPTED) && !unwrapped.confidential {
                        self.tell("Warning!  Message not encrypted.\n");
                    }
                    text = unwrapped.message;
                }
                let mic = wants_mic.then(|| context.get_mic(&text));
                (text, mic)
            }
            None if is_wrapped || wants_mic => {
                return Err(Trouble::Protocol(
                    "Unauthenticated client requested authenticated services!",
                ));
            }
            None => (token, None),
        };
        self.tell(&heard(&text));
        match mic {
            Some(mic) if is_old => send(stream, Mark::OLD, &mic)?,
            Some(mic) => send(stream, Mark::MIC, &mic)?,
            None => send(stream, Mark::NOOP, b"")?,
        }
        Ok(())
    }

    fn show(&self, what: &str, token: &[u8]) {
        if self.is_verbose {
            let length = token.len();
            self.tell(&format!("{what} (size={length}): \n{}", dump(token)));
        }
    }
}

fn description(context: &Context) -> String {
    let mut words = flag_lines(context);
    for ticket in context.delegated() {
        words.push_str(&format!("Delegated credentials: \"{}\"\n", ticket.client));
    }
    let client = context.initiator_name();
    words.push_str(&format!("Accepted connection: \"{client}\"\n"));
    words
}

fn heard(text: &[u8]) -> String {
    match str::from_utf8(text) {
        Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => {
            format!("Received message: \"{text}\"\n")
        }
        _ => format!("Received message: \n{}", dump(text)),
    }
}

/// In hexadecimal, sixteen bytes a line.
fn dump(bytes: &[u8]) -> String {
    let line = |bytes: &[u8]| {
        let bytes: String = bytes.iter().map(|byte| format!("{byte:02x} ")).collect();
        bytes + "\n"
    };
    bytes.chunks(16).map(line).collect()
}
