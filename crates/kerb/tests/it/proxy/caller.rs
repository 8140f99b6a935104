//! A caller that says any bytes it likes.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use kerbstone_proxy::wire::{self, Call, IndicateMechsArgs, Reply};

/// Tests do not assert times; this is how long a hung daemon is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Caller {
    stream: UnixStream,
    xid: u32,
}

impl Caller {
    pub(super) fn at(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, xid: 7 }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next reply without its mark, or nothing when the daemon has closed.
    pub(super) fn receive(&mut self) -> Option<Vec<u8>> {
        let mut mark = [0; 4];
        match self.stream.read_exact(&mut mark) {
            Ok(()) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
                ) =>
            {
                return None;
            }
            Err(error) => panic!("no reply: {error}"),
        }
        let length = u32::from_be_bytes(mark) & 0x7fff_ffff;
        let mut reply = vec![0; length as usize];
        self.stream.read_exact(&mut reply).unwrap();
        Some(reply)
    }

    /// Sends a call and does not wait for its reply.
    pub(super) fn ask(&mut self, call: &Call) {
        self.xid += 1;
        let record = wire::write_call(self.xid, call).unwrap();
        self.send(&record);
    }

    /// The reply to the call that was asked last; nothing when the daemon has closed.
    pub(super) fn hear(&mut self, call: &Call) -> Option<Reply> {
        let reply = self.receive()?;
        Some(wire::read_reply(&reply, self.xid, call.procedure()).unwrap())
    }

    pub(super) fn call(&mut self, call: &Call) -> Option<Reply> {
        self.ask(call);
        self.hear(call)
    }

    /// Whether the daemon answers a simple call.
    pub(super) fn is_served(&mut self) -> bool {
        self.call(&simple_call()).is_some()
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }
}

/// A call that needs nothing.
pub(super) fn simple_call() -> Call {
    IndicateMechsArgs::default().into()
}

/// Words as XDR has them.
pub(super) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A record around a message.
pub(super) fn record(message: &[u8]) -> Vec<u8> {
    let mark = 0x8000_0000 | u32::try_from(message.len()).unwrap();
    [&mark.to_be_bytes(), message].concat()
}
