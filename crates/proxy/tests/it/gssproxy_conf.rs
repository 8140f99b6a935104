//! Which configurations are taken, what they mean, and in which words others are refused.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kerbstone_proxy::settings::{
    CredUsage, OPTIONS, Scope, Settings, SettingsError, Sources, Surroundings, Text, Warning,
};

/// A machine with two users, two groups and a folder of keys.
pub(crate) struct Machine;

impl Surroundings for Machine {
    fn uid(&self, name: &str) -> io::Result<Option<u32>> {
        match name {
            "daemon" => Ok(Some(1)),
            "www-data" => Ok(Some(33)),
            "broken" => Err(io::Error::other("no route to the directory")),
            _ => Ok(None),
        }
    }

    fn gid(&self, name: &str) -> io::Result<Option<u32>> {
        Ok((name == "www-data").then_some(34))
    }

    fn file_names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        if folder != Path::new("/etc/keys") {
            return Err(io::ErrorKind::NotFound.into());
        }
        let names = [
            "web.keytab",
            "mail.keytab",
            ".web.keytab",
            "web.old",
            "100%.keytab",
            "mail.cache",
        ];
        Ok(names.iter().map(OsString::from).collect())
    }
}

fn text(file: &str, octets: &str) -> Text {
    Text {
        file: Arc::from(Path::new(file)),
        octets: octets.as_bytes().to_vec(),
    }
}

fn load(files: &[(&str, &str)]) -> Result<(Settings, Vec<Warning>), SettingsError> {
    let texts: Vec<Text> = files
        .iter()
        .map(|(file, octets)| text(file, octets))
        .collect();
    let (main, snippets) = texts.split_first().unwrap();
    Settings::from_texts(main, snippets, Path::new("/run/default.sock"), &Machine)
}

/// Settings of one file, which must be beyond reproach.
pub(crate) fn settings(octets: &str) -> Settings {
    let (settings, warnings) = load(&[("gssproxy.conf", octets)]).unwrap();
    assert_eq!(warnings, []);
    settings
}

fn words(error: &SettingsError) -> String {
    format!("{error}\nhelp: {}", error.help())
}

fn told(warnings: &[Warning]) -> Vec<String> {
    let tell = |warning: &Warning| format!("{warning}; {}", warning.help);
    warnings.iter().map(tell).collect()
}

const LEAST: &str = "[service/a]\nmechs = krb5\neuid = 0\n";

#[test]
fn the_least_service_has_upstreams_defaults() {
    let settings = settings(LEAST);
    let [service] = settings.services.as_slice() else {
        panic!("{settings:?}");
    };
    assert_eq!((service.name.as_str(), service.euid), ("a", 0));
    assert!(service.mechs.krb5 && !service.mechs.spnego);
    assert_eq!(service.cred_usage, CredUsage::Both);
    assert_eq!((service.filter_flags, service.enforce_flags), (1, 0));
    assert_eq!(service.min_lifetime, Duration::from_secs(15));
    assert!(!service.allow_any_uid && !service.trusted && !service.impersonate);
    assert!(!service.allow_protocol_transition && !service.allow_constrained_delegation);
    assert!(!service.allow_client_ccache_sync && !service.kernel_nfsd);
    assert_eq!(service.socket, None);
    assert_eq!(service.socket_access.mode, 0o666);
    assert_eq!(settings.global.debug_level, 0);
    assert_eq!(settings.sockets(), [Path::new("/run/default.sock")]);
}

#[test]
fn debians_own_files_are_read() {
    let nfs = "[service/nfs-server]\n  mechs = krb5\n  socket = /run/gssproxy.sock\n  \
               cred_store = keytab:/etc/krb5.keytab\n  trusted = yes\n  kernel_nfsd = yes\n  euid = 0\n";
    let (settings, warnings) = load(&[
        ("gssproxy.conf", "[gssproxy]\n"),
        ("24-nfs-server.conf", nfs),
    ])
    .unwrap();
    assert_eq!(warnings, []);
    let service = settings.services.first().unwrap();
    assert!(service.kernel_nfsd && service.trusted);
    assert_eq!(
        service.socket.as_deref(),
        Some(Path::new("/run/gssproxy.sock"))
    );
    assert_eq!(
        service.store_value("keytab", 5, None).as_deref(),
        Some("/etc/krb5.keytab")
    );
    assert_eq!(service.store_value("ccache", 5, None), None);
}

