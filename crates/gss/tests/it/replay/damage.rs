//! Files that are not what they were.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use kerbstone_gss::replay::shared_file::Damage;
use kerbstone_gss::replay::{Freshness, ReplayFault};

use super::{at, check, fault, open};

fn path_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("service.replay")
}

fn write_private(path: &PathBuf, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    for bytes in [
        &b"root:x:0:0:root:/root:/bin/bash\n"[..],
        &[0; 100_000],
        b"x",
    ] {
        write_private(&path, bytes);
        let refusal = open(&path, 1000).unwrap_err();
        assert!(matches!(refusal, ReplayFault::Foreign(_)), "{refusal}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn a_file_that_others_may_write_or_that_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    drop(open(&path, 1000).unwrap());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
    let refusal = open(&path, 1000).unwrap_err();
    assert!(refusal.to_string().contains("mode 0620"), "{refusal}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();

    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    let refusal = open(&link, 1000).unwrap_err();
    assert!(matches!(refusal, ReplayFault::Io { .. }), "{refusal}");

    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg("-m600").arg(&pipe).status();
    assert!(made.unwrap().success());
    let refusal = open(&pipe, 1000).unwrap_err();
    assert!(refusal.to_string().contains("no plain file"), "{refusal}");

    let nowhere = folder.path().join("missing/service.replay");
    let refusal = open(&nowhere, 1000).unwrap_err();
    assert!(refusal.to_string().contains("missing/service.replay"));
}

/// Does something to the file while no worker runs; what was accepted before must stay refused.
fn damaged_at_rest(harm: impl Fn(&PathBuf), expected: Damage) {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    let cache = open(&path, 1000).unwrap();
    assert_eq!(check(&cache, 1, 1000, 1000).unwrap(), Freshness::Fresh);
    drop(cache);
    harm(&path);
    let cache = open(&path, 1010).unwrap();
    match fault(check(&cache, 1, 1000, 1011)) {
        ReplayFault::LostMemory { damage, .. } => assert_eq!(damage, expected),
        other => panic!("{other}"),
    }
    assert_eq!(check(&cache, 2, 1012, 1012).unwrap(), Freshness::Fresh);
    assert_eq!(check(&cache, 2, 1012, 1012).unwrap(), Freshness::Replayed);
}

#[test]
fn a_file_that_was_cut_is_made_anew_and_earlier_requests_are_refused() {
    for length in [0, 1, 79, 80, 4096, 50_000, 69_631] {
        damaged_at_rest(
            |path| {
                let file = OpenOptions::new().write(true).open(path).unwrap();
                file.set_len(length).unwrap();
            },
            Damage::Truncated,
        );
    }
}

#[test]
fn a_damaged_header_is_noticed_at_the_start() {
    for offset in [17, 24, 30, 45, 79] {
        damaged_at_rest(
            |path| {
                let file = OpenOptions::new().write(true).open(path).unwrap();
                file.write_all_at(&[0x5a], offset).unwrap();
            },
            Damage::Corrupt,
        );
    }
}

#[test]
fn damaged_buckets_are_noticed_when_they_are_looked_at() {
    for bytes in [vec![0; 65_536], vec![0xff; 65_536], b"noise".repeat(13_107)] {
        damaged_at_rest(
            |path| {
                let file = OpenOptions::new().write(true).open(path).unwrap();
                file.write_all_at(&bytes, 4096).unwrap();
            },
            Damage::Corrupt,
        );
    }
}

#[test]
fn a_file_from_before_a_reboot_still_counts_and_earlier_requests_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    let cache = open(&path, 1000).unwrap();
    assert_eq!(check(&cache, 1, 1200, 1000).unwrap(), Freshness::Fresh);
    drop(cache);
    change_boot(&path);
    let cache = open(&path, 1010).unwrap();
    assert_eq!(check(&cache, 1, 1200, 1011).unwrap(), Freshness::Replayed);
    let refusal = fault(check(&cache, 2, 1005, 1011));
    assert!(
        refusal.to_string().contains("machine was started"),
        "{refusal}"
    );
    assert_eq!(check(&cache, 3, 1011, 1011).unwrap(), Freshness::Fresh);
    drop(cache);
    let cache = open(&path, 1020).unwrap();
    assert_eq!(check(&cache, 4, 1015, 1020).unwrap(), Freshness::Fresh);
}

/// Writes the header as if in another boot. The checksum is the file's own business, so the file
/// of a process that sees another boot is made: one without /proc.
fn change_boot(path: &PathBuf) {
    let status = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c"])
        .arg("mount -t tmpfs none /proc && exec \"$@\"")
        .arg("sh")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "replay::workers::worker", "--ignored"])
        .env(super::workers::FILE, path)
        .env(super::workers::NUMBERS, "0")
        .env(super::workers::NOW, "1001")
        .output()
        .unwrap();
    assert!(status.status.success(), "{status:?}");
}

