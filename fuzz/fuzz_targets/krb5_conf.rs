//! krb5.conf: files that include each other are read, and every question is asked of what they say.

#![no_main]

use std::path::{Path, PathBuf};

use kerbstone_fuzz::files::{FIRST, Files};
use kerbstone_proto::krb5_conf::{
    Krb5Conf, Libdefaults, LoginDefaults, RealmSettings, ServerAddress, Tokens, expand_tokens,
    hierarchical_path, search_path,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = str::from_utf8(bytes) {
        let _ = Krb5Conf::parse(text);
        let _ = search_path(Some(text), Some(Path::new("/root")));
        let _ = ServerAddress::parse(text, 88);
    }
    let Ok(conf) = Krb5Conf::load(&[PathBuf::from(FIRST)], &Files::cut(bytes)) else {
        return;
    };
    for problem in conf.problems() {
        let _ = problem.to_string();
    }
    ask_libdefaults(conf.libdefaults());
    let mut realms = conf.realm_names();
    realms.push("EXAMPLE.ORG");
    for realm in &realms {
        ask_login_defaults(conf.login_defaults(realm));
        ask_realm(conf.realm(realm));
    }
    ask_paths(&conf, &realms);
    let _ = conf.app_string("login", Some("EXAMPLE.ORG"), "forwardable");
    let _ = conf.app_boolean("login", Some("EXAMPLE.ORG"), "forwardable", true);
});

fn ask_libdefaults(defaults: Libdefaults<'_>) {
    let _ = (defaults.default_realm(), defaults.qualify_shortname());
    let _ = (defaults.clockskew(), defaults.request_timeout());
    let _ = (defaults.udp_preference_limit(), defaults.kdc_timesync());
    let _ = (defaults.permitted_enctypes(), defaults.extra_addresses());
    let _ = (
        defaults.default_tkt_enctypes(),
        defaults.default_tgs_enctypes(),
    );
    let _ = defaults.spake_preauth_groups();
    let names = [
        defaults.default_ccache_name(),
        defaults.default_keytab_name(),
        defaults.default_client_keytab_name(),
        defaults.k5login_directory(),
    ];
    for name in names.into_iter().flatten() {
        let _ = expand_tokens(name, &TOKENS);
    }
}

const TOKENS: Tokens<'static> = Tokens {
    uid: 1000,
    euid: 0,
    username: Some("alice"),
    temp: "/tmp",
    libdir: "/usr/lib",
    bindir: "/usr/bin",
    sbindir: "/usr/sbin",
};

fn ask_login_defaults(defaults: LoginDefaults<'_>) {
    let _ = (defaults.forwardable(), defaults.proxiable());
    let _ = (defaults.noaddresses(), defaults.canonicalize());
    let _ = (defaults.ticket_lifetime(), defaults.renew_lifetime());
    let _ = defaults.verify_ap_req_nofail();
    let _ = defaults.preferred_preauth_types();
}

fn ask_realm(realm: RealmSettings<'_>) {
    let _ = (realm.kdcs(), realm.primary_kdcs());
    let _ = (realm.admin_servers(), realm.kpasswd_servers());
    let _ = (realm.default_domain(), realm.disable_encrypted_timestamp());
    let _ = (realm.http_anchors().count(), realm.auth_to_local().count());
    let _ = realm.auth_to_local_name("alice");
}

fn ask_paths(conf: &Krb5Conf, realms: &[&str]) {
    for from in realms.iter().take(4) {
        for to in realms.iter().take(4) {
            let _ = conf.capath(from, to);
            let _ = conf.realm_path(from, to);
            let _ = hierarchical_path(from, to);
        }
        let _ = conf.host_realm(from);
        let _ = conf.fallback_host_realm(from);
    }
    let _ = conf.host_realm("www.example.org");
    let _ = conf.fallback_host_realm("www.example.org");
}
