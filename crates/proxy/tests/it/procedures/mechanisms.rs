use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use kerbstone_proxy::wire::{self, Call, IndicateMechsArgs, Procedure, Reply};
use kerbstone_testkit::lab::{Gssproxy, Keeper};
use tempfile::TempDir;

use super::site::{self, own_uid};

pub(crate) fn ask(socket: &std::path::Path, call: &Call) -> Reply {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream
        .write_all(&wire::write_call(7, call).unwrap())
        .unwrap();
    let mut mark = [0; 4];
    stream.read_exact(&mut mark).unwrap();
    let length = u32::from_be_bytes(mark) & 0x7fff_ffff;
    let mut message = vec![0; length as usize];
    stream.read_exact(&mut message).unwrap();
    wire::read_reply(&message, 7, call.procedure()).unwrap()
}

#[test]
fn says_of_mechanisms_what_debians_daemon_says() {
    let folder = TempDir::new().unwrap();
    let krb5_conf = folder.path().join("krb5.conf");
    std::fs::write(&krb5_conf, "[libdefaults]\ndefault_realm = PROXY.TEST\n").unwrap();
    let services = format!(
        "[service/web]\nmechs = krb5\ncred_store = keytab:/nonexistent\neuid = {}\n",
        own_uid()
    );
    let Some(debian) = Gssproxy::start(Keeper::Debian, &krb5_conf, &services) else {
        return;
    };
    let call = Call::from(IndicateMechsArgs::default());
    let theirs = ask(&debian.socket(), &call);
    let engine = site::engine(&krb5_conf, folder.path());
    let service = std::sync::Arc::new(site::service("web"));
    let ours = site::answer(&engine, &site::own_caller(), &service, &call);
    assert_eq!(ours.reply.procedure(), Procedure::IndicateMechs);
    let bytes = |reply: &Reply| wire::write_reply(7, reply).unwrap().into_vec();
    assert_eq!(bytes(&ours.reply), bytes(&theirs));
}
