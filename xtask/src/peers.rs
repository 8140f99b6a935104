//! The programs that tests talk to: MIT's from apt, Heimdal's unpacked beside them.
//!
//! Debian's MIT and Heimdal packages exclude each other, so Heimdal's are downloaded and unpacked into
//! `target/peers/heimdal` and run from there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cargo::{in_ci, judge, program, root};
use crate::part::Verdict;

/// A program a test needs, and the Debian package that has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("krb5kdc", "krb5-kdc"),
    ("kadmind", "krb5-admin-server"),
    ("kinit", "krb5-user"),
    ("dnsmasq", "dnsmasq-base"),
    ("ip", "iproute2"),
    ("setsid", "util-linux"),
    ("cc", "gcc"),
    ("rpcgen", "rpcsvc-proto"),
    ("gss-client", "krb5-gss-samples"),
    ("curl", "curl"),
    ("faketime", "faketime"),
    ("apache2", "apache2"),
    ("sshd", "openssh-server"),
    ("ssh", "openssh-client"),
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    ("gssproxy", "gssproxy"),
    ("slapd", "slapd"),
    ("ldapadd", "ldap-utils"),
    ("kdb5_ldap_util", "krb5-kdc-ldap"),
    ("keystone-manage", "python3-keystone"),
    ("uwsgi", "uwsgi-core"),
    ("openstack", "python3-openstackclient"),
    ("haproxy", "haproxy"),
    ("wrk", "wrk"),
    ("h2load", "nghttp2-client"),
    ("openssl", "openssl"),
];

/// Files by which packages are known that bring no program: headers from which tests compile small programs that ask
/// MIT's library, and modules. `*` is the machine's folder of libraries.
const FILES: &[(&str, &str)] = &[
    ("/usr/include/krb5.h", "libkrb5-dev"),
    ("/usr/include/stdio.h", "libc6-dev"),
    ("/usr/include/tirpc/rpc/rpc.h", "libtirpc-dev"),
    (
        "/usr/lib/apache2/modules/mod_auth_gssapi.so",
        "libapache2-mod-auth-gssapi",
    ),
    (
        "/usr/lib/python3/dist-packages/gssapi/__init__.py",
        "python3-gssapi",
    ),
    (
        "/usr/lib/python3/dist-packages/asyncssh/__init__.py",
        "python3-asyncssh",
    ),
    (
        "/usr/lib/python3/dist-packages/requests_kerberos/__init__.py",
        "python3-requests-kerberos",
    ),
    (
        "/usr/lib/uwsgi/plugins/python3_plugin.so",
        "uwsgi-plugin-python3",
    ),
    (
        "/usr/lib/python3/dist-packages/keystonemiddleware/__init__.py",
        "python3-keystonemiddleware",
    ),
    ("/usr/lib/*/libnss_wrapper.so", "libnss-wrapper"),
    ("/usr/lib/*/libsocket_wrapper.so", "libsocket-wrapper"),
];

const HEIMDAL: &[&str] = &["heimdal-clients", "heimdal-kdc"];
const HEIMDAL_SUFFIX: &str = "-heimdal";

const DIRECTORY: &str = "krb5-kdc-ldap";
const SCHEMA: &str = "usr/share/doc/krb5-kdc-ldap/kerberos.schema.gz";

/// The last program that unpacking brings: when it is there, all are.
const HEIMDAL_PROOF: &str = "usr/lib/heimdal-servers/kdc";

/// Installs what is missing when that is allowed, and says what to type when it is not.
pub(crate) fn provide() -> Verdict {
    let missing = missing_packages();
    if !missing.is_empty()
        && let Err(reason) = install(&missing)
    {
        return absent(reason);
    }
    match heimdal().and_then(|()| directory_schema()) {
        Ok(()) => Verdict::Passed,
        Err(reason) => absent(reason),
    }
}

/// The schema of MIT's LDAP back end lies in its package's documentation, which small systems leave out when they install:
/// then the package is unpacked into `target/peers` once more.
fn directory_schema() -> Result<(), String> {
    let home = root().join("target/peers").join(DIRECTORY);
    if Path::new("/").join(SCHEMA).is_file() || home.join(SCHEMA).is_file() {
        return Ok(());
    }
    let folder = root().join("target/peers/debs-ldap");
    fetch(&[DIRECTORY.into()], &folder)?;
    unpack(&deb_files(&folder)?, &home, SCHEMA)
}

/// Absent peers are left out on a person's machine; in CI they are a failure.
fn absent(reason: String) -> Verdict {
    if in_ci() {
        return Verdict::Failed(reason);
    }
    Verdict::LeftOut(format!(
        "{reason}\ntests that need these programs are skipped"
    ))
}

fn missing_packages() -> Vec<String> {
    let programs = PROGRAMS.iter().filter(|(program, _)| !on_path(program));
    let files = FILES.iter().filter(|(file, _)| !is_file(file));
    programs
        .chain(files)
        .map(|(_, package)| package.to_string())
        .collect()
}

fn is_file(pattern: &str) -> bool {
    let Some((folder, rest)) = pattern.split_once("*/") else {
        return Path::new(pattern).is_file();
    };
    fs::read_dir(folder).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| entry.path().join(rest).is_file()))
    })
}

/// Servers live in /usr/sbin, which is not on everybody's path.
fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(program).is_file())
}

