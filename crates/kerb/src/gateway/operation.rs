//! `kerb gateway status`, `drain` and their like: the running gateway is asked and told over its control socket.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::control::{Order, Reply};
use super::settings::GatewaySettings;
use crate::admin_cli::table;
use crate::console::{Console, out};
use crate::failure::{Exit, Failure};
use crate::serve::DEFAULT_CONFIG;

/// A reload reads files and asks nobody else; everything else is done at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a running gateway can be asked and told.
#[derive(Debug, Subcommand)]
pub(crate) enum Operation {
    /// Show how the running gateway is: entry points, pools, refusals, sessions.
    Status(Asked),
    /// Show the pools of the running gateway and their members.
    Pools(Asked),
    /// Let a member serve those whom it serves already, and send it nobody new.
    Drain(Member),
    /// Send a member nothing at all; requests under way finish.
    Maintenance(Member),
    /// Send a member requests again.
    Ready(Member),
    /// What concerns people's sessions.
    #[command(subcommand)]
    Sessions(Sessions),
    /// Read settings, certificates, keys and logs anew, as SIGHUP does, and say whether that went well.
    Reload(Asked),
}

/// What can be done to sessions.
#[derive(Debug, Subcommand)]
pub(crate) enum Sessions {
    /// Make void every session of somebody that has begun.
    Revoke(Person),
}

/// Which gateway, and how it shall be shown.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// The gateway's settings file, which names its control socket.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A member of a pool.
#[derive(Debug, Args)]
pub(crate) struct Member {
    /// MEMBER, or POOL/MEMBER where several pools have one of that name.
    member: String,
    #[command(flatten)]
    asked: Asked,
}

/// Somebody.
#[derive(Debug, Args)]
pub(crate) struct Person {
    /// The user, as back ends are told, or the principal.
    user: String,
    #[command(flatten)]
    asked: Asked,
}

/// Asks or tells, and prints what came of it.
pub(crate) fn run(operation: &Operation, console: &mut Console) -> Result<(), Failure> {
    let set = |member: &Member, state: &str| Order::Set {
        member: member.member.clone(),
        state: state.to_owned(),
    };
    let (order, asked) = match operation {
        Operation::Status(asked) => (Order::Status, asked),
        Operation::Pools(asked) => (Order::Pools, asked),
        Operation::Drain(member) => (set(member, "drain"), &member.asked),
        Operation::Maintenance(member) => (set(member, "maintenance"), &member.asked),
        Operation::Ready(member) => (set(member, "ready"), &member.asked),
        Operation::Sessions(Sessions::Revoke(person)) => {
            let user = person.user.clone();
            (Order::Revoke { user }, &person.asked)
        }
        Operation::Reload(asked) => (Order::Reload, asked),
    };
    let value = ask(&socket(&asked.config)?, &order)?;
    if asked.json {
        return table::json(&value, console);
    }
    match order {
        Order::Status => show_status(&value, console),
        Order::Pools => show_pools(&value, console),
        _ => out!(console, "{}\n", text(&value)),
    }
    Ok(())
}

/// The control socket that the settings name.
fn socket(config: &Path) -> Result<PathBuf, Failure> {
    const CANNOT: &str = "cannot reach the gateway";
    let settings = GatewaySettings::read(config)
        .map_err(|error| Failure::refused(CANNOT, error.to_string(), error.help()))?;
    settings.control.ok_or_else(|| {
        Failure::refused(
            CANNOT,
            format!("{} names no control socket", config.display()),
            "set `control = \"/run/kerbstone/gateway\"` under [gateway], and restart the gateway",
        )
    })
}

fn ask(socket: &Path, order: &Order) -> Result<Value, Failure> {
    let silent = |error: io::Error| Failure {
        exit: Exit::NoAnswer,
        ..Failure::refused(
            "cannot reach the gateway",
            format!("{}: {error}", socket.display()),
            match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    "only the gateway's own user and root may ask it"
                }
                _ => "is it running, with these settings?",
            },
        )
    };
    let line = converse(socket, order).map_err(silent)?;
    match serde_json::from_str(&line) {
        Ok(Reply::Done(value)) => Ok(value),
        Ok(Reply::Refused { why, help }) => Err(Failure::refused("the gateway refused", why, help)),
        Err(error) => Err(Failure::refused(
            "cannot understand the gateway",
            error.to_string(),
            "kerb and the running gateway may be of different versions: restart the gateway",
        )),
    }
}

