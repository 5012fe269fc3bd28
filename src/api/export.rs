//! All Items that match, in one answer of bounded memory.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Map, Value};

use super::accept::prefers;
use super::error::ApiError;
use super::items::write;
use super::links::{Base, NDJSON, PARQUET};
use super::sending::held as while_held;
use super::state::App;
use crate::pool::Pass;
use crate::search::{Item, ParamError, Search, SearchError, table};

/// Items that are written in one piece.
const ITEMS_AT_ONCE: usize = 32;

/// A form that all Items that match can be sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Export {
    /// An Item a line.
    Ndjson,
    /// stac-geoparquet.
    Table,
}

impl Export {
    /// The form that `Accept` asks for; `None`: a page of JSON.
    pub(super) fn asked(headers: &HeaderMap) -> Option<Self> {
        if prefers(headers, &[PARQUET, "application/x-parquet"]) {
            return Some(Self::Table);
        }
        prefers(headers, &[NDJSON, "application/ndjson", "application/jsonl"]).then_some(Self::Ndjson)
    }

    /// Streams all Items that match, while memory is `held`; `limit` does not count, and a token would say where to begin what has no pages. An Item
    /// that cannot be read breaks the connection off, so that nobody takes a part for the whole.
    pub(super) async fn answer(
        self,
        app: &App,
        base: &Base,
        search: Search,
        held: Pass,
    ) -> Result<Response, ApiError> {
        if search.token.is_some() {
            let problem = "all Items are sent, without pages; leave it out".to_owned();
            return Err(ParamError::Invalid { name: "token".to_owned(), problem }.into());
        }
        let answer = match self {
            Self::Ndjson => lines(app, base, search),
            Self::Table => rows(app, base, search).await?,
        };
        Ok(while_held(answer, held))
    }
}

fn lines(app: &App, base: &Base, search: Search) -> Response {
    let fields = search.fields.clone();
    let mut writer = base.items_writer(app.settings.asset_hrefs);
    let lines = app.backend.export(search).items().ready_chunks(ITEMS_AT_ONCE).map(move |items| {
        let mut out = Vec::new();
        for item in items {
            let item = item.inspect_err(|error| tracing::error!("an export breaks off: {error}"))?;
            write(&mut out, &mut writer, &item, fields.as_ref());
            out.push(b'\n');
        }
        Ok::<_, SearchError>(Bytes::from(out))
    });
    ([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(lines)).into_response()
}

async fn rows(app: &App, base: &Base, search: Search) -> Result<Response, ApiError> {
    let fields = search.fields.clone();
    let mut writer = base.items_writer(app.settings.asset_hrefs);
    let document = move |item: &Item| {
        let mut text = Vec::new();
        write(&mut text, &mut writer, item, fields.as_ref());
        // What was put together from JSON is JSON.
        let mut document: Value = serde_json::from_slice(&text).unwrap_or_default();
        // Every row has properties, if none of those that `fields` names.
        if let Value::Object(members) = &mut document {
            members.entry("properties").or_insert_with(|| Value::Object(Map::new()));
        }
        document
    };
    let collections = app.backend.collections().await?;
    let bytes = table(app.backend.export(search), collections, document, app.pool.clone()).await?;
    let bytes =
        bytes.map_ok(Bytes::from).inspect_err(|error| tracing::error!("an export breaks off: {error}"));
    Ok(([(header::CONTENT_TYPE, PARQUET)], Body::from_stream(bytes)).into_response())
}
