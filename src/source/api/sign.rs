//! A server that signs hrefs, as the Planetary Computer's does.

use serde_json::Value;
use url::Url;

use super::client::{ApiError, Client, bare, json};

/// Signs hrefs.
#[derive(Debug, Clone)]
pub struct Signer {
    url: Url,
}

impl Signer {
    /// One whose `GET {url}?href=…` answers `{"href": …}`.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self { url }
    }

    /// The signed URL.
    ///
    /// # Errors
    /// When the signer does not answer as one.
    pub async fn sign(&self, client: &Client, href: &Url) -> Result<Url, ApiError> {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("href", href.as_str());
        let answer = json(&url, || client.http.get(url.clone())).await?;
        let signed = answer.get("href").and_then(Value::as_str).and_then(|href| Url::parse(href).ok());
        signed.ok_or_else(|| ApiError::NotStac { url: bare(&url), expected: "a signed 'href'" })
    }
}
