//! As much of HTTP as a client needs who signs in with Negotiate (RFC 4559).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use base64ct::{Base64, Encoding};
use kerbstone_gss::spnego::Initiator;
use kerbstone_gss::{Context, Refused, Step};

use crate::caller::Caller;

/// A connection that stays open from request to request.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Connection {
    pub(crate) fn open(port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the server listens");
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Asks for a page, with a token of GSS if there is one.
    pub(crate) fn get(&mut self, page: &str, token: Option<&[u8]>) -> Reply {
        let authorization = token.map_or_else(String::new, |token| {
            format!(
                "Authorization: Negotiate {}\r\n",
                Base64::encode_string(token)
            )
        });
        let request =
            format!("GET /{page} HTTP/1.1\r\nHost: www.lab.example\r\n{authorization}\r\n");
        self.stream
            .get_mut()
            .write_all(request.as_bytes())
            .expect("the server reads");
        self.read_reply()
    }

    fn read_reply(&mut self) -> Reply {
        let first = self.read_line();
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut reply = Reply {
            status: status.unwrap_or_else(|| panic!("no reply of HTTP: {first}")),
            headers: Vec::new(),
            body: String::new(),
        };
        loop {
            let line = self.read_line();
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            reply.headers.push((name.into(), value.trim_start().into()));
        }
        let length = reply.header("Content-Length").expect("a length").parse();
        let mut body = vec![0; length.expect("a number")];
        self.stream.read_exact(&mut body).expect("the whole body");
        reply.body = String::from_utf8_lossy(&body).into_owned();
        reply
    }

    fn read_line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("a line");
        line.trim_end().to_string()
    }

    /// Asks for a page and signs in with as many requests as it takes. What the initiator made of it comes along, if
    /// there was a token for its last word.
    pub(crate) fn sign_in(
        &mut self,
        page: &str,
        caller: &Caller,
        initiator: &mut Initiator,
    ) -> (Reply, Option<Result<Context, Refused>>) {
        let mut reply: Option<Reply> = None;
        let outcome = loop {
            let input = reply.as_ref().and_then(Reply::token);
            let (token, outcome) = match caller.negotiate(initiator, input.as_deref()) {
                Ok(Step::Continue { token }) => (Some(token), None),
                Ok(Step::Established { token, context }) => (token, Some(Ok(*context))),
                Err(refused) => (None, Some(Err(refused))),
            };
            if let Some(token) = token {
                reply = Some(self.get(page, Some(&token)));
            }
            let is_answered = reply.as_ref().is_some_and(|reply| reply.token().is_some());
            if outcome.is_some() || !is_answered {
                break outcome;
            }
        };
        (reply.expect("an initiator begins with a token"), outcome)
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn offers_negotiate(&self) -> bool {
        self.header("WWW-Authenticate")
            .is_some_and(|value| value.starts_with("Negotiate"))
    }

    /// The server's token.
    pub(crate) fn token(&self) -> Option<Vec<u8>> {
        let value = self.header("WWW-Authenticate")?;
        let token = value.strip_prefix("Negotiate ")?;
        Some(Base64::decode_vec(token).expect("a token in Base64"))
    }
}