#[test]
fn running_workers_notice_that_the_file_is_gone_or_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    let one = open(&path, 1000).unwrap();
    let two = open(&path, 1000).unwrap();
    assert_eq!(check(&one, 1, 1000, 1000).unwrap(), Freshness::Fresh);
    fs::remove_file(&path).unwrap();
    // A worker that starts now cannot know that there was a file.
    let new = open(&path, 1001).unwrap();
    assert_eq!(check(&new, 2, 1001, 1001).unwrap(), Freshness::Fresh);
    for (old, now) in [(&one, 1002), (&two, 1003)] {
        for number in [1, 2] {
            let refusal = fault(check(old, number, 1001, now));
            assert!(refusal.to_string().contains("removed while in use"));
        }
    }
    let refusal = fault(check(&new, 1, 1000, 1003));
    assert!(refusal.to_string().contains("removed while in use"));
    assert_eq!(check(&one, 3, 1004, 1004).unwrap(), Freshness::Fresh);
    assert_eq!(check(&new, 3, 1004, 1004).unwrap(), Freshness::Replayed);
    assert_eq!(check(&two, 3, 1004, 1004).unwrap(), Freshness::Replayed);
}

#[test]
fn running_workers_notice_that_the_file_was_damaged_or_cut() {
    for length in [0, 30, 5000] {
        let folder = tempfile::tempdir().unwrap();
        let path = path_in(&folder);
        let one = open(&path, 1000).unwrap();
        let two = open(&path, 1000).unwrap();
        assert_eq!(check(&one, 1, 1000, 1000).unwrap(), Freshness::Fresh);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(length).unwrap();
        // Enough requests that one falls into what is missing.
        let lost = (100..400).any(|number| check(&two, number, 1005, 1005).is_err());
        assert!(lost, "cut to {length} bytes");
        for cache in [&one, &two] {
            let refusal = fault(check(cache, 1, 1000, 1006));
            assert!(
                matches!(refusal, ReplayFault::LostMemory { .. }),
                "{refusal}"
            );
        }
        assert_eq!(check(&two, 2, 1006, 1006).unwrap(), Freshness::Fresh);
        assert_eq!(check(&one, 2, 1006, 1006).unwrap(), Freshness::Replayed);
    }
}

/// Found by fuzzing: both workers counted the file's generations from the same one, so that the
/// first took the second one's new file for its own.
#[test]
fn workers_that_make_the_file_anew_one_after_the_other_do_not_forget_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    let [one, other] = [(), ()].map(|()| open(&path, 0).unwrap());
    let cut = || {
        OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(0)
            .unwrap()
    };
    cut();
    assert!(check(&one, 1, 0, 0).is_err());
    assert_eq!(check(&one, 2, 1, 1).unwrap(), Freshness::Fresh);
    cut();
    assert!(check(&other, 3, 1, 1).is_err());
    assert!(matches!(
        fault(check(&one, 2, 1, 1)),
        ReplayFault::LostMemory { .. }
    ));
}

#[test]
fn a_header_from_another_file_is_no_way_to_forget() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (path_in(&folder), folder.path().join("other"));
    let cache = open(&path, 1000).unwrap();
    drop(open(&other, 1100).unwrap());
    assert_eq!(check(&cache, 1, 1000, 1000).unwrap(), Freshness::Fresh);
    let header = fs::read(&other).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&header[..4096], 0).unwrap();
    // Who has it open goes on; who comes finds that header and buckets do not belong together.
    assert_eq!(check(&cache, 1, 1000, 1001).unwrap(), Freshness::Replayed);
    let late = open(&path, 1002).unwrap();
    for cache in [&late, &cache] {
        let refusal = fault(check(cache, 1, 1000, 1002));
        assert!(
            matches!(refusal, ReplayFault::LostMemory { .. }),
            "{refusal}"
        );
    }
}

/// A small file system, unmounted when the test is over.
struct Disk(PathBuf);

impl Disk {
    fn mount(folder: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir(&folder).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", size, "tmpfs"])
            .arg(&folder)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        let message = "a full disk needs a file system of its own, and only root may mount one";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        eprintln!("skipped: {message}");
        None
    }

    fn fill(&self) {
        let mut ballast = File::create(self.0.join("ballast")).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while ballast.write_all(&vec![1; size]).is_ok() {}
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_lets_the_file_be_used_as_it_is_but_not_grow() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(folder.path().join("disk"), "size=1m") else {
        return;
    };
    let path = disk.0.join("service.replay");
    let cache = open(&path, 1000).unwrap();
    disk.fill();
    let mut accepted = Vec::new();
    let mut refusals = Vec::new();
    for number in 0..6_000 {
        match check(&cache, number, 1000, 1000) {
            Ok(freshness) => {
                assert_eq!(freshness, Freshness::Fresh);
                accepted.push(number);
            }
            Err(error) => refusals.push(error.to_string()),
        }
    }
    assert!(accepted.len() > 3_500);
    assert!(refusals[0].contains("cannot grow"), "{}", refusals[0]);
    for number in accepted {
        assert_eq!(
            check(&cache, number, 1000, 1001).unwrap(),
            Freshness::Replayed
        );
    }
    fs::remove_file(disk.0.join("ballast")).unwrap();
    for number in 10_000..14_000 {
        assert_eq!(check(&cache, number, 1010, 1010).unwrap(), Freshness::Fresh);
    }
    disk.fill();
    let other = open(&disk.0.join("other.replay"), 1011).unwrap_err();
    assert!(other.to_string().contains("cannot be made"), "{other}");
    assert!(cache.occupancy(at(1011)).unwrap().live > 7_500);
}
