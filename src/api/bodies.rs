//! Bodies of requests: read whole within bounds of size, time and memory before any handler sees them.

use std::time::Duration;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use futures::StreamExt;

use super::error::ApiError;
use crate::pool::{Client, Gate, Pass};

/// The largest body of a question, and of a document that is written, in bytes.
pub(super) const MAX_BYTES: usize = 8 << 20;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is taken of a body that is too large, so that its client gets to read why.
const PASSED_OVER_BYTES: usize = 64 << 20;
const PASSED_OVER_WITHIN: Duration = Duration::from_secs(5);

/// What becomes of a body takes up to this many times its size.
const GROWTH: u64 = 16;

/// A body below this size takes no memory that is worth a turn, in bytes.
const SMALL_BYTES: u64 = 4 << 10;

/// Reads the body of at most `max` bytes, and holds memory for what becomes of it.
///
/// # Errors
/// 413, 408, 415, and as [`Gate::enter`].
pub(super) async fn read(
    max: usize,
    request: Request,
    gate: &Gate,
    client: Client,
) -> Result<(Request, Option<Pass>), ApiError> {
    within((max, PATIENCE), request, gate, client).await
}

async fn within(
    (max, patience): (usize, Duration),
    request: Request,
    gate: &Gate,
    client: Client,
) -> Result<(Request, Option<Pass>), ApiError> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        // What such a request carries, nobody reads.
        return Ok((request, None));
    }
    let too_large = || {
        let description = format!("the body is larger than {max} bytes; send what it holds in several parts");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", description)
    };
    let is_coded = |value: &header::HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(is_coded) {
        let description = "Content-Encoding: bodies of requests are taken as they are, not compressed";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", description));
    }
    let expected = request.body().size_hint().upper().unwrap_or(max as u64);
    if expected > max as u64 {
        pass_over(request).await;
        return Err(too_large());
    }
    let held = match expected {
        0..=SMALL_BYTES => None,
        bytes => Some(gate.enter(client, bytes * GROWTH).await?),
    };
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(patience, to_bytes(body, max)).await {
        Ok(Ok(bytes)) => Ok((Request::from_parts(parts, Body::from(bytes)), held)),
        Ok(Err(error)) if is_too_long(&error) => Err(too_large()),
        Ok(Err(_broken)) => Err(ApiError::bad_body("the body broke off before its end")),
        Err(_elapsed) => {
            let description = format!("the body did not arrive within {} s", patience.as_secs());
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", description))
        }
    }
}

/// Takes what a client sends, up to a bound: most read no answer before they have sent all. Who asks first is told at once.
pub(super) async fn pass_over(request: Request) {
    if request.headers().contains_key(header::EXPECT) {
        return;
    }
    let mut pieces = request.into_body().into_data_stream();
    let passing = async {
        let mut passed = 0;
        while let Some(Ok(piece)) = pieces.next().await {
            passed += piece.len();
            if passed > PASSED_OVER_BYTES {
                return;
            }
        }
    };
    // Whoever takes longer finds the connection closed.
    drop(tokio::time::timeout(PASSED_OVER_WITHIN, passing).await);
}

/// True when the body is longer than was allowed, and not broken.
fn is_too_long(error: &axum::Error) -> bool {
    // The error of the bound says so by its text only.
    std::error::Error::source(error).is_some_and(|cause| cause.to_string() == "length limit exceeded")
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    async fn status(body: Body, coding: Option<&str>) -> StatusCode {
        let mut request = Request::builder().method(Method::POST);
        if let Some(coding) = coding {
            request = request.header(header::CONTENT_ENCODING, coding);
        }
        let gate = Gate::halved(1 << 30);
        let request = request.body(body).expect("a request");
        match within((MAX_BYTES, Duration::from_millis(200)), request, &gate, Client::default()).await {
            Ok((request, _)) => {
                to_bytes(request.into_body(), usize::MAX).await.expect("a body");
                StatusCode::OK
            }
            Err(error) => error.status(),
        }
    }

    #[tokio::test]
    async fn bodies_are_bounded_also_without_a_length_and_never_compressed() {
        let pieces = |count: usize| {
            let piece = || Ok::<_, std::io::Error>(vec![b' '; 1 << 20]);
            Body::from_stream(stream::iter(std::iter::repeat_with(piece).take(count)))
        };
        assert_eq!(status(Body::from("{}"), None).await, StatusCode::OK);
        assert_eq!(status(pieces(8), None).await, StatusCode::OK);
        assert_eq!(status(pieces(9), None).await, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(status(Body::from(vec![b' '; MAX_BYTES + 1]), None).await, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(status(Body::from("{}"), Some("identity")).await, StatusCode::OK);
        assert_eq!(status(Body::from("{}"), Some("gzip")).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_is_not_waited_for() {
        let never = stream::pending::<Result<Vec<u8>, std::io::Error>>();
        assert_eq!(status(Body::from_stream(never), None).await, StatusCode::REQUEST_TIMEOUT);
    }
}
