//! Hrefs and links of answers.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::convert::Infallible;

use super::state::{App, AssetHrefs};
use crate::search::Item;
use crate::stac::json_string;

/// `application/json`.
pub(super) const JSON: &str = "application/json";
/// `application/geo+json`.
pub(super) const GEOJSON: &str = "application/geo+json";
/// `text/html`.
pub(super) const HTML: &str = "text/html";
/// Media type of the OpenAPI document.
pub(super) const OPENAPI: &str = "application/vnd.oai.openapi+json;version=3.1";

/// All but the unreserved characters of RFC 3986: ids may hold anything.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The address of the server as the client sees it, without a trailing slash.
#[derive(Debug, Clone)]
pub(super) struct Base(String);

impl FromRequestParts<App> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let own = app.settings.public_url.clone();
        Ok(Self(own.unwrap_or_else(|| addressed_as(&parts.headers))))
    }
}

/// What the request says that it was sent to: behind a proxy, what that says.
fn addressed_as(headers: &HeaderMap) -> String {
    let first = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?.split(',').next()?.trim();
        // A host or scheme has no other characters: anything else would be injected into links.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
        (!value.is_empty() && value.bytes().all(plain)).then(|| value.to_owned())
    };
    let scheme = first("x-forwarded-proto").filter(|s| s == "https").unwrap_or_else(|| "http".to_owned());
    let host = first("x-forwarded-host").or_else(|| first("host")).unwrap_or_else(|| "localhost".to_owned());
    format!("{scheme}://{host}")
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// One link.
pub(super) fn link(rel: &str, media_type: &str, href: &str) -> Value {
    json!({"rel": rel, "type": media_type, "href": href})
}

impl Base {
    /// An absolute href; `path` begins with a slash.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The landing page.
    pub(super) fn root(&self) -> String {
        self.at("/")
    }

    /// A Collection.
    pub(super) fn collection(&self, id: &str) -> String {
        self.at(&format!("/collections/{}", segment(id)))
    }

    /// The Items of a Collection.
    pub(super) fn items(&self, id: &str) -> String {
        format!("{}/items", self.collection(id))
    }

    /// Writes an Item with its links and the hrefs that the operator wants to be seen.
    pub(super) fn write_item(&self, out: &mut Vec<u8>, item: &Item, hrefs: AssetHrefs) {
        let collection = self.collection(&item.collection);
        let own = format!("{collection}/items/{}", segment(&item.id));
        let one = |rel: &str, media_type: &str, href: &str| {
            format!(r#"{{"rel":"{rel}","type":"{media_type}","href":{}}}"#, json_string(href))
        };
        let links = [
            one("self", GEOJSON, &own),
            one("root", JSON, &self.root()),
            one("parent", JSON, &collection),
            one("collection", JSON, &collection),
        ]
        .join(",");
        let shown = |key: &str, href: &str| {
            let on_disk = href.starts_with('/');
            let proxied = match hrefs {
                AssetHrefs::Auto => on_disk,
                AssetHrefs::Original => false,
                AssetHrefs::Proxy => true,
            };
            proxied.then(|| format!("{own}/assets/{}", segment(key)))
        };
        item.body.write(out, shown, &links);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_comes_from_the_request_and_cannot_be_injected() {
        let mut headers = HeaderMap::new();
        headers.insert("host", "127.0.0.1:8080".parse().expect("a value"));
        assert_eq!(addressed_as(&headers), "http://127.0.0.1:8080");
        headers.insert("x-forwarded-proto", "https".parse().expect("a value"));
        headers.insert("x-forwarded-host", "stac.example.org".parse().expect("a value"));
        assert_eq!(addressed_as(&headers), "https://stac.example.org");
        headers.insert("x-forwarded-host", "evil\"><script>".parse().expect("a value"));
        assert_eq!(addressed_as(&headers), "https://127.0.0.1:8080");
    }

    #[test]
    fn ids_become_one_segment() {
        assert_eq!(segment("a/b c%ä"), "a%2Fb%20c%25%C3%A4");
    }
}
