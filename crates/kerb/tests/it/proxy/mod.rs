//! `kerb proxy` as a process, with callers on its sockets.

mod accepting;
mod caller;
mod floods;
mod messages;
mod privileges;
mod records;
mod reload;
mod silent_kdc;
mod site;
mod supervision;
