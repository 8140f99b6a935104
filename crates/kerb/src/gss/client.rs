//! `kerb gss client`.

use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use kerbstone_client::{CacheTickets, ClientError, Context as Client};
use kerbstone_gss::krb5::{self, InitiatorOptions};
use kerbstone_gss::{Context, GssError, GssFlags, Name, Order, Refused, Step, spnego};

use super::message::{Mark, receive, send};
use super::{DEFAULT_PORT, advice, flag_lines, now};
use crate::commands::asking::hidden;
use crate::console::{Console, err, out};
use crate::failure::{Exit, Failure};

/// The command line of `kerb gss client`.
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// Where the server is.
    host: String,
    /// As whom it serves: service@host, or a service on the host named before.
    service: String,
    /// What to say.
    message: String,
    /// The server's port.
    #[arg(short, long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// Negotiate the mechanism (SPNEGO) instead of beginning with krb5.
    #[arg(long)]
    spnego: bool,
    /// Give the server a ticket-granting ticket to act in your name.
    #[arg(short, long)]
    delegate: bool,
    /// Let messages out of order be told.
    #[arg(long)]
    seq: bool,
    /// Do not let repeated messages be told.
    #[arg(long)]
    no_replay: bool,
    /// Do not make the server prove itself.
    #[arg(long)]
    no_mutual: bool,
    /// Three legs, as DCE RPC has them.
    #[arg(long)]
    dce: bool,
    /// Sign in as this user, with the cache that has its tickets.
    #[arg(short, long, value_name = "PRINCIPAL")]
    user: Option<String>,
    /// Ask for the user's password, or read it from a pipe; the tickets are kept nowhere.
    #[arg(long, requires = "user")]
    password: bool,
    /// The message is the name of a file with what to say.
    #[arg(short, long)]
    file: bool,
    /// Say nothing but errors.
    #[arg(short, long)]
    quiet: bool,
    /// How many times to sign in, each with a connection of its own.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    ccount: u32,
    /// How many times to say it in each.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    mcount: u32,
    /// Do not sign in at all; implies that nothing is protected.
    #[arg(long)]
    no_auth: bool,
    /// Do not wrap what is said.
    #[arg(long)]
    no_wrap: bool,
    /// Wrap it, but do not encrypt it.
    #[arg(long)]
    no_encrypt: bool,
    /// Do not ask for a MIC of what the server heard.
    #[arg(long)]
    no_mic: bool,
    /// Speak the old form of the protocol.
    #[arg(long)]
    v1: bool,
}

/// Talks to the server as often as asked.
pub(super) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    let text = if typed.file {
        let path = PathBuf::from(&typed.message);
        let read = fs::read(&path);
        read.map_err(|error| failure(typed, &format!("{}: {error}", path.display()), ""))?
    } else {
        typed.message.clone().into_bytes()
    };
    let client = Client::from_environment().map_err(|error| client_failure(typed, &error))?;
    let mut tickets = if typed.no_auth {
        None
    } else {
        let tickets = tickets(typed, &client, console);
        Some(tickets.map_err(|error| client_failure(typed, &error))?)
    };
    for _ in 0..typed.ccount {
        let conversation = Conversation {
            typed,
            stream: connect(typed)?,
            context: None,
        };
        conversation
            .hold(tickets.as_mut(), &text, console)
            .map_err(|trouble| trouble.tell(typed))?;
    }
    Ok(())
}

fn tickets<'a>(
    typed: &Typed,
    client: &'a Client,
    console: &mut Console,
) -> Result<CacheTickets<'a>, ClientError> {
    let user = typed
        .user
        .as_deref()
        .map(|user| client.parse_principal(user));
    match user.transpose()? {
        Some(user) if typed.password => {
            let password = hidden(&format!("Password for {user}"), console)?;
            CacheTickets::with_password(client, &user, password)
        }
        user => CacheTickets::acquire(client, user.as_ref()),
    }
}

fn connect(typed: &Typed) -> Result<TcpStream, Failure> {
    let connected = TcpStream::connect((typed.host.as_str(), typed.port)).and_then(|stream| {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(300)))?;
        Ok(stream)
    });
    connected.map_err(|error| Failure {
        what: format!("cannot connect to {} port {}", typed.host, typed.port),
        why: error.to_string(),
        help: "kerb gss server, or MIT's gss-server, must run there".to_owned(),
        exit: Exit::NoAnswer,
    })
}

/// Why a conversation came to nothing.
enum Trouble {
    Connection(io::Error),
    Closed,
    Refused(Box<Refused>),
    Message(GssError),
    OutOfOrder(Order),
}

