use crate::workshop::{KEEPERS, Workshop};

#[test]
fn serves_threads_that_work_together() {
    for keeper in KEEPERS {
        let Some(workshop) = Workshop::open(keeper) else {
            return;
        };
        let threads = workshop
            .program("threads.py")
            .env("GSSPROXY_BEHAVIOR", "REMOTE_ONLY");
        threads.run().succeeded().saying("all threads walked");
    }
}

#[test]
fn serves_children_of_a_process_with_threads() {
    for keeper in KEEPERS {
        let Some(workshop) = Workshop::open(keeper) else {
            return;
        };
        let forks = workshop
            .program("forks.py")
            .env("GSSPROXY_BEHAVIOR", "REMOTE_ONLY");
        forks.run().succeeded().saying("all children walked");
    }
}

#[test]
fn is_another_to_the_daemon_after_a_change_of_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for keeper in KEEPERS {
        let Some(workshop) = Workshop::open(keeper) else {
            return;
        };
        let change = workshop
            .program("change_user.py")
            .env("GSSPROXY_BEHAVIOR", "REMOTE_ONLY");
        change
            .run()
            .succeeded()
            .saying("the daemon knows the difference");
    }
}
