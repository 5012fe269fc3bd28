//! Collections: made, replaced, changed, deleted.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::bulk::unsound;
use super::edit::Edit;
use super::hrefs::Hrefs;
use super::precondition::{Precondition, as_asked};
use super::rules::{Rules, Sound};
use super::sent::Sent;
use super::tokens::Admitted;
use super::written::{created, replaced, still, until_first};
use crate::api::collections::served;
use crate::api::error::{ApiError, ErrorBody};
use crate::api::links::{Base, JSON};
use crate::api::stac::title_of;
use crate::api::state::App;
use crate::tree::{ChangeError, Condition, Stored};

/// Make a Collection.
#[utoipa::path(post, path = "/collections", tag = "Transactions", operation_id = "post_collection",
    security(("bearer" = [])),
    request_body(content = Value, description = "The Collection; `links` may be left out", content_type = "application/json"),
    responses(
        (status = 201, description = "Made: the Collection with its Location and ETag", body = Value),
        (status = 400, description = "The body cannot be taken", body = ErrorBody),
        (status = 401, description = "No bearer token", body = ErrorBody),
        (status = 403, description = "Another token, or a server that takes no writes", body = ErrorBody),
        (status = 409, description = "There is a Collection with that id", body = ErrorBody),
        (status = 412, description = "If-Match or If-None-Match does not hold", body = ErrorBody),
        (status = 413, description = "The body is larger than 8 MiB", body = ErrorBody),
        (status = 415, description = "The body is not JSON", body = ErrorBody),
    ))]
pub(super) async fn post(
    State(app): State<App>,
    _: Admitted,
    base: Base,
    precondition: Precondition,
    sent: Sent,
) -> Result<Response, ApiError> {
    let writer = app.writing.writer()?;
    precondition.check("what is to be made", None)?;
    let (rules, document) = (Rules::new(&base.root(), "", None), sent.document(&app).await?);
    let check = move || rules.collection(document, true);
    let Sound { id, document, warnings } = app.pool.run(check).await.map_err(|faults| unsound(&faults))?;
    let written = writer
        .put_collection(document, Condition::Absent)
        .await
        .map_err(|error| precondition.failed(error))?;
    made(&app, &base, &id, &written.etag, &warnings).await
}

/// Replace a Collection; its Items stay.
#[utoipa::path(put, path = "/collections/{collection}", tag = "Transactions", operation_id = "put_collection",
    security(("bearer" = [])),
    params(
        ("collection" = String, Path, description = "Id of the Collection"),
        ("If-Match" = Option<String>, Header, description = "Only where the Collection has this ETag"),
        ("If-None-Match" = Option<String>, Header, description = "*: only where there is no Collection, which is made then"),
    ),
    request_body(content = Value, description = "The whole Collection; `id` and `links` may be left out", content_type = "application/json"),
    responses(
        (status = 201, description = "Made, for If-None-Match: *", body = Value),
        (status = 204, description = "Replaced; ETag names the new state"),
        (status = 400, description = "The body cannot be taken", body = ErrorBody),
        (status = 401, description = "No bearer token", body = ErrorBody),
        (status = 403, description = "Another token, or a server that takes no writes", body = ErrorBody),
        (status = 404, description = "No such Collection", body = ErrorBody),
        (status = 412, description = "If-Match or If-None-Match does not hold", body = ErrorBody),
        (status = 413, description = "The body is larger than 8 MiB", body = ErrorBody),
        (status = 415, description = "The body is not JSON", body = ErrorBody),
    ))]
pub(super) async fn put(
    State(app): State<App>,
    _: Admitted,
    base: Base,
    Path(id): Path<String>,
    precondition: Precondition,
    sent: Sent,
) -> Result<Response, ApiError> {
    let writer = app.writing.writer()?;
    let mut document = sent.document(&app).await?;
    let stored = stored(&app, &id).await?;
    precondition.check(&named(&id), stored.as_ref().map(|stored| stored.etag.as_str()))?;
    let condition = match &stored {
        None if precondition.wants_absent() => Condition::Absent,
        None => return Err(ChangeError::NoCollection { collection: id }.into()),
        Some(stored) => {
            hrefs(&app, &id, &stored.document).await?.in_stored(&mut document);
            precondition.condition(&stored.etag)
        }
    };
    let rules = Rules::new(&base.root(), &id, None);
    let is_new = condition == Condition::Absent;
    let check = move || {
        let sound = rules.collection(document, false)?;
        // The path names something new: its id is held to the rules of new ones, too.
        if is_new { rules.collection(sound.document, true) } else { Ok(sound) }
    };
    let sound = app.pool.run(check).await.map_err(|faults| unsound(&faults))?;
    let written =
        writer.put_collection(sound.document, condition).await.map_err(|error| precondition.failed(error))?;
    if written.created {
        return made(&app, &base, &id, &written.etag, &sound.warnings).await;
    }
    answered(&app, &base, &written.etag, &sound.warnings).await
}

