//! All Items that match, in one answer of bounded memory.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Map, Value};

use super::accept::prefers;
use super::error::ApiError;
use super::hrefs::Hrefs;
use super::items::write;
use super::links::{Base, NDJSON, PARQUET};
use super::sending::held as while_held;
use super::state::{App, AssetHrefs};
use crate::pool::Pass;
use crate::search::{Item, ParamError, Search, table};

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

    /// Streams all Items that match, while memory is `held`; `limit` does not count, and a token would say where to begin what
    /// has no pages. An Item that cannot be read breaks the connection off, so that nobody takes a part for the whole.
    ///
    /// Lines are signed where that is asked for; a table is kept for longer than signatures last, and has none.
    pub(super) async fn answer(
        self,
        app: &App,
        base: &Base,
        search: Search,
        sign: bool,
        held: Pass,
    ) -> Result<Response, ApiError> {
        if search.token.is_some() {
            let problem = "all Items are sent, without pages; leave it out".to_owned();
            return Err(ParamError::Invalid { name: "token".to_owned(), problem }.into());
        }
        let answer = match self {
            Self::Ndjson => lines(app, base, search, sign),
            Self::Table if sign => {
                let problem = "a table outlives its signatures; sign what you read of it".to_owned();
                return Err(ParamError::Invalid { name: "sign".to_owned(), problem }.into());
            }
            Self::Table => rows(app, base, search).await?,
        };
        Ok(while_held(answer, held))
    }
}

fn lines(app: &App, base: &Base, search: Search, sign: bool) -> Response {
    let fields = search.fields.clone();
    let chunks = app.backend.export(search).items().ready_chunks(ITEMS_AT_ONCE);
    let is_signed = sign || app.settings.asset_hrefs == AssetHrefs::Signed;
    let (app, base) = (app.clone(), base.clone());
    let lines = chunks.then(move |items| {
        let (app, base, fields) = (app.clone(), base.clone(), fields.clone());
        async move {
            let text = async {
                let items: Vec<Item> = items.into_iter().collect::<Result<_, _>>()?;
                let hrefs = Hrefs::of(&app, sign, &items).await?;
                let (is_signed, mut writer) = (hrefs.are_signed(), base.items_writer(hrefs));
                let write = move || {
                    let mut out = Vec::new();
                    for item in items {
                        write(&mut out, &mut writer, &item, fields.as_ref());
                        out.push(b'\n');
                    }
                    Bytes::from(out)
                };
                Ok::<_, ApiError>(if is_signed { app.pool.run(write).await } else { write() })
            };
            text.await.map_err(|error| {
                tracing::error!("an export breaks off: {error}");
                std::io::Error::other("an Item cannot be given")
            })
        }
    });
    let mut response = ([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(lines)).into_response();
    if is_signed {
        let unkept = HeaderValue::from_static("private, no-store");
        response.headers_mut().insert(header::CACHE_CONTROL, unkept);
    }
    response
}

async fn rows(app: &App, base: &Base, search: Search) -> Result<Response, ApiError> {
    let fields = search.fields.clone();
    let mut writer = base.items_writer(Hrefs::unsigned(app.settings.asset_hrefs));
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
