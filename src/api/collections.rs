//! Collections: all, those that a question chooses, one, and the landing page's children.

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::conditional::Content;
use super::described::CollectionChoice;
use super::error::{ApiError, ErrorBody};
use super::links::{Base, GEOJSON, JSON, QUERYABLES, SCHEMA, link, titled};
use super::params::from_query;
use super::stac::title_of;
use super::state::App;
use crate::search::{About, Collection, CollectionSearch, Token};

/// All Collections, or those that match.
#[utoipa::path(get, path = "/collections", tag = "STAC API",
    params(CollectionChoice),
    responses(
        (status = 200, description = "Collections in the order of their ids, or of sortby", body = Value),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
    ))]
pub(super) async fn collections(
    State(app): State<App>,
    base: Base,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let search = CollectionSearch::read(from_query(query.as_deref())?)?;
    let about = app.backend.about().await?;
    let page = search.page(app.backend.collections().await?);
    let mut links = vec![
        titled("self", JSON, &base.asked("/collections", query.as_deref()), "Collections"),
        titled("root", JSON, &base.root(), title_of(&about)),
        titled("parent", JSON, &base.root(), title_of(&about)),
    ];
    links.extend(
        page.next.as_ref().map(|token| next_link(&base.at("/collections"), query.as_deref(), token, JSON)),
    );
    let shown: Vec<Value> = page
        .collections
        .into_iter()
        .map(|collection| {
            let shown = served(&base, &about, collection);
            match &search.fields {
                Some(fields) => fields.project_collection(shown),
                None => shown,
            }
        })
        .collect();
    Ok(Json(json!({
        "numberMatched": page.matched,
        "numberReturned": shown.len(),
        "collections": shown,
        "links": links,
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
) -> Result<Response, ApiError> {
    let found = app.collection(&id).await?;
    let about = app.backend.about().await?;
    let content = Content::new(&found.tag(), title_of(&about));
    Ok((Extension(content), Json(served(&base, &about, found))).into_response())
}

/// What lies directly below the landing page: all Collections.
#[utoipa::path(get, path = "/children", tag = "STAC API", responses(
    (status = 200, description = "The Collections that the landing page's child links lead to", body = Value),
))]
pub(super) async fn children(State(app): State<App>, base: Base) -> Result<Json<Value>, ApiError> {
    let about = app.backend.about().await?;
    let all = app.backend.collections().await?;
    Ok(Json(json!({
        "children": all.into_iter().map(|c| served(&base, &about, c)).collect::<Vec<_>>(),
        "links": [link("self", JSON, &base.at("/children")), link("root", JSON, &base.root())],
    })))
}

/// The `next` link of a GET request: its own query with another token.
pub(super) fn next_link(path: &str, query: Option<&str>, token: &Token, media_type: &str) -> Value {
    let asked = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let next = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(asked.filter(|(name, _)| name != "token"))
        .append_pair("token", &token.encode())
        .finish();
    json!({"rel": "next", "type": media_type, "method": "GET", "href": format!("{path}?{next}")})
}

/// A Collection with the links around it.
pub(super) fn served(base: &Base, about: &About, collection: Collection) -> Value {
    let root = title_of(about);
    let address = base.collection(&collection.id);
    let own = [
        titled("self", JSON, &address, collection.title()),
        titled("root", JSON, &base.root(), root),
        titled("parent", JSON, &base.root(), root),
        titled("items", GEOJSON, &base.items(&collection.id), "Items"),
        titled(QUERYABLES, SCHEMA, &format!("{address}/queryables"), "Queryables"),
        titled("aggregate", JSON, &format!("{address}/aggregate"), "Count Items"),
        titled("aggregations", JSON, &format!("{address}/aggregations"), "Aggregations"),
    ];
    let mut document = collection.document;
    match document.get_mut("links").and_then(Value::as_array_mut) {
        Some(links) => links.extend(own),
        None => document["links"] = own.to_vec().into(),
    }
    document
}