fn converse(socket: &Path, order: &Order) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_string(order)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply)?;
    Ok(reply)
}

fn show_status(status: &Value, console: &mut Console) {
    let of = |name: &str| &status[name];
    let latency = &status["latency"];
    let mut facts = vec![
        ("up for", length(&status["uptime_seconds"])),
        (
            "requests",
            format!(
                "{}, {} a second now",
                text(of("requests")),
                rate(of("requests_per_second"))
            ),
        ),
        (
            "refused, failed a second",
            format!(
                "{}, {}",
                rate(of("refused_per_second")),
                rate(of("failed_per_second"))
            ),
        ),
        (
            "answers begin within",
            format!(
                "{} (half), {} (99 %)",
                milliseconds(&latency["half"]),
                milliseconds(&latency["p99"])
            ),
        ),
        ("connections", text(of("connections"))),
        ("memory", octets(of("memory_octets"))),
        (
            "sessions begun, ended",
            format!(
                "{}, {}",
                text(&status["sessions"]["begun"]),
                text(&status["sessions"]["ended"])
            ),
        ),
        ("forged identity headers", text(of("forged_headers"))),
    ];
    let listeners: Vec<(String, String)> = rows(of("listeners"))
        .iter()
        .filter(|listener| !listener["seconds_left"].is_null())
        .map(|listener| {
            let left = format!("{} left", length(&listener["seconds_left"]));
            (format!("certificate of {}", text(&listener["name"])), left)
        })
        .collect();
    facts.extend(
        listeners
            .iter()
            .map(|(name, left)| (name.as_str(), left.clone())),
    );
    table::facts(facts, console);
    out!(console, "\n");
    table::print(
        [
            "entry point",
            "ways in",
            "leads to",
            "a second",
            "requests",
            "refused",
            "failed",
            "half within",
        ],
        rows(of("routes")).iter().map(|route| {
            let outcome = |names: &[&str]| {
                let sum: u64 = names
                    .iter()
                    .filter_map(|name| route["outcomes"][*name].as_u64())
                    .sum();
                sum.to_string()
            };
            [
                text(&route["label"]),
                words(&route["ways"]),
                text(&route["leads_to"]),
                rate(&route["requests_per_second"]),
                text(&route["requests"]),
                outcome(&["refused", "denied", "limited"]),
                outcome(&["failed"]),
                milliseconds(&route["latency"]["half"]),
            ]
        }),
        console,
    );
    if !rows(of("pools")).is_empty() {
        out!(console, "\n");
        show_pools(of("pools"), console);
    }
    let refusals = status["refusals"].as_object();
    if let Some(refusals) = refusals.filter(|refusals| !refusals.is_empty()) {
        out!(console, "\n");
        table::print(
            ["refused because of", "times"],
            refusals
                .iter()
                .map(|(reason, times)| [reason.replace('_', " "), text(times)]),
            console,
        );
    }
}

fn show_pools(pools: &Value, console: &mut Console) {
    let members = rows(pools).iter().flat_map(|pool| {
        rows(&pool["members"]).iter().map(|member| {
            [
                format!("{}/{}", text(&pool["name"]), text(&member["name"])),
                text(&member["state"]),
                length(&member["seconds"]),
                text(&member["current"]),
                text(&member["served"]),
                text(&member["failed"]),
                text(&member["address"]),
                text(&member["why"]),
            ]
        })
    });
    table::print(
        [
            "member",
            "state",
            "for",
            "under way",
            "served",
            "failed",
            "address",
            "why",
        ],
        members,
        console,
    );
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

fn words(value: &Value) -> String {
    rows(value).iter().map(text).collect::<Vec<_>>().join(", ")
}

fn rate(value: &Value) -> String {
    format!("{:.1}", value.as_f64().unwrap_or_default())
}

fn milliseconds(value: &Value) -> String {
    value.as_f64().map_or_else(
        || "-".to_owned(),
        |seconds| format!("{:.2} ms", seconds * 1e3),
    )
}

fn octets(value: &Value) -> String {
    value.as_u64().map_or_else(
        || "-".to_owned(),
        |octets| format!("{:.1} MiB", octets as f64 / 1048576.0),
    )
}

fn length(value: &Value) -> String {
    let seconds = value.as_u64().unwrap_or_default();
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_short() {
        let lengths = [5, 61, 7300, 200_000].map(|seconds| length(&Value::from(seconds)));
        assert_eq!(lengths, ["5 s", "1 min", "2 h 1 min", "2 d 7 h"]);
    }
}
