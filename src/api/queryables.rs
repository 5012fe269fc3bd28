//! What Items can be asked for, as JSON Schema.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::error::{ApiError, ErrorBody};
use super::links::{Base, SCHEMA};
use super::state::App;
use crate::search::{Kind, Queryable};

/// The properties that Items of all Collections can be asked for.
#[utoipa::path(get, path = "/queryables", tag = "STAC API", responses(
    (status = 200, description = "A JSON Schema of the properties that Items hold", body = Value, content_type = "application/schema+json"),
))]
pub(super) async fn queryables(State(app): State<App>, base: Base) -> Result<Response, ApiError> {
    let ids = app.backend.collections().await?.into_iter().map(|c| c.id).collect::<Vec<_>>();
    let found = app.backend.queryables(None).await?;
    Ok(answer(&base.at("/queryables"), "Queryables of all Collections", &ids, found))
}

/// The properties that Items of one Collection can be asked for.
#[utoipa::path(get, path = "/collections/{collection}/queryables", tag = "STAC API",
    params(("collection" = String, Path, description = "Id of the Collection")),
    responses(
        (status = 200, description = "A JSON Schema of the properties that its Items hold", body = Value, content_type = "application/schema+json"),
        (status = 404, description = "No such Collection", body = ErrorBody),
    ))]
pub(super) async fn of_collection(
    State(app): State<App>,
    base: Base,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    app.collection(&id).await?;
    let found = app.backend.queryables(Some(&id)).await?;
    let title = format!("Queryables of {id}");
    Ok(answer(&format!("{}/queryables", base.collection(&id)), &title, &[id], found))
}

fn answer(own: &str, title: &str, collections: &[String], found: Vec<Queryable>) -> Response {
    let mut properties = Map::new();
    for (name, schema) in [
        ("id", json!({"title": "Id", "description": "Id of the Item", "type": "string"})),
        (
            "collection",
            json!({"title": "Collection", "description": "Id of its Collection", "type": "string", "enum": collections}),
        ),
        ("geometry", json!({"title": "Geometry", "description": "Where it lies", "format": "geometry-any"})),
        (
            "datetime",
            json!({"title": "Time", "description": "Its time", "type": "string", "format": "date-time"}),
        ),
    ] {
        properties.insert(name.to_owned(), schema);
    }
    for queryable in found {
        properties.entry(queryable.name.clone()).or_insert_with(|| schema(&queryable));
    }
    let document = json!({
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "$id": own,
        "type": "object",
        "title": title,
        "properties": properties,
        "additionalProperties": true,
    });
    ([(header::CONTENT_TYPE, SCHEMA)], document.to_string()).into_response()
}

fn schema(queryable: &Queryable) -> Value {
    // No title: clients make better ones of the names than the names themselves.
    let mut schema = json!({});
    let kind = match queryable.kind {
        Kind::Text | Kind::Instant => Some("string"),
        Kind::Integer => Some("integer"),
        Kind::Number => Some("number"),
        Kind::Flag => Some("boolean"),
        Kind::List => Some("array"),
        Kind::Object => Some("object"),
        Kind::Mixed => None,
    };
    if let Some(kind) = kind {
        schema["type"] = kind.into();
    }
    if queryable.kind == Kind::Instant {
        schema["format"] = "date-time".into();
    }
    if !queryable.texts.is_empty() {
        schema["enum"] = queryable.texts.clone().into();
    }
    if let Some((low, high)) = queryable.bounds {
        schema["minimum"] = low.into();
        schema["maximum"] = high.into();
    }
    schema
}
