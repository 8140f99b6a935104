//! The gateway's table of entry points: whichever table passes its check, each request belongs to the entry point that the
//! rules name, its path means the same on both sides of a rewrite, and nothing of a client's says who somebody is.

#![no_main]

use arbitrary::Arbitrary;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request};
use kerbstone_gateway::entry_point::{Destination, EntryPoint};
use kerbstone_gateway::entry_points::EntryPoints;
use kerbstone_gateway::forwarding::{self, Authorization, Passage};
use kerbstone_gateway::identity_headers::IdentityHeaders;
use kerbstone_gateway::outbound::{ClientAddress, Front};
use kerbstone_gateway::place::{Asked, HostName, HostPattern, Place};
use kerbstone_gateway::request_path::{PathPrefix, RequestPath};
use kerbstone_gateway::variables::Variable;
use kerbstone_gateway::way::Way;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    entries: Vec<Entry>,
    requests: Vec<Ask>,
}

#[derive(Arbitrary, Debug)]
struct Entry {
    path: Vec<Segment>,
    rewrite: Option<Vec<Segment>>,
    hosts: Vec<Host>,
    listeners: Vec<Listener>,
    methods: Vec<Verb>,
    ways: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
struct Ask {
    path: Vec<Segment>,
    raw_path: Option<String>,
    host: Host,
    listener: Listener,
    method: Verb,
    headers: Vec<(String, String)>,
}

/// Few names, so that tables and requests meet.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Segment {
    A,
    B,
    EscapedA,
    Empty,
    Parameter,
    OnlyParameter,
    EscapedParameter,
    Up,
    Deep,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Host {
    Www,
    Loud,
    Below,
    Deeper,
    Other,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Listener {
    Main,
    X509,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Verb {
    Get,
    Head,
    Post,
}

impl Segment {
    const fn text(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::EscapedA => "%61",
            Self::Empty => "",
            Self::Parameter => "a;v=1",
            Self::OnlyParameter => ";v=1",
            Self::EscapedParameter => "%3Bv",
            Self::Up => "..",
            Self::Deep => "v3",
        }
    }
}

fn path(segments: &[Segment]) -> String {
    let segments: Vec<&str> = segments.iter().take(6).map(|one| one.text()).collect();
    format!("/{}", segments.join("/"))
}

impl Host {
    const fn asked(self) -> &'static str {
        match self {
            Self::Www => "www.example.test",
            Self::Loud => "WWW.Example.test.:8443",
            Self::Below => "a.example.test",
            Self::Deeper => "x.a.example.test:1",
            Self::Other => "[::1]:443",
        }
    }

    const fn pattern(self) -> &'static str {
        match self {
            Self::Www | Self::Loud => "www.example.test",
            Self::Below => "*.example.test",
            Self::Deeper => "*.a.example.test",
            Self::Other => "other",
        }
    }
}

impl Listener {
    const fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::X509 => "x509",
        }
    }
}

impl Verb {
    const fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Head => Method::HEAD,
            Self::Post => Method::POST,
        }
    }
}

impl Entry {
    fn point(&self) -> Option<EntryPoint> {
        let mut place = Place::below(PathPrefix::parse(&path(&self.path)).ok()?);
        for host in self.hosts.iter().take(3) {
            place.hosts.push(HostPattern::parse(host.pattern()).ok()?);
        }
        let listeners = self.listeners.iter().take(2);
        place.listeners = listeners.map(|one| one.name().to_owned()).collect();
        place.methods = self
            .methods
            .iter()
            .take(2)
            .map(|one| one.method())
            .collect();
        let mut point = EntryPoint::new(place, Destination::Pool("p".into()));
        let ways = self.ways.iter().take(3);
        point.ways = ways
            .map(|way| Way::ALL[usize::from(*way) % Way::ALL.len()])
            .collect();
        if let Some(rewrite) = &self.rewrite {
            point.rewrite = PathPrefix::parse(&path(rewrite)).ok();
        }
        Some(point)
    }
}

fuzz_target!(|input: Input| {
    let points: Vec<EntryPoint> = input
        .entries
        .iter()
        .take(8)
        .filter_map(Entry::point)
        .collect();
    let faults = EntryPoints::faults(&points);
    let table = match EntryPoints::new(points) {
        Ok(table) => table,
        Err(fault) => {
            assert_eq!(faults.first(), Some(&fault));
            return;
        }
    };
    assert!(faults.is_empty());
    let _doubts = table.doubts();
    for ask in input.requests.iter().take(8) {
        ask_table(&table, ask);
    }
});

