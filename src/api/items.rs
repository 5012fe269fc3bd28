//! Items: search, the Items of a Collection, one Item.

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::collections::next_link;
use super::conditional::Content;
use super::described::{AnyCollections, Paging, Place, Selection, Signature};
use super::error::{ApiError, ErrorBody};
use super::export::Export;
use super::hrefs::Hrefs;
use super::links::{Base, GEOJSON, ItemWriter, JSON, link};
use super::params::{WholeBody, from_query, take_sign};
use super::sending::whole;
use super::state::App;
use crate::pool::{Client, Pass};
use crate::search::{Fields, Item, MAX_PAGE_BYTES, Page, Params, Search, Token};

/// Search Items.
#[utoipa::path(get, path = "/search", tag = "STAC API",
    params(AnyCollections, Selection, Place, Paging, Signature),
    responses(
        (status = 200, description = "A page of Items, newest first unless sortby says otherwise; all Items, without pages, for Accept: application/x-ndjson (one a line) and application/vnd.apache.parquet (stac-geoparquet)",
            content((Value = "application/geo+json"), (String = "application/x-ndjson"), (Vec<u8> = "application/vnd.apache.parquet"))),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 429, description = "Too many requests of this client wait already: ask again after `Retry-After`", body = ErrorBody),
        (status = 503, description = "Too many requests wait already: ask again after `Retry-After`", body = ErrorBody),
        (status = 406, description = "An Item has no place in a table", body = ErrorBody),
    ))]
pub(super) async fn search_get(
    State(app): State<App>,
    client: Client,
    base: Base,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let mut params = from_query(query.as_deref())?;
    let sign = take_sign(&mut params)?;
    let search = Search::read(params)?;
    let held = app.gates.searches.enter(client, memory(&search)).await?;
    if let Some(export) = Export::asked(&headers) {
        return export.answer(&app, &base, search, sign, held).await;
    }
    let page = app.backend.page(&search).await?;
    let own = base.asked("/search", query.as_deref());
    let next =
        page.next.as_ref().map(|token| next_link(&base.at("/search"), query.as_deref(), token, GEOJSON));
    answer(&app, base, search, page, (&own, next.into_iter().collect()), sign, held).await
}

/// Search Items.
#[utoipa::path(post, path = "/search", tag = "STAC API",
    request_body(content = Value, description = "The parameters of the GET form; lists are arrays", content_type = "application/json",
        example = json!({"collections": ["sentinel-2-l2a"], "max_cloud_cover": 20, "limit": 5})),
    responses(
        (status = 200, description = "A page of Items, newest first unless sortby says otherwise; all Items, without pages, for Accept: application/x-ndjson (one a line) and application/vnd.apache.parquet (stac-geoparquet)",
            content((Value = "application/geo+json"), (String = "application/x-ndjson"), (Vec<u8> = "application/vnd.apache.parquet"))),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 429, description = "Too many requests of this client wait already: ask again after `Retry-After`", body = ErrorBody),
        (status = 503, description = "Too many requests wait already: ask again after `Retry-After`", body = ErrorBody),
        (status = 406, description = "An Item has no place in a table", body = ErrorBody),
    ))]
pub(super) async fn search_post(
    State(app): State<App>,
    client: Client,
    base: Base,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    let read = |body: &[u8]| -> Result<_, ApiError> {
        let mut params = Params::from_body(body)?;
        let sign = take_sign(&mut params)?;
        Ok((Search::read(params)?, sign))
    };
    let (search, sign) = app.understand(body.clone(), read).await?;
    let held = app.gates.searches.enter(client, memory(&search)).await?;
    if let Some(export) = Export::asked(&headers) {
        return export.answer(&app, &base, search, sign, held).await;
    }
    let page = app.backend.page(&search).await?;
    let href = base.at("/search");
    let mut links = Vec::new();
    if let Some(token) = page.next.as_ref().map(Token::encode) {
        let with_token = |body: &[u8]| {
            let mut next: Value = serde_json::from_slice(body).unwrap_or_default();
            next["token"] = token.into();
            next
        };
        let next = app.understand(body, with_token).await;
        links.push(json!({"rel": "next", "type": GEOJSON, "href": href, "method": "POST", "body": next, "merge": false}));
    }
    answer(&app, base, search, page, (&href, links), sign, held).await
}

/// The Items of a Collection.
#[utoipa::path(get, path = "/collections/{collection}/items", tag = "STAC API",
    params(
        ("collection" = String, Path, description = "Id of the Collection"),
        Selection,
        Place,
        Paging,
        Signature,
    ),
    responses(
        (status = 200, description = "A page of Items, newest first unless sortby says otherwise; all Items, without pages, for Accept: application/x-ndjson (one a line) and application/vnd.apache.parquet (stac-geoparquet)",
            content((Value = "application/geo+json"), (String = "application/x-ndjson"), (Vec<u8> = "application/vnd.apache.parquet"))),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 429, description = "Too many requests of this client wait already: ask again after `Retry-After`", body = ErrorBody),
        (status = 503, description = "Too many requests wait already: ask again after `Retry-After`", body = ErrorBody),
        (status = 404, description = "No such Collection", body = ErrorBody),
        (status = 406, description = "An Item has no place in a table", body = ErrorBody),
    ))]
