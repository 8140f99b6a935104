//! Daemons whose configuration changes, and daemons of a user's own.

use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use super::pairing::{Behavior, Pairing};
use super::stand::{Door, Stand};

const PATIENCE: Duration = Duration::from_secs(30);

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < limit, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// One is dropped, one added, one gets another socket; a bad file changes nothing.
pub(crate) fn services_change(pairing: Pairing) {
    let Some(mut stand) = Stand::without_daemon(pairing) else {
        return;
    };
    let first = [stand.service(Door::Both), stand.service(Door::Program)].concat();
    stand.configure(&first);
    stand.start_daemon();
    let is_open = |stand: &Stand, door| UnixStream::connect(stand.socket(door)).is_ok();
    stand
        .application(Door::Both, Behavior::RemoteOnly)
        .walks(&["init_and_accept"]);

    // Dropped and added.
    stand.configure(&[stand.service(Door::Both), stand.service(Door::Enctypes)].concat());
    stand.reload();
    wait_until("the new door opens", || is_open(&stand, Door::Enctypes));
    wait_until("the old door closes", || !is_open(&stand, Door::Program));
    for door in [Door::Both, Door::Enctypes] {
        stand
            .application(door, Behavior::RemoteOnly)
            .walks(&["init_and_accept"]);
    }

    // Moved: the service is before another door now.
    let moved = stand
        .service(Door::Both)
        .replace("Both.sock", "Nowhere.sock");
    stand.configure(&moved);
    stand.reload();
    wait_until("the service moves", || is_open(&stand, Door::Nowhere));
    stand
        .application(Door::Nowhere, Behavior::RemoteOnly)
        .walks(&["acquire", "init_and_accept"]);

    // A bad file changes nothing.
    stand.configure("[service/broken]\nmechs = nonsense\n");
    stand.reload();
    thread::sleep(Duration::from_millis(300));
    assert!(stand.daemon_is_running(), "the daemon ended");
    stand
        .application(Door::Nowhere, Behavior::RemoteOnly)
        .walks(&["init_and_accept"]);
}

/// `-u`: no configuration, a socket below `XDG_RUNTIME_DIR`, and an end when nobody asks any more.
pub(crate) fn a_users_own_daemon(pairing: Pairing) {
    let Some(stand) = Stand::without_daemon(pairing) else {
        return;
    };
    let mut daemon = stand.users_daemon();
    stand
        .application(Door::Users, Behavior::RemoteOnly)
        .walks(&["acquire", "init_and_accept", "wrap"]);
    // Debian's 0.9.1 goes on.
    if pairing.has_our_daemon() {
        wait_until("the idle daemon ends", || !daemon.is_running());
    }
}