fn ask_table(table: &EntryPoints, ask: &Ask) {
    let text = ask.raw_path.clone().unwrap_or_else(|| path(&ask.path));
    let Ok(asked_path) = RequestPath::of(&text) else {
        return;
    };
    let host = HostName::parse(ask.host.asked());
    let method = ask.method.method();
    let asked = Asked {
        host: &host,
        listener: ask.listener.name(),
        method: &method,
        path: &asked_path,
    };
    let found = table.of(&asked);
    let all: Vec<&EntryPoint> = table.iter().filter(|point| takes(point, &asked)).collect();
    let Some(found) = found else {
        assert!(all.is_empty(), "{all:?} would have taken {ask:?}");
        return;
    };
    assert!(takes(found, &asked), "{found} does not take {ask:?}");
    for other in all {
        assert!(
            rank(found, &host) >= rank(other, &host),
            "{other} before {found}"
        );
        if rank(found, &host) == rank(other, &host) {
            assert_eq!(
                other.number(),
                found.number(),
                "{other} and {found} are alike"
            );
        }
    }
    if let Some(inner) = &found.rewrite {
        let outer = &found.place.prefix;
        let told = outer.replaced(&text, inner).expect("it is covered");
        let there = RequestPath::of(&told).expect("it is as plain as before");
        assert!(inner.covers(&there), "{text} became {told}");
        let back = inner.replaced(&told, outer).expect("it is covered there");
        let back = RequestPath::of(&back).expect("it is as plain as before");
        assert_eq!(back, asked_path, "{text}, {told}");
    }
    forward(found, ask, &text);
}

/// Said once more, in other words.
fn takes(point: &EntryPoint, asked: &Asked<'_>) -> bool {
    let Place {
        hosts,
        listeners,
        methods,
        prefix,
    } = &point.place;
    let is_method = |one: &Method| {
        one == asked.method || (*one == Method::GET && *asked.method == Method::HEAD)
    };
    prefix.covers(asked.path)
        && (hosts.is_empty() || hosts.iter().any(|one| one.takes(asked.host)))
        && (listeners.is_empty() || listeners.iter().any(|one| one == asked.listener))
        && (methods.is_empty() || methods.iter().any(is_method))
}

fn rank(point: &EntryPoint, host: &HostName) -> (usize, usize, usize) {
    let place = &point.place;
    let named = [
        !place.hosts.is_empty(),
        !place.listeners.is_empty(),
        !place.methods.is_empty(),
    ];
    let named = named.iter().filter(|one| **one).count();
    let own = place.hosts.iter().filter(|one| one.takes(host));
    let closeness = own.map(|one| match one {
        HostPattern::Exact(_) => usize::MAX,
        HostPattern::Below(domain) => domain.len(),
    });
    (place.prefix.depth(), named, closeness.max().unwrap_or(0))
}

/// Nothing that the client wrote says who somebody is behind the gateway.
fn forward(point: &EntryPoint, ask: &Ask, path: &str) {
    let Ok(request) = Request::builder()
        .uri(path)
        .header("host", "www.example.test")
        .body(())
    else {
        return;
    };
    let (mut head, ()) = request.into_parts();
    for (name, value) in ask.headers.iter().take(8) {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            head.headers.append(name, value);
        }
    }
    let headers = IdentityHeaders::default();
    headers.strip(&mut head.headers);
    let Ok(host) = forwarding::host(&head) else {
        return;
    };
    let prefix = &point.place.prefix;
    let front = Front {
        is_https: true,
        host,
        port: Some(443),
        mount: point
            .rewrite
            .as_ref()
            .map_or_else(String::new, |inner| prefix.mount(inner)),
    };
    let passage = Passage {
        client: ClientAddress::Local,
        front: &front,
        rewrite: point.rewrite.as_ref().map(|inner| (prefix, inner)),
        authorization: Authorization::NoPassword,
        looks_at_methods: true,
    };
    forwarding::to_back_end(&mut head, &passage);
    let mut told = HeaderMap::new();
    headers
        .vouch(&mut told, &[(Variable::User, "alice".to_owned())])
        .expect("a plain name");
    for name in head.headers.keys() {
        let plain = name
            .as_str()
            .replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
        for variable in Variable::ALL {
            assert!(
                !plain.eq_ignore_ascii_case(variable.environment()),
                "{name} says {variable:?}"
            );
        }
    }
    assert!(!head.headers.contains_key("x-http-method-override"));
    assert!(head.headers.get_all("x-forwarded-for").iter().count() <= 1);
    assert_eq!(told.len(), 1);
}