#[test]
fn upstreams_examples_for_apache_and_nfs_clients_are_read() {
    let (settings, warnings) = load(&[
        ("gssproxy.conf", "[gssproxy]\n"),
        (
            "80-httpd.conf",
            "[service/HTTP]\n  mechs = krb5\n  cred_store = keytab:/etc/gssproxy/http.keytab\n  \
             cred_store = ccache:/var/lib/gssproxy/clients/krb5cc_%U\n  euid = www-data\n",
        ),
        (
            "99-network-fs-clients.conf",
            "[service/network-fs-clients]\n  mechs = krb5\n  cred_store = keytab:/etc/krb5.keytab\n  \
             cred_store = ccache:FILE:/var/lib/gssproxy/clients/krb5cc_%U\n  \
             cred_store = client_keytab:/var/lib/gssproxy/clients/%u.keytab\n  cred_usage = initiate\n  \
             allow_any_uid = yes\n  trusted = yes\n  euid = 0\n  min_lifetime = 60\n",
        ),
    ])
    .unwrap();
    assert_eq!(warnings, []);
    let [http, clients] = settings.services.as_slice() else {
        panic!("{settings:?}");
    };
    assert_eq!((http.name.as_str(), http.euid), ("HTTP", 33));
    assert!(!http.needs_user_name() && clients.needs_user_name());
    assert_eq!(clients.cred_usage, CredUsage::Initiate);
    assert_eq!(clients.min_lifetime, Duration::from_secs(60));
    assert_eq!(
        clients.store_value("ccache", 1000, None).as_deref(),
        Some("FILE:/var/lib/gssproxy/clients/krb5cc_1000")
    );
    assert_eq!(
        clients
            .store_value("client_keytab", 1000, Some("alice"))
            .as_deref(),
        Some("/var/lib/gssproxy/clients/alice.keytab")
    );
    assert_eq!(clients.store_value("client_keytab", 1000, None), None);
    assert!(clients.stored("client_keytab", 1000, None).is_err());
}

#[test]
fn every_option_is_read() {
    let settings = settings(
        "[gssproxy]\ndebug_level = 2\nsyslog_status = on\nrun_as_user = daemon\nworker threads = 7\n\
         max_connections = 100\nmax_connections_per_uid = 10\nidle_timeout = 60\n\
         max_waiting_calls = 8\nmax_waiting_calls_per_uid = 4\nmax_queued_calls_per_uid = 0\n\
         [service/b]\nmechs = krb5, spnego\neuid = www-data\nallow_any_uid = 1\nprogram = /usr/sbin/b\n\
         socket = /run/b.sock\nsocket_owner = daemon\nsocket_group = www-data\nsocket_mode = 0660\n\
         krb5_principal = HTTP/www@R\ncred_usage = Accept\ntrusted = TRUE\nimpersonate = yes\n\
         allow_protocol_transition = yes\nallow_constrained_delegation = yes\n\
         allow_client_ccache_sync = yes\nfilter_flags = -DELEGATE +ANONYMOUS\n\
         enforce_flags = +MUTUAL_AUTH,+0x10\nmin_lifetime = 0\nkernel_nfsd = no\n",
    );
    let global = &settings.global;
    assert_eq!((global.debug_level, global.syslog_status), (2, Some(true)));
    assert_eq!(global.run_as_user, Some(("daemon".to_owned(), 1)));
    assert_eq!(global.worker_threads, Some(7));
    let limits = global.limits;
    assert_eq!(
        (limits.connections, limits.connections_per_uid),
        (Some(100), Some(10))
    );
    assert_eq!(limits.idle, Some(Some(Duration::from_secs(60))));
    assert_eq!(
        (limits.slow_calls, limits.slow_calls_per_uid),
        (Some(8), Some(4))
    );
    assert_eq!(limits.queued_per_uid, Some(0));
    let service = settings.services.first().unwrap();
    assert!(service.mechs.krb5 && service.mechs.spnego);
    assert_eq!((service.euid, service.allow_any_uid), (33, true));
    assert_eq!(service.program, Some(PathBuf::from("/usr/sbin/b")));
    let access = service.socket_access;
    assert_eq!(
        (access.owner, access.group, access.mode),
        (Some(1), Some(34), 0o660)
    );
    assert_eq!(service.krb5_principal.as_deref(), Some("HTTP/www@R"));
    assert_eq!(service.cred_usage, CredUsage::Accept);
    assert!(service.trusted && service.impersonate && service.allow_protocol_transition);
    assert!(service.allow_constrained_delegation && service.allow_client_ccache_sync);
    assert_eq!((service.filter_flags, service.enforce_flags), (64, 0x12));
    assert_eq!(service.min_lifetime, Duration::ZERO);
    assert_eq!(
        settings.sockets(),
        [Path::new("/run/default.sock"), Path::new("/run/b.sock")]
    );
}

