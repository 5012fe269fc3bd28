//! Landing page, conformance and Collections.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::accept::prefers_html;
use super::error::{ApiError, ErrorBody};
use super::links::{Base, GEOJSON, HTML, JSON, OPENAPI, link};
use super::page;
use super::params::from_query;
use super::state::App;
use crate::search::{About, Collection};

/// What the server holds to. A class is named once all of it holds.
pub(super) const CONFORMANCE: [&str; 7] = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/item-search",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
];

/// The landing page: where everything is. HTML where `Accept` prefers it.
#[utoipa::path(get, path = "/", tag = "STAC API", responses(
    (status = 200, description = "A STAC Catalog with links to all else", body = Value, content_type = "application/json"),
))]
pub(super) async fn landing(
    State(app): State<App>,
    base: Base,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let about = app.backend.about().await?;
    let collections = app.backend.collections().await?;
    let mut response = if prefers_html(&headers) {
        let page = page::landing(&base, &about, &collections).into_string();
        ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
    } else {
        Json(landing_document(&base, &about, &collections)).into_response()
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

fn landing_document(base: &Base, about: &About, collections: &[Collection]) -> Value {
    let root = base.root();
    let search = base.at("/search");
    let mut links = vec![
        link("self", JSON, &root),
        link("root", JSON, &root),
        link("data", JSON, &base.at("/collections")),
        link("conformance", JSON, &base.at("/conformance")),
        link("service-desc", OPENAPI, &base.at("/api")),
        link("service-doc", HTML, &base.at("/api.html")),
        json!({"rel": "search", "type": GEOJSON, "href": search, "method": "GET", "title": "Search Items"}),
        json!({"rel": "search", "type": GEOJSON, "href": search, "method": "POST", "title": "Search Items"}),
    ];
    for collection in collections {
        let mut child = link("child", JSON, &base.collection(&collection.id));
        if let Some(title) = collection.document.get("title").and_then(Value::as_str) {
            child["title"] = title.into();
        }
        links.push(child);
    }
    json!({
        "type": "Catalog",
        "stac_version": "1.0.0",
        "id": "cairn",
        "title": about.title.as_deref().unwrap_or("Cairn"),
        "description": about.description.as_deref().unwrap_or("A STAC catalogue served by Cairn"),
        "conformsTo": CONFORMANCE,
        "links": links,
    })
}

/// What the server conforms to.
#[utoipa::path(get, path = "/conformance", tag = "STAC API", responses(
    (status = 200, description = "The conformance classes", body = Value),
))]
pub(super) async fn conformance() -> Json<Value> {
    Json(json!({ "conformsTo": CONFORMANCE }))
}

/// All Collections.
#[utoipa::path(get, path = "/collections", tag = "STAC API", responses(
    (status = 200, description = "All Collections, in load order", body = Value),
    (status = 400, description = "An unknown parameter", body = ErrorBody),
))]
pub(super) async fn collections(
    State(app): State<App>,
    base: Base,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    from_query(query.as_deref())?.finish(&[])?;
    let all = app.backend.collections().await?;
    let shown: Vec<Value> = all.into_iter().map(|c| served(&base, c)).collect();
    Ok(Json(json!({
        "numberMatched": shown.len(),
        "numberReturned": shown.len(),
        "collections": shown,
        "links": [link("self", JSON, &base.at("/collections")), link("root", JSON, &base.root())],
    })))
}

/// One Collection.
#[utoipa::path(get, path = "/collections/{collection}", tag = "STAC API",
    params(("collection" = String, Path, description = "Id of the Collection")),
    responses(
        (status = 200, description = "The Collection", body = Value),
        (status = 404, description = "No such Collection", body = ErrorBody),
    ))]
pub(super) async fn collection(
    State(app): State<App>,
    base: Base,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let found = app.backend.collection(&id).await?.ok_or_else(|| ApiError::no_collection(&id))?;
    Ok(Json(served(&base, found)))
}

fn served(base: &Base, collection: Collection) -> Value {
    let mut document = collection.document;
    let own = [
        link("self", JSON, &base.collection(&collection.id)),
        link("root", JSON, &base.root()),
        link("parent", JSON, &base.root()),
        link("items", GEOJSON, &base.items(&collection.id)),
    ];
    match document.get_mut("links").and_then(Value::as_array_mut) {
        Some(links) => links.extend(own),
        None => document["links"] = own.to_vec().into(),
    }
    document
}
