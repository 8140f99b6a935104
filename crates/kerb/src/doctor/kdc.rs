//! Which KDCs answer, and what their clocks say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kerbstone_client::clock::Offset;
use kerbstone_client::diagnosis::PrincipalState;
use kerbstone_client::driver::Station;
use kerbstone_client::exchange::Transport;
use kerbstone_client::{ClientError, Context};
use kerbstone_proto::krb5_conf::{ServerAddress, Transport as ConfTransport};
use kerbstone_proto::name::Realm;

use super::deadline::{Pending, begin};
use super::finding::{Area, Cause, Finding};
use crate::commands::human;

/// For the servers' names, by krb5.conf or DNS.
const FINDING: Duration = Duration::from_secs(6);
/// For all addresses of a realm together.
const ASKING: Duration = Duration::from_secs(4);
/// What network and rounding may cost; a clock that is off by more is worth a word.
const NOTICEABLE: Duration = Duration::from_secs(3);

/// A realm's KDCs, asked or on the way to be.
#[derive(Debug)]
pub(super) struct Survey {
    realm: Realm,
    pending: Pending<Result<Vec<Station>, ClientError>>,
}

/// What asking a realm's KDCs came to.
#[derive(Debug)]
pub(super) struct Surveyed {
    pub(super) realm: Realm,
    pub(super) findings: Vec<Finding>,
    /// Whether anybody answered.
    pub(super) answers: bool,
}

impl Survey {
    /// Begins to ask.
    pub(super) fn of(realm: &Realm, context: &Arc<Context>) -> Self {
        let (context, asked) = (Arc::clone(context), realm.clone());
        let pending = begin(FINDING.saturating_add(ASKING), move || {
            let servers = context.kdcs(&asked)?;
            Ok(context.survey(&asked, &servers, ASKING))
        });
        Self {
            realm: realm.clone(),
            pending,
        }
    }

    /// What came of it.
    pub(super) fn read(self, context: &Context) -> Surveyed {
        let realm = self.realm;
        let mut findings = proxies(&realm, context);
        let (stations, answers) = match self.pending.wait() {
            None => {
                findings.push(Finding::problem(
                    Area::Kdc,
                    &realm,
                    Cause::NoKdc,
                    "the name service did not tell in time where its KDCs are",
                    "see whether the name servers in /etc/resolv.conf answer, or name the KDC under [realms] in krb5.conf",
                ));
                (Vec::new(), false)
            }
            Some(Err(error)) => {
                findings.push(unfound(&realm, &error));
                (Vec::new(), false)
            }
            Some(Ok(stations)) => {
                let answers = stations.iter().any(|station| station.outcome.is_ok());
                findings.extend(reachability(&realm, &stations, answers, context));
                (stations, answers)
            }
        };
        findings.extend(clocks(&realm, &stations, context));
        Surveyed {
            realm,
            findings,
            answers,
        }
    }
}

fn unfound(realm: &Realm, error: &ClientError) -> Finding {
    let looked = match error {
        ClientError::NoServers { looked, .. } => looked.clone(),
        other => other.to_string(),
    };
    Finding::problem(
        Area::Kdc,
        realm,
        Cause::NoKdc,
        format!("no KDC is known: {looked}"),
        format!(
            "set kdc under [realms] {realm} in krb5.conf, or publish _kerberos._udp.{realm} SRV records"
        ),
    )
}

/// KDC proxies are not spoken to here; MIT's programs may reach them.
fn proxies(realm: &Realm, context: &Context) -> Vec<Finding> {
    let name = realm.to_string_lossy();
    let kdcs = context.conf().realm(&name).kdcs().unwrap_or_default();
    let is_proxy = |address: &ServerAddress| {
        matches!(
            address,
            ServerAddress::Host {
                transport: ConfTransport::Https { .. },
                ..
            }
        )
    };
    let count = kdcs.iter().filter(|address| is_proxy(address)).count();
    let note = (count > 0).then(|| {
        Finding::note(
            Area::Kdc,
            realm,
            format!("{count} of its KDCs are HTTPS proxies, which are not asked here"),
        )
    });
    note.into_iter().collect()
}

fn reachability(
    realm: &Realm,
    stations: &[Station],
    answers: bool,
    context: &Context,
) -> Vec<Finding> {
    let name = realm.to_string_lossy();
    let source = match context.conf().realm(&name).kdcs() {
        Ok(kdcs) if !kdcs.is_empty() => "krb5.conf",
        _ => "DNS",
    };
    let mut findings: Vec<Finding> = stations
        .iter()
        .map(|station| reach(realm, station, stations))
        .collect();
    if answers {
        return findings;
    }
    let mut tried: Vec<String> = Vec::new();
    for station in stations {
        if let Err(reason) = &station.outcome {
            tried.push(format!("{} {reason}", place(station)));
        }
    }
    let by_source = match source {
        "DNS" => format!("see whether the SRV records of {realm} are right"),
        _ => format!("see whether kdc under [realms] {realm} in krb5.conf is right"),
    };
    findings.push(Finding::problem(
        Area::Kdc,
        realm,
        Cause::KdcDown,
        format!(
            "none of its KDCs (named by {source}) answers: {}",
            tried.join("; ")
        ),
        format!("start the KDC or open the way to it (port 88, UDP and TCP); {by_source}"),
    ));
    findings
}

