//! Items: search, the Items of a Collection, one Item.

use axum::extract::{Path, RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::described::{AnyCollections, Paging, Selection};
use super::error::{ApiError, ErrorBody};
use super::links::{Base, GEOJSON, JSON, link};
use super::params::{WholeBody, from_query};
use super::state::App;
use crate::search::{Page, Params, Search};

/// Search Items.
#[utoipa::path(get, path = "/search", tag = "STAC API",
    params(AnyCollections, Selection, Paging),
    responses(
        (status = 200, description = "A page of Items, newest first", body = Value, content_type = "application/geo+json"),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
    ))]
pub(super) async fn search_get(
    State(app): State<App>,
    base: Base,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let search = Search::read(from_query(query.as_deref())?)?;
    let page = app.backend.page(&search).await?;
    let links = next_by_query(&page, &base.at("/search"), query.as_deref());
    Ok(answer(&app, &base, &page, &base.at("/search"), links))
}

/// Search Items.
#[utoipa::path(post, path = "/search", tag = "STAC API",
    request_body(content = Value, description = "The parameters of the GET form; lists are arrays", content_type = "application/json",
        example = json!({"collections": ["sentinel-2-l2a"], "max_cloud_cover": 20, "limit": 5})),
    responses(
        (status = 200, description = "A page of Items, newest first", body = Value, content_type = "application/geo+json"),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
    ))]
pub(super) async fn search_post(
    State(app): State<App>,
    base: Base,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    let search = Search::read(Params::from_body(&body)?)?;
    let page = app.backend.page(&search).await?;
    let href = base.at("/search");
    let links = page.next.as_ref().map(|token| {
        let mut next: Value = serde_json::from_slice(&body).unwrap_or_default();
        next["token"] = token.encode().into();
        json!({"rel": "next", "type": GEOJSON, "href": href, "method": "POST", "body": next, "merge": false})
    });
    Ok(answer(&app, &base, &page, &href, links.into_iter().collect()))
}

/// The Items of a Collection.
#[utoipa::path(get, path = "/collections/{collection}/items", tag = "STAC API",
    params(
        ("collection" = String, Path, description = "Id of the Collection"),
        Selection,
        Paging,
    ),
    responses(
        (status = 200, description = "A page of Items, newest first", body = Value, content_type = "application/geo+json"),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 404, description = "No such Collection", body = ErrorBody),
    ))]
pub(super) async fn items(
    State(app): State<App>,
    base: Base,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    if app.backend.collection(&id).await?.is_none() {
        return Err(ApiError::no_collection(&id));
    }
    let mut params = from_query(query.as_deref())?;
    params.refuse("collections", "the path names the Collection; search several with /search")?;
    params.set("collections", json!([id]));
    let page = app.backend.page(&Search::read(params)?).await?;
    let own = base.items(&id);
    let mut links = next_by_query(&page, &own, query.as_deref());
    links.push(link("collection", JSON, &base.collection(&id)));
    links.push(link("parent", JSON, &base.collection(&id)));
    let shown = match query.as_deref() {
        Some(query) if !query.is_empty() => format!("{own}?{query}"),
        _ => own,
    };
    Ok(answer(&app, &base, &page, &shown, links))
}

/// One Item.
#[utoipa::path(get, path = "/collections/{collection}/items/{item}", tag = "STAC API",
    params(
        ("collection" = String, Path, description = "Id of the Collection"),
        ("item" = String, Path, description = "Id of the Item"),
    ),
    responses(
        (status = 200, description = "The Item", body = Value, content_type = "application/geo+json"),
        (status = 404, description = "No such Item", body = ErrorBody),
    ))]
pub(super) async fn item(
    State(app): State<App>,
    base: Base,
    Path((collection, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let found = app.backend.item(&collection, &id).await?.ok_or_else(|| {
        ApiError::not_found(format!("there is no Item '{id}' in a Collection '{collection}'"))
    })?;
    let mut out = Vec::new();
    base.write_item(&mut out, &found, app.settings.asset_hrefs);
    Ok(([(header::CONTENT_TYPE, GEOJSON)], out).into_response())
}

/// The `next` link of a GET request: its own query with another token.
fn next_by_query(page: &Page, path: &str, query: Option<&str>) -> Vec<Value> {
    let Some(token) = &page.next else { return Vec::new() };
    let asked = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let next = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(asked.filter(|(name, _)| name != "token"))
        .append_pair("token", &token.encode())
        .finish();
    vec![json!({"rel": "next", "type": GEOJSON, "method": "GET", "href": format!("{path}?{next}")})]
}

/// Splices the Items of a page into an ItemCollection.
fn answer(app: &App, base: &Base, page: &Page, own: &str, mut links: Vec<Value>) -> Response {
    links.push(link("self", GEOJSON, own));
    links.push(link("root", JSON, &base.root()));
    let head = format!(
        r#"{{"type":"FeatureCollection","numberMatched":{},"numberReturned":{},"features":["#,
        page.matched,
        page.items.len()
    );
    let mut out = head.into_bytes();
    for (index, item) in page.items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        base.write_item(&mut out, item, app.settings.asset_hrefs);
    }
    out.extend_from_slice(b"],\"links\":");
    out.extend_from_slice(Value::from(links).to_string().as_bytes());
    out.push(b'}');
    ([(header::CONTENT_TYPE, GEOJSON)], out).into_response()
}