/// RUNLEVEL=1 keeps Debian from starting the servers it installs.
fn install(packages: &[String]) -> Result<(), String> {
    let line = format!("apt-get install -y {}", packages.join(" "));
    if !is_root() || !on_path("apt-get") {
        return Err(format!("missing; please run: sudo RUNLEVEL=1 {line}"));
    }
    update_lists()?;
    let mut apt = program("apt-get");
    apt.args(["install", "-y", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("RUNLEVEL", "1")
        .stdin(Stdio::null());
    succeed(&mut apt).map_err(|reason| format!("{reason}; the line was: {line}"))
}

fn update_lists() -> Result<(), String> {
    succeed(
        program("apt-get")
            .args(["update", "-q"])
            .stdin(Stdio::null()),
    )
}

fn is_root() -> bool {
    text_of(program("id").arg("-u")).is_ok_and(|uid| uid.trim() == "0")
}

/// Brings Heimdal's programs into `target/peers/heimdal`.
fn heimdal() -> Result<(), String> {
    let home = root().join("target/peers/heimdal");
    if home.join(HEIMDAL_PROOF).is_file() {
        return Ok(());
    }
    if !on_path("apt-get") || !on_path("dpkg-deb") {
        return Err(
            "Heimdal's programs come from Debian packages; apt-get and dpkg are not here".into(),
        );
    }
    let debs = download()?;
    provide_plain_libraries(&debs)?;
    unpack(&debs, &home, HEIMDAL_PROOF)
}

/// Downloads need no rights, only package lists; those are fetched when there are none and we may.
fn download() -> Result<Vec<PathBuf>, String> {
    if dependency_names().is_empty() && is_root() {
        update_lists()?;
    }
    let names = dependency_names();
    if names.is_empty() {
        return Err("apt knows no heimdal-kdc; please run: sudo apt-get update".into());
    }
    let folder = root().join("target/peers/debs");
    let own = HEIMDAL.iter().map(ToString::to_string);
    let all: Vec<String> = own.chain(names).collect();
    fetch(&all, &folder)?;
    deb_files(&folder)
}

fn fetch(packages: &[String], folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut apt = program("apt-get");
    // Root's download would otherwise be handed to a user who may not write here.
    apt.args(["download", "-q", "-o", "APT::Sandbox::User=root"])
        .args(packages)
        .current_dir(folder);
    succeed(&mut apt)
}

/// Heimdal's own libraries, by name, that its programs need.
fn dependency_names() -> Vec<String> {
    let mut apt = program("apt-cache");
    apt.args([
        "depends",
        "--recurse",
        "--no-recommends",
        "--no-suggests",
        "--no-conflicts",
    ])
    .args(["--no-breaks", "--no-replaces", "--no-enhances"])
    .args(HEIMDAL)
    .stderr(Stdio::null());
    let mut names: Vec<String> = text_of(&mut apt)
        .unwrap_or_default()
        .lines()
        .filter(|line| line.starts_with("lib") && line.ends_with(HEIMDAL_SUFFIX))
        .map(String::from)
        .collect();
    names.sort();
    names.dedup();
    names
}

fn deb_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .collect())
}

/// Libraries that are not Heimdal's (Berkeley DB, LDAP, ...) stand in no one's way and are installed as usual.
fn provide_plain_libraries(debs: &[PathBuf]) -> Result<(), String> {
    let mut missing = Vec::new();
    for deb in debs {
        let depends = text_of(program("dpkg-deb").arg("-f").arg(deb).arg("Depends"))?;
        missing.extend(plain_libraries(&depends).filter(|name| !is_installed(name)));
    }
    missing.sort();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)
}

/// Of a Depends field, the libraries that do not come from Heimdal.
fn plain_libraries(depends: &str) -> impl Iterator<Item = String> {
    depends
        .split(',')
        .filter_map(|clause| clause.split(['|', '(']).next())
        .map(|name| name.trim().to_string())
        .filter(|name| name.starts_with("lib") && !name.ends_with(HEIMDAL_SUFFIX))
}

fn is_installed(package: &str) -> bool {
    text_of(
        program("dpkg-query")
            .args(["-W", "-f", "${db:Status-Status}", package])
            .stderr(Stdio::null()),
    )
    .is_ok_and(|status| status == "installed")
}

/// Unpacks beside the final place and renames, so that half a copy is never taken for a whole one.
fn unpack(debs: &[PathBuf], home: &Path, proof: &str) -> Result<(), String> {
    let fresh = home.with_extension("new");
    let _ = fs::remove_dir_all(&fresh);
    for deb in debs {
        succeed(program("dpkg-deb").arg("-x").arg(deb).arg(&fresh))?;
    }
    let _ = fs::remove_dir_all(home);
    fs::rename(&fresh, home).map_err(|error| format!("{}: {error}", home.display()))?;
    match home.join(proof).is_file() {
        true => Ok(()),
        false => Err(format!("the packages brought no {proof}")),
    }
}

fn succeed(command: &mut Command) -> Result<(), String> {
    match judge(command) {
        Verdict::Failed(reason) => Err(reason),
        _ => Ok(()),
    }
}

fn text_of(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{command:?}: {}", output.status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_libraries_leave_out_heimdals_own_and_whole_programs() {
        let depends = "krb5-config, libhdb9-heimdal (>= 1.6), libdb5.3, libedit2 (>= 2.11), openbsd-inetd | inet-superserver";
        assert_eq!(
            plain_libraries(depends).collect::<Vec<_>>(),
            ["libdb5.3", "libedit2"]
        );
    }
}
