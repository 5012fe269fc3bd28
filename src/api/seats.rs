//! Seats for connections: a bounded number, of which one client has no more than it leaves free for others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::pool::Client;

/// Seats; a clone has the same ones.
#[derive(Debug, Clone)]
pub(super) struct Seats(Arc<Mutex<Taken>>);

#[derive(Debug)]
struct Taken {
    free: usize,
    of: HashMap<Client, usize>,
    refused: u64,
}

/// A seat that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    client: Client,
}

impl Seats {
    pub(super) fn new(count: usize) -> Self {
        Self(Arc::new(Mutex::new(Taken { free: count, of: HashMap::new(), refused: 0 })))
    }

    /// A seat, unless none is free, or the client would then have more than are. A client that `brings_others`, a proxy, may
    /// have all.
    pub(super) fn take(&self, client: Client, brings_others: bool) -> Option<Seat> {
        let mut taken = self.lock();
        let own = taken.of.get(&client).copied().unwrap_or(0);
        if taken.free == 0 || (own >= taken.free && !brings_others) {
            taken.refused += 1;
            return None;
        }
        taken.free -= 1;
        *taken.of.entry(client).or_default() += 1;
        Some(Seat { seats: self.clone(), client })
    }

    /// Seats that are taken, and connections that found none.
    pub(super) fn taken_and_refused(&self) -> (usize, u64) {
        let taken = self.lock();
        (taken.of.values().sum(), taken.refused)
    }

    /// Nothing panics while it is locked.
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.free += 1;
        if let Some(own) = taken.of.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                taken.of.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_leaves_as_many_seats_as_it_has_and_proxies_need_not() {
        let (one, other) = (Client::at([10, 0, 0, 1].into()), Client::at([10, 0, 0, 2].into()));
        let seats = Seats::new(8);
        let own: Vec<Seat> = std::iter::from_fn(|| seats.take(one, false)).collect();
        assert_eq!(own.len(), 4);
        let others: Vec<Seat> = std::iter::from_fn(|| seats.take(other, false)).collect();
        assert_eq!(others.len(), 2, "of the four that are left");
        assert_eq!(seats.taken_and_refused(), (6, 2));
        drop(own);
        assert!(seats.take(other, false).is_some());
        drop(others);
        let all: Vec<Seat> = std::iter::from_fn(|| seats.take(one, true)).collect();
        assert_eq!(all.len(), 8);
        drop(all);
        assert_eq!(seats.taken_and_refused().0, 0);
    }
}
