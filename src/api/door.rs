//! Connections: a bounded number of them, none of which may keep the server waiting, each served until told to stop.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tower::Service;

use super::proxies::{Peer, Trusted};
use super::seats::Seats;
use super::stream::Hasty;
use crate::pool::Client;

/// How long the head of a request may take to arrive, and a connection may wait for its next request.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// How long a client may take nothing of an answer. Answers that hold memory are given up sooner.
const WRITE_PATIENCE: Duration = Duration::from_mins(1);

/// How long an HTTP/2 connection may be silent before it is asked whether it lives, and may then take to say so.
const PING: Duration = Duration::from_secs(20);

/// Bytes of a request's line and headers.
const HEAD_BYTES: usize = 64 << 10;

/// Headers of one request.
const HEADERS: usize = 128;

/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 64;

/// What an HTTP/2 connection begins with.
const HTTP_2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long nothing is accepted after that failed.
const PAUSE: Duration = Duration::from_millis(100);

/// Told to who finds no seat.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 79\r\n\r\n{\"code\":\"Busy\",\"description\":\"too many connections are open; ask again in 5 s\"}";

/// A server's door.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    trusted: Trusted,
    seats: Seats,
}

impl Door {
    /// Lets in at most that many connections at once; `trusted` proxies may have all of them.
    #[must_use]
    pub fn new(listener: TcpListener, trusted: Trusted, connections: usize) -> Self {
        Self { listener, trusted, seats: Seats::new(connections) }
    }

    /// Serves until `stop` ends; then nobody is let in any more, and requests under way have `drain` to end. True when all
    /// did.
    pub async fn serve(self, app: Router, stop: impl Future<Output = ()>, drain: Duration) -> bool {
        let (told, stopping) = watch::channel(false);
        let (here, mut all_gone) = mpsc::channel::<Infallible>(1);
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut stop => break,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer, &app, stopping.clone(), here.clone()),
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        drop((self.listener, here, stopping));
        // Nobody listens when no connection is open.
        told.send_replace(true);
        tokio::time::timeout(drain, all_gone.recv()).await.is_ok()
    }

    fn admit(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        app: &Router,
        stopping: watch::Receiver<bool>,
        here: mpsc::Sender<Infallible>,
    ) {
        let address = peer.ip().to_canonical();
        let seat = self.seats.take(Client::at(address), self.trusted.holds(address));
        let (open, refused) = self.seats.taken_and_refused();
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!("cairn_connections").set(open as f64);
        metrics::counter!("cairn_connections_refused_total").absolute(refused);
        let Some(seat) = seat else {
            turn_away(stream);
            return;
        };
        let app = app.clone();
        let seats = self.seats.clone();
        tokio::spawn(async move {
            attend(stream, Peer(address), app, stopping).await;
            drop((seat, here));
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            metrics::gauge!("cairn_connections").set(seats.taken_and_refused().0 as f64);
        });
    }
}

/// Until the server is to stop.
async fn told(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stop| *stop).await);
}

/// Says in one packet that there is no room.
fn turn_away(stream: TcpStream) {
    // A new connection has room for so little; who has gone already need not know.
    if let Ok(mut stream) = stream.into_std() {
        drop(stream.write_all(FULL));
    }
}

/// Serves one connection to its end.
async fn attend(stream: TcpStream, peer: Peer, app: Router, mut stopping: watch::Receiver<bool>) {
    // A small answer must not wait for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("cannot send small packets at once: {error}");
    }
    let begins = tokio::select! {
        begins = tokio::time::timeout(HEAD_PATIENCE, begins_as_http_2(&stream)) => begins,
        () = told(&mut stopping) => return,
    };
    let Ok(Some(is_http_2)) = begins else { return };
    let builder = Builder::new(TokioExecutor::new());
    let mut builder = if is_http_2 { builder.http2_only() } else { builder.http1_only() };
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX));
    let service = service_fn(move |request: Request<Incoming>| {
        let mut app = app.clone();
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(peer);
        app.call(request)
    });
    let stream = TokioIo::new(Hasty::new(stream, WRITE_PATIENCE));
    let mut connection = pin!(builder.serve_connection(stream, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection ended: {error}");
    }
}

/// Looks at the first bytes without taking them; nothing when the client goes away.
async fn begins_as_http_2(stream: &TcpStream) -> Option<bool> {
    let mut first = [0; HTTP_2.len()];
    loop {
        let count = stream.peek(&mut first).await.ok().filter(|count| *count > 0)?;
        if !HTTP_2.starts_with(&first[..count]) {
            return Some(false);
        }
        if count == HTTP_2.len() {
            return Some(true);
        }
        // The rest of it is on its way: looking tells at once that there are some bytes, but not when there are more.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_who_finds_no_seat_is_as_long_as_it_says() {
        let text = std::str::from_utf8(FULL).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
    }
}