pub(super) async fn items(
    State(app): State<App>,
    client: Client,
    base: Base,
    headers: HeaderMap,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    app.collection(&id).await?;
    let mut params = from_query(query.as_deref())?;
    params.refuse("collections", "the path names the Collection; search several with /search")?;
    params.set("collections", json!([id]));
    let sign = take_sign(&mut params)?;
    let search = Search::read(params)?;
    let held = app.gates.searches.enter(client, memory(&search)).await?;
    if let Some(export) = Export::asked(&headers) {
        return export.answer(&app, &base, search, sign, held).await;
    }
    let page = app.backend.page(&search).await?;
    let path = base.items(&id);
    let mut links =
        vec![link("collection", JSON, &base.collection(&id)), link("parent", JSON, &base.collection(&id))];
    links.extend(page.next.as_ref().map(|token| next_link(&path, query.as_deref(), token, GEOJSON)));
    let own = match query.as_deref() {
        Some(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path,
    };
    answer(&app, base, search, page, (&own, links), sign, held).await
}

/// One Item.
#[utoipa::path(get, path = "/collections/{collection}/items/{item}", tag = "STAC API",
    params(
        ("collection" = String, Path, description = "Id of the Collection"),
        ("item" = String, Path, description = "Id of the Item"),
        Signature,
    ),
    responses(
        (status = 200, description = "The Item", body = Value, content_type = "application/geo+json"),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 404, description = "No such Item", body = ErrorBody),
    ))]
pub(super) async fn item(
    State(app): State<App>,
    base: Base,
    Path((collection, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let sign = take_sign(&mut from_query(query.as_deref())?)?;
    let found = app.backend.item(&collection, &id).await?.ok_or_else(|| {
        ApiError::not_found(format!("there is no Item '{id}' in a Collection '{collection}'"))
    })?;
    let hrefs = Hrefs::of(&app, sign, std::slice::from_ref(&found)).await?;
    let content = Content::new(&found.body.tag(), "");
    let mut writer = base.items_writer(hrefs.clone());
    let mut write = move || {
        let mut out = Vec::new();
        writer.write(&mut out, &found);
        out
    };
    // Signatures are made off the runtime's threads.
    let out = if hrefs.are_signed() { app.pool.search(write).await } else { write() };
    let mut response = ([(header::CONTENT_TYPE, GEOJSON)], out).into_response();
    if !hrefs.mark(&mut response) {
        response.extensions_mut().insert(content);
    }
    Ok(response)
}

/// A document of an Item as it is reckoned before it is known, in bytes.
const ITEM_BYTES: usize = 16 << 10;

/// Items that are written without handing the work to the pool, and those that are parsed: well below a millisecond.
const INLINE_ITEMS: usize = 200;
const INLINE_PARSED: usize = 10;

/// A smaller answer is in the hands of the system as soon as it is made, and needs no memory of ours, in bytes.
const SMALL_BYTES: usize = 256 << 10;

/// The memory that a page takes, in bytes: its documents, and its text.
fn memory(search: &Search) -> u64 {
    2 * search.limit.saturating_mul(ITEM_BYTES).min(MAX_PAGE_BYTES) as u64
}

/// An ItemCollection, made on the pool where that takes long; memory is `held` until it is sent.
async fn answer(
    app: &App,
    base: Base,
    search: Search,
    page: Page,
    (own, mut links): (&str, Vec<Value>),
    sign: bool,
    held: Pass,
) -> Result<Response, ApiError> {
    links.push(link("self", GEOJSON, own));
    links.push(link("root", JSON, &base.root()));
    let inline = if search.fields.is_some() { INLINE_PARSED } else { INLINE_ITEMS };
    let hrefs = Hrefs::of(app, sign, &page.items).await?;
    let is_short = page.items.len() <= inline && !hrefs.are_signed();
    let writer = base.items_writer(hrefs.clone());
    let splice = move || spliced(writer, &page, search.fields.as_ref(), links);
    let out = if is_short { splice() } else { app.pool.search(splice).await };
    let length = out.len();
    let body = if length <= SMALL_BYTES { out.into() } else { whole(vec![out.into()], held) };
    let mut response = ([(header::CONTENT_TYPE, GEOJSON)], body).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    hrefs.mark(&mut response);
    Ok(response)
}

/// Splices the Items of a page into an ItemCollection.
fn spliced(mut writer: ItemWriter, page: &Page, fields: Option<&Fields>, links: Vec<Value>) -> Vec<u8> {
    let head = format!(
        r#"{{"type":"FeatureCollection","numberMatched":{},"numberReturned":{},"features":["#,
        page.matched,
        page.items.len()
    );
    let mut out = head.into_bytes();
    if fields.is_none() {
        // The text need not be moved while it grows.
        let texts: usize = page.items.iter().map(|item| item.body.open_json().len() + SLACK_BYTES).sum();
        out.reserve(texts + SLACK_BYTES);
    }
    for (index, item) in page.items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(&mut out, &mut writer, item, fields);
    }
    out.extend_from_slice(b"],\"links\":");
    out.extend_from_slice(Value::from(links).to_string().as_bytes());
    out.push(b'}');
    out
}

/// Room for the links of an Item, and for those of the page.
const SLACK_BYTES: usize = 1024;

/// Appends one Item, spliced from its own text, or parsed where only some of its fields are asked for.
pub(super) fn write(out: &mut Vec<u8>, writer: &mut ItemWriter, item: &Item, fields: Option<&Fields>) {
    let start = out.len();
    writer.write(out, item);
    if let Some(fields) = fields
        // What was put together from JSON is JSON.
        && let Ok(whole) = serde_json::from_slice(&out[start..])
    {
        out.truncate(start);
        out.extend_from_slice(fields.project_item(whole).to_string().as_bytes());
    }
}
