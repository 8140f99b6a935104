//! Prints what the hot operations cost: `cargo run --release -p kerbstone-crypto --example speed`.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;

use kerbstone_crypto::{Enctype, IterationLimit, Key, KeyUsage};
use rand::SeedableRng;
use rand::rngs::StdRng;

const MESSAGE: [u8; 230] = [7; 230];
const USAGE: KeyUsage = KeyUsage::TICKET;

fn main() {
    let rng = &mut StdRng::from_seed([1; 32]);
    for &enctype in Enctype::ALL.iter().filter(|enctype| enctype.is_available()) {
        println!("{enctype}");
        measure_messages(enctype, rng);
        measure_fresh_keys(enctype, rng);
        measure_bulk(enctype, rng);
    }
    measure_password(Enctype::Aes256CtsHmacSha1_96);
    measure_password(Enctype::Aes256CtsHmacSha384_192);
}

fn measure_messages(enctype: Enctype, rng: &mut StdRng) {
    let key = Key::random(enctype, rng).unwrap();
    let mut buffer = Vec::with_capacity(512);
    measure("  encrypt 230 B", || {
        buffer.clear();
        key.encrypt_into(USAGE, black_box(&MESSAGE), rng, &mut buffer);
    });
    let message = buffer.clone();
    measure("  decrypt 230 B", || {
        buffer.copy_from_slice(black_box(&message));
        key.decrypt_in_place(USAGE, &mut buffer).unwrap();
    });
    measure("  checksum 230 B", || {
        black_box(key.checksum(USAGE, black_box(&MESSAGE)));
    });
}

fn measure_fresh_keys(enctype: Enctype, rng: &mut StdRng) {
    let bytes = Key::random(enctype, rng).unwrap().bytes().to_vec();
    let message = Key::new(enctype, &bytes)
        .unwrap()
        .encrypt(USAGE, &MESSAGE, rng);
    measure("  new key, not used", || {
        black_box(Key::new(enctype, black_box(&bytes)).unwrap());
    });
    measure("  new key, encrypt 0 B", || {
        let key = Key::new(enctype, black_box(&bytes)).unwrap();
        black_box(key.encrypt(USAGE, &[], rng));
    });
    let key = Key::new(enctype, &bytes).unwrap();
    let mut usage = 0;
    let start = Instant::now();
    while usage < 64 {
        usage += 1;
        black_box(key.encrypt(KeyUsage(usage), &[], rng));
    }
    let nanoseconds = start.elapsed().as_nanos() / 64;
    println!("  next usage, encrypt 0 B: {nanoseconds} ns (once)");
    let mut buffer = message.clone();
    measure("  new key, decrypt 230 B", || {
        buffer.copy_from_slice(&message);
        let key = Key::new(enctype, black_box(&bytes)).unwrap();
        key.decrypt_in_place(USAGE, &mut buffer).unwrap();
    });
}

fn measure_bulk(enctype: Enctype, rng: &mut StdRng) {
    let key = Key::random(enctype, rng).unwrap();
    let plaintext = vec![7; 65536];
    let mut buffer = Vec::with_capacity(70000);
    measure("  encrypt 64 KiB", || {
        buffer.clear();
        key.encrypt_into(USAGE, black_box(&plaintext), rng, &mut buffer);
    });
    let message = buffer.clone();
    measure("  decrypt 64 KiB", || {
        buffer.copy_from_slice(black_box(&message));
        key.decrypt_in_place(USAGE, &mut buffer).unwrap();
    });
}

fn measure_password(enctype: Enctype) {
    measure(&format!("{enctype} string-to-key"), || {
        let limit = IterationLimit::DEFAULT;
        black_box(Key::from_password(enctype, b"password", b"salt", None, limit).unwrap());
    });
}

/// The least of several runs: what the operation costs when nobody disturbs it.
fn measure(what: &str, mut operation: impl FnMut()) {
    let start = Instant::now();
    operation();
    let rounds = (2_000_000 / start.elapsed().as_nanos().max(1)).clamp(1, 10_000) as u32;
    let best = (0..20)
        .map(|_| {
            let start = Instant::now();
            (0..rounds).for_each(|_| operation());
            start.elapsed() / rounds
        })
        .min()
        .unwrap_or_default();
    println!("{what}: {} ns", best.as_nanos());
}