/// One address over one transport. That one of two fails is no fault while the other works.
fn reach(realm: &Realm, station: &Station, all: &[Station]) -> Finding {
    let what = format!("{realm} {}", place(station));
    match &station.outcome {
        Ok(answered) => {
            let took = format!("answered in {} ms", answered.took.as_millis());
            match &answered.told.state {
                PrincipalState::Elsewhere(_) => Finding::warning(
                    Area::Kdc,
                    what,
                    Cause::NoKdc,
                    format!("{took}, and says that it does not serve {realm}"),
                    "correct the realm's name or the KDC's address in krb5.conf",
                ),
                _ => Finding::ok(Area::Kdc, what, took),
            }
        }
        Err(reason) => {
            let sibling = all.iter().any(|other| {
                other.address == station.address
                    && other.address.is_some()
                    && other.transport != station.transport
                    && other.outcome.is_ok()
            });
            let help = match (sibling, station.address) {
                (true, _) => {
                    "answers too long for UDP need TCP, and small ones are quicker by UDP: open both in the firewall"
                }
                (false, None) => "correct the name, or the name service",
                (false, Some(_)) => {
                    "start that KDC, or remove it from krb5.conf or DNS: logins wait for it"
                }
            };
            Finding::warning(Area::Kdc, what, Cause::KdcDown, reason.clone(), help)
        }
    }
}

fn place(station: &Station) -> String {
    let transport = match station.transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
    };
    let named = format!("{}:{}", station.server.host, station.server.port);
    match station.address {
        Some(address) if address.to_string() != named => {
            format!("{named} = {address} ({transport})")
        }
        _ => format!("{named} ({transport})"),
    }
}

/// One finding for each KDC that told its time.
fn clocks(realm: &Realm, stations: &[Station], context: &Context) -> Vec<Finding> {
    let limit = context.conf().libdefaults().clockskew();
    let mut best: BTreeMap<String, Offset> = BTreeMap::new();
    for station in stations {
        let (Ok(answered), Some(address)) = (&station.outcome, station.address) else {
            continue;
        };
        if let Some(offset) = answered.offset {
            let known = best.entry(address.to_string()).or_insert(offset);
            if offset.size() < known.size() {
                *known = offset;
            }
        }
    }
    best.iter()
        .map(|(address, offset)| clock(realm, address, *offset, limit))
        .collect()
}

fn clock(realm: &Realm, address: &str, offset: Offset, limit: Duration) -> Finding {
    let what = format!("this host against the KDC {address} of {realm}");
    if offset.size() < NOTICEABLE {
        let off = format!("in step, to {} ms", offset.size().as_millis());
        return Finding::ok(Area::Clock, what, off);
    }
    let direction = if offset.seconds() > 0 {
        "behind"
    } else {
        "ahead"
    };
    let size = human::duration(offset.seconds().saturating_abs());
    let says = format!("this host's clock is {size} {direction}");
    let help = "set the clock and keep it by NTP: chronyc makestep, or timedatectl set-ntp true";
    if offset.size() > limit {
        let limit = human::duration(i64::try_from(limit.as_secs()).unwrap_or(i64::MAX));
        let says = format!("{says}; Kerberos bears {limit}");
        return Finding::problem(Area::Clock, what, Cause::ClockSkew, says, help);
    }
    if offset.size() > limit.checked_div(2).unwrap_or_default() {
        return Finding::warning(Area::Clock, what, Cause::ClockSkew, says, help);
    }
    Finding::note(Area::Clock, what, says).with_help(help)
}

#[cfg(test)]
mod tests {
    use kerbstone_proto::time::{KerberosTime, Timestamp};

    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_clock_is_judged_by_what_kerberos_bears() {
        let at = |seconds| Timestamp::new(KerberosTime::from_unix(seconds), 1);
        for (theirs, verdict, words) in [
            (1001, Verdict::Ok, "in step"),
            (1020, Verdict::Note, "20 s behind"),
            (1200, Verdict::Warning, "3 min 20 s behind"),
            (580, Verdict::Problem, "7 min ahead; Kerberos bears 5 min"),
        ] {
            let offset = Offset::between(at(theirs), at(1000));
            let limit = Duration::from_secs(300);
            let finding = clock(&Realm::from("R"), "192.0.2.1:88", offset, limit);
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert!(finding.says.contains(words), "{finding:?}");
        }
    }
}
