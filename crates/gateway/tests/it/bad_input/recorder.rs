//! A back end that writes down what comes, octet by octet, and reads it as the RFC has it and no other way.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Over which of the back end's connections it came.
    pub(super) connection: usize,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Vec<&str> {
        let named = self
            .headers
            .iter()
            .filter(|(one, _)| one.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }
}

#[derive(Debug, Default)]
struct Notes {
    received: Vec<Received>,
    /// What is no request: two lengths, torn bodies, blanks where none belong.
    oddities: Vec<String>,
}

pub(super) struct Recorder {
    address: SocketAddr,
    notes: Arc<Mutex<Notes>>,
}

impl Recorder {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let notes = Arc::new(Mutex::new(Notes::default()));
        let shared = Arc::clone(&notes);
        tokio::spawn(async move {
            let mut connection = 0;
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, connection, Arc::clone(&shared)));
                connection += 1;
            }
        });
        Self { address, notes }
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.notes.lock().unwrap().received.clone()
    }

    pub(super) fn oddities(&self) -> Vec<String> {
        self.notes.lock().unwrap().oddities.clone()
    }
}

async fn serve(mut stream: TcpStream, connection: usize, notes: Arc<Mutex<Notes>>) {
    let mut octets = Vec::new();
    loop {
        match cut(&octets) {
            Ok(Some((received, length))) => {
                octets.drain(..length);
                let received = Received {
                    connection,
                    ..received
                };
                notes.lock().unwrap().received.push(received);
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nrecorded";
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
                continue;
            }
            Ok(None) => {}
            Err(oddity) => {
                notes.lock().unwrap().oddities.push(oddity);
                return;
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(length @ 1..) => octets.extend_from_slice(&piece[..length]),
            // A request whose rest never came is none, as long as nobody takes it for one.
            _ => return,
        }
    }
}

/// The first request, and how many octets it has; `None` while some are missing.
fn cut(octets: &[u8]) -> Result<Option<(Received, usize)>, String> {
    let Some(end) = octets.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&octets[..end]).map_err(|error| error.to_string())?;
    if head.replace("\r\n", "").contains(['\r', '\n', '\0']) {
        return Err(format!("a line end that is none: {head:?}"));
    }
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    if line.split(' ').count() != 3 || !line.ends_with(" HTTP/1.1") {
        return Err(format!("no request line: {line:?}"));
    }
    let headers: Vec<(String, String)> = lines
        .map(|line| match line.split_once(':') {
            Some((name, value)) if !name.is_empty() && !name.contains([' ', '\t']) => {
                Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
            }
            _ => Err(format!("no header: {line:?}")),
        })
        .collect::<Result<_, _>>()?;
    let all = |name: &str| -> Vec<&str> {
        let named = headers.iter().filter(|(one, _)| one == name);
        named.map(|(_, value)| value.as_str()).collect()
    };
    let rest = &octets[end + 4..];
    let (body, length) = match (
        all("content-length").as_slice(),
        all("transfer-encoding").as_slice(),
    ) {
        ([], []) => (Vec::new(), 0),
        ([length], []) => {
            let length: usize = length
                .parse()
                .map_err(|_| format!("no length: {length:?}"))?;
            match rest.get(..length) {
                Some(body) => (body.to_vec(), length),
                None => return Ok(None),
            }
        }
        ([], ["chunked"]) => match unchunk(rest)? {
            Some(found) => found,
            None => return Ok(None),
        },
        (lengths, codings) => return Err(format!("lengths {lengths:?}, codings {codings:?}")),
    };
    if all("host").len() != 1 {
        return Err(format!("hosts: {:?}", all("host")));
    }
    Ok(Some((
        Received {
            line,
            headers,
            body,
            connection: 0,
        },
        end + 4 + length,
    )))
}

fn unchunk(octets: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(end) = octets[at..].windows(2).position(|window| window == b"\r\n") else {
            return Ok(None);
        };
        let size = std::str::from_utf8(&octets[at..at + end]).map_err(|error| error.to_string())?;
        let size = usize::from_str_radix(size, 16).map_err(|_| format!("no size: {size:?}"))?;
        let start = at + end + 2;
        let Some(chunk) = octets.get(start..start + size + 2) else {
            return Ok(None);
        };
        if !chunk.ends_with(b"\r\n") {
            return Err("a chunk is longer than it says, or trailers came".to_owned());
        }
        body.extend_from_slice(&chunk[..size]);
        at = start + size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}
