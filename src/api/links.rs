//! Hrefs and links of answers.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::http::uri::{Authority, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::convert::Infallible;

use super::hrefs::Hrefs;
use super::state::App;
use crate::search::Item;
use crate::stac::json_string;

/// `application/json`.
pub(super) const JSON: &str = "application/json";
/// `application/geo+json`.
pub(super) const GEOJSON: &str = "application/geo+json";
/// `text/html`.
pub(super) const HTML: &str = "text/html";
/// `application/schema+json`.
pub(super) const SCHEMA: &str = "application/schema+json";
/// `application/x-ndjson`.
pub(super) const NDJSON: &str = "application/x-ndjson";
/// `application/vnd.apache.parquet`.
pub(super) const PARQUET: &str = "application/vnd.apache.parquet";
/// What a link to queryables is called.
pub(super) const QUERYABLES: &str = "http://www.opengis.net/def/rel/ogc/1.0/queryables";
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
        Ok(Self(own.unwrap_or_else(|| addressed_as(&parts.uri, &parts.headers))))
    }
}

/// What the request says that it was sent to: behind a proxy, what that says.
fn addressed_as(uri: &Uri, headers: &HeaderMap) -> String {
    // A host or scheme has no other characters: anything else would be injected into links.
    let is_plain = |value: &&str| {
        !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
    };
    let first =
        |name: &str| headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim).filter(is_plain);
    let scheme = first("x-forwarded-proto").filter(|s| *s == "https").unwrap_or("http");
    // HTTP/2 has no Host header: the authority is a part of the address there.
    let authority = || uri.authority().map(Authority::as_str).filter(is_plain);
    let host = first("x-forwarded-host").or_else(|| first("host")).or_else(authority).unwrap_or("localhost");
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

/// One link of a Catalog or a Collection: browsers list these by their titles.
pub(super) fn titled(rel: &str, media_type: &str, href: &str, title: &str) -> Value {
    json!({"rel": rel, "type": media_type, "href": href, "title": title})
}

impl Base {
    /// An absolute href; `path` begins with a slash.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// An absolute href with the query that it was asked with.
    pub(super) fn asked(&self, path: &str, query: Option<&str>) -> String {
        match query {
            Some(query) if !query.is_empty() => format!("{}{path}?{query}", self.0),
            _ => self.at(path),
        }
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

    /// One Item.
    pub(super) fn item(&self, collection: &str, id: &str) -> String {
        format!("{}/{}", self.items(collection), segment(id))
    }

    /// One asset.
    pub(super) fn asset(&self, collection: &str, id: &str, key: &str) -> String {
        format!("{}/assets/{}", self.item(collection, id), segment(key))
    }

    /// What writes Items with their links and the hrefs that the operator wants to be seen.
    pub(super) fn items_writer(&self, hrefs: Hrefs) -> ItemWriter {
        let base = json_string(&self.0);
        ItemWriter {
            base: base.trim_matches('"').to_owned(),
            hrefs,
            collection: None,
            own: String::new(),
            links: String::new(),
        }
    }
}

/// Writes Items one after another. What they have in common is put together once: the answer's text is made of it, not
/// serialised.
#[derive(Debug, Clone)]
pub(super) struct ItemWriter {
    /// As JSON escapes it.
    base: String,
    hrefs: Hrefs,
    /// The id of the Collection of the Item before, and its address.
    collection: Option<(String, String)>,
    /// The address of the Item.
    own: String,
    links: String,
}

impl ItemWriter {
    /// Appends one Item to `out`.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, item: &Item) {
        let (_, collection) = match self.collection.take() {
            Some(known) if known.0 == item.collection => self.collection.insert(known),
            _ => {
                let address = format!("{}/collections/{}", self.base, segment(&item.collection));
                self.collection.insert((item.collection.clone(), address))
            }
        };
        // An address has no character that JSON escapes, and writing to a String does not fail.
        let (own, links) = (&mut self.own, &mut self.links);
        own.clear();
        own.extend([collection.as_str(), "/items/"]);
        own.extend(utf8_percent_encode(&item.id, SEGMENT));
        links.clear();
        links.extend([
            r#"{"rel":"self","type":"application/geo+json","href":""#,
            own,
            r#""},{"rel":"root","type":"application/json","href":""#,
            &self.base,
            r#"/"},{"rel":"parent","type":"application/json","href":""#,
            collection,
            r#""},{"rel":"collection","type":"application/json","href":""#,
            collection,
            r#""}"#,
        ]);
        let hrefs = &self.hrefs;
        if hrefs.are_as_is(&item.body) {
            item.body.write_as_is(out, links);
            return;
        }
        let shown = |key: &str, href: &str| hrefs.shown(href, || format!("{own}/assets/{}", segment(key)));
        item.body.write(out, shown, links);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_comes_from_the_request_and_cannot_be_injected() {
        let mut headers = HeaderMap::new();
        headers.insert("host", "127.0.0.1:8080".parse().expect("a value"));
        assert_eq!(addressed_as(&Uri::from_static("/"), &headers), "http://127.0.0.1:8080");
        headers.insert("x-forwarded-proto", "https".parse().expect("a value"));
        headers.insert("x-forwarded-host", "stac.example.org".parse().expect("a value"));
        assert_eq!(addressed_as(&Uri::from_static("/"), &headers), "https://stac.example.org");
        headers.insert("x-forwarded-host", "evil\"><script>".parse().expect("a value"));
        assert_eq!(addressed_as(&Uri::from_static("/"), &headers), "https://127.0.0.1:8080");
    }

    #[test]
    fn without_a_host_header_the_authority_counts() {
        let uri = Uri::from_static("http://10.0.0.1:99/search");
        assert_eq!(addressed_as(&uri, &HeaderMap::new()), "http://10.0.0.1:99");
    }

    #[test]
    fn ids_become_one_segment() {
        assert_eq!(segment("a/b c%ä"), "a%2Fb%20c%25%C3%A4");
    }
}
