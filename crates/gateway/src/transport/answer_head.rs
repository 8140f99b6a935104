//! The head of a member's answer, and how long its body is (RFC 9112 6.3).
//!
//! What may be read in two ways is refused: a proxy that guesses hands one client's answer to another.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use httparse::{EMPTY_HEADER, Header, Status};

/// Octets of a head.
const MOST: usize = 64 << 10;
/// Headers in it.
const MOST_HEADERS: usize = 128;

/// Why a member's answer is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// It does not begin as an answer does.
    #[error("it does not begin as an answer does")]
    NoAnswer,
    /// A line of its head is no header.
    #[error("a line of its head is no header")]
    Header,
    /// Its head is too long.
    #[error("its head is too long")]
    TooLong,
    /// Its length is said twice, or not in digits.
    #[error("its Content-Length makes no sense")]
    Length,
    /// It is encoded in another way than in chunks, or says its length as well.
    #[error("its Transfer-Encoding makes no sense")]
    TransferEncoding,
    /// A chunk is none.
    #[error("a chunk of it makes no sense")]
    Chunk,
    /// The protocol is changed though nobody asked for that.
    #[error("it changes the protocol, which nobody asked for")]
    Upgrade,
    /// There are too many answers before the final one.
    #[error("too many interim answers came before it")]
    Interim,
}

/// What an answer's head looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// As HTTP/1.1 has it, with a status line.
    Http,
    /// As a uwsgi server has it: with a status line, or with a header `Status` as in CGI.
    Uwsgi,
}

/// What an answer answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The answer to HEAD has no body whatever it says.
    pub is_head: bool,
    /// Another protocol was asked for.
    pub wants_upgrade: bool,
}

impl Asked {
    /// What matters of a request.
    pub fn by(method: &Method, wants_upgrade: bool) -> Self {
        Self {
            is_head: method == Method::HEAD,
            wants_upgrade,
        }
    }
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// So many octets.
    Known(u64),
    /// It comes in chunks, the last of which says so.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// The head of an answer.
#[derive(Debug)]
pub struct AnswerHead {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Where its body ends.
    pub length: BodyLength,
    /// Whether the connection serves on after it.
    pub is_persistent: bool,
}

/// Reads heads out of what has come so far.
#[derive(Clone, Copy, Debug)]
pub struct HeadReader {
    dialect: Dialect,
    asked: Asked,
    /// So far there is no end of a head.
    searched: usize,
}

impl HeadReader {
    /// Reads the answer to that.
    pub const fn new(dialect: Dialect, asked: Asked) -> Self {
        Self {
            dialect,
            asked,
            searched: 0,
        }
    }

    /// Takes a head off the front; `None` while there is not all of it.
    ///
    /// # Errors
    /// [`BadAnswer`]
    pub fn read(&mut self, buffer: &mut BytesMut) -> Result<Option<AnswerHead>, BadAnswer> {
        if self.dialect == Dialect::Http && !begins_well(buffer) {
            return Err(BadAnswer::NoAnswer);
        }
        let Some(end) = end_of_head(buffer, self.searched) else {
            self.searched = buffer.len().saturating_sub(3);
            return match buffer.len() > MOST {
                true => Err(BadAnswer::TooLong),
                false => Ok(None),
            };
        };
        if end > MOST {
            return Err(BadAnswer::TooLong);
        }
        self.searched = 0;
        let head = buffer.split_to(end).freeze();
        let has_status_line = self.dialect == Dialect::Http || head.starts_with(b"HTTP/");
        match has_status_line {
            true => self.with_status_line(&head).map(Some),
            false => self.with_status_header(&head).map(Some),
        }
    }

