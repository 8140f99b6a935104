//! Who may read and write the files that Kerberos trusts in.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kerbstone_proto::name::Principal;
use nix::unistd::{Uid, User, geteuid};

use super::finding::{Area, Cause, Finding};

const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o022;
const ANYBODY_ELSE: u32 = 0o077;
/// What makes a folder one of our sites.
const SITE: &str = "kerbstone.toml";

/// Who runs this.
pub(super) fn whoami() -> String {
    user(geteuid().as_raw())
}

/// Whose a file is and who may use it, as far as this user may know.
pub(super) fn owner(path: &Path) -> String {
    match fs::metadata(path) {
        Ok(metadata) => described(&metadata),
        Err(_) => "in a folder that may not be entered".to_owned(),
    }
}

fn described(metadata: &Metadata) -> String {
    let mode = metadata.mode() & 0o7777;
    format!("mode {mode:04o}, owner {}", user(metadata.uid()))
}

fn user(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => format!("uid {uid}"),
    }
}

/// The files of krb5.conf: everybody reads them, and only root writes.
pub(super) fn configuration(files: &[PathBuf]) -> Vec<Finding> {
    let judge = |path: &PathBuf| {
        let metadata = fs::metadata(path).ok()?;
        let shown = path.display();
        let says = described(&metadata);
        let help = format!("chmod 644 {shown}");
        Some(if metadata.mode() & OTHERS_WRITE != 0 {
            let says = format!("{says}: others may change where this host gets its tickets from");
            Finding::warning(Area::Permissions, shown, Cause::Permissions, says, help)
        } else if metadata.mode() & OTHERS_READ == 0 {
            let says = format!("{says}: other users' programs do without it");
            Finding::warning(Area::Permissions, shown, Cause::Permissions, says, help)
        } else {
            Finding::ok(Area::Permissions, shown, says)
        })
    };
    files.iter().filter_map(judge).collect()
}

/// A keytab: whoever reads it is the service.
pub(super) fn keytab(path: &Path, principals: &[Principal]) -> Option<Finding> {
    let metadata = fs::metadata(path).ok()?;
    let (shown, says) = (path.display(), described(&metadata));
    if metadata.mode() & (OTHERS_READ | OTHERS_WRITE) == 0 {
        let roots_alone = metadata.uid() == 0 && metadata.mode() & ANYBODY_ELSE == 0;
        // What sshd and the host itself use, root reads.
        let of_users = |principal: &&Principal| {
            let service = principal.name.components.first();
            service.is_some_and(|service| service.as_bytes() != b"host")
        };
        return Some(
            match principals.iter().find(of_users).filter(|_| roots_alone) {
                None => Finding::ok(Area::Permissions, shown, says),
                Some(principal) => {
                    let says = format!("{says}: no service that runs as another user can read it");
                    let help = format!("if that of {} does: chown USER {shown}", principal.name);
                    Finding::note(Area::Permissions, shown, says).with_help(help)
                }
            },
        );
    }
    let says = format!("{says}: others on this host may pose as its services");
    let help = format!("chmod 600 {shown}, and make new keys if strangers have been here");
    Some(Finding::warning(
        Area::Permissions,
        shown,
        Cause::Permissions,
        says,
        help,
    ))
}

/// A cache: whoever reads it is its owner.
pub(super) fn cache(path: &Path) -> Option<Finding> {
    let metadata = fs::metadata(path).ok()?;
    let (shown, says) = (path.display(), described(&metadata));
    if metadata.mode() & ANYBODY_ELSE != 0 {
        let says = format!("{says}: others may use the tickets in it");
        let help = format!("chmod 600 {shown}");
        return Some(Finding::warning(
            Area::Permissions,
            shown,
            Cause::Permissions,
            says,
            help,
        ));
    }
    if metadata.uid() != geteuid().as_raw() {
        let says = format!("{says}: it is another user's");
        let help = "point KRB5CCNAME to a cache of this user";
        return Some(Finding::note(Area::Permissions, shown, says).with_help(help));
    }
    Some(Finding::ok(Area::Permissions, shown, says))
}

/// The folder of one of our sites, if krb5.conf lies in one: keys and passwords in it are nobody else's.
pub(super) fn site(files: &[PathBuf]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let folders = files.iter().filter_map(|file| file.parent());
    for folder in folders.filter(|folder| folder.join(SITE).is_file()) {
        let Ok(metadata) = fs::metadata(folder) else {
            continue;
        };
        let shown = folder.display();
        if metadata.mode() & OTHERS_WRITE != 0 {
            let says = format!(
                "{}: others may put files into the site",
                described(&metadata)
            );
            let help = format!("chmod go-w {shown}");
            findings.push(Finding::warning(
                Area::Permissions,
                shown,
                Cause::Permissions,
                says,
                help,
            ));
        } else {
            findings.push(Finding::ok(Area::Permissions, shown, described(&metadata)));
        }
        let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
            members(folder).into_iter().partition(|path| path.is_dir());
        let deeper = folders.iter().flat_map(|folder| members(folder));
        findings.extend(
            files
                .into_iter()
                .chain(deeper)
                .filter_map(|path| secret(&path)),
        );
    }
    findings
}

fn members(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn secret(path: &Path) -> Option<Finding> {
    let name = path.file_name()?.to_str()?;
    let is_secret = name == "demo-passwords"
        || [".key", ".keytab", ".redb", ".dump", "key.pem"]
            .iter()
            .any(|end| name.ends_with(end))
        || name.contains("master");
    let metadata = fs::metadata(path).ok()?;
    if !is_secret || !metadata.is_file() || metadata.mode() & ANYBODY_ELSE == 0 {
        return None;
    }
    let says = format!("{}: there are secrets in it", described(&metadata));
    let help = format!("chmod 600 {}", path.display());
    Some(Finding::warning(
        Area::Permissions,
        path.display(),
        Cause::Permissions,
        says,
        help,
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::super::finding::Verdict;
    use super::*;

    fn verdict_at(mode: u32, check: impl Fn(&Path) -> Option<Finding>) -> Verdict {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        check(&path).unwrap().verdict
    }

    #[test]
    fn secrets_that_others_read_are_told() {
        let keytab = |path: &Path| keytab(path, &[]);
        assert_eq!(verdict_at(0o600, keytab), Verdict::Ok);
        assert_eq!(verdict_at(0o640, keytab), Verdict::Ok);
        assert_eq!(verdict_at(0o644, keytab), Verdict::Warning);
        assert_eq!(verdict_at(0o600, cache), Verdict::Ok);
        assert_eq!(verdict_at(0o640, cache), Verdict::Warning);
        let conf = |path: &Path| configuration(&[path.to_owned()]).pop();
        assert_eq!(verdict_at(0o644, conf), Verdict::Ok);
        assert_eq!(verdict_at(0o666, conf), Verdict::Warning);
        assert_eq!(verdict_at(0o600, conf), Verdict::Warning);
    }

    #[test]
    fn passwords_of_a_site_that_lie_open_are_told() {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("keytabs")).unwrap();
        for name in [SITE, "krb5.conf", "demo-passwords", "keytabs/HTTP.keytab"] {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        let findings = site(&[folder.path().join("krb5.conf")]);
        let open: Vec<_> = findings.iter().filter(|f| f.cause.is_some()).collect();
        assert_eq!(open.len(), 2, "{findings:?}");
        assert!(open[0].looked_at.ends_with("demo-passwords"));
        assert!(open[1].looked_at.ends_with("HTTP.keytab"));
    }
}
