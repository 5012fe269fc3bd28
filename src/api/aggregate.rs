//! Items counted: STAC's aggregation extension.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Value, json};

use super::described::{AnyCollections, Counting, Place, Selection};
use super::error::{ApiError, ErrorBody};
use super::links::{Base, JSON, link};
use super::params::{WholeBody, from_query};
use super::state::App;
use crate::pool::Client;
use crate::search::{Aggregated, Aggregation, Aggregations, Bucket, Outcome, Params, Search};

/// What can be counted.
#[utoipa::path(get, path = "/aggregations", tag = "STAC API", responses(
    (status = 200, description = "Names and types of the aggregations", body = Value),
))]
pub(super) async fn aggregations(base: Base) -> Json<Value> {
    Json(listed(&base, &base.at("/aggregations"), &base.at("/aggregate")))
}

/// What can be counted in a Collection.
#[utoipa::path(get, path = "/collections/{collection}/aggregations", tag = "STAC API",
    params(("collection" = String, Path, description = "Id of the Collection")),
    responses(
        (status = 200, description = "Names and types of the aggregations", body = Value),
        (status = 404, description = "No such Collection", body = ErrorBody),
    ))]
pub(super) async fn aggregations_of_collection(
    State(app): State<App>,
    base: Base,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    app.collection(&id).await?;
    let collection = base.collection(&id);
    Ok(Json(listed(&base, &format!("{collection}/aggregations"), &format!("{collection}/aggregate"))))
}

/// Counts the Items that match.
#[utoipa::path(get, path = "/aggregate", tag = "STAC API",
    params(Counting, AnyCollections, Selection, Place),
    responses(
        (status = 200, description = "An AggregationCollection", body = Value),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 429, description = "Too many requests of this client wait already: ask again after `Retry-After`", body = ErrorBody),
        (status = 503, description = "Too many requests wait already: ask again after `Retry-After`", body = ErrorBody),
    ))]
pub(super) async fn aggregate_get(
    State(app): State<App>,
    client: Client,
    base: Base,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let own = base.asked("/aggregate", query.as_deref());
    counted(&app, client, &base, asked(from_query(query.as_deref())?)?, &own).await
}

/// Counts the Items that match.
#[utoipa::path(post, path = "/aggregate", tag = "STAC API",
    request_body(content = Value, description = "The parameters of the GET form; lists are arrays", content_type = "application/json",
        example = json!({"collections": ["sentinel-2-l2a"], "aggregations": ["total_count", "datetime_frequency"]})),
    responses(
        (status = 200, description = "An AggregationCollection", body = Value),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 429, description = "Too many requests of this client wait already: ask again after `Retry-After`", body = ErrorBody),
        (status = 503, description = "Too many requests wait already: ask again after `Retry-After`", body = ErrorBody),
    ))]
pub(super) async fn aggregate_post(
    State(app): State<App>,
    client: Client,
    base: Base,
    WholeBody(body): WholeBody,
) -> Result<Json<Value>, ApiError> {
    let read = |body: &[u8]| -> Result<_, ApiError> { asked(Params::from_body(body)?) };
    let asked = app.understand(body, read).await?;
    counted(&app, client, &base, asked, &base.at("/aggregate")).await
}

/// Counts the Items of a Collection that match.
#[utoipa::path(get, path = "/collections/{collection}/aggregate", tag = "STAC API",
    params(("collection" = String, Path, description = "Id of the Collection"), Counting, Selection, Place),
    responses(
        (status = 200, description = "An AggregationCollection", body = Value),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 429, description = "Too many requests of this client wait already: ask again after `Retry-After`", body = ErrorBody),
        (status = 503, description = "Too many requests wait already: ask again after `Retry-After`", body = ErrorBody),
        (status = 404, description = "No such Collection", body = ErrorBody),
    ))]
pub(super) async fn aggregate_of_collection(
    State(app): State<App>,
    client: Client,
    base: Base,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    app.collection(&id).await?;
    let mut params = from_query(query.as_deref())?;
    params.refuse("collections", "the path names the Collection; count several with /aggregate")?;
    params.set("collections", json!([id]));
    let own = base.asked(&format!("/collections/{}/aggregate", super::links::segment(&id)), query.as_deref());
    counted(&app, client, &base, asked(params)?, &own).await
}

/// What counting takes, in bytes: rows that match, and buckets.
const COUNTING_BYTES: u64 = 16 << 20;

/// What is to be counted of what.
fn asked(mut params: Params) -> Result<(Search, Aggregations), ApiError> {
    let wanted = Aggregations::read(&mut params)?;
    Ok((Search::read_beside(params, &Aggregations::PARAMETERS)?, wanted))
}

async fn counted(
    app: &App,
    client: Client,
    base: &Base,
    (search, wanted): (Search, Aggregations),
    own: &str,
) -> Result<Json<Value>, ApiError> {
    let _held = app.gates.searches.enter(client, COUNTING_BYTES).await?;
    let found = app.backend.aggregate(&search, &wanted).await?;
    Ok(Json(json!({
        "type": "AggregationCollection",
        "aggregations": found.into_iter().map(shown).collect::<Vec<_>>(),
        "links": [link("self", JSON, own), link("root", JSON, &base.root())],
    })))
}

fn listed(base: &Base, own: &str, aggregate: &str) -> Value {
    json!({
        "type": "AggregationCollection",
        "aggregations": Aggregation::ALL.map(described),
        "links": [link("self", JSON, own), link("root", JSON, &base.root()), link("aggregate", JSON, aggregate)],
    })
}

fn described(aggregation: Aggregation) -> Value {
    let (data_type, of_keys) = aggregation.data_types();
    let mut shown = json!({"name": aggregation.name(), "data_type": data_type});
    if let Some(of_keys) = of_keys {
        shown["frequency_distribution_data_type"] = of_keys.into();
    }
    shown
}

fn shown(found: Aggregated) -> Value {
    let mut shown = described(found.aggregation);
    match found.outcome {
        Outcome::Value(value) => shown["value"] = value,
        Outcome::Buckets { buckets, overflow } => {
            let data_type = found.aggregation.data_types().1;
            let bucket = |bucket: Bucket| {
                let mut shown =
                    json!({"key": bucket.key, "data_type": data_type, "frequency": bucket.frequency});
                for (name, bound) in [("from", bucket.from), ("to", bucket.to)] {
                    if let Some(bound) = bound {
                        shown[name] = bound.into();
                    }
                }
                shown
            };
            shown["overflow"] = overflow.into();
            shown["buckets"] = buckets.into_iter().map(bucket).collect();
        }
    }
    shown
}
