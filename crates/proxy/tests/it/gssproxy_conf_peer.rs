//! Debian's gssproxy and ours take and refuse the same files.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use kerbstone_proxy::settings::{Settings, Sources};
use kerbstone_testkit::lab::{find_program, require};
use proptest::prelude::{Just, Strategy};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use proptest::{collection, prop_oneof, sample};

const LEAST: &str = "[service/a]\nmechs = krb5\neuid = 0\n";

/// A file, and files of the folder.
type Case = (String, Vec<(&'static str, String)>);

/// What both say alike of these lines behind the least service.
const ENDINGS: &[&str] = &[
    "",
    "# comment\n; comment\n// comment\n/* long\n comment */\n\n   \n",
    "  # comment\n",
    "  # comment = 1\n",
    "  [service/b]\n",
    "cred_store = keytab:/a\n  b\n",
    "foo = bar\n[foo]\nx = 1\n",
    "foo\n",
    "= foo\n",
    "/* open\n",
    "/*/\n",
    "/*\n*/\n",
    "/*\n */\n",
    "[]\n",
    "[ ]\n",
    "[\n",
    "]\n",
    "[gssproxy] # comment\n",
    "[gssproxy]\nworker threads = many\n",
    "[GSSPROXY]\nworker threads = many\n",
    "[gssproxy]\nworker threads = 0\n",
    "[gssproxy]\nworker threads = 3x\n",
    "[gssproxy]\ndebug_level = high\n",
    "[gssproxy]\ndebug_level =\n",
    "[gssproxy]\ndebug_level = -1\n",
    "[gssproxy]\ndebug = perhaps\nsyslog_status =\n",
    "[SERVICE/b]\n",
    "[service/b]\n",
    "[service/b]\nmechs = krb5\n",
    "[service/b]\neuid = 7\n",
    "[service/b]\nmechs = krb5\neuid = no-such-user-here\n",
    "[service/b]\nmechs = krb5\neuid = daemon\n",
    "[service/b]\nmechs = krb5\neuid =\n",
    "[service/b]\nmechs = krb5\neuid = 0x10\n",
    "[service/b]\nmechs = krb5\neuid = 12abc\n",
    "[service/b]\nmechs = krb5\neuid = -1\n",
    "[service/b]\nmechs = krb5\neuid = \"7\"\n",
    "[service/b]\nmechs = krb5\neuid = 99999999999999999999\n",
    "[service/b]\nmechs = krb5\neuid = 0\n",
    "[service/b]\nmechs = krb5\neuid = 0\nprogram = /b\n",
    "[service/b]\nmechs = krb5\neuid = 0\nsocket = /nonexistent/b.sock\n",
    "[service/b]\nmechs = foo\neuid = 0\nprogram = relative\ncred_usage = never\nkrb5_keytab = x\n",
    "[service/b]\nmechs = krb5\neuid = 5\nallow_any_uid = yes\n",
    "[service/b]\nmechs = krb5\neuid = 0\nallow_any_uid = yes\n",
    "[service/A]\nprogram = relative\n",
    "allow_any_uid = yes\n[service/b]\nmechs = krb5\neuid = 5\n",
    "allow_any_uid = yes\n[service/b]\nmechs = krb5\neuid = 5\nprogram = /b\n",
    "selinux_context = a:b:c\n[service/b]\nmechs = krb5\neuid = 0\nselinux_context = a:b:c:d\n",
    "selinux_context = a:b:c:d:e\n",
    "selinux_context = a:b\n",
    "selinux_context = a:b:c d\n",
    "selinux_context =\n",
    "mechs = foo\neuid = no-such-user-here\n",
    "cred_store = keytab\n",
    "cred_store =\n",
    "cred_store = foo:bar\n",
    "cred_store = :bar\n",
    "cred_store = ccache:%x\n",
    "cred_store = keytab:/x\ncred_store =\n",
    "krb5_keytab = x\n",
    "krb5_ccache =\n",
    "krb5_client_keytab = x\n",
    "cred_usage = ACCEPT\n",
    "cred_usage = never\n",
    "cred_usage =\n",
    "filter_flags = +FOO BAR -0x0 +0x2\nenforce_flags = \n",
    "min_lifetime = long\n",
    "min_lifetime = -4\n",
    "program = relative\n",
    "program = /a|/b\n",
    "program =\n",
    "program = /\n",
    "socket = relative.sock\n",
    "trusted = maybe\nallow_any_uid = TRUE\n",
    "caf\u{e9} = 1\n",
    "# caf\u{e9}\n",
    "a!b = 1\n",
    "[service/b!]\n",
    "a\tb = 1\n",
    "a b.c = 1\n",
    "\u{C}a = 1\n",
    " \u{B} a = 1\n",
    "/f = 1\n",
    "[service/a]]\n",
];

/// What both say alike of whole files.
const FILES: &[&str] = &[
    "",
    "[gssproxy]\n",
    "[service/a]\r\nmechs = krb5\r\neuid = 0\r\n",
    "\u{FEFF}[service/a]\nmechs = krb5\neuid = 0\n",
    "[service/a]\nmechs = krb5\neuid = 0",
    "[ service/a ]  \n\tMECHS\t= krb5 \t\n EUID=\u{C}0\n",
    "[service/]\nmechs=krb5\neuid=0\n",
    "[service/a]\nmechs = \"krb5\"\neuid = 0\n",
    "[service/a]\nmechs = krb5\neuid = 0 # comment\n",
    "[service/a]\nmechs = KRB5\neuid = 0\n",
    "[service/a]\nmechs =\neuid = 0\n",
    "[service/a]\nmechs = ,\neuid = 0\n",
    "[service/a]\nmechs = foo\nmechs = krb5\neuid = 0\n",
    "[service/a]\nmechs: krb5\neuid: 0\n",
    "[service/a]\nmechs = krb5\n[gssproxy]\n[service/a]\neuid = 0\n",
    "x = 1\n[service/a]\nmechs = krb5\neuid = 0\n",
    "[service/a\nmechs = krb5\neuid = 0\n",
];

/// What ours takes and Debian's does not.
const TAKEN_BY_OURS_ALONE: &[&str] = &[
    "[service/a]\nmechs = krb5, spnego\neuid = 0\n",
    "[service/a]\nmechs = spnego\neuid = 0\n",
    "[service/a]\nmechs = krb5 # comment\neuid = 0\n",
    "[service/a]\nmechs = krb5\neuid = 4294967294\n",
    "[directory/a]\npath = /run/a\nkeytabs = /etc/*.keytab\n",
];

/// What both say alike of the files in a folder.
const FOLDERS: &[(&str, &[(&str, &str)])] = &[
    ("[gssproxy]\n", &[("10-a.conf", LEAST)]),
    (
        "[gssproxy]\n",
        &[
            ("10-a.conf", LEAST),
            ("20-b.conf", "[service/a]\nmechs = foo\neuid = 0\n"),
        ],
    ),
    (
        "[gssproxy]\n",
        &[
            ("20-b.conf", LEAST),
            ("10-a.conf", "[service/a]\nmechs = foo\neuid = 0\n"),
        ],
    ),
    (
        "[gssproxy]\n",
        &[
            ("10-a.conf", "[service/a]\nmechs = krb5\n"),
            ("20-b.conf", "[service/A]\nmechs = krb5\neuid = 0\n"),
        ],
    ),
    (
        "[gssproxy]\n",
        &[("10-a.conf", "foo\n"), ("20-b.conf", LEAST)],
    ),
    ("[gssproxy]\n", &[("10-a.conf", "foo\n")]),
    (
        "[gssproxy]\n",
        &[("10-a.conf", "[service/a]\nmechs = krb5\neuid = 0\n[foo]\n")],
    ),
    (
        "[gssproxy]\n",
        &[(
            "10-a.conf",
            "[service/a]\nmechs = krb5\neuid = 0\n[GSSPROXY]\n",
        )],
    ),
    (
        "[gssproxy]\n",
        &[("10-a.conf", "x = 1\n[service/a]\nmechs = krb5\neuid = 0\n")],
    ),
    ("[gssproxy]\n", &[("10-.conf", LEAST)]),
    ("[gssproxy]\n", &[("10-..conf", LEAST)]),
    ("[gssproxy]\n", &[("100-a.conf", LEAST)]),
    ("[gssproxy]\n", &[("gssproxy.conf", LEAST)]),
    ("[gssproxy]\n", &[("10-a.conf", ""), ("20-b.conf", LEAST)]),
    (
        "[gssproxy]\n",
        &[
            ("10-a.conf", "[gssproxy]\nworker threads = many\n"),
            ("20-b.conf", LEAST),
        ],
    ),
    (
        LEAST,
        &[("10-a.conf", "[gssproxy]\nworker threads = many\n")],
    ),
    (
        LEAST,
        &[("10-a.conf", "[service/b]\nmechs = krb5\neuid = 0\n")],
    ),
    (
        "[gssproxy]\n",
        &[
            ("20-a.conf", "[service/x]\nmechs = krb5\neuid = 3\n"),
            (
                "10-a.conf",
                "[service/y]\nmechs = krb5\neuid = 4\nallow_any_uid = yes\n",
            ),
        ],
    ),
    (
        "[gssproxy]\n",
        &[
            ("10-a.conf", "[service/x]\nmechs = krb5\neuid = 3\n"),
            (
                "20-a.conf",
                "[service/y]\nmechs = krb5\neuid = 4\nallow_any_uid = yes\n",
            ),
        ],
    ),
];

#[test]
fn the_same_files_are_taken_and_refused() {
    if !require("gssproxy", "gssproxy") {
        return;
    }
    let mut cases: Vec<Case> = Vec::new();
    cases.extend(
        ENDINGS
            .iter()
            .map(|ending| (format!("{LEAST}{ending}"), Vec::new())),
    );
    cases.extend(FILES.iter().map(|file| ((*file).to_owned(), Vec::new())));
    for (main, files) in FOLDERS {
        let files = files.iter().map(|(name, text)| (*name, (*text).to_owned()));
        cases.push(((*main).to_owned(), files.collect()));
    }
    assert_eq!(disagreements(&cases), Vec::<String>::new());
}

#[test]
fn files_made_at_random_are_taken_and_refused_alike() {
    if !require("gssproxy", "gssproxy") {
        return;
    }
    let number = std::env::var("KERBSTONE_CASES").map_or(128, |text| text.parse().unwrap());
    let mut runner = TestRunner::new(Config::default());
    let cases: Vec<Case> = (0..number)
        .map(|_| {
            (
                random_file().new_tree(&mut runner).unwrap().current(),
                Vec::new(),
            )
        })
        .collect();
    assert_eq!(disagreements(&cases), Vec::<String>::new());
}

#[test]
fn what_ours_takes_alone_is_known() {
    if !require("gssproxy", "gssproxy") {
        return;
    }
    for file in TAKEN_BY_OURS_ALONE {
        let case = ((*file).to_owned(), Vec::new());
        assert_eq!(
            (debian_takes(&case), ours(&case).is_ok()),
            (false, true),
            "{file}"
        );
    }
}

fn random_file() -> impl Strategy<Value = String> {
    let options = sample::select(vec![
        "mechs = krb5",
        "mechs = foo",
        "euid = 0",
        "euid = 1",
        "euid = daemon",
        "euid = x",
        "allow_any_uid = yes",
        "program = /a",
        "program = b",
        "socket = /nonexistent/a",
        "socket = /nonexistent/b",
        "cred_usage = both",
        "cred_usage = x",
        "min_lifetime = x",
        "cred_store = keytab:/x",
        "cred_store = x",
        "krb5_keytab = x",
        "filter_flags = +x",
        "selinux_context = a:b:c",
        "selinux_context = x",
        "trusted = yes",
        "worker threads = x",
        "debug_level = 1",
        "unknown = 1",
        "unknown",
        "= 1",
        "# x",
        "; x",
        "/* x",
        "x */",
        "// x",
        "",
        "  ",
        "[",
        "[x",
        "[x]",
    ]);
    let line = (
        sample::select(vec!["", "", "", " ", "\t", "\u{B}"]),
        options,
    )
        .prop_map(|(indent, option)| format!("{indent}{option}\n"));
    let header = sample::select(vec![
        "[service/a]\n",
        "[service/b]\n",
        "[service/A]\n",
        "[gssproxy]\n",
        "[ service/c]\n",
        "[x]\n",
    ])
    .prop_map(str::to_owned);
    // Most services are whole: else hardly a file would be taken.
    let whole = (header.clone(), sample::select(vec!["0", "1", "2"]))
        .prop_map(|(header, euid)| format!("{header}mechs = krb5\neuid = {euid}\n"));
    let piece = prop_oneof![3 => whole, 2 => line, 1 => header, 1 => Just("\n".to_owned())];
    collection::vec(piece, 1..7).prop_map(|pieces| pieces.concat())
}

/// The cases of which one daemon takes what the other refuses.
fn disagreements(cases: &[Case]) -> Vec<String> {
    let found = Mutex::new(Vec::new());
    let next = Mutex::new(cases.iter());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = { next.lock().unwrap().next() } {
                    let ours = ours(case);
                    if debian_takes(case) != ours.is_ok() {
                        found.lock().unwrap().push(format!("{case:?}: {ours:?}"));
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

fn ours(case: &Case) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let sources = write(case, folder.path());
    Settings::load(&sources)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Debian's daemon has made its socket when it has taken the files, or else it ends.
fn debian_takes(case: &Case) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let sources = write(case, folder.path());
    let mut command = Command::new(find_program("gssproxy").unwrap());
    command
        .args(["-i", "-c"])
        .arg(&sources.file)
        .arg("-s")
        .arg(&sources.socket);
    if let Some(directory) = &sources.directory {
        command.arg("-C").arg(directory);
    }
    let mut daemon = command
        .current_dir(folder.path())
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let taken = loop {
        if sources.socket.exists() {
            break true;
        }
        if daemon.try_wait().unwrap().is_some() {
            // It may have made its socket and ended since.
            break sources.socket.exists();
        }
        assert!(Instant::now() < deadline, "{case:?}");
        thread::sleep(Duration::from_millis(2));
    };
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    taken
}

fn write((main, files): &Case, folder: &Path) -> Sources {
    fs::write(folder.join("gssproxy.conf"), main).unwrap();
    let snippets = folder.join("conf.d");
    if !files.is_empty() {
        fs::create_dir(&snippets).unwrap();
        for (name, text) in files {
            fs::write(snippets.join(name), text).unwrap();
        }
    }
    Sources {
        file: folder.join("gssproxy.conf"),
        directory: (!files.is_empty()).then_some(snippets),
        socket: folder.join("default.sock"),
    }
}
