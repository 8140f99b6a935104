//! The functions that the mechglue calls, with the names and types of its mechanism table.
//!
//! | module | functions |
//! |---|---|
//! | [`mechanisms`] | which mechanisms, what they can do, words for failures |
//! | [`names`] | names |
//! | [`credentials`] | credentials |
//! | [`contexts`] | contexts |
//! | [`messages`] | messages in established contexts |

pub mod contexts;
pub mod credentials;
pub mod mechanisms;
pub mod messages;
pub mod names;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::abi::{Handle, Out, OutBuffer, Word, major};
use crate::status::{Fault, Outcome};

/// Runs an entry point: what it returns is told to C, and so is a panic.
fn enter(minor: Out<'_, Word>, run: impl FnOnce() -> Outcome<Word>) -> Word {
    // What a panic leaves behind is at worst a handle that nobody has.
    let outcome = catch_unwind(AssertUnwindSafe(run));
    let outcome =
        outcome.unwrap_or_else(|_| Err(Fault::internal(libc::EFAULT, "the plugin has a fault")));
    let (major, number) = match outcome {
        Ok(major) => (major, 0),
        Err(fault) => (fault.major, fault.minor),
    };
    minor.put(number);
    major
}

/// A handle without which there is nothing to do.
fn given<T>(handle: Handle<'_, T>) -> Outcome<&T> {
    handle.get().ok_or(Fault::plain(major::INACCESSIBLE_READ))
}

/// Fills a buffer for the application.
fn fill(buffer: OutBuffer<'_>, content: &[u8]) -> Outcome<()> {
    if buffer.fill(content) {
        Ok(())
    } else {
        Err(Fault::no_memory())
    }
}
