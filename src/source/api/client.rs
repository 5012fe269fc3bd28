//! Requests to another STAC API: its landing page, its search, page by page.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Map, Value};
use url::Url;

use super::query::{Query, Window};

/// How long an answer may take to begin, and then each piece of it.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);
/// Times that a request is sent at most.
const TRIES: u32 = 5;
/// The longest wait between two of them.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Items of a page.
const PAGE: usize = 250;
/// Pages of one window; an API that gives more goes round.
const MAX_PAGES: usize = 10_000;
/// The largest page, in bytes.
const MAX_PAGE_BYTES: usize = 256 << 20;

/// Why an API gives no Items.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No URL of a web server.
    #[error("'{text}' is no URL of an API; give one that begins with http:// or https://")]
    Url {
        /// As given, without its query.
        text: String,
    },
    /// No TLS, or the like.
    #[error("cannot begin to speak HTTP: {reason}")]
    Setup {
        /// What the library says.
        reason: String,
    },
    /// No answer, several times.
    #[error("{url} does not answer: {reason}")]
    Silent {
        /// Without its query.
        url: String,
        /// What the library says.
        reason: String,
    },
    /// An answer that is none of success.
    #[error("{url} answers {status}")]
    Status {
        /// Without its query.
        url: String,
        /// The status.
        status: StatusCode,
    },
    /// Not what a STAC API says.
    #[error("{url} does not answer as a STAC API does: {expected} was expected")]
    NotStac {
        /// Without its query.
        url: String,
        /// What was looked for.
        expected: &'static str,
    },
}

/// Speaks to one API.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) http: reqwest::Client,
    search: Url,
    method: Method,
}

impl Client {
    /// Reads the landing page of an API.
    ///
    /// # Errors
    /// When it does not answer, or tells no search.
    pub async fn open(text: &str) -> Result<Self, ApiError> {
        let shown = text.split('?').next().unwrap_or_default();
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| ApiError::Url { text: shown.to_owned() })?;
        // Another part of the program may have chosen already: all choose the same.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_PATIENCE)
            .read_timeout(PATIENCE)
            .user_agent(concat!("cairn/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ApiError::Setup { reason: error.to_string() })?;
        let landing = json(&url, || http.get(url.clone())).await?;
        let links = landing.get("links").and_then(Value::as_array);
        let searches: Vec<(&Value, Url)> = links
            .into_iter()
            .flatten()
            .filter(|link| link.get("rel").and_then(Value::as_str) == Some("search"))
            .filter_map(|link| Some((link, url.join(link.get("href")?.as_str()?).ok()?)))
            .collect();
        let is_post = |link: &Value| link.get("method").and_then(Value::as_str) == Some("POST");
        let best = searches.iter().find(|(link, _)| is_post(link)).or_else(|| searches.first());
        let (link, search) =
            best.ok_or_else(|| ApiError::NotStac { url: bare(&url), expected: "a link 'search'" })?;
        let method = if is_post(link) { Method::POST } else { Method::GET };
        Ok(Self { search: search.clone(), method, http })
    }

    /// All Items of one window, or of all times, that match.
    ///
    /// # Errors
    /// When the API does not answer as one.
    pub async fn window(&self, query: &Query, window: Option<Window>) -> Result<Vec<Value>, ApiError> {
        let mut body = query.body(window, PAGE);
        let mut url = self.search.clone();
        let mut method = self.method.clone();
        if method == Method::GET {
            append(&mut url, &body);
        }
        let mut items = Vec::new();
        for _ in 0..MAX_PAGES {
            let request = || match method {
                Method::POST => self
                    .http
                    .post(url.clone())
                    .header("content-type", "application/json")
                    .body(Value::Object(body.clone()).to_string()),
                _ => self.http.get(url.clone()),
            };
            let page = json(&url, request).await?;
            let features = page.get("features").and_then(Value::as_array);
            let features = features
                .ok_or_else(|| ApiError::NotStac { url: bare(&url), expected: "an ItemCollection" })?;
            items.extend(features.iter().filter(|item| query.matches(item)).cloned());
            let Some(next) = next_of(&page).filter(|_| !features.is_empty()) else { return Ok(items) };
            let href = next.get("href").and_then(Value::as_str).and_then(|href| url.join(href).ok());
            url = href.ok_or_else(|| ApiError::NotStac {
                url: bare(&url),
                expected: "an href of the link 'next'",
            })?;
            method = match next.get("method").and_then(Value::as_str) {
                Some("POST") => Method::POST,
                _ => Method::GET,
            };
            let further = next.get("body").and_then(Value::as_object).cloned().unwrap_or_default();
            if next.get("merge").and_then(Value::as_bool) == Some(true) {
                body.extend(further);
            } else if method == Method::POST {
                body = further;
            }
        }
        Err(ApiError::NotStac { url: bare(&url), expected: "a last page" })
    }
}

fn next_of(page: &Value) -> Option<&Value> {
    let links = page.get("links")?.as_array()?;
    links.iter().find(|link| link.get("rel").and_then(Value::as_str) == Some("next"))
}

/// The parameters of a search by GET.
fn append(url: &mut Url, body: &Map<String, Value>) {
    let mut pairs = url.query_pairs_mut();
    for (key, value) in body {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Array(list) => {
                let texts = list.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
                texts.collect::<Vec<_>>().join(",")
            }
            other => other.to_string(),
        };
        pairs.append_pair(key, &text);
    }
}

