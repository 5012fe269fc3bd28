//! How often a client may ask for signatures.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::pool::Client;

/// Requests of a client at once.
const BURST: f64 = 300.0;
/// Requests of a client in a second, after that.
const PER_SECOND: f64 = 30.0;

/// Clients that are remembered; of those forgotten, each begins anew.
const CLIENTS: u64 = 10_000;

/// Counts what each client asks for.
#[derive(Debug, Clone)]
pub struct Rate {
    clients: moka::sync::Cache<Client, Arc<Mutex<Bucket>>>,
    burst: f64,
    per_second: f64,
}

/// What is left, and since when.
#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// The client asks too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests for signatures; a token is good for its whole container, and until its expiry")]
pub struct TooFast {
    /// When to ask again.
    pub retry_after: Duration,
}

impl Default for Rate {
    fn default() -> Self {
        Self::new(BURST, PER_SECOND)
    }
}

impl Rate {
    fn new(burst: f64, per_second: f64) -> Self {
        let forgotten = Duration::from_secs_f64(burst / per_second);
        let clients = moka::sync::Cache::builder().max_capacity(CLIENTS).time_to_idle(forgotten).build();
        Self { clients, burst, per_second }
    }

    /// Counts one request of a client.
    ///
    /// # Errors
    /// When it asks too often, with the time after which it may.
    pub fn take(&self, client: Client) -> Result<(), TooFast> {
        self.take_at(client, Instant::now())
    }

    fn take_at(&self, client: Client, now: Instant) -> Result<(), TooFast> {
        let bucket =
            self.clients.get_with(client, || Arc::new(Mutex::new(Bucket { left: self.burst, at: now })));
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_second;
        bucket.left = (bucket.left + gained).min(self.burst);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - bucket.left) / self.per_second);
        // Retry-After is in whole seconds.
        Err(TooFast { retry_after: Duration::from_secs(wait.as_secs() + 1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_asks_too_often_is_told_when_it_may_and_others_go_on() {
        let (rate, now) = (Rate::new(3.0, 0.5), Instant::now());
        let [one, other] = [1, 2].map(|last| Client::at([10, 0, 0, last].into()));
        assert!((0..3).all(|_| rate.take_at(one, now).is_ok()));
        let told = rate.take_at(one, now).expect_err("too fast");
        assert_eq!(told.retry_after, Duration::from_secs(3));
        assert!(rate.take_at(other, now).is_ok());
        let later = now + told.retry_after;
        assert!(rate.take_at(one, later).is_ok() && rate.take_at(one, later).is_err());
    }
}
