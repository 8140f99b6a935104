//! The uwsgi protocol and what members answer: requests are read again as they were written, and answers are read alike
//! however their octets come in.

#![no_main]

use std::net::SocketAddr;

use arbitrary::Arbitrary;
use bytes::BytesMut;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use kerbstone_gateway::outbound::{ClientAddress, Front};
use kerbstone_gateway::transport::{
    Asked, BadAnswer, BodyLength, Chunked, Dialect, HeadReader, Piece,
};
use kerbstone_gateway::uwsgi::{self, TooLong};
use kerbstone_gateway::variables::Variable;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Request(Sent<'a>),
    Answer {
        is_uwsgi: bool,
        is_head: bool,
        wants_upgrade: bool,
        step: u8,
        octets: &'a [u8],
    },
    Chunks {
        step: u8,
        octets: &'a [u8],
    },
}

#[derive(Arbitrary, Debug)]
struct Sent<'a> {
    method: &'a [u8],
    target: &'a [u8],
    headers: Vec<(&'a [u8], &'a [u8])>,
    told: Vec<(u8, String)>,
    mount: String,
    host: &'a [u8],
    is_https: bool,
    port: Option<u16>,
    length: u64,
    /// Makes some of them too long.
    filler: u16,
}

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Request(sent) => {
            let _no_request = request(&sent);
        }
        Input::Answer {
            is_uwsgi,
            is_head,
            wants_upgrade,
            step,
            octets,
        } => {
            let dialect = match is_uwsgi {
                true => Dialect::Uwsgi,
                false => Dialect::Http,
            };
            let asked = Asked {
                is_head,
                wants_upgrade,
            };
            let whole = answer(dialect, asked, octets, octets.len().max(1));
            let pieces = answer(dialect, asked, octets, usize::from(step).max(1));
            assert_eq!(whole, pieces);
        }
        Input::Chunks { step, octets } => {
            let whole = chunks(octets, octets.len().max(1));
            assert_eq!(whole, chunks(octets, usize::from(step).max(1)));
        }
    }
});

/// `None` where the parts make no request.
fn request(sent: &Sent<'_>) -> Option<()> {
    let mut request = Request::builder()
        .method(Method::from_bytes(sent.method).ok()?)
        .uri(Uri::try_from(sent.target).ok()?);
    for (name, value) in &sent.headers {
        let name = HeaderName::from_bytes(name).ok()?;
        request = request.header(name, HeaderValue::from_bytes(value).ok()?);
    }
    let filler = HeaderValue::try_from("x".repeat(sent.filler.into())).ok()?;
    let (head, ()) = request
        .header("x-filler", filler)
        .body(())
        .ok()?
        .into_parts();
    let told = sent.told.iter().map(|(which, value)| {
        let which = usize::from(*which) % Variable::ALL.len();
        (Variable::ALL[which], value.clone())
    });
    let told: Vec<_> = told.collect();
    let front = Front {
        is_https: sent.is_https,
        host: HeaderValue::from_bytes(sent.host).ok()?,
        port: sent.port,
        mount: sent.mount.clone(),
    };
    let client = ClientAddress::Internet(SocketAddr::from(([192, 0, 2, 7], 1234)));
    match uwsgi::write(Vec::new(), &head, &told, &client, &front, sent.length) {
        Ok(packet) => {
            let variables = decoded(&packet);
            let values = |wanted: &str| -> Vec<&[u8]> {
                let found = variables
                    .iter()
                    .filter(|(name, _)| *name == wanted.as_bytes());
                found.map(|(_, value)| *value).collect()
            };
            assert_eq!(values("REQUEST_METHOD"), [head.method.as_str().as_bytes()]);
            assert_eq!(
                values("QUERY_STRING"),
                [head.uri.query().unwrap_or_default().as_bytes()]
            );
            assert!(values("HTTP_PROXY").is_empty());
            // No header of a client's becomes a variable of ours.
            let ours = variables
                .iter()
                .filter(|(name, _)| !name.starts_with(b"HTTP_"));
            let told_count = told.len();
            assert!(ours.count() <= 15 + told_count);
            let mut names: Vec<_> = variables
                .iter()
                .map(|(name, _)| name)
                .filter(|name| name.starts_with(b"HTTP_"))
                .collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "two headers became one variable");
        }
        Err(TooLong(octets)) => assert!(octets > 65_535),
    }
    Some(())
}

/// Reads a packet as strictly as it is defined.
fn decoded(packet: &[u8]) -> Vec<(&[u8], &[u8])> {
    let ([modifier, low, high, other], mut rest) = packet.split_first_chunk().expect("a header");
    assert_eq!((*modifier, *other), (0, 0));
    assert_eq!(rest.len(), usize::from(u16::from_le_bytes([*low, *high])));
    let mut variables = Vec::new();
    while !rest.is_empty() {
        let name = take(&mut rest);
        variables.push((name, take(&mut rest)));
    }
    variables
}

fn take<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (length, behind) = rest.split_first_chunk::<2>().expect("a length");
    let (taken, behind) = behind.split_at(u16::from_le_bytes(*length).into());
    *rest = behind;
    taken
}

/// What a head says, and what is left behind it.
type Said = (u16, BodyLength, bool, usize, Vec<u8>);

fn answer(
    dialect: Dialect,
    asked: Asked,
    octets: &[u8],
    step: usize,
) -> Result<Option<Said>, BadAnswer> {
    let (mut reader, mut buffer) = (HeadReader::new(dialect, asked), BytesMut::new());
    let mut pieces = octets.chunks(step);
    while let Some(piece) = pieces.next() {
        buffer.extend_from_slice(piece);
        if let Some(head) = reader.read(&mut buffer)? {
            let left = buffer.iter().chain(pieces.flatten()).copied().collect();
            let status = head.status.as_u16();
            assert!(status != 101 || (asked.wants_upgrade && dialect == Dialect::Http));
            assert!(!asked.is_head || head.length == BodyLength::Known(0));
            assert!(!head.is_persistent || head.length != BodyLength::UntilClose);
            return Ok(Some((
                status,
                head.length,
                head.is_persistent,
                head.headers.len(),
                left,
            )));
        }
    }
    Ok(None)
}

/// The body, and what is left behind it where it is over.
fn chunks(octets: &[u8], step: usize) -> Result<(Vec<u8>, Option<Vec<u8>>), BadAnswer> {
    let (mut chunked, mut buffer, mut body) = (Chunked::default(), BytesMut::new(), Vec::new());
    let mut pieces = octets.chunks(step);
    loop {
        match chunked.read(&mut buffer)? {
            Piece::Data(data) => body.extend_from_slice(&data),
            Piece::End => {
                let left = buffer.iter().chain(pieces.flatten()).copied().collect();
                return Ok((body, Some(left)));
            }
            Piece::None => match pieces.next() {
                Some(piece) => buffer.extend_from_slice(piece),
                None => return Ok((body, None)),
            },
        }
    }
}
