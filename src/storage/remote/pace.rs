//! How many requests one host is given at once: more while it answers, half as soon as it says that this is too much.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Requests at once at first.
const AT_FIRST: f64 = 64.0;
/// Requests at once at most.
const MOST: f64 = 128.0;
/// Answers to requests that were sent before a cut say nothing about what came of it.
const SETTLE: Duration = Duration::from_millis(250);

/// The turn of requests to one host.
#[derive(Debug)]
pub(super) struct Pace {
    state: Mutex<State>,
    freed: Notify,
}

/// Additive increase, multiplicative decrease.
#[derive(Debug, Clone, Copy)]
struct State {
    limit: f64,
    in_flight: u32,
    cut_at: Option<Instant>,
    not_before: Option<Instant>,
}

impl State {
    fn succeed(&mut self) {
        self.limit = (self.limit + 1.0 / self.limit).min(MOST);
    }

    /// Halves what is allowed, once for all requests of one time.
    fn throttle(&mut self, sent: Instant, now: Instant, pause: Duration) {
        if self.cut_at.is_none_or(|cut| sent > cut + SETTLE) {
            self.limit = (self.limit / 2.0).max(1.0);
            self.cut_at = Some(now);
        }
        self.not_before = self.not_before.max(Some(now + pause));
    }

    fn has_room(&self) -> bool {
        f64::from(self.in_flight) < self.limit.floor()
    }
}

/// One request under way.
#[derive(Debug)]
pub(super) struct Turn {
    pace: Arc<Pace>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.pace.with(|state| state.in_flight -= 1);
        self.pace.freed.notify_one();
    }
}

impl Pace {
    pub(super) fn new() -> Self {
        let state = State { limit: AT_FIRST, in_flight: 0, cut_at: None, not_before: None };
        Self { state: Mutex::new(state), freed: Notify::new() }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for a turn.
    pub(super) async fn turn(self: &Arc<Self>) -> Turn {
        loop {
            let freed = self.freed.notified();
            let now = Instant::now();
            let pause = self.with(|state| match state.not_before.filter(|at| *at > now) {
                Some(at) => Some(Some(at)),
                None if state.has_room() => {
                    state.in_flight += 1;
                    None
                }
                None => Some(None),
            });
            match pause {
                None => return Turn { pace: Arc::clone(self) },
                Some(Some(at)) => {
                    tokio::time::sleep_until(at).await;
                    // Who was woken for a free turn and slept must not be the only one who knows of it.
                    self.freed.notify_one();
                }
                Some(None) => freed.await,
            }
        }
    }

    /// The host answered.
    pub(super) fn succeed(&self) {
        self.with(State::succeed);
        self.freed.notify_one();
    }

    /// The host asked for fewer requests, of one that was sent at `sent`; nothing is sent to it for `pause`.
    pub(super) fn throttle(&self, sent: Instant, pause: Duration) {
        self.with(|state| state.throttle(sent, Instant::now(), pause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_limit_stays_between_one_and_the_most(answers in proptest::collection::vec(any::<bool>(), 0..2000)) {
            let start = Instant::now();
            let mut state = State { limit: AT_FIRST, in_flight: 0, cut_at: None, not_before: None };
            for (nth, good) in (0u64..).zip(answers) {
                let now = start + Duration::from_millis(nth * 300);
                let before = state.limit;
                if good { state.succeed() } else { state.throttle(now, now, Duration::ZERO) }
                prop_assert!((1.0..=MOST).contains(&state.limit));
                let moved = if good { state.limit >= before } else { state.limit <= before };
                prop_assert!(moved);
            }
        }
    }

    #[test]
    fn a_burst_of_refusals_counts_once() {
        let now = Instant::now();
        let mut state = State { limit: 64.0, in_flight: 0, cut_at: None, not_before: None };
        for _ in 0..50 {
            state.throttle(now, now, Duration::ZERO);
        }
        assert_eq!(state.limit, 32.0);
    }

    #[tokio::test]
    async fn no_more_than_the_limit_are_under_way_and_all_get_their_turn() {
        let pace = Arc::new(Pace::new());
        pace.with(|state| state.limit = 1.0);
        pace.throttle(Instant::now(), Duration::from_millis(20));
        let most = Arc::new(Mutex::new((0, 0)));
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let (pace, most) = (Arc::clone(&pace), Arc::clone(&most));
                tokio::spawn(async move {
                    let _turn = pace.turn().await;
                    {
                        let mut seen = most.lock().expect("a lock");
                        *seen = (seen.0 + 1, seen.1.max(seen.0 + 1));
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    most.lock().expect("a lock").0 -= 1;
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("a turn");
        }
        assert_eq!(*most.lock().expect("a lock"), (0, 1));
    }
}
