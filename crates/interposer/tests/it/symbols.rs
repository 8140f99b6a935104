use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use kerbstone_testkit::lab::{interposer_library, require, require_file};

const DEBIANS: &str = "/usr/lib/x86_64-linux-gnu/gssproxy/proxymech.so";

/// What Debian's plugin leaves to the mechglue, which then writes the plugin's identifier into
/// exported names, and has no signatures over pieces.
const OURS_ALONE: [&str; 5] = [
    "gssi_export_name",
    "gssi_export_name_composite",
    "gssi_get_mic_iov",
    "gssi_get_mic_iov_length",
    "gssi_verify_mic_iov",
];

#[test]
fn has_every_entry_point_of_debians_plugin() {
    if !require("nm", "binutils") || !require_file(Path::new(DEBIANS), "gssproxy") {
        return;
    }
    let debians = entry_points(Path::new(DEBIANS));
    let ours = entry_points(interposer_library());
    assert_eq!(debians.len(), 62, "{debians:?}");
    let alone: BTreeSet<_> = OURS_ALONE.map(str::to_owned).into();
    assert_eq!(ours, debians.union(&alone).cloned().collect());
}

#[test]
fn gives_nothing_away_but_entry_points() {
    if !require("nm", "binutils") {
        return;
    }
    let others: Vec<_> = symbols(interposer_library())
        .into_iter()
        .filter(|symbol| !is_entry_point(symbol))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

fn entry_points(library: &Path) -> BTreeSet<String> {
    symbols(library)
        .into_iter()
        .filter(|symbol| is_entry_point(symbol))
        .collect()
}

fn is_entry_point(symbol: &str) -> bool {
    symbol.starts_with("gssi_") || symbol == "gss_mech_interposer"
}

fn symbols(library: &Path) -> BTreeSet<String> {
    let output = Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(library)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .map(|symbol| symbol.split('@').next().unwrap_or_default().to_owned())
        .collect()
}
