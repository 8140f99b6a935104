//! `kerb proxy` as a process, with callers on its sockets.

mod accepting;
mod caller;
mod messages;
mod site;
