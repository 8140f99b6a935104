//! A memory of many strangers that never grows: who matters least makes room.
//!
//! Each stranger has eight places where they may be. A flood of strangers pushes out those of whom least is known, at the
//! same cost for each.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

const PLACES: usize = 8;

/// What is remembered of one.
pub(crate) trait Memory: Copy + Default {
    /// How much is lost when it is forgotten; what is worth nothing is as good as forgotten.
    fn worth(&self, now: u64) -> u64;
}

/// All of them.
pub(crate) struct Crowd<M> {
    hasher: RandomState,
    corners: Box<[Mutex<[Place<M>; PLACES]>]>,
}

#[derive(Clone, Copy, Default)]
struct Place<M> {
    /// Whose it is: a hash that nobody outside can foresee.
    mark: u64,
    memory: M,
}

impl<M> std::fmt::Debug for Crowd<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let most = self.corners.len().saturating_mul(PLACES);
        write!(f, "Crowd(up to {most})")
    }
}

impl<M: Memory> Crowd<M> {
    /// Room for so many, and a few more.
    pub(crate) fn of(many: usize) -> Self {
        let corners = many.div_ceil(PLACES).max(1).next_power_of_two();
        Self {
            hasher: RandomState::new(),
            corners: (0..corners).map(|_| Mutex::default()).collect(),
        }
    }

    /// Looks at what is remembered of somebody, and changes it. What it is changed to is kept if it is worth more than
    /// what somebody else's is.
    pub(crate) fn with<T>(&self, who: &impl Hash, now: u64, change: impl FnOnce(&mut M) -> T) -> T {
        // Zero is the mark of nobody.
        let mark = self.hasher.hash_one(who).max(1);
        let mut corner = self.corner(mark);
        let found = corner.iter_mut().find(|place| place.mark == mark);
        let place = match found {
            Some(place) => Some(place),
            None => corner
                .iter_mut()
                .min_by_key(|place| place.memory.worth(now)),
        };
        let Some(place) = place else {
            return change(&mut M::default());
        };
        let mut memory = match place.mark == mark {
            true => place.memory,
            false => M::default(),
        };
        let outcome = change(&mut memory);
        if place.mark == mark || memory.worth(now) > 0 {
            *place = Place { mark, memory };
        }
        outcome
    }

    fn corner(&self, mark: u64) -> MutexGuard<'_, [Place<M>; PLACES]> {
        let which = usize::try_from(mark >> 32).unwrap_or(0) & self.corners.len().saturating_sub(1);
        // There is always one.
        let corner = self.corners.get(which).unwrap_or(&self.corners[0]);
        corner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Default)]
    struct Count(u64);

    impl Memory for Count {
        fn worth(&self, _: u64) -> u64 {
            self.0
        }
    }

    fn meet(crowd: &Crowd<Count>, who: u32) -> u64 {
        crowd.with(&who, 0, |count| {
            count.0 += 1;
            count.0
        })
    }

    #[test]
    fn everybody_is_remembered_while_there_is_room() {
        let crowd = Crowd::<Count>::of(4096);
        for who in 0..500 {
            assert_eq!(meet(&crowd, who), 1);
        }
        let again = (0..500).filter(|&who| meet(&crowd, who) == 2).count();
        assert_eq!(again, 500);
    }

    #[test]
    fn a_flood_of_strangers_does_not_push_out_who_matters() {
        let crowd = Crowd::<Count>::of(64);
        for _ in 0..100 {
            meet(&crowd, 7);
        }
        for stranger in 1000..101_000 {
            meet(&crowd, stranger);
        }
        assert_eq!(meet(&crowd, 7), 101);
    }
}
