//! `kerb proxy` as a process, with callers on its sockets.

mod caller;
mod messages;