#[test]
fn a_service_at_the_default_socket_by_name_is_one_without_a_socket() {
    let settings = settings(&format!("{LEAST}socket = /run/default.sock\n"));
    assert_eq!(settings.services.first().unwrap().socket, None);
}

#[test]
fn each_refusal_names_file_line_and_remedy() {
    for (options, error) in [
        (
            "cred_usage = sometimes\n",
            "t.conf:4: cred_usage = sometimes: expected initiate, accept or both\nhelp: leave the option out for both",
        ),
        (
            "program = b\n",
            "t.conf:4: program = b: a program is an absolute path\nhelp: write what `realpath` prints for the program, with neither links nor arguments",
        ),
        (
            "program = /b|/c\n",
            "t.conf:4: program = /b|/c: `|` is reserved in program paths\nhelp: write one section for each program",
        ),
        (
            "socket =\n",
            "t.conf:4: socket = : expected a path\nhelp: leave the option out for the default socket",
        ),
        (
            "cred_store = keytab\n",
            "t.conf:4: cred_store = keytab: there is no `:` between the key and its value\nhelp: write for example `cred_store = keytab:/etc/krb5.keytab`",
        ),
        (
            "krb5_keytab = /k\n",
            "t.conf:4: the option krb5_keytab is no longer known\nhelp: write `cred_store = keytab:/k`",
        ),
        (
            "krb5_client_keytab = /k\n",
            "t.conf:4: the option krb5_client_keytab is no longer known\nhelp: write `cred_store = client_keytab:/k`",
        ),
        (
            "selinux_context = a:b\n",
            "t.conf:4: selinux_context = a:b: expected user:role:type or user:role:type:range\nhelp: leave the option out: a socket or an euid does the same",
        ),
        (
            "socket_mode = rw\n",
            "t.conf:4: socket_mode = rw: expected permissions as octal digits, such as 0660\nhelp: write 0600 for the owner, 0660 for the group, 0666 for everybody",
        ),
        (
            "socket_group = nobodies\n",
            "t.conf:4: socket_group = nobodies: there is no group of this name\nhelp: check its spelling with `getent passwd` or `getent group`, or write the number",
        ),
        (
            "  # a comment\n",
            "t.conf:4: expected `name = value`\nhelp: a comment begins in the first column, a value ends with its line, and a header is not indented",
        ),
        (
            "[service/b]\nmechs = krb5\neuid = 0\n",
            "t.conf:4: [service/b] and [service/a] (t.conf:1) serve the same callers: socket, program, selinux_context and euid are the same\nhelp: merge it with a, or tell the two apart by socket, program or euid",
        ),
        (
            "allow_any_uid = yes\n[service/b]\nmechs = krb5\neuid = 1\n",
            "t.conf:5: [service/b] can never be reached: [service/a] (t.conf:1) sets allow_any_uid with the same socket, program and selinux_context\nhelp: put it before a, or give it a socket of its own",
        ),
        (
            "socket = /s\nsocket_mode = 600\n[service/b]\nmechs = krb5\neuid = 1\nsocket = /s\n",
            "t.conf:6: [service/b] and [service/a] (t.conf:1) share a socket and give it different owners or permissions\nhelp: give both the same socket_owner, socket_group and socket_mode, or two sockets",
        ),
    ] {
        let refused = load(&[("t.conf", &format!("{LEAST}{options}"))]).unwrap_err();
        assert_eq!(words(&refused), error);
    }
}

