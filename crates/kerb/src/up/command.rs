//! The command line of `kerb up`, and what it prints.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::folder::{DEFAULT, asked_for, quoted, unusable};
use super::keeper::Event;
use super::role::{ROLES, Role};
use super::site::{PASSWORDS_FILE, Site};
use super::site_lock::SiteLock;
use super::supervisor::Supervisor;
use crate::console::{Console, err, out};
use crate::failure::Failure;
use crate::supervised;

/// The command line of `kerb up`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The site's folder, which is made at the first start [default: kerb-site].
    folder: Option<PathBuf>,
    /// The realm to make at the first start [default: EXAMPLE.TEST].
    #[arg(long)]
    realm: Option<String>,
    /// Start nothing; delete the file with the passwords of the demonstration people.
    #[arg(long, conflicts_with = "realm")]
    forget: bool,
}

/// Makes the site if there is none, and runs it until told to stop.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    let begun = Instant::now();
    if typed.forget {
        return forget(&asked_for(typed.folder.as_deref()), console);
    }
    let folder = typed.folder.as_deref().unwrap_or(Path::new(DEFAULT));
    let lock = SiteLock::take(folder)?;
    let mut site = Site::open_or_make(&lock, typed.realm.as_deref())?;
    for moved in site.settle()? {
        err!(
            console,
            "kerb: another program has {} now; {} of the role {} has {} from here on\n",
            moved.from,
            moved.name,
            moved.role,
            moved.to
        );
    }
    let site = Arc::new(site);
    let mut teller = Teller::new(&site, console, begun);
    let refused = |error: io::Error| unusable(site.folder(), &error);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(refused)?;
    runtime.block_on(async {
        let signals = Signals::new().map_err(refused)?;
        let (stop, stopped) = mpsc::unbounded_channel();
        tokio::spawn(signals.pass_on(stop));
        let supervisor = Supervisor::new(Arc::clone(&site), lock);
        supervisor.run(stopped, |event| teller.hear(&event)).await
    })
}

fn forget(folder: &Path, console: &mut Console) -> Result<(), Failure> {
    let site = Site::find(folder, "cannot forget the passwords")?;
    let file = site.path(PASSWORDS_FILE);
    let file = file.display();
    match site.forget_passwords()? {
        true => out!(
            console,
            "{file} is deleted; the passwords themselves go on working\n"
        ),
        false => out!(console, "{file} is not there any more\n"),
    }
    Ok(())
}

/// What tells a service to stop.
pub(crate) struct Signals([Signal; 3]);

impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    pub(crate) async fn pass_on(self, stop: mpsc::UnboundedSender<()>) {
        let Self([mut interrupt, mut terminate, mut hangup]) = self;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            if stop.send(()).is_err() {
                return;
            }
        }
    }
}

/// Says what happens to the roles, and what the site is once each has been heard of.
struct Teller<'a> {
    site: &'a Site,
    console: &'a mut Console,
    begun: Instant,
    unheard: Vec<&'static str>,
    ailing: Vec<&'static str>,
}

impl<'a> Teller<'a> {
    fn new(site: &'a Site, console: &'a mut Console, begun: Instant) -> Self {
        Self {
            site,
            console,
            begun,
            unheard: ROLES.iter().map(|role| role.name).collect(),
            ailing: Vec::new(),
        }
    }

    fn hear(&mut self, event: &Event) {
        let role = match event {
            Event::Ready(role) => {
                if self.is_better(role) {
                    err!(self.console, "kerb: the role {} is ready\n", role.name);
                }
                role
            }
            Event::Slow(role) => {
                let log = self.site.log(role.name);
                err!(
                    self.console,
                    "kerb: the role {} is not ready yet\nhelp: its log is {}\n",
                    role.name,
                    log.display()
                );
                self.ailing.push(role.name);
                role
            }
            Event::Ended { role, end, pause } => {
                let seconds = pause.as_secs_f32();
                err!(
                    self.console,
                    "kerb: the role {} ended ({}); it is started again in {seconds:.1} s\n",
                    role.name,
                    end.how
                );
                for line in end.last_words.lines() {
                    err!(self.console, "    {line}\n");
                }
                let log = self.site.log(role.name);
                err!(self.console, "help: its log is {}\n", log.display());
                self.ailing.push(role.name);
                role
            }
            Event::Killed(role) => {
                err!(
                    self.console,
                    "kerb: the role {} did not finish in time and was killed\n",
                    role.name
                );
                return;
            }
        };
        let before = self.unheard.len();
        self.unheard.retain(|name| *name != role.name);
        if before > 0 && self.unheard.is_empty() {
            self.introduce();
            supervised::ready();
        }
    }

    /// Whether a role that gave cause for concern is ready now.
    fn is_better(&mut self, role: &Role) -> bool {
        let before = self.ailing.len();
        self.ailing.retain(|name| *name != role.name);
        self.ailing.len() < before
    }

    fn introduce(&mut self) {
        let Self {
            site,
            console,
            begun,
            ..
        } = self;
        let (folder, realm) = (site.folder(), site.realm());
        let took = begun.elapsed().as_secs_f32();
        out!(
            console,
            "The site of the realm {realm} is in {}, started in {took:.2} s.\n\n",
            folder.display()
        );
        for role in ROLES {
            out!(
                console,
                "    {:<9}{}\n",
                role.name,
                (role.whereabouts)(site)
            );
        }
        let people = site.people();
        if !people.is_empty() {
            out!(
                console,
                "\nIts people and their passwords (kerb up --forget deletes the list):\n\n"
            );
            for (name, password) in people {
                out!(console, "    {name} {password}\n");
            }
        }
        let here = quoted(folder);
        out!(
            console,
            "\nIn another shell:\n\n    eval \"$(kerb env {here})\"\n    kerb login alice\n"
        );
        for command in ROLES.iter().filter_map(|role| (role.to_try)(site)) {
            out!(console, "    {command}\n");
        }
        out!(
            console,
            "    kerb status\n\nkinit, kvno and klist of MIT and Heimdal work there too. Ctrl-C stops the site.\n\n"
        );
    }
}
