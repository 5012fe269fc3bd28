//! All Items that match, in one answer of bounded memory.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;

use super::accept::prefers;
use super::error::ApiError;
use super::items::write;
use super::links::{Base, NDJSON};
use super::state::App;
use crate::search::{ParamError, Search};

/// Items that are written in one piece.
const ITEMS_AT_ONCE: usize = 32;

/// A form that all Items that match can be sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Export {
    /// An Item a line.
    Ndjson,
}

impl Export {
    /// The form that `Accept` asks for; `None`: a page of JSON.
    pub(super) fn asked(headers: &HeaderMap) -> Option<Self> {
        prefers(headers, &[NDJSON, "application/ndjson", "application/jsonl"]).then_some(Self::Ndjson)
    }

    /// Streams all Items that match; `limit` does not count, and a token would say where to begin what has no pages. An Item
    /// that cannot be read breaks the connection off, so that nobody takes a part for the whole.
    pub(super) fn answer(self, app: &App, base: &Base, search: Search) -> Result<Response, ApiError> {
        if search.token.is_some() {
            let problem = "all Items are sent, without pages; leave it out".to_owned();
            return Err(ParamError::Invalid { name: "token".to_owned(), problem }.into());
        }
        let Self::Ndjson = self;
        let fields = search.fields.clone();
        let mut writer = base.items_writer(app.settings.asset_hrefs);
        let lines = app.backend.export(search).ready_chunks(ITEMS_AT_ONCE).map(move |items| {
            let mut out = Vec::new();
            for item in items {
                let item = item.inspect_err(|error| tracing::error!("an export breaks off: {error}"))?;
                write(&mut out, &mut writer, &item, fields.as_ref());
                out.push(b'\n');
            }
            Ok::<_, crate::search::SearchError>(Bytes::from(out))
        });
        Ok(([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(lines)).into_response())
    }
}
