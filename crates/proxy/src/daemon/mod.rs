//! Sockets, queues, reload: the daemon around the procedures.
