//! Which clients are on this machine.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;

use super::program::{Program, Said, find};
use super::suite::{Kind, Suite};

/// Names a folder with Heimdal's packages unpacked, where they cannot be installed beside MIT's.
const UNPACKED_HEIMDAL: &str = "KERBSTONE_HEIMDAL";
/// How long a program may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// Browsers that can tell what a page became, by the name that people know.
const BROWSERS: [(&str, &str); 6] = [
    ("chromium", "Chromium"),
    ("chromium-browser", "Chromium"),
    ("google-chrome", "Chrome"),
    ("google-chrome-stable", "Chrome"),
    ("microsoft-edge", "Edge"),
    ("microsoft-edge-stable", "Edge"),
];

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    /// Ours.
    pub(super) kerb: Suite,
    /// MIT's user programs.
    pub(super) mit: Option<Suite>,
    /// Heimdal's.
    pub(super) heimdal: Option<Suite>,
    /// MIT's.
    pub(super) gss_client: Option<PathBuf>,
    /// A curl that knows GSS-API; without one, what is the matter.
    pub(super) curl: Result<PathBuf, &'static str>,
    /// A browser and its name.
    pub(super) browser: Option<(PathBuf, &'static str)>,
    /// The openstack command.
    pub(super) openstack: Option<PathBuf>,
}

impl Clients {
    /// Looks for them.
    pub(super) async fn find() -> Self {
        let (mut mit, mut heimdal) = (None, None);
        for candidate in candidates() {
            let (found, kind) = match candidate.kind().await {
                Some(Kind::Mit) => (&mut mit, Kind::Mit),
                Some(Kind::Heimdal) => (&mut heimdal, Kind::Heimdal),
                Some(Kind::Kerb) | None => continue,
            };
            found.get_or_insert_with(|| candidate.suite(kind));
        }
        Self {
            kerb: Suite::kerb(ourselves()),
            mit,
            heimdal,
            gss_client: find("gss-client"),
            curl: curl().await,
            browser: BROWSERS
                .iter()
                .find_map(|(program, name)| Some((find(program)?, *name))),
            openstack: find("openstack"),
        }
    }

    /// The suite of that kind.
    pub(super) const fn suite(&self, kind: Kind) -> Option<&Suite> {
        match kind {
            Kind::Kerb => Some(&self.kerb),
            Kind::Mit => self.mit.as_ref(),
            Kind::Heimdal => self.heimdal.as_ref(),
        }
    }
}

/// This program, also for children and when its file has been replaced since it was started.
pub(super) fn ourselves() -> PathBuf {
    format!("/proc/{}/exe", std::process::id()).into()
}

/// A kinit.
#[derive(Debug)]
struct Candidate {
    kinit: PathBuf,
    suffix: &'static str,
    libraries: Option<PathBuf>,
}

fn candidates() -> Vec<Candidate> {
    let on_path = ["", ".mit", ".heimdal"].into_iter().flat_map(|suffix| {
        find(&format!("kinit{suffix}")).map(|kinit| Candidate {
            kinit,
            suffix,
            libraries: None,
        })
    });
    let unpacked = env::var_os(UNPACKED_HEIMDAL).and_then(|home| {
        let home = PathBuf::from(home);
        let kinit = home.join("usr/bin/kinit.heimdal");
        kinit.is_file().then(|| Candidate {
            kinit,
            suffix: ".heimdal",
            libraries: libraries(&home),
        })
    });
    unpacked.into_iter().chain(on_path).collect()
}

/// `usr/lib/<architecture>` of unpacked packages: the folder that holds libkrb5.
fn libraries(home: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(home.join("usr/lib")).ok()?;
    folders
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|folder| folder.join("libkrb5.so.26").exists())
}

impl Candidate {
    /// Whose it is, by what it says of itself: ours answers to that name, too.
    async fn kind(&self) -> Option<Kind> {
        if is_ours(&self.kinit) {
            return Some(Kind::Kerb);
        }
        let program = Program::new("kinit", &self.kinit).arg("--version");
        let program = match &self.libraries {
            Some(libraries) => program.env("LD_LIBRARY_PATH", libraries),
            None => program,
        };
        let said = said(program).await?;
        match format!("{}{}", said.out, said.err) {
            words if words.contains("Heimdal") => Some(Kind::Heimdal),
            words if words.to_lowercase().contains("usage") => Some(Kind::Mit),
            _ => None,
        }
    }

    fn suite(&self, kind: Kind) -> Suite {
        let folder = self.kinit.parent().unwrap_or(Path::new("/")).to_owned();
        Suite::other(kind, folder, self.suffix, self.libraries.clone())
    }
}

fn is_ours(program: &Path) -> bool {
    let own = env::current_exe().and_then(fs::canonicalize);
    let theirs = fs::canonicalize(program);
    matches!((own, theirs), (Ok(own), Ok(theirs)) if own == theirs)
}

async fn curl() -> Result<PathBuf, &'static str> {
    const NONE: &str = "curl is not here; the package curl brings it";
    let path = find("curl").ok_or(NONE)?;
    let version = said(Program::new("curl", &path).arg("--version")).await;
    match version {
        Some(said) if said.out.contains("SPNEGO") => Ok(path),
        _ => Err("this curl was built without GSS-API; Debian's package curl has it"),
    }
}

/// What a program says of itself, if it does so in time.
async fn said(program: Program) -> Option<Said> {
    timeout(PATIENCE, program.run()).await.ok()?.ok()
}