#[test]
fn a_section_without_what_it_needs_is_refused() {
    for (text, error) in [
        (
            "[service/a]\nmechs = krb5\n",
            "t.conf:1: option 'euid' is missing from [service/a]",
        ),
        (
            "\n[service/a]\neuid = 0\n",
            "t.conf:2: option 'mechs' is missing from [service/a]",
        ),
        (
            "[service/a]\nmechs = krb5\neuid = nobody-here\n",
            "t.conf:3: euid = nobody-here: there is no user of this name",
        ),
        (
            "[service/a]\nmechs = krb5\neuid = broken\n",
            "t.conf:3: euid = broken: the name service gave no answer: no route to the directory",
        ),
        (
            "[service/a]\nmechs = krb5\neuid =\n",
            "t.conf:3: euid = : there is no user of this name",
        ),
        (
            "[gssproxy]\nrun_as_user = nobody-here\n",
            "t.conf:2: run_as_user = nobody-here: there is no user of this name",
        ),
        (
            "[gssproxy]\nworker threads = many\n",
            "t.conf:2: worker threads = many: expected a whole number",
        ),
        (
            "[gssproxy]\nidle_timeout = 1m\n",
            "t.conf:2: idle_timeout = 1m: expected a whole number",
        ),
        ("[gssproxy]\n", "t.conf: no service sections configured"),
        ("", "t.conf: no service sections configured"),
        (
            "[service/a]\nmechs = gssapi\neuid = 0\n",
            "t.conf: no service sections configured",
        ),
        (
            "[directory/a]\nkeytabs = /etc/keys/*.keytab\n",
            "t.conf:1: option 'path' is missing from [directory/a]",
        ),
        (
            "[directory/a]\npath = /run/a\n",
            "t.conf:1: option 'keytabs' is missing from [directory/a]",
        ),
        (
            "[directory/a]\npath = a\nkeytabs = /k/*\n",
            "t.conf:2: path = a: expected an absolute path",
        ),
        (
            "[directory/a]\npath = /a\nkeytabs = /*/k\n",
            "t.conf:3: keytabs = /*/k: only the last part of the path can have * and ?",
        ),
    ] {
        assert_eq!(load(&[("t.conf", text)]).unwrap_err().to_string(), error);
    }
}

