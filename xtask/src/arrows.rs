//! The dependency-direction check: arrows of the house point downwards, as ARCHITECTURE.md draws them.
//!
//! Dev-dependencies are free (a test may look at anything), and `testkit` may be nothing else.

use serde_json::Value;

const PREFIX: &str = "kerbstone-";

/// Who may use whom. `ARCHITECTURE.md` says why; a new crate gets its line in both.
const MAY_USE: &[(&str, &[&str])] = &[
    ("crypto", &[]),
    ("proto", &["crypto"]),
    ("xdr-derive", &[]),
    ("xdr", &["xdr-derive"]),
    ("realm", &["proto", "crypto"]),
    ("kdc", &["realm", "proto", "crypto"]),
    ("client", &["proto", "crypto"]),
    ("gss", &["proto", "crypto"]),
    ("zmtp", &["gss"]),
    (
        "admin",
        &["kdc", "realm", "gss", "client", "xdr", "proto", "crypto"],
    ),
    ("proxy", &["gss", "client", "xdr", "proto", "crypto"]),
    (
        "verify",
        &["proxy", "gss", "client", "xdr", "proto", "crypto"],
    ),
    (
        "overlay",
        &[
            "proxy", "gss", "client", "admin", "zmtp", "xdr", "proto", "crypto",
        ],
    ),
    (
        "depot",
        &[
            "proxy", "gss", "client", "admin", "zmtp", "xdr", "proto", "crypto",
        ],
    ),
    (
        "gateway",
        &[
            "verify", "proxy", "gss", "client", "admin", "xdr", "proto", "crypto",
        ],
    ),
    (
        "identity",
        &[
            "verify", "proxy", "gss", "client", "admin", "xdr", "proto", "crypto",
        ],
    ),
    (
        "portal",
        &[
            "verify", "proxy", "gss", "client", "admin", "xdr", "proto", "crypto",
        ],
    ),
    ("interposer", &["proxy", "xdr", "gss"]),
    ("pam", &["client"]),
];

/// The roof: these may use everything that stands below them.
const ROOF: &[&str] = &["kerb"];

/// Development only: may use everything, and only each other may use them.
const WORKSHOP: &[&str] = &["testkit", "interop", "bench"];

/// What has no place where nothing may wait or open a socket.
const RUNTIMES: &[&str] = &["tokio", "async-std", "smol", "hyper", "axum"];
const WITHOUT_RUNTIME: &[&str] = &["crypto", "proto", "xdr", "realm", "kdc", "gss", "zmtp"];

/// An arrow between two packages, as `cargo metadata` tells it.
struct Arrow<'a> {
    from: &'a str,
    to: &'a str,
}

/// Says, one line each, which arrows of `cargo metadata --no-deps` the house does not have.
pub(crate) fn check(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    if packages.is_empty() {
        return vec!["cargo metadata names no packages".into()];
    }
    packages
        .iter()
        .flat_map(|package| {
            arrows(package)
                .into_iter()
                .filter_map(|arrow| verdict(&arrow))
        })
        .collect()
}

/// What a package needs to be built; dev-dependencies are left out.
fn arrows(package: &Value) -> Vec<Arrow<'_>> {
    let from = package["name"].as_str().unwrap_or_default();
    let dependencies = package["dependencies"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    dependencies
        .iter()
        .filter(|dependency| dependency["kind"] != "dev")
        .filter_map(|dependency| dependency["name"].as_str())
        .map(|to| Arrow { from, to })
        .collect()
}

fn verdict(arrow: &Arrow<'_>) -> Option<String> {
    let Some(from) = arrow.from.strip_prefix(PREFIX) else {
        return arrow.to.starts_with(PREFIX).then(|| {
            format!(
                "{} uses {}: tools stand outside the house",
                arrow.from, arrow.to
            )
        });
    };
    match arrow.to.strip_prefix(PREFIX) {
        Some(to) => inside(from, to),
        None => (RUNTIMES.contains(&arrow.to) && WITHOUT_RUNTIME.contains(&from)).then(|| {
            format!(
                "{from} uses {}: the lower floors do no I/O of their own",
                arrow.to
            )
        }),
    }
}

fn inside(from: &str, to: &str) -> Option<String> {
    if WORKSHOP.contains(&from) {
        return None;
    }
    if WORKSHOP.contains(&to) {
        return Some(format!(
            "{from} uses {to}: that is for development, [dev-dependencies] only"
        ));
    }
    if ROOF.contains(&from) {
        return None;
    }
    match MAY_USE.iter().find(|(name, _)| *name == from) {
        None => Some(format!(
            "{from} stands in no row of the table: add it to ARCHITECTURE.md and xtask/src/arrows.rs"
        )),
        Some((_, below)) if below.contains(&to) => None,
        Some(_) => Some(format!(
            "{from} uses {to}: that arrow points up or sideways"
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn complaints(from: &str, dependency: Value) -> Vec<String> {
        check(&json!({ "packages": [{ "name": from, "dependencies": [dependency] }] }))
    }

    fn normal(name: &str) -> Value {
        json!({ "name": name, "kind": null })
    }

    #[test]
    fn an_arrow_that_points_up_is_found() {
        let found = complaints("kerbstone-proto", normal("kerbstone-kdc"));
        assert_eq!(found, ["proto uses kdc: that arrow points up or sideways"]);
    }

    #[test]
    fn an_arrow_between_neighbours_is_found_even_when_only_a_build_script_needs_it() {
        let build = json!({ "name": "kerbstone-gss", "kind": "build" });
        assert_eq!(complaints("kerbstone-client", build).len(), 1);
    }

    #[test]
    fn testkit_may_only_be_a_dev_dependency() {
        assert_eq!(
            complaints("kerbstone-kerb", normal("kerbstone-testkit")).len(),
            1
        );
        let dev = json!({ "name": "kerbstone-testkit", "kind": "dev" });
        assert_eq!(complaints("kerbstone-kdc", dev), [""; 0]);
        assert_eq!(
            complaints("kerbstone-interop", normal("kerbstone-testkit")),
            [""; 0]
        );
    }

    #[test]
    fn arrows_that_point_down_are_left_alone() {
        assert_eq!(
            complaints("kerbstone-kdc", normal("kerbstone-realm")),
            [""; 0]
        );
        assert_eq!(
            complaints("kerbstone-kerb", normal("kerbstone-admin")),
            [""; 0]
        );
        assert_eq!(complaints("kerbstone-admin", normal("tokio")), [""; 0]);
    }

    #[test]
    fn a_runtime_on_the_lower_floors_is_found() {
        assert_eq!(complaints("kerbstone-kdc", normal("tokio")).len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert_eq!(
            complaints("kerbstone-misc", normal("kerbstone-proto")).len(),
            1
        );
    }

    #[test]
    fn nothing_to_check_is_not_a_pass() {
        assert_eq!(check(&json!({})).len(), 1);
    }
}
