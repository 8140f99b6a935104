//! Who is asked, and what of when the first fails.

use crate::abi::major;
use crate::credential::Held;
use crate::settings::Behavior;
use crate::status::{Fault, Outcome};

/// Asks as the behaviour says. When both fail, the failure of the first is told.
pub fn ask<T>(
    behavior: Behavior,
    local: impl FnOnce() -> Outcome<T>,
    remote: impl FnOnce() -> Outcome<T>,
) -> Outcome<T> {
    match behavior {
        Behavior::LocalOnly => local(),
        Behavior::LocalFirst => local().or_else(|first| remote().map_err(|_| first)),
        Behavior::RemoteFirst => remote().or_else(|first| local().map_err(|_| first)),
        Behavior::RemoteOnly => remote(),
    }
}

/// Who works with a credential: whoever gave it. With somebody else's default credential in its
/// place a program would act as another than it chose.
pub fn of_credential(behavior: Behavior, held: &Held) -> Outcome<Behavior> {
    match (&held.local, &held.remote, behavior) {
        (Some(_), _, Behavior::RemoteOnly) | (None, Some(_), Behavior::LocalOnly) => {
            Err(Fault::plain(major::DEFECTIVE_CREDENTIAL))
        }
        (Some(_), ..) => Ok(Behavior::LocalOnly),
        (None, Some(_), _) => Ok(Behavior::RemoteOnly),
        (None, None, behavior) => Ok(behavior),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: Fault = Fault {
        major: 1 << 16,
        minor: 1,
    };
    const REMOTE: Fault = Fault {
        major: 2 << 16,
        minor: 2,
    };

    #[test]
    fn asks_the_second_when_the_first_fails() {
        let table = [
            (Behavior::LocalOnly, Err(LOCAL), Ok("remote"), Err(LOCAL)),
            (Behavior::LocalFirst, Ok("local"), Ok("remote"), Ok("local")),
            (Behavior::LocalFirst, Err(LOCAL), Ok("remote"), Ok("remote")),
            (Behavior::LocalFirst, Err(LOCAL), Err(REMOTE), Err(LOCAL)),
            (
                Behavior::RemoteFirst,
                Ok("local"),
                Ok("remote"),
                Ok("remote"),
            ),
            (Behavior::RemoteFirst, Ok("local"), Err(REMOTE), Ok("local")),
            (Behavior::RemoteFirst, Err(LOCAL), Err(REMOTE), Err(REMOTE)),
            (Behavior::RemoteOnly, Ok("local"), Err(REMOTE), Err(REMOTE)),
        ];
        for (behavior, local, remote, expected) in table {
            assert_eq!(ask(behavior, || local, || remote), expected, "{behavior:?}");
        }
    }
}