    fn with_status_line(&self, head: &Bytes) -> Result<AnswerHead, BadAnswer> {
        let mut lines = [EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Response::new(&mut lines);
        match parsed.parse(head) {
            Ok(Status::Complete(length)) if length == head.len() => {}
            Err(httparse::Error::TooManyHeaders) => return Err(BadAnswer::TooLong),
            Err(
                httparse::Error::HeaderName
                | httparse::Error::HeaderValue
                | httparse::Error::NewLine,
            ) => return Err(BadAnswer::Header),
            _ => return Err(BadAnswer::NoAnswer),
        }
        let code = parsed.code.unwrap_or_default();
        let status = StatusCode::from_u16(code).map_err(|_| BadAnswer::NoAnswer)?;
        let headers = headers(head, parsed.headers)?;
        self.judge(status, headers, parsed.version == Some(1))
    }

    fn with_status_header(&self, head: &Bytes) -> Result<AnswerHead, BadAnswer> {
        let mut lines = [EMPTY_HEADER; MOST_HEADERS];
        let parsed = match httparse::parse_headers(head, &mut lines) {
            Ok(Status::Complete((length, parsed))) if length == head.len() => parsed,
            Err(httparse::Error::TooManyHeaders) => return Err(BadAnswer::TooLong),
            _ => return Err(BadAnswer::Header),
        };
        let mut headers = headers(head, parsed)?;
        let status = HeaderName::from_static("status");
        let mut said = headers.get_all(&status).iter();
        let (Some(code), None) = (said.next(), said.next()) else {
            return Err(BadAnswer::NoAnswer);
        };
        let code = code.as_bytes().split(|&octet| octet == b' ').next();
        let code = StatusCode::from_bytes(code.unwrap_or_default());
        let code = code.map_err(|_| BadAnswer::NoAnswer)?;
        headers.remove(&status);
        self.judge(code, headers, false)
    }

    fn judge(
        &self,
        status: StatusCode,
        headers: HeaderMap,
        is_http_11: bool,
    ) -> Result<AnswerHead, BadAnswer> {
        if status == StatusCode::SWITCHING_PROTOCOLS
            && !(self.asked.wants_upgrade && self.dialect == Dialect::Http)
        {
            return Err(BadAnswer::Upgrade);
        }
        let length = self.length(status, &headers, is_http_11)?;
        let is_persistent = self.dialect == Dialect::Http
            && length != BodyLength::UntilClose
            && persists(&headers, is_http_11);
        Ok(AnswerHead {
            status,
            headers,
            length,
            is_persistent,
        })
    }

    fn length(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        is_http_11: bool,
    ) -> Result<BodyLength, BadAnswer> {
        let said = content_length(headers)?;
        let is_chunked = is_chunked(headers, is_http_11)?;
        if is_chunked && said.is_some() {
            return Err(BadAnswer::TransferEncoding);
        }
        let has_none = self.asked.is_head
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        Ok(match said {
            _ if has_none => BodyLength::Known(0),
            Some(length) => BodyLength::Known(length),
            None if is_chunked => BodyLength::Chunked,
            None => BodyLength::UntilClose,
        })
    }
}

/// So that whoever speaks first, in another protocol, is not waited for.
fn begins_well(buffer: &[u8]) -> bool {
    const BEGINNING: &[u8] = b"HTTP/1.";
    let length = buffer.len().min(BEGINNING.len());
    buffer.get(..length) == BEGINNING.get(..length)
}

/// Where the empty line ends, if there is one; before `from` there is none.
fn end_of_head(buffer: &[u8], from: usize) -> Option<usize> {
    let rest = buffer.get(from..)?;
    let mut ends = rest
        .iter()
        .enumerate()
        .filter(|(_, octet)| **octet == b'\n')
        .map(|(at, _)| at);
    let mut last = ends.next()?;
    for end in ends {
        let between = rest.get(last.saturating_add(1)..end)?;
        if matches!(between, b"" | b"\r") {
            return end.checked_add(from)?.checked_add(1);
        }
        last = end;
    }
    None
}

fn headers(head: &Bytes, lines: &[Header<'_>]) -> Result<HeaderMap, BadAnswer> {
    let mut headers = HeaderMap::with_capacity(lines.len());
    for line in lines {
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| BadAnswer::Header)?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(line.value));
        headers
            .try_append(name, value.map_err(|_| BadAnswer::Header)?)
            .map_err(|_| BadAnswer::TooLong)?;
    }
    Ok(headers)
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, BadAnswer> {
    let mut said = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(length) = said.next() else {
        return Ok(None);
    };
    let is_number = length.as_bytes().iter().all(u8::is_ascii_digit);
    if said.next().is_some() || !is_number {
        return Err(BadAnswer::Length);
    }
    let length = length.to_str().ok().and_then(|text| text.parse().ok());
    length.ok_or(BadAnswer::Length).map(Some)
}

fn is_chunked(headers: &HeaderMap, is_http_11: bool) -> Result<bool, BadAnswer> {
    let mut said = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (said.next(), said.next()) {
        (None, _) => Ok(false),
        (Some(coding), None)
            if is_http_11 && coding.as_bytes().eq_ignore_ascii_case(b"chunked") =>
        {
            Ok(true)
        }
        _ => Err(BadAnswer::TransferEncoding),
    }
}

fn persists(headers: &HeaderMap, is_http_11: bool) -> bool {
    let says = |wanted: &str| {
        headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|token| token.trim().eq_ignore_ascii_case(wanted))
    };
    match is_http_11 {
        true => !says("close"),
        false => says("keep-alive") && !says("close"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: Asked = Asked {
        is_head: false,
        wants_upgrade: false,
    };

    fn read(dialect: Dialect, asked: Asked, text: &str) -> Result<Option<AnswerHead>, BadAnswer> {
        HeadReader::new(dialect, asked).read(&mut BytesMut::from(text))
    }

    fn http(text: &str) -> AnswerHead {
        read(Dialect::Http, GET, text).unwrap().unwrap()
    }

    fn fault(text: &str) -> BadAnswer {
        read(Dialect::Http, GET, text).unwrap_err()
    }

    #[test]
    fn a_head_says_where_its_body_ends() {
        let known = http("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(known.length, BodyLength::Known(5));
        assert!(known.is_persistent);
        let chunked = http("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n");
        assert_eq!(chunked.length, BodyLength::Chunked);
        let until_close = http("HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(until_close.length, BodyLength::UntilClose);
        assert!(!until_close.is_persistent);
        for bodiless in ["204 No Content", "304 Not Modified", "103 Early Hints"] {
            let head = http(&format!("HTTP/1.1 {bodiless}\r\nContent-Length: 5\r\n\r\n"));
            assert_eq!(head.length, BodyLength::Known(0), "{bodiless}");
        }
    }

    #[test]
    fn the_answer_to_head_has_no_body_whatever_it_says() {
        let asked = Asked::by(&Method::HEAD, false);
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";
        let head = read(Dialect::Http, asked, text).unwrap().unwrap();
        assert_eq!(head.length, BodyLength::Known(0));
        assert_eq!(head.headers[header::CONTENT_LENGTH], "500");
    }

    #[test]
    fn whoever_closes_says_so() {
        assert!(
            !http("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, Close\r\n\r\n")
                .is_persistent
        );
        assert!(!http("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").is_persistent);
        assert!(
            http("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n")
                .is_persistent
        );
    }

    #[test]
    fn what_may_be_read_in_two_ways_is_refused() {
        let line = "HTTP/1.1 200 OK\r\n";
        for (headers, why) in [
            (
                "Content-Length: 5\r\nContent-Length: 5\r\n",
                BadAnswer::Length,
            ),
            ("Content-Length: 5, 5\r\n", BadAnswer::Length),
            ("Content-Length: +5\r\n", BadAnswer::Length),
            ("Content-Length: -1\r\n", BadAnswer::Length),
            ("Content-Length: \r\n", BadAnswer::Length),
            ("Content-Length: 0x5\r\n", BadAnswer::Length),
            (
                "Content-Length: 18446744073709551616\r\n",
                BadAnswer::Length,
            ),
            (
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                BadAnswer::TransferEncoding,
            ),
            (
                "Transfer-Encoding: gzip, chunked\r\n",
                BadAnswer::TransferEncoding,
            ),
            (
                "Transfer-Encoding: identity\r\n",
                BadAnswer::TransferEncoding,
            ),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                BadAnswer::TransferEncoding,
            ),
            ("X-Folded: a\r\n b\r\n", BadAnswer::Header),
            ("Content-Length : 5\r\n", BadAnswer::Header),
            (" X: 1\r\n", BadAnswer::Header),
            ("No colon\r\n", BadAnswer::Header),
            ("X: a\0b\r\n", BadAnswer::Header),
        ] {
            assert_eq!(fault(&format!("{line}{headers}\r\n")), why, "{headers:?}");
        }
        assert_eq!(
            fault("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            BadAnswer::TransferEncoding
        );
    }

    #[test]
    fn another_protocol_is_recognized_at_once() {
        for text in [
            "SSH-2.0-OpenSSH_9.2\r\n",
            "HTTP/2.0 200\r\n\r\n",
            "\r\n\r\n",
            "<html>",
        ] {
            assert_eq!(fault(text), BadAnswer::NoAnswer, "{text:?}");
        }
        for text in [
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
        ] {
            assert_eq!(fault(text), BadAnswer::NoAnswer, "{text:?}");
        }
    }

    #[test]
    fn a_head_may_come_octet_by_octet() {
        let text = b"HTTP/1.1 201 Created\r\nX-Subject-Token: abc\r\n\r\n";
        let mut reader = HeadReader::new(Dialect::Http, GET);
        let mut buffer = BytesMut::new();
        let mut heads = text.iter().filter_map(|octet| {
            buffer.extend_from_slice(&[*octet]);
            reader.read(&mut buffer).unwrap()
        });
        let head = heads.next().unwrap();
        assert_eq!(head.status, StatusCode::CREATED);
        assert_eq!(head.headers["x-subject-token"], "abc");
        assert!(heads.next().is_none());
    }

    #[test]
    fn a_head_without_end_is_given_up() {
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(MOST));
        assert_eq!(fault(&endless), BadAnswer::TooLong);
        let many = "X: 1\r\n".repeat(MOST_HEADERS + 1);
        assert_eq!(
            fault(&format!("HTTP/1.1 200 OK\r\n{many}\r\n")),
            BadAnswer::TooLong
        );
    }

    #[test]
    fn nobody_changes_the_protocol_unasked() {
        let text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
        assert_eq!(fault(text), BadAnswer::Upgrade);
        let asked = Asked::by(&Method::GET, true);
        assert!(read(Dialect::Http, asked, text).unwrap().is_some());
        assert_eq!(
            read(Dialect::Uwsgi, asked, text).unwrap_err(),
            BadAnswer::Upgrade
        );
    }

    #[test]
    fn a_uwsgi_server_answers_with_a_status_line_or_a_status_header() {
        for text in [
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\n",
            "Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\n",
            "Content-Type: text/plain\r\nStatus: 404\r\n\r\n",
        ] {
            let head = read(Dialect::Uwsgi, GET, text).unwrap().unwrap();
            assert_eq!(head.status, StatusCode::NOT_FOUND, "{text:?}");
            assert_eq!(head.headers.len(), 1, "{text:?}");
            assert!(!head.is_persistent);
        }
        for (text, why) in [
            ("Content-Type: text/plain\r\n\r\n", BadAnswer::NoAnswer),
            ("Status: 200\r\nStatus: 404\r\n\r\n", BadAnswer::NoAnswer),
            ("Status: fine\r\n\r\n", BadAnswer::NoAnswer),
            ("Status 200\r\n\r\n", BadAnswer::Header),
        ] {
            assert_eq!(
                read(Dialect::Uwsgi, GET, text).unwrap_err(),
                why,
                "{text:?}"
            );
        }
    }
}
