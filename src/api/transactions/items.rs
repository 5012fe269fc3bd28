//! Items: made by one or by many, replaced, changed, deleted.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::bulk::{Incoming, unsound};
use super::edit::Edit;
use super::hrefs::Hrefs;
use super::precondition::{Precondition, as_asked};
use super::rules::{Rules, Sound};
use super::sent::Sent;
use super::tokens::Admitted;
use super::written::{created, if_there, replaced, still, until_first, warned};
use crate::api::error::{ApiError, ErrorBody};
use crate::api::hrefs::Hrefs as ShownHrefs;
use crate::api::links::{Base, GEOJSON};
use crate::api::state::App;
use crate::tree::{ChangeError, Condition, Stored};

/// Make an Item, or all those of an ItemCollection.
#[utoipa::path(post, path = "/collections/{collection}/items", tag = "Transactions", operation_id = "post_items",
    security(("bearer" = [])),
    params(("collection" = String, Path, description = "Id of the Collection")),
    request_body(description = "An Item, or an ItemCollection of at most 10,000; `links` and `collection` may be left out",
        content((Value = "application/json"), (Value = "application/geo+json"))),
    responses(
        (status = 201, description = "Made: the Item with its Location and ETag, or how many there are", body = Value, content_type = "application/geo+json"),
        (status = 400, description = "The body cannot be taken; of an ItemCollection nothing was written", body = ErrorBody),
        (status = 401, description = "No bearer token", body = ErrorBody),
        (status = 403, description = "Another token, or a server that takes no writes", body = ErrorBody),
        (status = 404, description = "No such Collection", body = ErrorBody),
        (status = 409, description = "There is an Item with that id; of an ItemCollection nothing was written", body = ErrorBody),
        (status = 412, description = "If-Match or If-None-Match does not hold", body = ErrorBody),
        (status = 413, description = "The body is larger than 32 MiB", body = ErrorBody),
        (status = 415, description = "The body is not JSON", body = ErrorBody),
    ))]
pub(super) async fn post(
    State(app): State<App>,
    _: Admitted,
    base: Base,
    Path(collection): Path<String>,
    precondition: Precondition,
    sent: Sent,
) -> Result<Response, ApiError> {
    let writer = app.writing.writer()?;
    sent.expect_json()?;
    precondition.check("what is to be made", None)?;
    let rules = rules(&app, &base, &collection).await?;
    let incoming = app.pool.run(move || Incoming::read(&rules, &sent.bytes)).await?;
    match incoming {
        Incoming::One(sound) => {
            let Sound { id, document, warnings } = *sound;
            let written = writer
                .put_item(&collection, document, Condition::Absent)
                .await
                .map_err(|error| precondition.failed(error))?;
            made(&app, &base, (&collection, &id), &written.etag, &warnings).await
        }
        Incoming::Many(all) => {
            let mut warnings: Vec<String> = Vec::new();
            let items: Vec<Value> = all
                .into_iter()
                .map(|sound| {
                    for warning in sound.warnings {
                        if !warnings.contains(&warning) && warnings.len() < 10 {
                            warnings.push(warning);
                        }
                    }
                    sound.document
                })
                .collect();
            let written =
                writer.put_items(&collection, items).await.map_err(|error| precondition.failed(error))?;
            let told = json!({"status": "created", "created": written.len()});
            Ok(warned((StatusCode::CREATED, Json(told)).into_response(), &warnings))
        }
    }
}

