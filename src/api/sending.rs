//! An answer on its way to a client, which may be slow or gone: its memory is given back when it is sent, when the client goes
//! away, and when the client takes nothing for too long.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, TryStreamExt, stream};
use tokio::time::Instant;

use crate::pool::Pass;

/// A client that takes none of these pieces for this long is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes that are handed over at once: a client that takes 9 KB a second is not given up. Between two of them other requests have
/// their turn, however fast a client takes them.
const PIECE_BYTES: usize = 256 << 10;

/// The body of an answer for which memory is held.
#[derive(Debug)]
pub(super) struct Sending<S> {
    rest: Arc<Mutex<Rest<S>>>,
}

/// What is not yet sent.
#[derive(Debug)]
struct Rest<S> {
    /// Nothing once all is sent, or the client is given up.
    pieces: Option<(S, Pass)>,
    /// Since when the client has had a piece and wants no other.
    idle: Option<Instant>,
    /// Others have had their turn since.
    rested: bool,
    given_up: bool,
}

/// The body of these pieces, for which memory is `held`.
pub(super) fn whole(pieces: Vec<Bytes>, held: Pass) -> Body {
    let mut pieces = VecDeque::from(pieces);
    let pieces = std::iter::from_fn(move || {
        let mut piece = pieces.pop_front()?;
        if piece.len() > PIECE_BYTES {
            pieces.push_front(piece.split_off(PIECE_BYTES));
        }
        Some(Ok(piece))
    });
    Body::from_stream(Sending::new(stream::iter(pieces), held, PATIENCE))
}

/// The same answer, whose body is read on while memory is `held`.
pub(super) fn held(response: Response, held: Pass) -> Response {
    response.map(|body| {
        let pieces = body.into_data_stream().map_err(Error::other);
        Body::from_stream(Sending::new(pieces, held, PATIENCE))
    })
}

impl<S: Send + 'static> Sending<S> {
    fn new(pieces: S, held: Pass, patience: Duration) -> Self {
        let rest =
            Rest { pieces: Some((pieces, held)), idle: Some(Instant::now()), rested: true, given_up: false };
        let rest = Arc::new(Mutex::new(rest));
        tokio::spawn(watch(Arc::downgrade(&rest), patience));
        Self { rest }
    }
}

/// Gives a client up that takes nothing; ends with the answer.
async fn watch<S>(rest: Weak<Mutex<Rest<S>>>, patience: Duration) {
    let mut until = Instant::now() + patience;
    loop {
        tokio::time::sleep_until(until).await;
        let Some(rest) = rest.upgrade() else { return };
        let mut rest = lock(&rest);
        if rest.pieces.is_none() {
            return;
        }
        until = rest.idle.unwrap_or_else(Instant::now) + patience;
        if until <= Instant::now() {
            rest.given_up = true;
            rest.pieces = None;
            return;
        }
    }
}

impl<S: Stream<Item = Result<Bytes, Error>> + Unpin> Stream for Sending<S> {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut rest = lock(&self.rest);
        if !std::mem::replace(&mut rest.rested, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        rest.idle = None;
        let Some((pieces, _)) = &mut rest.pieces else {
            let error = Error::new(ErrorKind::TimedOut, "the client took nothing for too long");
            return Poll::Ready(rest.given_up.then_some(Err(error)));
        };
        let next = Pin::new(pieces).poll_next(context);
        match &next {
            // Not the client keeps it waiting.
            Poll::Pending => {}
            Poll::Ready(Some(Ok(_))) => {
                rest.idle = Some(Instant::now());
                rest.rested = false;
            }
            Poll::Ready(Some(Err(_)) | None) => rest.pieces = None,
        }
        next
    }
}

/// Nothing panics while it is locked.
fn lock<S>(rest: &Mutex<Rest<S>>) -> MutexGuard<'_, Rest<S>> {
    rest.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;
    use crate::pool::{Client, Gate};

    const ALL: u64 = 8 << 20;

    async fn pass(gate: &Gate) -> Pass {
        gate.enter(Client::default(), ALL).await.expect("room")
    }

    #[tokio::test]
    async fn all_of_it_is_sent_in_small_pieces_and_then_its_memory_is_free() {
        let gate = Gate::new(ALL);
        let pieces = vec![Bytes::from(vec![1; 5 << 19]), Bytes::from(vec![2; 7])];
        let mut body = whole(pieces, pass(&gate).await).into_data_stream();
        assert_eq!(gate.held_bytes(), ALL);
        let mut pieces = Vec::new();
        while let Some(piece) = body.next().await {
            pieces.push(piece.expect("a piece"));
        }
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE_BYTES));
        assert_eq!(pieces.concat(), [vec![1; 5 << 19], vec![2; 7]].concat());
        assert_eq!(gate.held_bytes(), 0);
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let gate = Gate::new(ALL);
        let pieces = stream::iter([1, 2].map(|byte| Ok(Bytes::from(vec![byte; 9]))));
        let mut body = Sending::new(pieces, pass(&gate).await, Duration::from_millis(60));
        assert!(body.next().await.is_some_and(|piece| piece.is_ok()));
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(gate.held_bytes(), 0);
        assert!(body.next().await.is_some_and(|piece| piece.is_err()));
    }

    #[tokio::test]
    async fn a_client_that_waits_for_a_slow_source_is_not_given_up() {
        let gate = Gate::new(ALL);
        let late = stream::once(Box::pin(async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(Bytes::from_static(b"late"))
        }));
        let mut body = Sending::new(late, pass(&gate).await, Duration::from_millis(60));
        assert_eq!(body.next().await.expect("a piece").expect("bytes"), "late");
    }
}
