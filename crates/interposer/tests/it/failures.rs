use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::{fs, io};

use tempfile::TempDir;

use crate::workshop::{Program, Workshop, realm};
use kerbstone_testkit::lab::{Gssproxy, Keeper, Mit};

/// A daemon that does as a test says with every connection.
struct Stranger {
    folder: TempDir,
    mit: Mit,
}

impl Stranger {
    fn open(answer: impl Fn(UnixStream) -> io::Result<()> + Send + 'static) -> Option<Self> {
        let mit = realm()?;
        let folder = TempDir::with_prefix("kerbstone-stranger-").unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let _ = connection.and_then(&answer);
            }
        });
        fs::write(
            folder.path().join("interposer.conf"),
            "timeout = 1\nattempts = 2\n",
        )
        .unwrap();
        Some(Self { folder, mit })
    }

    fn acquire(&self) -> Program {
        Program::new("acquire.py", self.folder.path())
            .env("KRB5_CONFIG", self.mit.krb5_conf())
            .env("GSSPROXY_SOCKET", self.socket())
            .env("GSSPROXY_BEHAVIOR", "REMOTE_ONLY")
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}

#[test]
fn ends_a_call_that_hangs() {
    let Some(stranger) = Stranger::open(|mut connection| {
        thread::spawn(move || connection.read_to_end(&mut Vec::new()));
        Ok(())
    }) else {
        return;
    };
    stranger
        .acquire()
        .run()
        .failed()
        .saying("the proxy did not answer in time");
}

#[test]
fn says_that_the_daemon_hung_up() {
    let Some(stranger) = Stranger::open(|mut connection| connection.read(&mut [0; 4]).map(drop))
    else {
        return;
    };
    stranger
        .acquire()
        .run()
        .failed()
        .saying("the proxy hung up");
}

#[test]
fn believes_no_records_that_are_none() {
    let answers: [&[u8]; 6] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\0\0\0\x04abcd",
        b"\x80\0\0\0",
        b"\x80\0\0\x04abcd",
        b"\x80\0\0\x04abcdefgh",
    ];
    for answer in answers {
        let Some(stranger) = Stranger::open(move |mut connection| {
            connection.read_exact(&mut [0; 40])?;
            connection.write_all(answer)?;
            connection.read_to_end(&mut Vec::new()).map(drop)
        }) else {
            return;
        };
        let finished = stranger.acquire().run();
        assert_eq!(finished.code, 1, "{answer:?}: {finished}");
        assert!(finished.says("the proxy sent"), "{answer:?}: {finished}");
    }
}

#[test]
fn names_the_socket_where_nobody_listens() {
    let Some(stranger) = Stranger::open(|_| Ok(())) else {
        return;
    };
    let lost = stranger.folder.path().join("nobody.sock");
    let acquire = stranger.acquire().env("GSSPROXY_SOCKET", &lost);
    acquire
        .run()
        .failed()
        .saying(&format!("the proxy is not reached at {}", lost.display()));
    let long = format!("/{}", "x".repeat(200));
    stranger
        .acquire()
        .env("GSSPROXY_SOCKET", long)
        .run()
        .failed()
        .saying("the proxy is not reached at");
}

#[test]
fn repeats_the_daemons_words() {
    let Some(mit) = realm() else { return };
    let services = format!(
        "[service/tests]\nmechs = krb5\neuid = {}\ncred_store = keytab:/nonexistent.keytab\n",
        rustix::process::geteuid().as_raw()
    );
    for keeper in crate::workshop::KEEPERS {
        let Some(daemon) = Gssproxy::start(keeper, mit.krb5_conf(), &services) else {
            return;
        };
        let folder = TempDir::new().unwrap();
        let acquire = Program::new("acquire.py", folder.path())
            .env("KRB5_CONFIG", mit.krb5_conf())
            .env("GSSPROXY_SOCKET", daemon.socket())
            .env("GSSPROXY_BEHAVIOR", "REMOTE_ONLY");
        let finished = acquire.run().failed();
        assert!(
            finished.says("MissingCredentialsError") || finished.says("GSSError"),
            "{finished}"
        );
        assert!(
            !finished.says("Unknown error") && !finished.says("Invalid argument"),
            "{finished}"
        );
    }
}