/// Replace an Item.
#[utoipa::path(put, path = "/collections/{collection}/items/{item}", tag = "Transactions", operation_id = "put_item",
    security(("bearer" = [])),
    params(
        ("collection" = String, Path, description = "Id of the Collection"),
        ("item" = String, Path, description = "Id of the Item"),
        ("If-Match" = Option<String>, Header, description = "Only where the Item has this ETag"),
        ("If-None-Match" = Option<String>, Header, description = "*: only where there is no Item, which is made then"),
    ),
    request_body(description = "The whole Item; `id`, `links` and `collection` may be left out",
        content((Value = "application/json"), (Value = "application/geo+json"))),
    responses(
        (status = 201, description = "Made, for If-None-Match: *", body = Value, content_type = "application/geo+json"),
        (status = 204, description = "Replaced; ETag names the new state"),
        (status = 400, description = "The body cannot be taken", body = ErrorBody),
        (status = 401, description = "No bearer token", body = ErrorBody),
        (status = 403, description = "Another token, or a server that takes no writes", body = ErrorBody),
        (status = 404, description = "No such Item", body = ErrorBody),
        (status = 412, description = "If-Match or If-None-Match does not hold", body = ErrorBody),
        (status = 413, description = "The body is larger than 8 MiB", body = ErrorBody),
        (status = 415, description = "The body is not JSON", body = ErrorBody),
    ))]
pub(super) async fn put(
    State(app): State<App>,
    _: Admitted,
    base: Base,
    Path((collection, id)): Path<(String, String)>,
    precondition: Precondition,
    sent: Sent,
) -> Result<Response, ApiError> {
    let writer = app.writing.writer()?;
    let mut document = sent.document(&app).await?;
    let stored = if_there(writer.item(&collection, &id).await)?;
    precondition.check(&named(&id), stored.as_ref().map(|stored| stored.etag.as_str()))?;
    let condition = match &stored {
        None if precondition.wants_absent() => Condition::Absent,
        None => return Err(ChangeError::Missing { collection, id }.into()),
        Some(stored) => {
            let hrefs = Hrefs::of_item(&app, &base, (&collection, &id), &stored.document).await?;
            hrefs.in_stored(&mut document);
            precondition.condition(&stored.etag)
        }
    };
    let sound = checked(&app, &base, &collection, &id, document).await?;
    let written = writer
        .put_item(&collection, sound.document, condition)
        .await
        .map_err(|error| precondition.failed(error))?;
    if written.created {
        return made(&app, &base, (&collection, &id), &written.etag, &sound.warnings).await;
    }
    Ok(replaced(&app, &base, &written.etag, "", &sound.warnings))
}

/// Change a part of an Item.
#[utoipa::path(patch, path = "/collections/{collection}/items/{item}", tag = "Transactions", operation_id = "patch_item",
    security(("bearer" = [])),
    params(
        ("collection" = String, Path, description = "Id of the Collection"),
        ("item" = String, Path, description = "Id of the Item"),
        ("If-Match" = Option<String>, Header, description = "Only where the Item has this ETag"),
    ),
    request_body(description = "A merge patch (RFC 7396) or a JSON patch (RFC 6902)",
        content((Value = "application/merge-patch+json"), (Value = "application/json-patch+json"), (Value = "application/json"))),
    responses(
        (status = 204, description = "Changed; ETag names the new state"),
        (status = 400, description = "The patch cannot be done, or what it makes cannot be taken", body = ErrorBody),
        (status = 401, description = "No bearer token", body = ErrorBody),
        (status = 403, description = "Another token, or a server that takes no writes", body = ErrorBody),
        (status = 404, description = "No such Item", body = ErrorBody),
        (status = 412, description = "If-Match or If-None-Match does not hold", body = ErrorBody),
        (status = 413, description = "The body is larger than 8 MiB", body = ErrorBody),
        (status = 415, description = "The body is neither kind of patch", body = ErrorBody),
    ))]
pub(super) async fn patch(
    State(app): State<App>,
    _: Admitted,
    base: Base,
    Path((collection, id)): Path<(String, String)>,
    precondition: Precondition,
    sent: Sent,
) -> Result<Response, ApiError> {
    app.writing.writer()?;
    let edit = app.understand(sent.bytes, move |body| Edit::read(sent.media, body)).await?;
    until_first(named(&id), || changed(&app, &base, (&collection, &id), &precondition, &edit)).await
}

