//! One request to a store: sent in its turn, timed, bounded, counted, and made once more while that makes sense.
//!
//! Throttling (429, 503), trouble of the store (other 5xx, 408), connections that fail or break off, and bodies that end
//! early are repeated a few times, with waits that grow; what came whole is handed on. A request keeps its signature: stores
//! take one for 15 minutes, and [`BUDGET`] is far less.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, RANGE, RETRY_AFTER};
use tokio::time::{Instant, timeout};

use super::backoff::wait_before;
use super::pace::Pace;
use super::speed::Speed;
use crate::storage::counters::{Counters, StoreKind, Tally};
use crate::storage::{MAX_WHOLE_BYTES, in_one_line};

/// Memory that is taken for an answer on its announcement only, in bytes.
const RESERVED_BYTES: usize = 16 << 20;

/// Tries of one request.
const TRIES: u32 = 6;
/// Tries of one request that gets no answer.
const STALLED_TRIES: u32 = 2;
/// No further try after so long.
const BUDGET: Duration = Duration::from_mins(1);
/// What is read of an answer that says what is wrong, in bytes.
const REASON_BYTES: usize = 64 << 10;
/// The slowest upload that is waited for, in bytes a second.
const SLOWEST_UPLOAD: u64 = 64 << 10;

/// What one host is like, and what is under way to it.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) pace: Arc<Pace>,
    pub(super) speed: Speed,
}

impl Host {
    pub(super) fn new() -> Self {
        Self { pace: Arc::new(Pace::new()), speed: Speed::new() }
    }
}

/// Why a request has no answer that can be used. Holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// The store says no.
    #[error("status {status}")]
    Status {
        /// HTTP status.
        status: u16,
        /// The store's own word for it, as `NoSuchKey`.
        code: Option<String>,
    },
    /// No answer, or no further byte of it, in time.
    #[error("no answer within {} s", limit.as_secs())]
    Stalled {
        /// The bound.
        limit: Duration,
    },
    /// The connection.
    #[error("{reason}")]
    Broken {
        /// What went wrong.
        reason: String,
    },
    /// Who answers cannot show who it is.
    #[error("{reason}")]
    Untrusted {
        /// What is wrong with its certificate.
        reason: String,
    },
    /// More bytes than were asked for, or than are taken.
    #[error("more than {limit} bytes")]
    TooLong {
        /// The bound.
        limit: u64,
    },
}

impl Failure {
    /// What lies at the root of an error of `object_store`, when it came from here.
    pub(super) fn of<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        let mut cause = Some(error);
        while let Some(at) = cause {
            if let Some(failure) = at.downcast_ref::<Self>() {
                return Some(failure);
            }
            cause = at.source();
        }
        None
    }

    fn is_throttling(&self) -> bool {
        matches!(self, Self::Status { status: 429 | 503, .. })
    }

    fn tries(&self) -> u32 {
        match self {
            Self::Status { status: 408 | 429 | 500 | 502..=599, .. } | Self::Broken { .. } => TRIES,
            Self::Stalled { .. } => STALLED_TRIES,
            Self::Status { .. } | Self::Untrusted { .. } | Self::TooLong { .. } => 1,
        }
    }

    /// True for answers that say that nothing is there or nothing is new.
    fn is_fine(&self) -> bool {
        matches!(self, Self::Status { status: 304 | 404 | 409 | 412 | 416, .. })
    }
}

/// How requests to one store travel.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub(super) client: reqwest::Client,
    pub(super) host: Arc<Host>,
    pub(super) counters: Arc<Counters>,
    pub(super) kind: StoreKind,
    /// How long an answer may take to begin, and then each further piece of it.
    pub(super) patience: Duration,
}

impl HttpConnector for Wire {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Wire {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let start = Instant::now();
        let mut tried = 0;
        loop {
            tried += 1;
            let turn = self.host.pace.turn().await;
            let sent = Instant::now();
            let failure = match self.send(request.clone()).await {
                Ok(answer) => {
                    self.host.pace.succeed();
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            drop(turn);
            let (failure, asked) = failure;
            if !failure.is_fine() {
                self.tally().count_error();
            }
            let wait = wait_before(tried, asked);
            if failure.is_throttling() {
                self.host.pace.throttle(sent, asked.unwrap_or_default().min(wait));
            }
            if tried >= failure.tries() || start.elapsed() + wait > BUDGET {
                return Err(HttpError::new(HttpErrorKind::Unknown, failure));
            }
            self.tally().count_retry();
            tokio::time::sleep(wait).await;
        }
    }
}

impl Wire {
    fn tally(&self) -> &Tally {
        self.counters.of(self.kind)
    }

