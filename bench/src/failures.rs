//! What visitors notice when parts of a site die under load, or a pool is switched: requests without an answer, the
//! longest time without one, and whether anybody is ever taken for somebody else.

pub(crate) mod echo;
mod site;
mod visitors;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kerbstone_testkit::lab::Port;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use self::echo::Echo;
use self::site::{PAGE, UpSite};
use self::visitors::{Door, Outcome, Visit, Visitor};
use crate::table;

/// Visits a second, of all visitors together.
const RATE: u32 = 200;
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(8);

type Event = (&'static str, fn(&mut Stage) -> io::Result<()>);

const EVENTS: [Event; 6] = [
    ("nothing", |_| Ok(())),
    ("pool switched five times", |stage| {
        for pool in ["two", "one", "two", "one", "two"] {
            stage.site.lead_to(pool)?;
            thread::sleep(Duration::from_secs(1));
        }
        stage.site.lead_to("one")
    }),
    ("a back end killed, back after 3 s", |stage| {
        let [one, _, _, _] = &mut stage.back_ends;
        one.kill();
        thread::sleep(Duration::from_secs(3));
        one.again()
    }),
    ("the gateway killed", |stage| stage.site.kill("gateway")),
    ("the proxy killed", |stage| stage.site.kill("proxy")),
    ("the KDC killed", |stage| stage.site.kill("kdc")),
];

struct Stage {
    site: UpSite,
    back_ends: [Echo; 4],
    _ports: [Port; 4],
}

/// Lets everything happen, one after the other, and prints what visitors noticed.
///
/// # Errors
/// A site that does not come up.
pub(crate) fn run() -> io::Result<()> {
    let ports = [(); 4].map(|()| Port::claim());
    let names = ["one", "one", "two", "two"];
    let started = [0, 1, 2, 3].map(|at| Echo::start(ports[at].number(), names[at]));
    let [a, b, c, d] = started;
    let back_ends = [a?, b?, c?, d?];
    let [a, b, c, d] = [0, 1, 2, 3].map(|at: usize| back_ends[at].address);
    let site = UpSite::start([[a, b], [c, d]])?;
    let mut stage = Stage {
        site,
        back_ends,
        _ports: ports,
    };
    let people = ["alice", "bob"].map(|name| stage.site.sign_in(name).map(|cache| (name, cache)));
    let [alice, bob] = people;
    let people = [alice?, bob?];
    let visitors: Vec<Visitor> = people
        .iter()
        .flat_map(|(name, cache)| {
            [true, false, true, false].map(|keeps_cookie| Visitor {
                name,
                cache: cache.clone(),
                krb5_conf: stage.site.krb5_conf().display().to_string(),
                keeps_cookie,
            })
        })
        .collect();
    let count = u32::try_from(visitors.len()).unwrap_or(u32::MAX);
    let door = Door {
        address: stage.site.door()?,
        tls: trusting(&stage.site)?,
        page: PAGE,
        pause: Duration::from_secs(1) * count / RATE,
    };
    let mut rows = Vec::new();
    for (name, event) in EVENTS {
        let visits = observe(&mut stage, &visitors, &door, event)?;
        rows.push(row(name, &visits));
        stage.site.await_health()?;
    }
    table::print(
        &[
            "what happened",
            "visits",
            "without an answer",
            "longest wait for the next answer, ms",
            "taken for somebody else",
        ],
        &rows,
    );
    Ok(())
}

fn observe(
    stage: &mut Stage,
    visitors: &[Visitor],
    door: &Door,
    event: fn(&mut Stage) -> io::Result<()>,
) -> io::Result<Vec<Visit>> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let coming: Vec<_> = visitors
            .iter()
            .map(|visitor| scope.spawn(|| visitor.come(door, &stop)))
            .collect();
        thread::sleep(BEFORE);
        let began = Instant::now();
        let happened = event(stage);
        thread::sleep(AFTER.saturating_sub(began.elapsed()));
        stop.store(true, Ordering::Relaxed);
        let mut visits = Vec::new();
        for visitor in coming {
            let own = visitor
                .join()
                .map_err(|_| io::Error::other("a visitor died"))?;
            visits.extend(own?);
        }
        happened?;
        visits.sort_by_key(|visit| visit.ended);
        Ok(visits)
    })
}

fn row(name: &str, visits: &[Visit]) -> Vec<String> {
    let count = |outcome| {
        visits
            .iter()
            .filter(|visit| visit.outcome == outcome)
            .count()
    };
    let served: Vec<Instant> = visits
        .iter()
        .filter(|visit| visit.outcome == Outcome::Served)
        .map(|visit| visit.ended)
        .collect();
    let gaps = served.windows(2).map(|pair| pair[1] - pair[0]);
    vec![
        name.to_owned(),
        visits.len().to_string(),
        count(Outcome::Failed).to_string(),
        gaps.max().unwrap_or_default().as_millis().to_string(),
        count(Outcome::Mistaken).to_string(),
    ]
}

fn trusting(site: &UpSite) -> io::Result<std::sync::Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let file = site.path().join("tls/ca.pem");
    for certificate in CertificateDer::pem_file_iter(file).map_err(io::Error::other)? {
        let certificate = certificate.map_err(io::Error::other)?;
        roots.add(certificate).map_err(io::Error::other)?;
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(std::sync::Arc::new(config))
}
