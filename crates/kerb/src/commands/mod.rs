//! The client's commands: what `kerb login` and its sisters say and do.

pub(crate) mod asking;
pub(crate) mod compat;
pub(crate) mod completions;
pub(crate) mod human;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod man;
pub(crate) mod password;
pub(crate) mod renew;
pub(crate) mod ticket;