/// Change a part of a Collection.
#[utoipa::path(patch, path = "/collections/{collection}", tag = "Transactions", operation_id = "patch_collection",
    security(("bearer" = [])),
    params(
        ("collection" = String, Path, description = "Id of the Collection"),
        ("If-Match" = Option<String>, Header, description = "Only where the Collection has this ETag"),
    ),
    request_body(description = "A merge patch (RFC 7396) or a JSON patch (RFC 6902)",
        content((Value = "application/merge-patch+json"), (Value = "application/json-patch+json"), (Value = "application/json"))),
    responses(
        (status = 204, description = "Changed; ETag names the new state"),
        (status = 400, description = "The patch cannot be done, or what it makes cannot be taken", body = ErrorBody),
        (status = 401, description = "No bearer token", body = ErrorBody),
        (status = 403, description = "Another token, or a server that takes no writes", body = ErrorBody),
        (status = 404, description = "No such Collection", body = ErrorBody),
        (status = 412, description = "If-Match or If-None-Match does not hold", body = ErrorBody),
        (status = 413, description = "The body is larger than 8 MiB", body = ErrorBody),
        (status = 415, description = "The body is neither kind of patch", body = ErrorBody),
    ))]
pub(super) async fn patch(
    State(app): State<App>,
    _: Admitted,
    base: Base,
    Path(id): Path<String>,
    precondition: Precondition,
    sent: Sent,
) -> Result<Response, ApiError> {
    app.writing.writer()?;
    let edit = app.understand(sent.bytes, move |body| Edit::read(sent.media, body)).await?;
    until_first(named(&id), || changed(&app, &base, &id, &precondition, &edit)).await
}

/// Changes the Collection that is there at this moment, if it is there still when it is written.
async fn changed(
    app: &App,
    base: &Base,
    id: &str,
    precondition: &Precondition,
    edit: &Edit,
) -> Result<Response, ApiError> {
    let writer = app.writing.writer()?;
    let stored = stored(app, id).await?;
    precondition.check(&named(id), stored.as_ref().map(|stored| stored.etag.as_str()))?;
    let Some(Stored { mut document, etag }) = stored else {
        return Err(ChangeError::NoCollection { collection: id.to_owned() }.into());
    };
    let hrefs = hrefs(app, id, &document).await?;
    let (edit, rules) = (edit.clone(), Rules::new(&base.root(), id, None));
    let changed = move || {
        hrefs.in_shown(&mut document);
        edit.apply(&mut document)?;
        hrefs.in_stored(&mut document);
        rules.collection(document, false).map_err(|faults| unsound(&faults))
    };
    let sound = app.pool.run(changed).await?;
    let written = writer.put_collection(sound.document, still(Some(&etag))).await?;
    answered(app, base, &written.etag, &sound.warnings).await
}

/// Delete a Collection and its Items.
#[utoipa::path(delete, path = "/collections/{collection}", tag = "Transactions", operation_id = "delete_collection",
    security(("bearer" = [])),
    params(
        ("collection" = String, Path, description = "Id of the Collection"),
        ("If-Match" = Option<String>, Header, description = "Only where the Collection has this ETag"),
    ),
    responses(
        (status = 204, description = "The Collection is not there, or not any more"),
        (status = 401, description = "No bearer token", body = ErrorBody),
        (status = 403, description = "Another token, or a server that takes no writes", body = ErrorBody),
        (status = 409, description = "Other Collections lie below it", body = ErrorBody),
        (status = 412, description = "If-Match or If-None-Match does not hold", body = ErrorBody),
    ))]
pub(super) async fn delete(
    State(app): State<App>,
    _: Admitted,
    Path(id): Path<String>,
    precondition: Precondition,
) -> Result<Response, ApiError> {
    let writer = app.writing.writer()?;
    let mut condition = Condition::None;
    if precondition.is_given() {
        let stored = stored(&app, &id).await?;
        let current = stored.as_ref().map(|stored| stored.etag.as_str());
        precondition.check(&named(&id), current)?;
        condition = still(current);
    }
    match writer.delete_collection(&id, condition).await {
        Ok(()) | Err(ChangeError::NoCollection { .. }) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Err(as_asked(error)),
    }
}

fn named(id: &str) -> String {
    format!("the Collection '{id}'")
}

/// The Collection as the tree has it now.
async fn stored(app: &App, id: &str) -> Result<Option<Stored>, ApiError> {
    match app.writing.writer()?.collection(id).await {
        Ok(stored) => Ok(Some(stored)),
        Err(ChangeError::NoCollection { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn hrefs(app: &App, id: &str, stored: &Value) -> Result<Hrefs, ApiError> {
    let served = app.backend.collection(id).await?.map(|collection| collection.document);
    Ok(Hrefs::of_collection(stored, &served.unwrap_or_default()))
}

/// The answer to a Collection that was made.
async fn made(
    app: &App,
    base: &Base,
    id: &str,
    tag: &str,
    warnings: &[String],
) -> Result<Response, ApiError> {
    let about = app.backend.about().await?;
    // Another client may have deleted it at once.
    let document = match app.backend.collection(id).await? {
        Some(collection) => served(base, &about, collection).to_string().into_bytes(),
        None => Vec::new(),
    };
    let address = base.collection(id);
    Ok(created(app, base, &address, tag, title_of(&about), (JSON, document), warnings))
}

async fn answered(app: &App, base: &Base, tag: &str, warnings: &[String]) -> Result<Response, ApiError> {
    let about = app.backend.about().await?;
    Ok(replaced(app, base, tag, title_of(&about), warnings))
}
