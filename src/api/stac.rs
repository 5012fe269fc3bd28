//! Landing page and conformance.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::accept::prefers_html;
use super::error::ApiError;
use super::links::{Base, GEOJSON, HTML, JSON, OPENAPI, QUERYABLES, SCHEMA, titled};
use super::page;
use super::shield::OwnPage;
use super::state::App;
use super::transactions;
use crate::search::{About, Collection};

/// What the server holds to. A class is named once all of it holds, also by the names of earlier drafts, which clients
/// still look for.
const CONFORMANCE: &[&str] = &[
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/ogcapi-features#fields",
    "https://api.stacspec.org/v1.0.0/ogcapi-features#query",
    "https://api.stacspec.org/v1.0.0/ogcapi-features#sort",
    "https://api.stacspec.org/v1.1.0/ogcapi-features#sort",
    "https://api.stacspec.org/v1.0.0-rc.1/ogcapi-features#free-text",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/item-search#fields",
    "https://api.stacspec.org/v1.0.0/item-search#query",
    "https://api.stacspec.org/v1.0.0/item-search#filter",
    "https://api.stacspec.org/v1.0.0/item-search#sort",
    "https://api.stacspec.org/v1.1.0/item-search#sort",
    "https://api.stacspec.org/v1.0.0-rc.1/item-search#free-text",
    "https://api.stacspec.org/v1.0.0-rc.1/collection-search",
    "https://api.stacspec.org/v1.0.0-rc.1/collection-search#fields",
    "https://api.stacspec.org/v1.0.0-rc.1/collection-search#filter",
    "https://api.stacspec.org/v1.0.0-rc.1/collection-search#free-text",
    "https://api.stacspec.org/v1.0.0-rc.1/collection-search#query",
    "https://api.stacspec.org/v1.0.0-rc.1/collection-search#sort",
    "https://api.stacspec.org/v1.1.0/collection-search#sort",
    "https://api.stacspec.org/v0.3.0/aggregation",
    "https://api.stacspec.org/v0.3.0/aggregation#query",
    "https://api.stacspec.org/v0.3.0/aggregation#filter",
    "https://api.stacspec.org/v1.0.0-rc.2/children",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/simple-query",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/array-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/array-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/arithmetic",
    "http://www.opengis.net/spec/cql2/1.0/conf/property-property",
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
    let response = if prefers_html(&headers) {
        let page = page::landing(&base, &about, &collections).into_string();
        (Extension(OwnPage), [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
    } else {
        Json(landing_document(&app, &base, &about, &collections)).into_response()
    };
    Ok(response)
}

fn landing_document(app: &App, base: &Base, about: &About, collections: &[Collection]) -> Value {
    let root = base.root();
    let search = base.at("/search");
    let aggregate = base.at("/aggregate");
    let title = title_of(about);
    let mut links = vec![
        titled("self", JSON, &root, title),
        titled("root", JSON, &root, title),
        titled("data", JSON, &base.at("/collections"), "Collections"),
        titled("conformance", JSON, &base.at("/conformance"), "Conformance classes"),
        titled("service-desc", OPENAPI, &base.at("/api"), "OpenAPI document"),
        titled("service-doc", HTML, &base.at("/api.html"), "API documentation"),
        by_method("GET", titled("search", GEOJSON, &search, "Search Items")),
        by_method("POST", titled("search", GEOJSON, &search, "Search Items by POST")),
        titled(QUERYABLES, SCHEMA, &base.at("/queryables"), "Queryables"),
        titled("aggregations", JSON, &base.at("/aggregations"), "Aggregations"),
        by_method("GET", titled("aggregate", JSON, &aggregate, "Count Items")),
        by_method("POST", titled("aggregate", JSON, &aggregate, "Count Items by POST")),
        titled("children", JSON, &base.at("/children"), "Collections as children"),
    ];
    for collection in collections {
        links.push(titled("child", JSON, &base.collection(&collection.id), collection.title()));
    }
    json!({
        "type": "Catalog",
        "stac_version": "1.0.0",
        "id": "cairn",
        "title": title,
        "description": about.description.as_deref().unwrap_or("A STAC catalogue served by Cairn"),
        "conformsTo": conforms_to(app),
        "links": links,
    })
}

/// What the catalogue as a whole is called.
pub(super) fn title_of(about: &About) -> &str {
    about.title.as_deref().unwrap_or("Cairn")
}

fn by_method(method: &str, mut link: Value) -> Value {
    link["method"] = method.into();
    link
}

/// What the server conforms to.
#[utoipa::path(get, path = "/conformance", tag = "STAC API", responses(
    (status = 200, description = "The conformance classes", body = Value),
))]
pub(super) async fn conformance(State(app): State<App>) -> Json<Value> {
    Json(json!({ "conformsTo": conforms_to(&app) }))
}

/// The classes that hold; those of writes only where a client can write.
fn conforms_to(app: &App) -> Vec<&'static str> {
    let of_writes = if app.takes_writes() { transactions::CONFORMANCE } else { &[] };
    [CONFORMANCE, of_writes].concat()
}
