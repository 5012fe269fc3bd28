//! The OpenAPI document, generated from the handlers, and the page that shows it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::{Extension, Json};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::error::ApiError;
use super::links::OPENAPI;
use super::page;
use super::shield::OwnPage;
use super::state::App;

/// The frame of the document; paths come from the handlers.
#[derive(Debug, OpenApi)]
#[openapi(
    modifiers(&BearerToken),
    info(
        title = "Cairn",
        description = "A STAC catalogue server with a data proxy: search, COG patches and pages from one binary",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "STAC API", description = "Search and browse the catalogue"),
        (name = "Transactions", description = "Write, with a bearer token of the operator's"),
        (name = "Patches", description = "Arrays cut from Cloud Optimized GeoTIFFs"),
        (name = "Assets", description = "Bytes for clients that hold no credentials"),
        (name = "Operations", description = "For those who run the server"),
    )
)]
pub(super) struct Frame;

/// How writes are let in.
struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        openapi.components.get_or_insert_default().add_security_scheme("bearer", scheme);
    }
}

/// The OpenAPI 3.1 document.
pub(super) async fn openapi(State(_): State<App>) -> Response {
    let mut response = Json(super::openapi()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(OPENAPI));
    response
}

/// The page that shows the document.
pub(super) async fn ui() -> Response {
    (Extension(OwnPage), Html(page::api().into_string())).into_response()
}

/// The bundled files of that page.
pub(super) async fn ui_file(Path(name): Path<String>) -> Result<Response, ApiError> {
    if name == "init.js" {
        return Ok(([(header::CONTENT_TYPE, "text/javascript")], page::UI_SCRIPT).into_response());
    }
    let found = utoipa_swagger_ui::serve(&name, Arc::new(utoipa_swagger_ui::Config::from("/api")));
    match found {
        Ok(Some(file)) => {
            Ok(([(header::CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response())
        }
        _ => Err(ApiError::not_found(format!("there is no file '{name}' here"))),
    }
}