#[test]
fn what_upstream_passes_over_in_silence_is_told() {
    for (options, warning) in [
        (
            "alow_any_uid = yes\n",
            "t.conf:4: unknown option `alow_any_uid` is ignored; did you mean `allow_any_uid`?",
        ),
        (
            "frobnicate = yes\n",
            "t.conf:4: unknown option `frobnicate` is ignored; the book's page on replacing gssproxy lists the options",
        ),
        (
            "debug = yes\n",
            "t.conf:4: unknown option `debug` is ignored; the book's page on replacing gssproxy lists the options",
        ),
        (
            " # trusted = yes\n",
            "t.conf:4: `# trusted` is read as an option's name; a comment begins in the first column",
        ),
        (
            "trusted = maybe\n",
            "t.conf:4: `trusted = maybe` is read as no; write yes or no",
        ),
        (
            "euid = 1\n",
            "t.conf:4: `euid` is given twice: the value of line 3 counts; remove one of the two",
        ),
        (
            "krb5_principal = HTTP/www # ours\n",
            "t.conf:4: what looks like a comment is part of the value of `krb5_principal`; comments stand on lines of their own",
        ),
        (
            "krb5_principal = \"HTTP/www\"\n",
            "t.conf:4: the quotes are part of the value of `krb5_principal`; remove them: a value may have blanks without them",
        ),
        (
            "min_lifetime = 1h\n",
            "t.conf:4: `min_lifetime = 1h` is read as 1; write digits only",
        ),
        (
            "min_lifetime = -1\n",
            "t.conf:4: `min_lifetime = -1` is ignored: 15 counts; write a number of seconds",
        ),
        (
            "filter_flags = DELEGATE\n",
            "t.conf:4: `DELEGATE` in filter_flags is ignored; write +NAME, -NAME or +0xNUMBER, such as -DELEGATE",
        ),
        (
            "cred_store = keytabs:/k\n",
            "t.conf:4: unknown key `keytabs:` is ignored; did you mean `keytab:`?",
        ),
        (
            "cred_store = keytab:/k\ncred_store = keytab:/l\n",
            "t.conf:5: `keytab:` is in the credential store twice: the first counts; remove one of the two",
        ),
        (
            "cred_store = ccache:/c_%i\n",
            "t.conf:4: %i is not known: there are %U (uid), %u (user name) and %%; calls that need this value will fail; write %% for a % that stands for itself",
        ),
        (
            "socket = s\n",
            "t.conf:4: the socket's path is relative: where it is depends on how the daemon is started; begin it with /",
        ),
        (
            "socket_mode = 0600\n",
            "t.conf:1: socket_owner, socket_group and socket_mode are for a service's own socket; add `socket = PATH`",
        ),
        (
            "selinux_context = a:b:c\n",
            "t.conf:4: selinux_context is deprecated; a socket or an euid does the same",
        ),
        (
            "kernel_nfsd = yes\nprogram = /b\n",
            "t.conf:5: the kernel's connection comes from no program: this service will never meet it; remove program from the section with kernel_nfsd",
        ),
        (
            "[services/b]\n",
            "t.conf:4: the section [services/b] is ignored; a service's section is called [service/NAME]",
        ),
        (
            "[Service/b]\n",
            "t.conf:4: the section [Service/b] is ignored; write [service/b]",
        ),
        (
            "[service/b]\nmechs = krb5\neuid = 0\nprogram = /b\n",
            "t.conf:4: [service/b] is never reached: [service/a] (t.conf:1) serves all its callers; put it before that service, or give it a socket of its own",
        ),
    ] {
        let (_, warnings) = load(&[("t.conf", &format!("{LEAST}{options}"))]).unwrap();
        assert_eq!(told(&warnings), [warning]);
    }
    let (_, warnings) = load(&[("t.conf", &format!("a = 1\n{LEAST}"))]).unwrap();
    assert_eq!(
        told(&warnings),
        ["t.conf:1: the section [default] is ignored; options stand below a header"]
    );
}

#[test]
fn a_uid_is_read_as_upstream_reads_it() {
    for (euid, uid, warned) in [
        ("48", 48, false),
        ("4294967294", 4_294_967_294, false),
        ("0x10", 0, true),
        ("12abc", 12, true),
        ("-1", u32::MAX, true),
    ] {
        let text = format!("[service/a]\nmechs = krb5\neuid = {euid}\n");
        let (settings, warnings) = load(&[("t.conf", &text)]).unwrap();
        assert_eq!(settings.services.first().unwrap().euid, uid, "{euid}");
        assert_eq!(!warnings.is_empty(), warned, "{euid}");
    }
}

#[test]
fn mechanisms_are_a_list_and_a_section_without_a_known_one_is_absent() {
    for (mechs, krb5, spnego) in [
        ("krb5", true, false),
        ("spnego", false, true),
        ("krb5 spnego", true, true),
        ("spnego,krb5,", true, true),
    ] {
        let read = settings(&format!("[service/a]\nmechs = {mechs}\neuid = 0\n"));
        let found = read.services.first().unwrap().mechs;
        assert_eq!((found.krb5, found.spnego), (krb5, spnego), "{mechs}");
    }
    let text = format!("[service/b]\nmechs = KRB5\neuid = 0\nprogram = relative\n{LEAST}");
    let (read, warnings) = load(&[("t.conf", &text)]).unwrap();
    assert_eq!(read.services.len(), 1);
    assert_eq!(
        told(&warnings),
        [
            "t.conf:2: unknown mechanism `KRB5` is ignored; did you mean `krb5`?",
            "t.conf:2: [service/b] has no mechanism and is ignored; write `mechs = krb5`",
        ]
    );
}

