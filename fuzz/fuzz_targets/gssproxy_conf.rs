//! gssproxy.conf: a first file and those of a folder, cut at NUL octets, and callers who meet what they say.

#![no_main]

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kerbstone_proxy::settings::{Caller, Service, Settings, Surroundings, Text, Verdict};
use libfuzzer_sys::fuzz_target;

const DEFAULT_SOCKET: &str = "/run/d.sock";

fuzz_target!(|bytes: &[u8]| {
    let texts = texts(bytes);
    let Some((main, snippets)) = texts.split_first() else {
        return;
    };
    let loaded = Settings::from_texts(main, snippets, Path::new(DEFAULT_SOCKET), &Machine);
    let settings = match loaded {
        Ok((settings, warnings)) => {
            for warning in warnings {
                assert!(!warning.to_string().is_empty());
            }
            settings
        }
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.help().is_empty());
            return;
        }
    };
    let sockets = settings.sockets();
    for (index, socket) in sockets.iter().enumerate() {
        assert!(!sockets[..index].contains(socket));
    }
    assert!(!settings.services.is_empty() || !settings.directories.is_empty());
    for service in &settings.services {
        meet(&settings, service);
        describe(service);
    }
    a_comment_changes_nothing(main, snippets, &settings);
});

struct Machine;

impl Surroundings for Machine {
    fn uid(&self, name: &str) -> io::Result<Option<u32>> {
        match name {
            "e" => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(name.starts_with('u').then_some(7)),
        }
    }

    fn gid(&self, name: &str) -> io::Result<Option<u32>> {
        self.uid(name)
    }

    fn file_names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        if folder == Path::new("/n") {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(["a.k", "b.k", "b.c", ".h", "%"].map(OsString::from).into())
    }
}

fn texts(bytes: &[u8]) -> Vec<Text> {
    let pieces = bytes.split(|octet| *octet == 0).enumerate();
    pieces
        .map(|(index, octets)| Text {
            file: Arc::from(PathBuf::from(format!("{index}.conf"))),
            octets: octets.to_vec(),
        })
        .collect()
}

/// A service's own caller meets it, or one before it that serves that caller as well.
fn meet(settings: &Settings, service: &Arc<Service>) {
    let caller = Caller {
        uid: service.euid,
        gid: 0,
        pid: 1,
        program: service.program.clone(),
        socket: service.socket.clone(),
        selinux_context: service.selinux_context.clone(),
    };
    assert!(service.serves(&caller));
    let met = settings.service_for(&caller).expect("somebody serves it");
    let explained = settings.explain(&caller);
    let serving: Vec<_> = explained
        .iter()
        .filter(|(_, verdict)| *verdict == Verdict::Serves)
        .collect();
    assert!(serving.len() == 1 && Arc::ptr_eq(serving[0].0, met));
    for (service, verdict) in explained {
        assert_eq!(service.serves(&caller), !matches!(verdict, Verdict::Not(_)));
    }
}

fn describe(service: &Service) {
    let _ = service.flag_names();
    for right in service.rights(service.euid) {
        assert!(!right.to_string().is_empty());
    }
    for element in &service.cred_store {
        let with_name = service.stored(&element.key, 5, Some("name"));
        let without = service.stored(&element.key, 5, None);
        assert!(with_name.is_ok() || without.is_err());
        assert_eq!(
            service.store_value(&element.key, 5, None),
            without.ok().flatten()
        );
    }
}

fn a_comment_changes_nothing(main: &Text, snippets: &[Text], settings: &Settings) {
    let mut longer = main.clone();
    longer.octets.extend_from_slice(b"\n# comment\n\n");
    let again = Settings::from_texts(&longer, snippets, Path::new(DEFAULT_SOCKET), &Machine);
    assert_eq!(again.expect("as before").0, *settings);
}
