//! What writing needs of the server, and what a write is answered with.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api::conditional::etag;
use crate::api::error::ApiError;
use crate::api::links::Base;
use crate::api::state::App;
use crate::tree::{ChangeError, Condition, Writer};

/// Attempts of a PATCH, each on the document that another was faster with.
const ATTEMPTS: usize = 50;

/// Warnings that an answer tells.
const WARNINGS_TOLD: usize = 5;

/// Characters of one of them.
const WARNING_CHARACTERS: usize = 300;

/// Tells what is odd about what was written.
const WARNING: HeaderName = HeaderName::from_static("cairn-warning");

/// What writing needs: the trees' writer.
#[derive(Debug)]
pub struct Writing {
    writer: Option<Writer>,
}

impl Writing {
    /// Writes with `writer`; none when the catalogue is no tree.
    #[must_use]
    pub fn new(writer: Option<Writer>) -> Self {
        Self { writer }
    }

    /// True when the catalogue can be written at all.
    pub(in crate::api) fn is_possible(&self) -> bool {
        self.writer.is_some()
    }

    pub(super) fn writer(&self) -> Result<&Writer, ApiError> {
        self.writer.as_ref().ok_or_else(|| {
            let description = "this catalogue is read from files that are no static tree, which is all that can be \
                               written: serve a catalog.json or collection.json";
            ApiError::new(StatusCode::FORBIDDEN, "Forbidden", description)
        })
    }
}

/// The answer to what made something: 201 with its address and its document as GET shows it.
pub(super) fn created(
    app: &App,
    base: &Base,
    address: &str,
    tag: &str,
    beside: &str,
    (media, document): (&'static str, Vec<u8>),
    warnings: &[String],
) -> Response {
    let mut response = (StatusCode::CREATED, [(header::CONTENT_TYPE, media)], document).into_response();
    if let Ok(address) = HeaderValue::try_from(address) {
        response.headers_mut().insert(header::LOCATION, address);
    }
    tagged(response, app, base, tag, beside, warnings)
}

/// The answer to what replaced or changed something: 204.
pub(super) fn replaced(app: &App, base: &Base, tag: &str, beside: &str, warnings: &[String]) -> Response {
    tagged(StatusCode::NO_CONTENT.into_response(), app, base, tag, beside, warnings)
}

fn tagged(
    mut response: Response,
    app: &App,
    base: &Base,
    tag: &str,
    beside: &str,
    warnings: &[String],
) -> Response {
    response
        .headers_mut()
        .extend(etag(app, base, &HeaderMap::new(), tag, beside).map(|etag| (header::ETAG, etag)));
    warned(response, warnings)
}

/// The answer with the first few warnings.
pub(super) fn warned(mut response: Response, warnings: &[String]) -> Response {
    for warning in warnings.iter().take(WARNINGS_TOLD) {
        // A header has no other characters.
        let shown = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
        let text: String = warning.chars().map(shown).take(WARNING_CHARACTERS).collect();
        if let Ok(value) = HeaderValue::try_from(text) {
            response.headers_mut().append(WARNING, value);
        }
    }
    response
}

/// Applies a PATCH to what there is at the moment, until nobody was faster with another change of it.
pub(super) async fn until_first<F>(what: String, mut attempt: impl FnMut() -> F) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    for _ in 0..ATTEMPTS {
        match attempt().await {
            Err(error) if error.was_overtaken() => {}
            ended => return ended,
        }
    }
    Err(ChangeError::Conflict { what }.into())
}

/// `None` where nothing is there; `Absent` is refused before.
pub(super) fn if_there<T>(read: Result<T, ChangeError>) -> Result<Option<T>, ApiError> {
    match read {
        Ok(stored) => Ok(Some(stored)),
        Err(ChangeError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What has to hold when something is deleted that was in the state `current`.
pub(super) fn still(current: Option<&str>) -> Condition {
    current.map_or(Condition::None, |tag| Condition::Matches(vec![tag.to_owned()]))
}