    /// One try; the failure comes with the wait that the store asks for.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, (Failure, Option<Duration>)> {
        let is_head = request.method() == reqwest::Method::HEAD;
        let range_bytes = request.headers().get(RANGE).and_then(range_len);
        let limit = range_bytes.unwrap_or(MAX_WHOLE_BYTES);
        let sending = request.body().content_length() as u64 / SLOWEST_UPLOAD;
        let patience = self.patience + Duration::from_secs(sending);
        let sent = Instant::now();
        self.tally().add(1, 0);
        let answer = match timeout(patience, HttpService::call(&self.client, request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err((broken(&error), None)),
            Err(_elapsed) => return Err((Failure::Stalled { limit: patience }, None)),
        };
        let latency = sent.elapsed();
        let (mut parts, body) = answer.into_parts();
        let status = parts.status;
        let stalled = || (Failure::Stalled { limit: self.patience }, None);
        let mut pieces = body.bytes_stream();
        if !status.is_success() {
            let mut text = Vec::new();
            while let Ok(Some(Ok(piece))) = timeout(self.patience, pieces.next()).await {
                text.extend_from_slice(&piece[..piece.len().min(REASON_BYTES - text.len())]);
                if text.len() == REASON_BYTES {
                    break;
                }
            }
            return Err((refusal(status, &parts.headers, &text), retry_after(&parts.headers)));
        }
        // A server that has no ranges sends everything.
        if range_bytes.is_some() && status != StatusCode::PARTIAL_CONTENT {
            return Err((
                Failure::Status { status: status.as_u16(), code: Some("NoRanges".to_owned()) },
                None,
            ));
        }
        let announced =
            parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if is_head {
            return Ok(HttpResponse::from_parts(parts, Vec::new().into()));
        }
        if announced.is_some_and(|len| len > limit) {
            return Err((Failure::TooLong { limit }, None));
        }
        let expected = announced.and_then(|len| usize::try_from(len).ok());
        let mut bytes = Vec::with_capacity(expected.unwrap_or_default().min(RESERVED_BYTES));
        loop {
            match timeout(self.patience, pieces.next()).await {
                Ok(Some(Ok(piece))) => bytes.extend_from_slice(&piece),
                Ok(Some(Err(error))) => return Err((broken(&error), None)),
                Ok(None) => break,
                Err(_elapsed) => return Err(stalled()),
            }
            if bytes.len() as u64 > limit {
                return Err((Failure::TooLong { limit }, None));
            }
        }
        if expected.is_some_and(|len| len != bytes.len()) {
            return Err((Failure::Broken { reason: "the answer ended early".to_owned() }, None));
        }
        let len = bytes.len() as u64;
        self.tally().add(0, len);
        self.host.speed.measured(latency, len, sent.elapsed().saturating_sub(latency));
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
        Ok(HttpResponse::from_parts(parts, bytes.into()))
    }
}

/// The bytes that `bytes=a-b` asks for.
fn range_len(value: &HeaderValue) -> Option<u64> {
    let (start, last) = value.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
    let (start, last): (u64, u64) = (start.parse().ok()?, last.parse().ok()?);
    last.checked_sub(start)?.checked_add(1)
}

/// What a connection's error says, without its URL.
fn broken(error: &HttpError) -> Failure {
    if error.kind() == HttpErrorKind::Timeout {
        return Failure::Stalled { limit: super::CONNECT };
    }
    let reason = std::error::Error::source(error).map(in_one_line).unwrap_or_default();
    if is_untrusted(error) { Failure::Untrusted { reason } } else { Failure::Broken { reason } }
}

/// True when a server's certificate was refused.
fn is_untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(refused) = error.downcast_ref::<rustls::Error>() {
        return matches!(refused, rustls::Error::InvalidCertificate(_));
    }
    // What an I/O error holds is not among its causes.
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(held) => is_untrusted(held),
        None => error.source().is_some_and(is_untrusted),
    }
}

/// What an answer that is no success means: S3 and Azure name it in a header or in `<Code>`.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let header = headers.get("x-ms-error-code").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let named = || {
        let text = std::str::from_utf8(body).ok()?;
        let (_, rest) = text.split_once("<Code>")?;
        Some(rest.split_once("</Code>")?.0.to_owned())
    };
    let is_word =
        |code: &String| code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    Failure::Status { status: status.as_u16(), code: header.or_else(named).filter(is_word) }
}

/// The wait that the store asks for, in whole seconds; dates are passed over.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_stores_own_word() {
        let none = HeaderMap::new();
        let body = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><AWSAccessKeyId>AKSECRET</AWSAccessKeyId></Error>";
        let failure = refusal(StatusCode::SERVICE_UNAVAILABLE, &none, body);
        assert_eq!(failure, Failure::Status { status: 503, code: Some("SlowDown".to_owned()) });
        assert!(failure.is_throttling() && failure.tries() == TRIES);
        let odd = refusal(StatusCode::FORBIDDEN, &none, b"<Code>sig=abc&amp;x</Code>");
        assert_eq!(odd, Failure::Status { status: 403, code: None });
    }

    #[test]
    fn the_length_of_a_range_is_told() {
        assert_eq!(range_len(&HeaderValue::from_static("bytes=10-19")), Some(10));
        assert_eq!(range_len(&HeaderValue::from_static("bytes=10-")), None);
        assert_eq!(range_len(&HeaderValue::from_static("bytes=10-9")), None);
    }
}
