//! What a host has been like so far: how long until an answer begins, and how fast its bytes come.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Answers shorter than this tell nothing of the bandwidth, in bytes.
const LEAST_BYTES: u64 = 64 << 10;
/// Weight of a new measurement.
const NEW: f64 = 0.1;

/// Moving means of latency and bandwidth.
#[derive(Debug)]
pub(super) struct Speed {
    means: Mutex<Means>,
}

#[derive(Debug, Clone, Copy)]
struct Means {
    latency_s: f64,
    bytes_per_s: f64,
}

impl Speed {
    /// A store of the same region, until measured.
    pub(super) fn new() -> Self {
        Self { means: Mutex::new(Means { latency_s: 0.02, bytes_per_s: 50e6 }) }
    }

    /// Takes in one answer: how long until it began, its length, and how long that took to come.
    pub(super) fn measured(&self, latency: Duration, bytes: u64, body: Duration) {
        let mut means = self.means.lock().unwrap_or_else(PoisonError::into_inner);
        means.latency_s += NEW * (latency.as_secs_f64() - means.latency_s);
        if bytes >= LEAST_BYTES {
            #[expect(clippy::cast_precision_loss, reason = "a rate")]
            let rate = bytes as f64 / body.as_secs_f64().max(1e-4);
            means.bytes_per_s += NEW * (rate - means.bytes_per_s);
        }
    }

    /// Bytes that come in the time that a further request would take: reading on over a gap of so many is as cheap.
    pub(super) fn gap_bytes(&self) -> u64 {
        let means = *self.means.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number of bytes"
        )]
        let gap = (means.latency_s * means.bytes_per_s) as u64;
        gap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_far_host_is_worth_longer_gaps_than_a_near_one() {
        let (near, far) = (Speed::new(), Speed::new());
        for _ in 0..100 {
            near.measured(Duration::from_micros(200), 1 << 20, Duration::from_millis(10));
            far.measured(Duration::from_millis(80), 1 << 20, Duration::from_millis(10));
        }
        assert!((15_000..40_000).contains(&near.gap_bytes()), "{}", near.gap_bytes());
        assert!(far.gap_bytes() > 5_000_000, "{}", far.gap_bytes());
    }
}
