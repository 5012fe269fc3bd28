//! How long to wait before a request is made once more.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The first wait, at most.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait, whatever the store asks for.
const LONGEST: Duration = Duration::from_secs(10);

/// The wait before try number `nth` (the first repetition is 1): doubling, between half and all of it by chance, so that
/// those who failed together do not come back together; at least what the store asked for.
pub(super) fn wait_before(nth: u32, asked: Option<Duration>) -> Duration {
    let chance = RandomState::new().hash_one(nth);
    wait(nth, asked, chance)
}

fn wait(nth: u32, asked: Option<Duration>, chance: u64) -> Duration {
    let most = FIRST.saturating_mul(1 << nth.saturating_sub(1).min(16)).min(LONGEST);
    let half = most / 2;
    let share = u32::try_from(chance % 1024).unwrap_or_default();
    (half + half * share / 1024).max(asked.unwrap_or_default()).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waits_grow_and_stay_bounded(nth in 1u32..100, chance in any::<u64>(), asked in 0u64..100) {
            let asked = Duration::from_secs(asked);
            let waited = wait(nth, Some(asked), chance);
            prop_assert!(waited <= LONGEST && waited >= asked.min(LONGEST));
            prop_assert!(wait(nth, None, chance) >= FIRST.saturating_mul(1 << (nth - 1).min(16)).min(LONGEST) / 2);
        }
    }
}