/// A URL as it may be shown.
pub(super) fn bare(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Only URLs without a host cannot have these.
    let _no_host = url.set_password(None).and_then(|()| url.set_username(""));
    url.into()
}

pub(super) async fn json(url: &Url, request: impl Fn() -> RequestBuilder) -> Result<Value, ApiError> {
    let mut answer = send(url, request).await?;
    if !answer.status().is_success() {
        return Err(ApiError::Status { url: bare(url), status: answer.status() });
    }
    let mut bytes = Vec::new();
    let silent =
        |error: reqwest::Error| ApiError::Silent { url: bare(url), reason: error.without_url().to_string() };
    while let Some(piece) = answer.chunk().await.map_err(silent)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_PAGE_BYTES {
            return Err(ApiError::NotStac { url: bare(url), expected: "a page of less than 256 MiB" });
        }
    }
    serde_json::from_slice(&bytes).map_err(|_not_json| ApiError::NotStac { url: bare(url), expected: "JSON" })
}

/// Sends a request, again where the server may answer later.
pub(super) async fn send(url: &Url, request: impl Fn() -> RequestBuilder) -> Result<Response, ApiError> {
    let mut wait = Duration::from_millis(500);
    for tried in 1.. {
        let sent = request().send().await;
        let (reason, asked) = match sent {
            Ok(answer) => {
                let status = answer.status();
                let is_passing = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
                if !is_passing || tried == TRIES {
                    return Ok(answer);
                }
                let asked =
                    answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                (status.to_string(), asked.map(Duration::from_secs))
            }
            Err(error) => (error.without_url().to_string(), None),
        };
        if tried == TRIES {
            return Err(ApiError::Silent { url: bare(url), reason });
        }
        tokio::time::sleep(asked.unwrap_or(wait).min(LONGEST_WAIT)).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
    Err(ApiError::Silent { url: bare(url), reason: "no try is left".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn urls_are_shown_without_secrets() {
        let url = Url::parse("https://user:word@h/p?sig=secret#x").expect("a URL");
        assert_eq!(bare(&url), "https://h/p");
    }

    #[test]
    fn a_search_by_get_has_the_same_parameters() {
        let mut url = Url::parse("https://h/search").expect("a URL");
        let body = json!({"collections": ["a", "b"], "bbox": [1.5, 2, 3, 4], "limit": 10});
        append(&mut url, body.as_object().expect("an object"));
        assert_eq!(url.query(), Some("collections=a%2Cb&bbox=1.5%2C2%2C3%2C4&limit=10"));
    }
}
