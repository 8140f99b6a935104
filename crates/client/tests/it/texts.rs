//! What our errors say is what MIT's programs say: scripts look for it.

use kerbstone_client::{Cache, ClientError, KeytabFile, NoPrompter, Secret, WantedService};
use kerbstone_testkit::lab::{Session, Suite};

use crate::client::{REALM, login, memory, mit_realm, sign_in};

#[track_caller]
fn same(session: &Session, program: &str, arguments: &[&str], input: &str, ours: &ClientError) {
    session
        .run(program, arguments, input)
        .failed()
        .saying(&ours.mit_text());
}

#[test]
fn logins_fail_with_mits_words() {
    let Some(mut mit) = mit_realm() else { return };
    let session = Session::new(Suite::Mit, mit.krb5_conf());
    let context = memory(mit.krb5_conf());
    let ours = |name: &str, text: &str| login(&context, name, text).unwrap_err();

    let error = ours("alice", "wrong");
    same(&session, "kinit", &["alice"], "wrong\n", &error);
    let error = ours("nobody", "x");
    same(&session, "kinit", &["nobody"], "x\n", &error);
    mit.admin(&["modprinc", "-allow_tix", "bob"]);
    let error = ours("bob", "builder");
    same(&session, "kinit", &["bob"], "builder\n", &error);

    let path = mit.keytab("host/server.client.test");
    mit.admin(&["cpw", "-randkey", "host/server.client.test"]);
    let keytab = context.keytab(Some(&path.display().to_string())).unwrap();
    let secret = Secret::Keys {
        entries: keytab.load().unwrap().entries().cloned().collect(),
        keytab: keytab.name().to_owned(),
    };
    let path = path.display().to_string();
    for name in ["host/server.client.test", "alice"] {
        let client = context.parse_principal(name).unwrap();
        let options = context.login_options(&client.realm).unwrap();
        let error = context
            .login(&client, &options, secret.clone(), &mut NoPrompter)
            .unwrap_err();
        same(&session, "kinit", &["-k", "-t", &path, name], "", &error);
    }
    mit.stop();
    let error = ours("alice", "wonderland");
    same(&session, "kinit", &["alice"], "", &error);
}

#[test]
fn tickets_fail_with_mits_words() {
    let Some(mit) = mit_realm() else { return };
    let session = Session::new(Suite::Mit, mit.krb5_conf());
    session.sign_in("alice", "wonderland", &[]).succeeded();
    let context = memory(mit.krb5_conf());
    let cache = sign_in(&context, "alice", "wonderland");
    for name in [
        "host/nowhere",
        &format!("host/nowhere@{REALM}"),
        "host/x@OTHER.REALM",
    ] {
        let server = context.parse_principal(name).unwrap();
        let error = context
            .service_ticket(&cache, &WantedService::new(server))
            .unwrap_err();
        same(&session, "kvno", &[name], "", &error);
    }
    let error = context.renew(&cache, None).unwrap_err();
    same(&session, "kinit", &["-R"], "", &error);
}

#[test]
fn what_is_not_there_is_missed_with_mits_words() {
    let Some(mit) = mit_realm() else { return };
    keyutils::Keyring::join_anonymous_session().unwrap();
    let folder = mit.folder().display().to_string();
    for name in [
        format!("FILE:{folder}/none"),
        format!("DIR:{folder}/nodir"),
        "KEYRING:session:kerbstone_none".to_owned(),
    ] {
        let session = Session::new(Suite::Mit, mit.krb5_conf()).env("KRB5CCNAME", &name);
        let error = Cache::parse(&name).unwrap().load().unwrap_err();
        same(&session, "klist", &[], "", &error);
    }
    let session = Session::new(Suite::Mit, mit.krb5_conf());
    let name = format!("{folder}/none.keytab");
    let error = KeytabFile::parse(&name).unwrap().load().unwrap_err();
    same(&session, "klist", &["-k", &name], "", &error);

    let conf = mit.folder().join("nowhere.conf");
    std::fs::write(&conf, "[libdefaults]\ndns_lookup_kdc = false\n").unwrap();
    let session = Session::new(Suite::Mit, &conf);
    let error = login(&memory(&conf), "alice@NOWHERE.TEST", "x").unwrap_err();
    same(&session, "kinit", &["alice@NOWHERE.TEST"], "x\n", &error);
    let error = login(&memory(&conf), "alice", "x").unwrap_err();
    same(&session, "kinit", &["alice"], "x\n", &error);
}