#[test]
fn sections_merge_within_a_file_and_not_between_files() {
    let (settings, warnings) = load(&[
        (
            "main",
            "[service/a]\nmechs = krb5\n[gssproxy]\ndebug = 1\n[service/A]\neuid = 1\n",
        ),
        (
            "10-a.conf",
            "[service/a]\neuid = 7\n[service/b]\nmechs = krb5\neuid = 2\n",
        ),
        ("20-b.conf", "[gssproxy]\ndebug_level = 3\n"),
        (
            "30-c.conf",
            "nonsense\n[service/c]\nmechs = krb5\neuid = 3\n",
        ),
        (
            "40-d.conf",
            "[service/d]\nmechs = krb5\neuid = 4\n[elsewhere]\n",
        ),
    ])
    .unwrap();
    let found: Vec<_> = settings
        .services
        .iter()
        .map(|service| (service.name.as_str(), service.euid))
        .collect();
    assert_eq!(found, [("a", 1), ("b", 2)]);
    assert_eq!(settings.global.debug_level, 1);
    assert_eq!(
        told(&warnings),
        [
            "10-a.conf:1: the section [service/a] is ignored: main:1 has it already; sections of several files are not merged: move its options there",
            "20-b.conf:1: the section [gssproxy] is ignored: main:3 has it already; sections of several files are not merged: move its options there",
            "30-c.conf:1: the whole file is left out: expected `name = value`; a comment begins in the first column, a value ends with its line, and a header is not indented",
            "40-d.conf:4: the whole file is left out: it has a section [elsewhere]; a file of the folder has [gssproxy], [service/NAME] and [directory/NAME] only",
        ]
    );
}

#[test]
fn a_folders_files_are_read_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("gssproxy.conf", "[gssproxy]\n");
    for (name, euid) in [("20-b.conf", 2), ("10-a.conf", 1), ("30-c.conf", 3)] {
        write(
            name,
            &format!("[service/{name}]\nmechs = krb5\neuid = {euid}\n"),
        );
    }
    for name in [
        "1-a.conf",
        "100-a.conf",
        "10-.conf",
        "10a.conf",
        "10-a.conf~",
        "10-a.CONF",
        "a.conf",
    ] {
        write(name, "nonsense\n");
    }
    std::fs::create_dir(folder.path().join("15-folder.conf")).unwrap();
    let sources = Sources {
        file: folder.path().join("gssproxy.conf"),
        directory: Some(folder.path().to_owned()),
        socket: folder.path().join("default.sock"),
    };
    let (settings, warnings) = Settings::load(&sources).unwrap();
    assert_eq!(warnings, []);
    let order: Vec<u32> = settings
        .services
        .iter()
        .map(|service| service.euid)
        .collect();
    assert_eq!(order, [1, 2, 3]);

    let alone = Sources {
        directory: None,
        ..sources
    };
    assert!(matches!(
        Settings::load(&alone),
        Err(SettingsError::NoServices { .. })
    ));
    let missing = Sources {
        file: folder.path().join("none"),
        ..alone
    };
    let error = Settings::load(&missing).unwrap_err();
    assert!(error.to_string().starts_with("cannot read "), "{error}");
}

#[test]
fn flags_choose_what_is_read() {
    let named = Path::new("/x/my.conf");
    let default = Sources::from_flags(None, None, None);
    assert_eq!(default.file, Path::new("/etc/gssproxy/gssproxy.conf"));
    assert_eq!(
        default.directory.as_deref(),
        Some(Path::new("/etc/gssproxy"))
    );
    assert_eq!(default.socket, Path::new("/var/lib/gssproxy/default.sock"));
    let file = Sources::from_flags(Some(named), None, None);
    assert_eq!((file.file.as_path(), file.directory), (named, None));
    let both = Sources::from_flags(Some(named), Some(Path::new("/y")), Some(Path::new("/s")));
    assert_eq!(both.directory.as_deref(), Some(Path::new("/y")));
    assert_eq!(both.socket, Path::new("/s"));
    let directory = Sources::from_flags(None, Some(Path::new("/y")), None);
    assert_eq!(directory.file, Path::new("/etc/gssproxy/gssproxy.conf"));
    assert_eq!(directory.directory.as_deref(), Some(Path::new("/y")));
}

