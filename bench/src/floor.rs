//! The floor of the minute: an echo over UDP of the same sizes, and the cryptography of the exchange with ready keys.
//!
//! No KDC can cost less on this machine. The floor runs as a process of its own, measured like any server.

use std::hint::black_box;
use std::io;
use std::net::UdpSocket;

use kerbstone_crypto::{Key, KeyUsage};

use crate::request::ENCTYPE;

/// The exchange whose floor is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    As,
    Tgs,
}

// Sizes of plaintexts in octets, as facts of the messages in this benchmark.
const TIMESTAMP: usize = 21;
const TICKET: usize = 150;
const AUTHENTICATOR: usize = 110;
const BODY: usize = 100;
const REPLY_PART: usize = 190;

/// Answers each datagram with one of `reply` octets after the cryptography of `kind`, until killed.
///
/// # Errors
/// The socket's.
pub(crate) fn serve(socket: &UdpSocket, kind: Kind, reply: usize) -> io::Result<()> {
    let mut work = Work::new().map_err(io::Error::other)?;
    let mut buffer = [0; 4096];
    let answer = vec![0x5a; reply];
    loop {
        let (length, client) = socket.recv_from(&mut buffer)?;
        black_box(buffer.get(..length));
        match kind {
            Kind::As => work.login()?,
            Kind::Tgs => work.ticket()?,
        }
        socket.send_to(&answer, client)?;
    }
}

struct Work {
    long_term: Key,
    rng: rand::rngs::ThreadRng,
    timestamp: Vec<u8>,
    ticket: Vec<u8>,
    authenticator: Vec<u8>,
}

impl Work {
    fn new() -> Result<Self, kerbstone_crypto::CryptoError> {
        let mut rng = rand::rng();
        let long_term = Key::random(ENCTYPE, &mut rng)?;
        let session = Self::session_key()?;
        Ok(Self {
            timestamp: long_term.encrypt(
                KeyUsage::AS_REQ_PA_ENC_TIMESTAMP,
                &[0; TIMESTAMP],
                &mut rng,
            ),
            ticket: long_term.encrypt(KeyUsage::TICKET, &[0; TICKET], &mut rng),
            authenticator: session.encrypt(KeyUsage::TGS_REQ_AUTH, &[0; AUTHENTICATOR], &mut rng),
            long_term,
            rng,
        })
    }

    /// The same key each time, but a new object: the server must derive its keys in every exchange.
    fn session_key() -> Result<Key, kerbstone_crypto::CryptoError> {
        Key::new(ENCTYPE, &[7; 32])
    }

    fn login(&mut self) -> io::Result<()> {
        let opened = self
            .long_term
            .decrypt(KeyUsage::AS_REQ_PA_ENC_TIMESTAMP, &self.timestamp);
        black_box(opened.map_err(io::Error::other)?);
        black_box(Key::random(ENCTYPE, &mut self.rng).map_err(io::Error::other)?);
        black_box(
            self.long_term
                .encrypt(KeyUsage::TICKET, &[0; TICKET], &mut self.rng),
        );
        black_box(self.long_term.encrypt(
            KeyUsage::AS_REP_ENC_PART,
            &[0; REPLY_PART],
            &mut self.rng,
        ));
        Ok(())
    }

    fn ticket(&mut self) -> io::Result<()> {
        let session = Self::session_key().map_err(io::Error::other)?;
        black_box(
            self.long_term
                .decrypt(KeyUsage::TICKET, &self.ticket)
                .map_err(io::Error::other)?,
        );
        black_box(
            session
                .decrypt(KeyUsage::TGS_REQ_AUTH, &self.authenticator)
                .map_err(io::Error::other)?,
        );
        black_box(session.checksum(KeyUsage::TGS_REQ_CKSUM, &[0; BODY]));
        black_box(Key::random(ENCTYPE, &mut self.rng).map_err(io::Error::other)?);
        black_box(
            self.long_term
                .encrypt(KeyUsage::TICKET, &[0; TICKET], &mut self.rng),
        );
        black_box(session.encrypt(KeyUsage::TGS_REP_SESSION, &[0; REPLY_PART], &mut self.rng));
        Ok(())
    }
}
