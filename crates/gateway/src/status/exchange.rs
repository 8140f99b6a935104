//! An exchange from its decision to the end of its answer: how much went each way, and one line about it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::header::{self, HeaderMap, HeaderName};
use http::request::Parts;
use http::{Method, StatusCode, Version};
use kerbstone_proto::time::Timestamp;

use super::counts::Counts;
use crate::observer::{Event, Exchanged, Observer, ServedBy};

/// What an access log says of a request, kept for its end. Neither queries nor proofs are in it.
#[derive(Debug)]
pub struct RequestLine {
    version: Version,
    host: Option<String>,
    referer: Option<String>,
    user_agent: Option<String>,
}

/// An exchange whose answer is under way. It is over when this is dropped.
pub struct Exchange {
    counts: Arc<Counts>,
    octets_in: Arc<AtomicU64>,
    octets_out: u64,
    is_whole: bool,
    record: Option<Box<Record>>,
}

/// What becomes a line of the access log.
struct Record {
    observer: Arc<dyn Observer>,
    began: Instant,
    line: RequestLine,
    at: Timestamp,
    client: IpAddr,
    user: Option<String>,
    method: Method,
    path: String,
    entry_point: Option<String>,
    served_by: Option<(String, String, u32)>,
    status: StatusCode,
}

impl RequestLine {
    /// Of a request; `None` when nobody would read it.
    pub fn of(head: &Parts, observer: &dyn Observer) -> Option<Self> {
        observer.wants_ends().then(|| Self {
            version: head.version,
            host: text(&head.headers, &header::HOST)
                .or_else(|| head.uri.authority().map(ToString::to_string)),
            referer: text(&head.headers, &header::REFERER).map(without_query),
            user_agent: text(&head.headers, &header::USER_AGENT),
        })
    }
}

impl Exchange {
    /// Of a request that has been decided; `octets_in` is counted by whoever reads its body.
    pub fn new(
        counts: Arc<Counts>,
        event: &Event<'_>,
        octets_in: Arc<AtomicU64>,
        line: Option<RequestLine>,
        observer: &Arc<dyn Observer>,
    ) -> Self {
        let record = line.map(|line| {
            Box::new(Record {
                observer: Arc::clone(observer),
                began: Instant::now()
                    .checked_sub(event.took)
                    .unwrap_or_else(Instant::now),
                line,
                at: event.at,
                client: event.client,
                user: event.user.map(str::to_owned),
                method: event.method.clone(),
                path: event.path.to_owned(),
                entry_point: event.entry_point.map(str::to_owned),
                served_by: event
                    .served_by
                    .map(|by| (by.pool.to_owned(), by.member.to_owned(), by.retries)),
                status: event.status,
            })
        });
        Self {
            counts,
            octets_in,
            octets_out: 0,
            is_whole: false,
            record,
        }
    }

    /// So many octets of the answer have been sent.
    pub(crate) fn sent(&mut self, octets: usize) {
        let octets = u64::try_from(octets).unwrap_or(u64::MAX);
        self.octets_out = self.octets_out.saturating_add(octets);
    }

    /// Nothing is left of the answer.
    pub(crate) const fn ended(&mut self) {
        self.is_whole = true;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let octets_in = self.octets_in.load(Ordering::Relaxed);
        self.counts.carried(octets_in, self.octets_out);
        if let Some(record) = &self.record {
            record.tell(octets_in, self.octets_out, self.is_whole);
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("octets_out", &self.octets_out)
            .field("is_whole", &self.is_whole)
            .finish_non_exhaustive()
    }
}

impl Record {
    fn tell(&self, octets_in: u64, octets_out: u64, is_whole: bool) {
        let served_by = self.served_by.as_ref();
        self.observer.ended(&Exchanged {
            at: self.at,
            client: self.client,
            user: self.user.as_deref(),
            method: &self.method,
            path: &self.path,
            version: self.line.version,
            host: self.line.host.as_deref(),
            referer: self.line.referer.as_deref(),
            user_agent: self.line.user_agent.as_deref(),
            entry_point: self.entry_point.as_deref(),
            served_by: served_by.map(|(pool, member, retries)| ServedBy {
                pool,
                member,
                retries: *retries,
            }),
            status: self.status,
            octets_in,
            octets_out,
            is_whole,
            took: self.began.elapsed(),
        });
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Queries carry what is nobody's business: one-time codes, and sometimes passwords.
fn without_query(mut address: String) -> String {
    if let Some(end) = address.find(['?', '#']) {
        address.truncate(end);
    }
    address
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use http::Request;

    use super::super::ledger::tests::event;
    use super::*;
    use crate::observer::{Lost, Outcome};

    #[derive(Default)]
    struct Reader(Mutex<Vec<String>>);

    impl Observer for Reader {
        fn decided(&self, _: &Event<'_>) {}

        fn lost(&self, _: Lost) {}

        fn wants_ends(&self) -> bool {
            true
        }

        fn ended(&self, exchange: &Exchanged<'_>) {
            let Exchanged {
                referer,
                octets_in,
                octets_out,
                is_whole,
                ..
            } = exchange;
            let line = format!("{referer:?} {octets_in} {octets_out} {is_whole}");
            self.0.lock().unwrap().push(line);
        }
    }

    #[test]
    fn an_exchange_tells_what_went_over_when_it_is_over() {
        let reader = Arc::new(Reader::default());
        let observer: Arc<dyn Observer> = Arc::clone(&reader) as _;
        let (head, ()) = Request::get("/")
            .header("referer", "https://h/a?code=secret")
            .body(())
            .unwrap()
            .into_parts();
        let line = RequestLine::of(&head, &*observer);
        let counts = Arc::new(Counts::default());
        let read = Arc::new(AtomicU64::new(5));
        let event = event("/app", Outcome::Admitted);
        let mut exchange = Exchange::new(Arc::clone(&counts), &event, read, line, &observer);
        exchange.sent(7);
        assert!(reader.0.lock().unwrap().is_empty());
        exchange.ended();
        drop(exchange);
        assert_eq!(
            *reader.0.lock().unwrap(),
            ["Some(\"https://h/a\") 5 7 true"]
        );
        let totals = counts.totals();
        assert_eq!((totals.octets_in, totals.octets_out), (5, 7));
    }
}