/// Changes the Item that is there at this moment, if it is there still when it is written.
async fn changed(
    app: &App,
    base: &Base,
    (collection, id): (&str, &str),
    precondition: &Precondition,
    edit: &Edit,
) -> Result<Response, ApiError> {
    let writer = app.writing.writer()?;
    let stored = if_there(writer.item(collection, id).await)?;
    precondition.check(&named(id), stored.as_ref().map(|stored| stored.etag.as_str()))?;
    let Some(Stored { mut document, etag }) = stored else {
        let (collection, id) = (collection.to_owned(), id.to_owned());
        return Err(ChangeError::Missing { collection, id }.into());
    };
    let hrefs = Hrefs::of_item(app, base, (collection, id), &document).await?;
    let edit = edit.clone();
    let changed = move || {
        hrefs.in_shown(&mut document);
        edit.apply(&mut document)?;
        hrefs.in_stored(&mut document);
        Ok::<Value, ApiError>(document)
    };
    let document = app.pool.run(changed).await?;
    let sound = checked(app, base, collection, id, document).await?;
    let written = writer.put_item(collection, sound.document, still(Some(&etag))).await?;
    Ok(replaced(app, base, &written.etag, "", &sound.warnings))
}

/// Delete an Item.
#[utoipa::path(delete, path = "/collections/{collection}/items/{item}", tag = "Transactions", operation_id = "delete_item",
    security(("bearer" = [])),
    params(
        ("collection" = String, Path, description = "Id of the Collection"),
        ("item" = String, Path, description = "Id of the Item"),
        ("If-Match" = Option<String>, Header, description = "Only where the Item has this ETag"),
    ),
    responses(
        (status = 204, description = "The Item is not there, or not any more"),
        (status = 401, description = "No bearer token", body = ErrorBody),
        (status = 403, description = "Another token, or a server that takes no writes", body = ErrorBody),
        (status = 404, description = "No such Collection", body = ErrorBody),
        (status = 412, description = "If-Match or If-None-Match does not hold", body = ErrorBody),
    ))]
pub(super) async fn delete(
    State(app): State<App>,
    _: Admitted,
    Path((collection, id)): Path<(String, String)>,
    precondition: Precondition,
) -> Result<Response, ApiError> {
    let writer = app.writing.writer()?;
    let mut condition = Condition::None;
    if precondition.is_given() {
        let stored = if_there(writer.item(&collection, &id).await)?;
        let current = stored.as_ref().map(|stored| stored.etag.as_str());
        precondition.check(&named(&id), current)?;
        condition = still(current);
    }
    match writer.delete_item(&collection, &id, condition).await {
        Ok(()) | Err(ChangeError::Missing { .. }) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Err(as_asked(error)),
    }
}

fn named(id: &str) -> String {
    format!("the Item '{id}'")
}

/// What the Items of a Collection are held against.
async fn rules(app: &App, base: &Base, collection: &str) -> Result<Rules, ApiError> {
    let known = app.backend.collection(collection).await?;
    Ok(Rules::new(&base.root(), collection, known.as_ref().map(|known| &known.document)))
}

/// An Item that is there already, as it is to be.
async fn checked(
    app: &App,
    base: &Base,
    collection: &str,
    id: &str,
    document: Value,
) -> Result<Sound, ApiError> {
    let (rules, id) = (rules(app, base, collection).await?, id.to_owned());
    app.pool.run(move || rules.item(document, Some(&id))).await.map_err(|faults| unsound(&faults))
}

/// The answer to one Item that was made.
async fn made(
    app: &App,
    base: &Base,
    (collection, id): (&str, &str),
    tag: &str,
    warnings: &[String],
) -> Result<Response, ApiError> {
    let mut document = Vec::new();
    // Another client may have deleted it at once.
    if let Some(item) = app.backend.item(collection, id).await? {
        base.items_writer(ShownHrefs::unsigned(app.settings.asset_hrefs)).write(&mut document, &item);
    }
    Ok(created(app, base, &base.item(collection, id), tag, "", (GEOJSON, document), warnings))
}
