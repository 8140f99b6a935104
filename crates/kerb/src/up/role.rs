//! The table of roles: what a site consists of, and how each is started and asked how it is.

use std::ffi::OsString;

use super::site::{KERBSTONE_TOML, Site};
use super::status::probe;
use super::{cloud, front_door};

/// Tickets, passwords, administration.
pub(crate) const KDC: &str = "kdc";
/// Tickets, over UDP and TCP.
pub(super) const TICKETS: &str = "tickets";
/// Password changes, over UDP and TCP.
pub(super) const PASSWORDS: &str = "passwords";
/// Keeps the front door's keys.
pub(crate) const PROXY: &str = "proxy";
/// The HTTP front door.
pub(crate) const GATEWAY: &str = "gateway";
/// Projects, roles and tokens.
pub(crate) const IDENTITY: &str = "identity";
/// A service that speaks to gss-client, ours or MIT's.
pub(crate) const GSS: &str = "gss";
/// Where that listens.
pub(crate) const SERVER: &str = "server";
/// What browsers open.
pub(crate) const HTTPS: &str = "https";
/// A role's counters.
pub(super) const METRICS: &str = "metrics";

/// A part of the site that runs as a process of its own. A further one is a further entry of [`ROLES`].
#[derive(Debug)]
pub(crate) struct Role {
    /// Its name, for people and scripts.
    pub(crate) name: &'static str,
    /// The addresses that it needs.
    pub(super) addresses: &'static [Listener],
    /// What its section of `kerbstone.toml`, which has the same name, says when there is none yet; `None` for a role that
    /// has its addresses from the command line.
    pub(super) section: Option<&'static str>,
    /// The command line that runs it, without the program.
    pub(super) arguments: fn(&Site) -> Vec<OsString>,
    /// What it is told by its environment, beside what all roles are.
    pub(super) environment: fn(&Site) -> Vec<(&'static str, OsString)>,
    /// Asks it something that only a healthy one answers; an error says what is wrong.
    pub(super) probe: fn(&Site) -> Result<(), String>,
    /// Where it is, in words for whoever starts the site.
    pub(super) whereabouts: fn(&Site) -> String,
    /// A command that tries it, for somebody who has signed in.
    pub(super) to_try: fn(&Site) -> Option<String>,
}

/// Something that listens at an address.
#[derive(Debug)]
pub(super) struct Listener {
    /// What it is called in status reports and the site's settings.
    pub(super) name: &'static str,
    /// Its key in the role's section of `kerbstone.toml`.
    pub(super) setting: &'static str,
    /// Whether that is a list.
    pub(super) is_list: bool,
}

/// Every role of a site, in the order of starting.
pub(crate) static ROLES: &[Role] = &[
    Role {
        name: KDC,
        addresses: &[
            Listener::list(TICKETS, "listen"),
            Listener::list(PASSWORDS, "password_listen"),
            Listener::one(METRICS, "metrics"),
        ],
        section: Some(""),
        arguments: |site| with_settings("kdc", site),
        environment: nothing,
        probe: probe::kdc,
        whereabouts: |site| {
            format!(
                "tickets at {}, password changes at {}",
                address(site, KDC, TICKETS),
                address(site, KDC, PASSWORDS)
            )
        },
        to_try: |_| Some("kerb ticket host/localhost && kerb list".to_owned()),
    },
    Role {
        name: PROXY,
        addresses: &[],
        section: None,
        arguments: proxy,
        environment: |site| vec![("KRB5RCACHEDIR", site.run_folder().into())],
        probe: probe::proxy,
        whereabouts: |_| "the gateway's keys, which the gateway itself cannot read".to_owned(),
        to_try: |_| None,
    },
    Role {
        name: IDENTITY,
        addresses: &[Listener::one(METRICS, "metrics")],
        section: Some(cloud::SECTION),
        arguments: |site| {
            let mut arguments = with_settings(IDENTITY, site);
            arguments.insert(1, "serve".into());
            arguments
        },
        environment: nothing,
        probe: probe::identity,
        whereabouts: |site| {
            let url = cloud::url(site, cloud::BY_TICKET);
            format!("OpenStack's identity API, for tickets: {url}")
        },
        to_try: |_| Some("openstack token issue".to_owned()),
    },
    Role {
        name: GATEWAY,
        addresses: &[
            Listener::list(HTTPS, "listen"),
            Listener::one(METRICS, "metrics"),
        ],
        section: Some(front_door::SECTION),
        arguments: |site| with_settings("gateway", site),
        environment: nothing,
        probe: probe::gateway,
        whereabouts: |site| format!("{} shows who you are", front_page(site)),
        to_try: |site| Some(format!("curl --negotiate -u : {}", front_page(site))),
    },
    Role {
        name: GSS,
        addresses: &[Listener::one(SERVER, "")],
        section: None,
        arguments: gss_server,
        environment: nothing,
        probe: probe::gss,
        whereabouts: |site| {
            format!(
                "host@localhost at {}, for kerb gss client and MIT's gss-client",
                address(site, GSS, SERVER)
            )
        },
        to_try: |site| {
            let port = site.address(GSS, SERVER)?.port();
            Some(format!(
                "kerb gss client --port {port} localhost host@localhost \"hello\""
            ))
        },
    },
];

/// The addresses that the roles need, each by role and name.
pub(super) fn addresses() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROLES.iter().flat_map(|role| {
        let names = role.addresses.iter().map(|listener| listener.name);
        names.map(|name| (role.name, name))
    })
}

impl Listener {
    const fn list(name: &'static str, setting: &'static str) -> Self {
        Self {
            name,
            setting,
            is_list: true,
        }
    }

    const fn one(name: &'static str, setting: &'static str) -> Self {
        Self {
            name,
            setting,
            is_list: false,
        }
    }
}

fn with_settings(command: &str, site: &Site) -> Vec<OsString> {
    let settings = site.path(KERBSTONE_TOML).into();
    vec![command.into(), "--config".into(), settings]
}

const fn nothing(_: &Site) -> Vec<(&'static str, OsString)> {
    Vec::new()
}

fn proxy(site: &Site) -> Vec<OsString> {
    let (settings, socket) = (site.proxy_settings(), site.proxy_socket());
    vec![
        "proxy".into(),
        "--interactive".into(),
        "--config".into(),
        settings.into(),
        "--socket".into(),
        socket.into(),
    ]
}

fn gss_server(site: &Site) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["gss".into(), "server".into()];
    if let Some(address) = site.address(GSS, SERVER) {
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        arguments.extend(["--listen".into(), host.into(), "--port".into(), port.into()]);
    }
    let (keytab, replays) = (site.keytab("host"), site.path("gss.replays"));
    arguments.extend(["--keytab".into(), keytab.into()]);
    arguments.extend(["--replay-cache".into(), replays.into(), "host".into()]);
    arguments
}

fn address(site: &Site, role: &str, name: &str) -> String {
    let address = site.address(role, name);
    address
        .map(|address| address.to_string())
        .unwrap_or_default()
}

/// What browsers open first.
pub(crate) fn front_page(site: &Site) -> String {
    let port = site.address(GATEWAY, HTTPS).map(|address| address.port());
    format!("https://localhost:{}/", port.unwrap_or_default())
}
