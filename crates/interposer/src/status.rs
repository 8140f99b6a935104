//! Why a call failed, and the words for it that the caller may ask for afterwards.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::abi::{Word, major};

/// How many texts a thread remembers.
const REMEMBERED: usize = 16;

thread_local! {
    static TEXTS: RefCell<VecDeque<(Word, String)>> = const { RefCell::new(VecDeque::new()) };
    static ASKING_MECHGLUE: Cell<bool> = const { Cell::new(false) };
}

/// A call's failure: the major status and the minor one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// RFC 2744's status.
    pub major: Word,
    /// The mechanism's: of the mechglue for local calls, of the daemon's Kerberos for others, or an
    /// `errno` of ours.
    pub minor: Word,
}

/// What a call gives, or its failure.
pub type Outcome<T> = Result<T, Fault>;

impl Fault {
    /// A failure that the major status tells all of.
    pub const fn plain(major: Word) -> Self {
        Self { major, minor: 0 }
    }

    /// A failure in this plugin or on the way to the daemon, with words for it.
    pub fn internal(errno: i32, text: &str) -> Self {
        Self::said(major::FAILURE, errno.unsigned_abs(), text)
    }

    /// A failure for which somebody else had the words.
    pub fn said(major: Word, minor: Word, text: &str) -> Self {
        remember(minor, text);
        Self { major, minor }
    }

    /// No memory.
    pub fn no_memory() -> Self {
        Self::internal(libc::ENOMEM, "out of memory")
    }

    /// The caller gave what cannot be used.
    pub fn invalid(text: &str) -> Self {
        Self::internal(libc::EINVAL, text)
    }
}

/// Keeps the words for a minor status for this thread.
pub fn remember(minor: Word, text: &str) {
    let text = text.trim_end_matches('\0');
    if minor == 0 || text.is_empty() {
        return;
    }
    // A thread that is ending has no place for words any more, and nobody who would ask.
    let _ = TEXTS.try_with(|texts| {
        let mut texts = texts.borrow_mut();
        texts.retain(|(known, _)| *known != minor);
        if texts.len() >= REMEMBERED {
            texts.pop_front();
        }
        texts.push_back((minor, text.to_owned()));
    });
}

/// The words that this thread was last given for a minor status.
pub fn recall(minor: Word) -> Option<String> {
    TEXTS
        .try_with(|texts| {
            let texts = texts.borrow();
            texts
                .iter()
                .find(|(known, _)| *known == minor)
                .map(|(_, text)| text.clone())
        })
        .ok()
        .flatten()
}

/// Asks the mechglue for words, but not while it asks us for the same: a number that it knows as
/// ours alone would go round for ever.
pub fn ask_once<T>(ask: impl FnOnce() -> T) -> Option<T> {
    if ASKING_MECHGLUE
        .try_with(|asking| asking.replace(true))
        .unwrap_or(true)
    {
        return None;
    }
    let answer = ask();
    let _ = ASKING_MECHGLUE.try_with(|asking| asking.set(false));
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_words_for_a_number() {
        remember(7, "first\0");
        remember(7, "second\0");
        assert_eq!(recall(7).as_deref(), Some("second"));
        assert_eq!(recall(8), None);
    }

    #[test]
    fn forgets_the_oldest_words() {
        for minor in 1..=20 {
            remember(minor, "words");
        }
        assert_eq!(recall(4), None);
        assert!(recall(5).is_some());
    }

    #[test]
    fn asks_the_mechglue_but_not_round_and_round() {
        assert_eq!(ask_once(|| ask_once(|| 1)), Some(None));
        assert_eq!(ask_once(|| 1), Some(1));
    }
}
