//! Which service a caller meets.

use std::path::{Path, PathBuf};

use kerbstone_proxy::settings::{Caller, Mismatch, Right, Settings, Verdict};

use crate::gssproxy_conf::settings;

fn caller(uid: u32, program: &str, socket: &str) -> Caller {
    let path = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
    Caller {
        uid,
        gid: uid,
        pid: 1,
        program: path(program),
        socket: path(socket),
        selinux_context: None,
    }
}

fn met(settings: &Settings, caller: &Caller) -> Option<String> {
    let service = settings.service_for(caller)?;
    Some(service.name.clone())
}

#[test]
fn the_first_service_that_fits_serves() {
    let settings = settings(
        "[service/sshd]\nmechs = krb5\neuid = 0\nprogram = /usr/sbin/sshd\n\
         [service/web]\nmechs = krb5\neuid = 33\nsocket = /run/web.sock\n\
         [service/root]\nmechs = krb5\neuid = 0\n\
         [service/nfs]\nmechs = krb5\neuid = 0\nsocket = /run/nfs.sock\n\
         [service/all]\nmechs = krb5\neuid = 1\nallow_any_uid = yes\n",
    );
    for (uid, program, socket, service) in [
        (0, "/usr/sbin/sshd", "", Some("sshd")),
        (0, "/usr/sbin/other", "", Some("root")),
        (0, "", "", Some("root")),
        (33, "", "", Some("all")),
        (33, "", "/run/web.sock", Some("web")),
        (0, "", "/run/web.sock", None),
        (0, "/usr/sbin/sshd", "/run/nfs.sock", Some("nfs")),
        (1000, "/usr/sbin/sshd", "", Some("all")),
        (1000, "", "/run/nfs.sock", None),
        (1000, "", "/run/none.sock", None),
    ] {
        assert_eq!(
            met(&settings, &caller(uid, program, socket)).as_deref(),
            service,
            "{uid} {program} {socket}"
        );
    }
}

#[test]
fn a_program_that_cannot_be_told_is_no_program() {
    let settings = settings("[service/a]\nmechs = krb5\neuid = 0\nprogram = /a\n");
    assert_eq!(met(&settings, &caller(0, "", "")), None);
}

#[test]
fn an_selinux_context_fits_without_its_range() {
    let text = Path::new("t.conf");
    let read = |context: &str| {
        let octets = format!("[service/a]\nmechs = krb5\neuid = 0\nselinux_context = {context}\n");
        let main = kerbstone_proxy::settings::Text {
            file: text.into(),
            octets: octets.into_bytes(),
        };
        Settings::from_texts(&main, &[], Path::new("/s"), &crate::gssproxy_conf::Machine)
            .unwrap()
            .0
    };
    let from = |context: &str| Caller {
        selinux_context: (!context.is_empty()).then(|| context.to_owned()),
        ..caller(0, "", "")
    };
    for (wanted, theirs, fits) in [
        ("u:r:t", "u:r:t:s0", true),
        ("u:r:t:s0", "u:r:t:s0", true),
        ("u:r:t:s0:c1", "u:r:t:s0:c1", true),
        ("u:r:t:s0:c1", "u:r:t:s0:c2", false),
        ("u:r:t", "u:r:other:s0", false),
        ("u:r:t", "u:r", false),
        ("u:r:t", "", false),
    ] {
        let served = met(&read(wanted), &from(theirs)).is_some();
        assert_eq!(served, fits, "{wanted} {theirs}");
    }
}

#[test]
fn a_users_own_proxy_serves_that_user_alone() {
    let settings = Settings::for_user(1000, PathBuf::from("/run/user/1000/gssproxy/default.sock"));
    assert_eq!(
        met(&settings, &caller(1000, "", "")).as_deref(),
        Some("user-proxy")
    );
    assert_eq!(met(&settings, &caller(0, "", "")), None);
    let service = settings.services.first().unwrap();
    assert!(service.allow_client_ccache_sync && service.cred_store.is_empty());
}

#[test]
fn each_service_says_why_it_does_not_serve() {
    let settings = settings(
        "[service/sshd]\nmechs = krb5\neuid = 0\nprogram = /usr/sbin/sshd\n\
         [service/web]\nmechs = krb5\neuid = 33\nsocket = /run/web.sock\n\
         [service/root]\nmechs = krb5\neuid = 0\n\
         [service/all]\nmechs = krb5\neuid = 1\nallow_any_uid = yes\n",
    );
    let explained = |caller: &Caller| -> Vec<(String, Verdict)> {
        settings
            .explain(caller)
            .into_iter()
            .map(|(service, verdict)| (service.name.clone(), verdict))
            .collect()
    };
    let named = |verdicts: [Verdict; 4]| -> Vec<(String, Verdict)> {
        let names = ["sshd", "web", "root", "all"].map(str::to_owned);
        names.into_iter().zip(verdicts).collect()
    };
    assert_eq!(
        explained(&caller(0, "/bin/other", "")),
        named([
            Verdict::Not(Mismatch::Program),
            Verdict::Not(Mismatch::Socket),
            Verdict::Serves,
            Verdict::ServedEarlier,
        ])
    );
    assert_eq!(
        explained(&caller(33, "", "")),
        named([
            Verdict::Not(Mismatch::Uid),
            Verdict::Not(Mismatch::Socket),
            Verdict::Not(Mismatch::Uid),
            Verdict::Serves,
        ])
    );
}

#[test]
fn rights_are_those_of_the_caller() {
    let rights = |options: &str, uid: u32| -> Vec<Right> {
        let text = format!("[service/a]\nmechs = krb5\neuid = 5\nallow_any_uid = yes\n{options}");
        settings(&text).services.first().unwrap().rights(uid)
    };
    assert_eq!(rights("", 5), [Right::Accept, Right::Initiate]);
    assert_eq!(rights("cred_usage = accept\n", 5), [Right::Accept]);
    assert_eq!(
        rights("cred_usage = initiate\nfilter_flags = -DELEGATE\n", 5),
        [Right::Initiate, Right::Delegate]
    );
    assert_eq!(
        rights("trusted = yes\n", 5),
        [
            Right::Accept,
            Right::Initiate,
            Right::ActForAnyUid,
            Right::Impersonate,
            Right::DelegateOnwards
        ]
    );
    assert_eq!(
        rights("trusted = yes\n", 6),
        [Right::Accept, Right::Initiate]
    );
    let impersonate = "impersonate = yes\ncred_usage = initiate\n";
    assert_eq!(
        rights(impersonate, 5),
        [Right::Initiate, Right::DelegateOnwards]
    );
    assert_eq!(
        rights(impersonate, 6),
        [Right::InitiateAsItsUser, Right::DelegateOnwards]
    );
    assert_eq!(
        rights(
            "allow_protocol_transition = yes\nallow_client_ccache_sync = yes\n",
            6
        ),
        [
            Right::Accept,
            Right::Initiate,
            Right::Impersonate,
            Right::KeepTickets
        ]
    );
}