impl Trouble {
    fn tell(&self, typed: &Typed) -> Failure {
        let service = target(typed);
        match self {
            Self::Connection(error) => failure(typed, &format!("the connection: {error}"), ""),
            Self::Closed => failure(
                typed,
                "the server has closed the connection",
                "its own output says why",
            ),
            Self::Refused(refused) => failure(
                typed,
                &refused.to_string(),
                &advice(&refused.error, &service),
            ),
            Self::Message(error) => failure(typed, &error.to_string(), &advice(error, &service)),
            Self::OutOfOrder(order) => failure(
                typed,
                &format!("the server's MIC is out of order: {order:?}"),
                "",
            ),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

impl From<GssError> for Trouble {
    fn from(error: GssError) -> Self {
        Self::Message(error)
    }
}

fn failure(typed: &Typed, why: &str, help: &str) -> Failure {
    Failure::refused(format!("cannot talk to {}", target(typed)), why, help)
}

fn client_failure(typed: &Typed, error: &ClientError) -> Failure {
    Failure::of(format!("cannot talk to {}", target(typed)), error)
}

/// The service and its host.
fn target(typed: &Typed) -> String {
    if typed.service.contains('@') {
        typed.service.clone()
    } else {
        format!("{}@{}", typed.service, typed.host)
    }
}

/// Either mechanism's machine.
enum Initiator {
    Krb5(Box<krb5::Initiator>),
    Spnego(Box<spnego::Initiator>),
}

impl Initiator {
    fn new(typed: &Typed) -> Self {
        let mut flags = GssFlags::EMPTY;
        for (flag, wanted) in [
            (GssFlags::MUTUAL, !typed.no_mutual),
            (GssFlags::REPLAY, !typed.no_replay),
            (GssFlags::SEQUENCE, typed.seq),
            (GssFlags::DELEG, typed.delegate),
            (GssFlags::DCE_STYLE, typed.dce),
        ] {
            if wanted {
                flags |= flag;
            }
        }
        let mut options = InitiatorOptions::new(Name::host_based(&target(typed)));
        options.flags = flags;
        if typed.spnego {
            Self::Spnego(Box::new(spnego::Initiator::new(options)))
        } else {
            Self::Krb5(Box::new(krb5::Initiator::new(options)))
        }
    }

    fn step(
        &mut self,
        input: Option<&[u8]>,
        tickets: &mut CacheTickets<'_>,
    ) -> Result<Step, Refused> {
        let rng = &mut rand::rng();
        match self {
            Self::Krb5(machine) => machine.step(input, tickets, now(), rng),
            Self::Spnego(machine) => machine.step(input, tickets, now(), rng),
        }
    }

    fn not_delegated(&self) -> Option<&GssError> {
        match self {
            Self::Krb5(machine) => machine.not_delegated(),
            Self::Spnego(machine) => machine.not_delegated(),
        }
    }
}

/// One connection.
struct Conversation<'a> {
    typed: &'a Typed,
    stream: TcpStream,
    context: Option<Context>,
}

impl Conversation<'_> {
    fn hold(
        mut self,
        tickets: Option<&mut CacheTickets<'_>>,
        text: &[u8],
        console: &mut Console,
    ) -> Result<(), Trouble> {
        match tickets {
            Some(tickets) => {
                let context = self.establish(tickets, console)?;
                if !self.typed.quiet {
                    describe(&context, console);
                }
                self.context = Some(context);
            }
            None => send(&mut self.stream, Mark::NOOP, b"")?,
        }
        for _ in 0..self.typed.mcount {
            self.say(text, console)?;
        }
        if !self.typed.v1 {
            send(&mut self.stream, Mark::NOOP, b"")?;
        }
        Ok(())
    }

    fn establish(
        &mut self,
        tickets: &mut CacheTickets<'_>,
        console: &mut Console,
    ) -> Result<Context, Trouble> {
        if !self.typed.v1 {
            let mark = Mark::NOOP.with(Mark::CONTEXT_NEXT, true);
            send(&mut self.stream, mark, b"")?;
        }
        let mut initiator = Initiator::new(self.typed);
        let mut input = None;
        loop {
            let step = initiator.step(input.as_deref(), tickets);
            if let Err(Refused {
                token: Some(token), ..
            }) = &step
            {
                // The server may know why.
                let _ = self.send_token(token, console);
            }
            let (token, context) = match step? {
                Step::Continue { token } => (Some(token), None),
                Step::Established { token, context } => (token, Some(context)),
            };
            if let Some(token) = token {
                self.send_token(&token, console)?;
            }
            if let Some(context) = context {
                if let Some(why) = initiator.not_delegated() {
                    err!(console, "kerb: nothing was delegated: {why}\n");
                }
                return Ok(*context);
            }
            input = Some(receive(&mut self.stream)?.ok_or(Trouble::Closed)?.token);
        }
    }

    fn send_token(&mut self, token: &[u8], console: &mut Console) -> io::Result<()> {
        if !self.typed.quiet {
            out!(console, "Sending a token of {} bytes\n", token.len());
        }
        let mark = if self.typed.v1 {
            Mark::OLD
        } else {
            Mark::CONTEXT
        };
        send(&mut self.stream, mark, token)
    }

    /// Says it once, and checks the answer.
    fn say(&mut self, text: &[u8], console: &mut Console) -> Result<(), Trouble> {
        let typed = self.typed;
        let wraps = !typed.no_wrap;
        let encrypts = wraps && !typed.no_encrypt;
        let (token, mark) = match &mut self.context {
            Some(context) => {
                let mark = Mark::DATA
                    .with(Mark::WRAPPED, wraps)
                    .with(Mark::ENCRYPTED, encrypts)
                    .with(Mark::SEND_MIC, !typed.no_mic);
                let wrapped = wraps.then(|| context.wrap(encrypts, text, &mut rand::rng()));
                (wrapped.unwrap_or_else(|| text.to_vec()), mark)
            }
            None => (text.to_vec(), Mark::DATA),
        };
        let mark = if typed.v1 { Mark::OLD } else { mark };
        send(&mut self.stream, mark, &token)?;
        let answer = receive(&mut self.stream)?.ok_or(Trouble::Closed)?;
        let words = match &mut self.context {
            Some(context) if !typed.no_mic => match context.verify_mic(text, &answer.token)? {
                Order::InOrder => "Signature verified.",
                order => return Err(Trouble::OutOfOrder(order)),
            },
            _ => "Response received.",
        };
        if !typed.quiet {
            out!(console, "{words}\n");
        }
        Ok(())
    }
}

fn describe(context: &Context, console: &mut Console) {
    out!(
        console,
        "{}\"{}\" to \"{}\", lifetime {}, flags {:x}, locally initiated, open\n",
        flag_lines(context),
        context.initiator_name(),
        context.acceptor_name(),
        context.lifetime(now()).as_secs(),
        context.flags().0
    );
}
