//! An array on its way to a client, which may be slow or gone: its memory is given back when it is sent, when the client goes
//! away, and when the client takes nothing for too long.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use tokio::time::Instant;

use crate::pool::Permit;

/// A client that takes none of these pieces for this long is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes that are handed over at once: a client that takes 35 KB a second is not given up.
const PIECE_BYTES: usize = 1 << 20;

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Sending {
    rest: Arc<Mutex<Rest>>,
}

/// What is not yet sent.
#[derive(Debug)]
struct Rest {
    pieces: VecDeque<Bytes>,
    held: Option<Permit>,
    moved: Instant,
    given_up: bool,
}

impl Sending {
    /// Sends `pieces`, for which memory is `held`.
    pub(super) fn new(pieces: Vec<Bytes>, held: Permit) -> Self {
        Self::patient(pieces, held, PATIENCE)
    }

    fn patient(pieces: Vec<Bytes>, held: Permit, patience: Duration) -> Self {
        let rest = Rest { pieces: pieces.into(), held: Some(held), moved: Instant::now(), given_up: false };
        let rest = Arc::new(Mutex::new(rest));
        tokio::spawn(watch(Arc::downgrade(&rest), patience));
        Self { rest }
    }
}

/// Gives a client up that takes nothing; ends with the answer.
async fn watch(rest: Weak<Mutex<Rest>>, patience: Duration) {
    let mut until = Instant::now() + patience;
    loop {
        tokio::time::sleep_until(until).await;
        let Some(rest) = rest.upgrade() else { return };
        let mut rest = lock(&rest);
        until = rest.moved + patience;
        if until <= Instant::now() {
            rest.given_up = !rest.pieces.is_empty();
            rest.pieces.clear();
            rest.held = None;
            return;
        }
    }
}

impl Stream for Sending {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut rest = lock(&self.rest);
        rest.moved = Instant::now();
        if rest.given_up {
            let error = Error::new(ErrorKind::TimedOut, "the client took nothing for too long");
            return Poll::Ready(Some(Err(error)));
        }
        let piece = rest.pieces.pop_front().map(|mut piece| {
            if piece.len() > PIECE_BYTES {
                rest.pieces.push_front(piece.split_off(PIECE_BYTES));
            }
            Ok(piece)
        });
        Poll::Ready(piece)
    }
}

/// Nothing panics while it is locked.
fn lock(rest: &Mutex<Rest>) -> MutexGuard<'_, Rest> {
    rest.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, TryStreamExt};

    use super::*;
    use crate::pool::Gate;

    const ALL: u64 = 8 << 20;

    async fn sending(gate: &Gate, patience: Duration) -> Sending {
        let pieces = vec![Bytes::from(vec![1; 5 << 19]), Bytes::from(vec![2; 7])];
        Sending::patient(pieces, gate.enter(ALL).await.expect("room"), patience)
    }

    #[tokio::test]
    async fn all_of_it_is_sent_in_small_pieces_and_then_its_memory_is_free() {
        let gate = Gate::new(ALL);
        let body = sending(&gate, PATIENCE).await;
        assert_eq!(gate.held_bytes(), ALL);
        let pieces: Vec<Bytes> = body.try_collect().await.expect("all of it");
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE_BYTES));
        assert_eq!(pieces.concat(), [vec![1; 5 << 19], vec![2; 7]].concat());
        assert_eq!(gate.held_bytes(), 0);
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let gate = Gate::new(ALL);
        let mut body = sending(&gate, Duration::from_millis(60)).await;
        assert!(body.next().await.is_some_and(|piece| piece.is_ok()));
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(gate.held_bytes(), 0);
        assert!(body.next().await.is_some_and(|piece| piece.is_err()));
    }
}
