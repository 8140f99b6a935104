//! `kerb admin privileges`: what you may do.

use kerbstone_admin::{Operation, Reply};

use super::desk::{Desk, unexpected};
use crate::console::out;
use crate::failure::Failure;

pub(super) fn show(desk: &mut Desk<'_>) -> Result<(), Failure> {
    match desk.ask("cannot ask for privileges", Operation::GetPrivileges)? {
        Reply::Privileges(letters) if letters.is_empty() => out!(desk.console, "none\n"),
        Reply::Privileges(letters) => out!(desk.console, "{letters}\n"),
        _ => return Err(unexpected()),
    }
    Ok(())
}
