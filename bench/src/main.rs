//! Side by side with the peers, in one run, as ratios.
//!
//! `cargo run --release -p kerbstone-bench -- kdc` measures every KDC that it finds on the machine. The figure that
//! counts is server CPU per request divided by ours, both taken in the same minutes on the same machine.
#![allow(clippy::print_stdout, reason = "tables are what this program is for")]

mod failures;
mod floor;
mod front_door;
mod gss;
mod kdc;
mod load;
mod meter;
mod ours;
mod proxy;
mod request;
mod site;
mod subject;
mod table;
mod tokens;

use std::io;
use std::net::UdpSocket;
use std::process::ExitCode;

const USAGE: &str =
    "usage: kerbstone-bench kdc [--principals N,N] [--requests N] [--rounds N] [--no-peers]
       kerbstone-bench gss [ROUNDS]          (contexts and messages, beside MIT's library)
       kerbstone-bench proxy [--contexts N] [--rounds N] [--soak N]   (the daemon, beside Debian's gssproxy)
       kerbstone-bench front-door [--requests N] [--rounds N] [--idle N]   (the gateway, beside Apache and HAProxy)
       kerbstone-bench tokens [--requests N] [--rounds N]   (the identity service, beside Keystone)
       kerbstone-bench failures              (what visitors notice when parts of a site die)
       kerbstone-bench soak [--requests N]   (resident memory of ours over many requests)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["kdc", options @ ..] => {
            kdc::Options::parse(options).and_then(|options| kdc::race(&options))
        }
        ["soak", options @ ..] => {
            kdc::Options::parse(options).and_then(|options| kdc::soak(&options))
        }
        ["proxy", options @ ..] => {
            proxy::Options::parse(options).and_then(|options| proxy::race(&options))
        }
        ["front-door", options @ ..] => {
            front_door::Options::parse(options).and_then(|options| front_door::race(&options))
        }
        ["tokens", options @ ..] => {
            tokens::Options::parse(options).and_then(|options| tokens::race(&options))
        }
        ["failures"] => failures::run(),
        ["echo", port, name] => serve_echo(port, name),
        ["gss"] => gss::race(5),
        ["gss", rounds] => match rounds.parse() {
            Ok(rounds) if rounds > 0 => gss::race(rounds),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, USAGE)),
        },
        ["floor", kind, port, reply] => serve_floor(kind, port, reply),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, USAGE)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kerbstone-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve_floor(kind: &str, port: &str, reply: &str) -> io::Result<()> {
    let kind = if kind == "tgs" {
        floor::Kind::Tgs
    } else {
        floor::Kind::As
    };
    let port: u16 = port.parse().map_err(io::Error::other)?;
    let reply = reply.parse().map_err(io::Error::other)?;
    floor::serve(&UdpSocket::bind(subject::loopback(port))?, kind, reply)
}

fn serve_echo(port: &str, name: &str) -> io::Result<()> {
    failures::echo::serve(port.parse().map_err(io::Error::other)?, name)
}