#[test]
fn a_directory_has_a_socket_for_each_credential() {
    let (settings, warnings) = load(&[(
        "t.conf",
        "[directory/keys]\npath = /run/keys\nkeytabs = /etc/keys/*.keytab\nccaches = /etc/keys/*.cache\n\
         owner = daemon\ngroup = www-data\nmode = 0710\nsocket_group = www-data\ncred_usage = accept\n",
    )])
    .unwrap();
    let [directory] = settings.directories.as_slice() else {
        panic!("{settings:?}");
    };
    assert_eq!(directory.path, Path::new("/run/keys"));
    assert_eq!(
        (directory.owner, directory.group, directory.mode),
        (Some(1), Some(34), 0o710)
    );
    let found: Vec<_> = settings
        .services
        .iter()
        .map(|service| {
            assert!(service.allow_any_uid && service.mechs.krb5);
            assert_eq!(service.socket_access.mode, 0o660);
            assert_eq!(service.socket_access.group, Some(34));
            (
                service.name.as_str(),
                service.socket.as_deref().unwrap().to_str().unwrap(),
                service.store_value("keytab", 0, None),
                service.cred_usage,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (
                "keys/100%",
                "/run/keys/100%.sock",
                Some("FILE:/etc/keys/100%.keytab".to_owned()),
                CredUsage::Accept
            ),
            (
                "keys/mail",
                "/run/keys/mail.sock",
                Some("FILE:/etc/keys/mail.keytab".to_owned()),
                CredUsage::Accept
            ),
            (
                "keys/web",
                "/run/keys/web.sock",
                Some("FILE:/etc/keys/web.keytab".to_owned()),
                CredUsage::Accept
            ),
        ]
    );
    assert_eq!(
        told(&warnings),
        [
            "t.conf:4: /etc/keys/mail.cache would have the socket of another file, /run/keys/mail.sock, and has none; rename one of the two"
        ]
    );
}

#[test]
fn caches_in_a_directory_are_for_initiating_only() {
    let settings = settings("[directory/c]\npath = /run/c\nccaches = /etc/keys/mail.cache\n");
    let service = settings.services.first().unwrap();
    assert_eq!(service.cred_usage, CredUsage::Initiate);
    assert_eq!(
        service.store_value("ccache", 0, None).as_deref(),
        Some("FILE:/etc/keys/mail.cache")
    );
}

#[test]
fn a_directory_that_is_still_empty_is_a_warning() {
    let (settings, warnings) = load(&[(
        "t.conf",
        "[directory/a]\npath = /run/a\nkeytabs = /none/*.keytab\nccaches = /etc/keys/*.ccache\n",
    )])
    .unwrap();
    assert!(settings.services.is_empty());
    assert_eq!(
        told(&warnings),
        [
            "t.conf:3: cannot read /none: entity not found; make the folder, then reload",
            "t.conf:4: no file matches /etc/keys/*.ccache; add one, then reload",
        ]
    );
}

#[test]
fn the_books_table_has_every_option() {
    let table: Vec<String> = OPTIONS
        .iter()
        .map(|option| {
            let stands = match option.scope {
                Scope::Global => "gssproxy",
                Scope::Service => "service",
                Scope::Credentials => "service, directory",
                Scope::Directory => "directory",
            };
            let name = option.name;
            let known = if option.upstream { "" } else { "ours" };
            let (default, meaning) = (option.default, option.meaning);
            format!("| `{name}` | {stands} | {default} | {meaning} | {known} |")
        })
        .collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/replace-gssproxy.md");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(&table.join("\n")), "{}", table.join("\n"));
}
