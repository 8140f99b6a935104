//! Clients over TLS: so many at once, each with one request after the other.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::certificates::Certificates;

const PATIENCE: Duration = Duration::from_secs(30);

/// How requests share connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connections {
    /// One connection carries all requests of a client.
    Kept,
    /// One for each request, with TLS sessions resumed.
    Resumed,
    /// One for each request, with a full handshake.
    Fresh,
    /// The same with a certificate of the client.
    FreshWithCertificate,
}

/// What to do to a server.
pub(crate) struct Load<'a> {
    /// Where.
    pub(crate) address: SocketAddr,
    /// The certificates of the race.
    pub(crate) certificates: &'a Certificates,
    /// How.
    pub(crate) connections: Connections,
    /// Clients at once.
    pub(crate) clients: usize,
    /// The requests, whole; each is sent once. Or one that all send.
    pub(crate) requests: &'a [Vec<u8>],
    /// How many are sent.
    pub(crate) count: usize,
}

/// An answer: its head, and how long its body was.
pub(crate) struct Answer {
    /// The status line and headers.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The status.
    pub(crate) fn status(&self) -> u16 {
        let mut words = self.head.split(' ');
        words.nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// A header, if there is one of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Load<'_> {
    /// Sends all requests.
    ///
    /// # Errors
    /// An answer that is no success, which the race would count as cheap.
    pub(crate) fn run(&self) -> io::Result<()> {
        let next = AtomicUsize::new(0);
        let config = self.certificates.client(self.connections)?;
        thread::scope(|scope| {
            let clients: Vec<_> = (0..self.clients)
                .map(|_| scope.spawn(|| self.client(&config, &next)))
                .collect();
            for client in clients {
                client
                    .join()
                    .map_err(|_| io::Error::other("a client died"))??;
            }
            Ok(())
        })
    }

    fn client(&self, config: &Arc<ClientConfig>, next: &AtomicUsize) -> io::Result<()> {
        let mut kept = None;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= self.count {
                return Ok(());
            }
            let Some(request) = self.requests.get(number % self.requests.len()) else {
                return Ok(());
            };
            let mut stream = match kept.take() {
                Some(stream) => stream,
                None => connect(self.address, config)?,
            };
            let answer = exchange(&mut stream, request)?;
            if !(200..300).contains(&answer.status()) {
                let words = String::from_utf8_lossy(&answer.body).into_owned();
                return Err(io::Error::other(format!("{}{words}", answer.head)));
            }
            if self.connections == Connections::Kept {
                kept = Some(stream);
            } else {
                stream.conn.send_close_notify();
                let _gone = stream.flush();
            }
        }
    }
}

/// Opens a connection.
///
/// # Errors
/// Nobody listens, or the handshake fails.
pub(crate) fn connect(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(connection, socket))
}

/// Sends a request and reads its answer to the end.
///
/// # Errors
/// The connection ends, or the answer has no length.
pub(crate) fn exchange(stream: &mut (impl Read + Write), request: &[u8]) -> io::Result<Answer> {
    stream.write_all(request)?;
    stream.flush()?;
    let mut read = Vec::with_capacity(4096);
    let mut piece = [0; 16 << 10];
    let end = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, &mut piece, &mut read)?;
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let mut answer = Answer {
        head,
        body: read.split_off(end),
    };
    if answer.header("transfer-encoding").is_some() {
        while !answer.body.ends_with(b"0\r\n\r\n") {
            more(stream, &mut piece, &mut answer.body)?;
        }
        return Ok(answer);
    }
    let length = answer
        .header("content-length")
        .and_then(|text| text.parse().ok());
    let length = length.unwrap_or(0);
    while answer.body.len() < length {
        more(stream, &mut piece, &mut answer.body)?;
    }
    Ok(answer)
}

fn more(stream: &mut impl Read, piece: &mut [u8], read: &mut Vec<u8>) -> io::Result<()> {
    match stream.read(piece)? {
        0 => Err(io::Error::other(format!(
            "the server closed in the middle: {}",
            String::from_utf8_lossy(read)
        ))),
        count => {
            read.extend_from_slice(&piece[..count]);
            Ok(())
        }
    }
}

impl Certificates {
    /// What a client trusts and shows.
    ///
    /// # Errors
    /// Certificates that rustls does not take.
    pub(crate) fn client(&self, connections: Connections) -> io::Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from(self.authority_der.clone()))
            .map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots);
        let mut config = match connections {
            Connections::FreshWithCertificate => {
                let chain = vec![CertificateDer::from(self.client_der.clone())];
                let key = PrivateKeyDer::try_from(self.client_key_der.clone());
                builder
                    .with_client_auth_cert(chain, key.map_err(io::Error::other)?)
                    .map_err(io::Error::other)?
            }
            _ => builder.with_no_client_auth(),
        };
        if matches!(
            connections,
            Connections::Fresh | Connections::FreshWithCertificate
        ) {
            config.resumption = rustls::client::Resumption::disabled();
        }
        Ok(Arc::new(config))
    }
}