#[test]
fn finds_a_daemon_that_was_started_anew() {
    let Some(workshop) = Workshop::open(Keeper::Debian) else {
        return;
    };
    let mark = workshop.folder.path().join("go_on");
    let program = workshop
        .program("outlive.py")
        .arg(&mark)
        .env("GSSPROXY_BEHAVIOR", "REMOTE_ONLY");
    let running = thread::spawn(move || program.run());
    let waits = mark.with_extension("waits");
    while !waits.exists() && !running.is_finished() {
        thread::yield_now();
    }
    let Workshop {
        mit,
        daemon,
        folder,
    } = workshop;
    let (socket, old) = (daemon.socket(), daemon.folder().to_owned());
    drop(daemon);
    let services = crate::workshop::services(&mit);
    let again = Gssproxy::start(Keeper::Debian, mit.krb5_conf(), &services).unwrap();
    fs::create_dir_all(old).unwrap();
    std::os::unix::fs::symlink(again.socket(), &socket).unwrap();
    fs::write(&mark, "").unwrap();
    running.join().unwrap().succeeded().saying("outlived");
    drop(folder);
}

/// Hands calls on to a daemon, and its replies back with a byte changed here and there.
struct Meddler {
    folder: TempDir,
    chance: Arc<AtomicU64>,
}

impl Meddler {
    fn before(daemon: PathBuf) -> Self {
        let folder = TempDir::with_prefix("kerbstone-meddler-").unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let chance = Arc::new(AtomicU64::new(1));
        let seed = Arc::clone(&chance);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (daemon, seed) = (UnixStream::connect(&daemon), Arc::clone(&seed));
                thread::spawn(move || meddle(client?, daemon?, &seed));
            }
        });
        Self { folder, chance }
    }
}

fn meddle(mut client: UnixStream, mut daemon: UnixStream, chance: &AtomicU64) -> io::Result<()> {
    loop {
        daemon.write_all(&read_record(&mut client)?)?;
        let mut reply = read_record(&mut daemon)?;
        let dice = roll(chance);
        // The header stays, so that what is behind it is read at all.
        let place = 28 + (dice >> 16) as usize % reply.len();
        if let (0, Some(byte)) = (dice % 12, reply.get_mut(place)) {
            *byte ^= 1 << (dice >> 8 & 7);
        }
        client.write_all(&reply)?;
    }
}

fn read_record(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut record = vec![0; 4];
    stream.read_exact(&mut record)?;
    let length = u32::from_be_bytes([record[0] & 0x7f, record[1], record[2], record[3]]);
    record.resize(4 + length as usize, 0);
    stream.read_exact(&mut record[4..])?;
    Ok(record)
}

/// A random number; the same ones after the same seed.
fn roll(state: &AtomicU64) -> u64 {
    let next = |state: u64| {
        state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1)
    };
    let before = state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| {
        Some(next(state))
    });
    before.unwrap() >> 24
}

#[test]
fn outlives_replies_that_somebody_meddled_with() {
    let Some(workshop) = Workshop::open(Keeper::Debian) else {
        return;
    };
    let meddler = Meddler::before(workshop.daemon.socket());
    for seed in 1..=24 {
        meddler.chance.store(seed << 32, Ordering::Relaxed);
        let _ = fs::remove_file(workshop.cache());
        let Some(everything) = workshop.everything() else {
            return;
        };
        let finished = everything
            .arg("remote")
            .env("GSSPROXY_SOCKET", meddler.folder.path().join("socket"))
            .env("GSSPROXY_BEHAVIOR", "REMOTE_ONLY")
            .run();
        assert!(matches!(finished.code, 0 | 1), "seed {seed}: {finished}");
        assert!(!finished.says("panicked"), "seed {seed}: {finished}");
    }
}
