//! What an answer costs without a socket: nanoseconds of AS and TGS, with PACs in the tickets and
//! without, each with the bare cryptography of the exchange beside it.
//!
//! `cargo run --release -p kerbstone-kdc --example cost`; with `as` or `tgs` behind it that
//! exchange alone, for a profiler.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    dead_code
)]

#[path = "../tests/it/client.rs"]
mod client;
#[path = "../tests/it/site.rs"]
mod site;

use std::hint::black_box;

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use rand::SeedableRng;
use rand::rngs::StdRng;

use client::Client;
use site::Site;

const REQUESTS: usize = 20_000;

fn main() {
    let only = std::env::args().nth(1);
    for _ in 0..if only.is_some() { 20 } else { 3 } {
        for issues_pac in [true, false] {
            let site = Site::new();
            site.modify_realm(site::REALM, |realm| realm.issues_pac = issues_pac);
            answers(&site, issues_pac, only.as_deref());
        }
        if only.is_none() {
            cryptography_alone(&mut StdRng::seed_from_u64(1));
        }
    }
}

/// Both exchanges, or the one that was named.
fn answers(site: &Site, issues_pac: bool, only: Option<&str>) {
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let (as_reqs, tgs_reqs) = requests(site, &mut client);
    let kdc = site.kdc();
    let mut rng = StdRng::seed_from_u64(1);
    let pac = if issues_pac { "" } else { ", without PAC" };
    for (name, requests) in [("as", &as_reqs), ("tgs", &tgs_reqs)] {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let mut line = String::new();
        let start = cpu();
        for request in requests {
            let answer = kdc.answer(request, site.now, &client.peer, &mut rng);
            line.clear();
            answer.audit.write_json_line(&mut line);
            black_box(&answer.reply);
        }
        println!("{name}{pac}: {} ns", (cpu() - start) / REQUESTS as u64);
    }
    if only.is_none() {
        decoding_alone(&as_reqs, &tgs_reqs);
    }
}

fn requests(site: &Site, client: &mut Client<'_>) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let tgt = client.tgt("alice");
    let mut as_reqs = Vec::new();
    let mut tgs_reqs = Vec::new();
    let key = client::password_key(&site::principal("alice"));
    for _ in 0..REQUESTS {
        let mut body = client.body(&site::principal("krbtgt/KERBSTONE.TEST"));
        body.cname = Some(site::principal("alice").name);
        let padata = client.enc_timestamp(&key, site.now);
        let kind = kerbstone_proto::message::KdcReqKind::As;
        as_reqs.push(kerbstone_proto::message::KdcReq::new(kind, vec![padata], body).to_der());
        let request = client.tgs_req(&tgt, "host/www.kerbstone.test", |_| {}, |builder| builder);
        tgs_reqs.push(request.to_der());
    }
    (as_reqs, tgs_reqs)
}

/// Nanoseconds that this thread has spent on a processor: other programs do not count.
fn cpu() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// One decryption of a timestamp, a ticket and a reply, with keys that are ready; for the TGS a
/// ticket and an authenticator opened, with a session key that is new.
fn cryptography_alone(rng: &mut StdRng) {
    let enctype = Enctype::Aes256CtsHmacSha1_96;
    let long_term = Key::random(enctype, rng).unwrap();
    let stamp = long_term.encrypt(KeyUsage(1), &[7; 44], rng);
    let ticket = long_term.encrypt(KeyUsage(2), &[7; 166], rng);
    let start = cpu();
    for _ in 0..REQUESTS {
        black_box(long_term.decrypt(KeyUsage(1), &stamp).unwrap());
        black_box(Key::random(enctype, rng).unwrap());
        black_box(long_term.encrypt(KeyUsage(2), &[7; 166], rng));
        black_box(long_term.encrypt(KeyUsage(3), &[7; 216], rng));
    }
    println!("as, cryptography: {} ns", (cpu() - start) / REQUESTS as u64);
    let bytes = Key::random(enctype, rng).unwrap();
    let bytes = bytes.bytes();
    let session = Key::new(enctype, bytes).unwrap();
    let authenticator = session.encrypt(KeyUsage(7), &[7; 136], rng);
    let start = cpu();
    for _ in 0..REQUESTS {
        black_box(long_term.decrypt(KeyUsage(2), &ticket).unwrap());
        let session = Key::new(enctype, bytes).unwrap();
        black_box(session.decrypt(KeyUsage(7), &authenticator).unwrap());
        black_box(session.checksum(KeyUsage(6), &[7; 110]));
        black_box(Key::random(enctype, rng).unwrap());
        black_box(long_term.encrypt(KeyUsage(2), &[7; 166], rng));
        black_box(session.encrypt(KeyUsage(8), &[7; 216], rng));
    }
    println!(
        "tgs, cryptography: {} ns",
        (cpu() - start) / REQUESTS as u64
    );
}

fn decoding_alone(as_reqs: &[Vec<u8>], tgs_reqs: &[Vec<u8>]) {
    for (name, requests) in [("as", as_reqs), ("tgs", tgs_reqs)] {
        let start = cpu();
        for request in requests {
            black_box(kerbstone_proto::message::KdcReq::from_der(request).unwrap());
        }
        println!("{name}, decoding: {} ns", (cpu() - start) / REQUESTS as u64);
    }
}
