//! Names, as our engine and Debian's daemon read and write them.

use std::path::Path;

use kerbstone_proxy::wire::{
    self, Call, ImportAndCanonNameArgs, ImportAndCanonNameResult, Name, Reply, RpcOption, options,
};
use kerbstone_testkit::lab::{Gssproxy, Keeper};
use tempfile::TempDir;

use super::mechanisms::ask;
use super::site::{answer, engine, own_caller, own_uid, service};

const CONF: &str = "[libdefaults]\ndefault_realm = PROXY.TEST\ndns_lookup_kdc = false\n\
    dns_canonicalize_hostname = false\nrdns = false\n\
    [domain_realm]\n.proxy.test = PROXY.TEST\n\
    [realms]\nPROXY.TEST = {\nauth_to_local = RULE:[2:$1](admin)s/admin/root/\n\
    auth_to_local = DEFAULT\n}\n";
const KRB5: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
const USER: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x01";
const STRING_UID: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x03";
const HOST_BASED: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04";
const PRINCIPAL: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01";
const EXPORTED: &[u8] =
    b"\x04\x01\x00\x0b\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x00\x00\x00\x10alice@PROXY.TEST";

fn conf(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("krb5.conf");
    std::fs::write(&path, CONF).unwrap();
    path
}

fn displayed(display: &[u8], name_type: &[u8]) -> Name {
    Name {
        display: display.into(),
        name_type: name_type.into(),
        ..Name::default()
    }
}

fn import(input: Name, mech: &[u8], wants_local: bool) -> Call {
    let options = match wants_local {
        true => vec![RpcOption::new(options::LOCALNAME, b"")],
        false => Vec::new(),
    };
    ImportAndCanonNameArgs {
        input,
        mech: mech.into(),
        options,
        ..ImportAndCanonNameArgs::default()
    }
    .into()
}

fn ours(krb5_conf: &Path, folder: &Path, call: &Call) -> ImportAndCanonNameResult {
    let engine = engine(krb5_conf, folder);
    let service = std::sync::Arc::new(service("web"));
    match answer(&engine, &own_caller(), &service, call).reply {
        Reply::ImportAndCanonName(result) => result,
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_are_read_and_written_as_debians_daemon_does() {
    let folder = TempDir::new().unwrap();
    let krb5_conf = conf(folder.path());
    let services = format!(
        "[service/web]\nmechs = krb5\ncred_store = keytab:/nonexistent\neuid = {}\n",
        own_uid()
    );
    let Some(debian) = Gssproxy::start(Keeper::Debian, &krb5_conf, &services) else {
        return;
    };
    let exported = Name {
        exported: EXPORTED.into(),
        ..Name::default()
    };
    let calls = [
        import(displayed(b"alice", USER), b"", false),
        import(displayed(b"alice", USER), KRB5, false),
        import(displayed(b"alice@OTHER.TEST", USER), KRB5, false),
        import(displayed(b"http@www.proxy.test", HOST_BASED), b"", false),
        import(displayed(b"http@www.proxy.test", HOST_BASED), KRB5, false),
        import(displayed(b"http@WWW.Proxy.Test", HOST_BASED), KRB5, false),
        import(displayed(b"alice/admin@PROXY.TEST", PRINCIPAL), KRB5, false),
        import(displayed(b"al\\@ice@PROXY.TEST", PRINCIPAL), KRB5, false),
        import(displayed(b"0", STRING_UID), KRB5, false),
        import(exported.clone(), KRB5, false),
        import(exported.clone(), b"", false),
        import(displayed(b"alice", USER), KRB5, true),
        import(displayed(b"admin/www@PROXY.TEST", PRINCIPAL), KRB5, true),
        import(exported, KRB5, true),
    ];
    for call in calls {
        let Reply::ImportAndCanonName(theirs) = ask(&debian.socket(), &call) else {
            panic!("a reply to another call");
        };
        let ours = ours(&krb5_conf, folder.path(), &call);
        assert_eq!(ours.status.major, 0, "{call:?}: {ours:?}");
        assert_eq!(theirs.status.major, 0, "{call:?}: {theirs:?}");
        assert_eq!(ours.options, theirs.options, "{call:?}");
        let (Some(ours), Some(theirs)) = (&ours.output, &theirs.output) else {
            assert_eq!(ours.output, theirs.output, "{call:?}");
            continue;
        };
        let shown = |name: &Name| String::from_utf8_lossy(&name.display).into_owned();
        assert_eq!(shown(ours), shown(theirs), "{call:?}");
        assert_eq!(ours.name_type, theirs.name_type, "{call:?}");
        assert_eq!(ours.exported, theirs.exported, "{call:?}");
        assert_eq!(
            ours.exported_composite.as_slice(),
            theirs.exported_composite.as_slice(),
            "{call:?}"
        );
    }
}

#[test]
fn names_that_are_none_are_refused_as_debians_daemon_does() {
    const ERRORS: u64 = 0x00ff_0000;
    let folder = TempDir::new().unwrap();
    let krb5_conf = conf(folder.path());
    let services = format!(
        "[service/web]\nmechs = krb5\ncred_store = keytab:/nonexistent\neuid = {}\n",
        own_uid()
    );
    let Some(debian) = Gssproxy::start(Keeper::Debian, &krb5_conf, &services) else {
        return;
    };
    let exported = |bytes: &[u8]| Name {
        exported: bytes.into(),
        ..Name::default()
    };
    for call in [
        import(displayed(b"someone@NOWHERE.TEST", PRINCIPAL), KRB5, true),
        import(displayed(b"alice", b"\x2a\x03"), KRB5, false),
        import(displayed(b"alice", USER), b"\x2a\x03", false),
        import(exported(EXPORTED.split_last().unwrap().1), KRB5, false),
    ] {
        let theirs = ask(&debian.socket(), &call);
        let ours = ours(&krb5_conf, folder.path(), &call);
        let major = |status: &wire::Status| status.major & ERRORS;
        assert_ne!(major(&ours.status), 0, "{call:?}");
        assert_eq!(
            major(&ours.status),
            major(theirs.status()),
            "{call:?}: {ours:?} {theirs:?}"
        );
    }
}
