//! Administering realms: kadm5's operations, who may ask for them, and the unix socket through
//! which `kerb admin` does.
//!
//! An [`Operation`] is what kadm5 knows and what a realm of ours has besides;
//! [`Administration`] decides by its [`Authority`] whether the [`Caller`] may, performs it on the
//! store and writes an audit line. [`door`] serves it on a unix socket, [`client`] asks there,
//! and [`frame`] is the bytes between them. A second door needs no second set of operations.

pub mod acl;
mod administration;
mod audit;
mod authority;
mod change;
pub mod client;
pub mod door;
mod error;
pub mod frame;
mod operation;
mod reply;
mod secret;
mod wire_form;

pub use administration::Administration;
pub use audit::AuditSink;
pub use authority::{Authority, Caller, LocalUser};
pub use change::{AttributeChange, Change, ListChange, UnknownAttribute};
pub use error::{AdminError, Kadm5Code};
pub use operation::{
    KeySource, NewKey, Operation, PolicyChanges, PrincipalChanges, RealmChanges, TrustSecret,
};
pub use reply::{
    ExportedKey, KeyView, PolicyView, PrincipalView, RealmView, Refusal, Reply, TrustView,
};
pub use secret::Secret;
