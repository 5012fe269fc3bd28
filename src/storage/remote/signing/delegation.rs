//! The key that Azure gives to an identity, for signatures in its name.

use bytes::Bytes;
use chrono::SecondsFormat;
use object_store::azure::{AzureAuthorizer, AzureCredential};
use object_store::client::{HttpRequest, HttpRequestBody, HttpService};
use reqwest::Method;

use super::Span;
use crate::storage::remote::azure::Container;
use crate::storage::remote::failure::translated;
use crate::storage::remote::wire::Wire;
use crate::storage::{Location, StorageError};

/// What is read of Azure's answer, in bytes.
const MOST_BYTES: usize = 64 << 10;

/// Whose key it is, and until when; the key itself is not part of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Delegation {
    pub(super) oid: String,
    pub(super) tid: String,
    pub(super) start: String,
    pub(super) expiry: String,
    pub(super) service: String,
    pub(super) version: String,
}

impl Delegation {
    /// Names and values in the query of a signature, in the order that they are signed in.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("skoid", self.oid.as_str()),
            ("sktid", &self.tid),
            ("skt", &self.start),
            ("ske", &self.expiry),
            ("sks", &self.service),
            ("skv", &self.version),
        ]
        .into_iter()
    }

    /// Asks for a key that is good for the whole span; gives it in base64.
    pub(super) async fn ask(
        wire: &Wire,
        container: &Container,
        credential: &AzureCredential,
        span: Span,
        location: &Location,
    ) -> Result<(Self, String), StorageError> {
        let failed = |reason: &str| StorageError::Settings {
            location: location.clone(),
            reason: format!("Azure's key for signatures in the name of its identity {reason}"),
        };
        let [start, expiry] =
            [span.starts, span.expires].map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><KeyInfo><Start>{start}</Start><Expiry>{expiry}</Expiry></KeyInfo>"
        );
        let mut request = HttpRequest::new(HttpRequestBody::from(body));
        *request.method_mut() = Method::POST;
        let url = format!("{}/?restype=service&comp=userdelegationkey", container.endpoint);
        *request.uri_mut() = url.parse().map_err(|_bad| failed("cannot be asked for at its endpoint"))?;
        let len = request.body().content_length().into();
        request.headers_mut().insert(reqwest::header::CONTENT_LENGTH, len);
        let broken = |error: object_store::Error| translated(&error, location);
        AzureAuthorizer::new(credential, &container.account).try_authorize(&mut request).map_err(broken)?;
        let wrapped =
            |error| broken(object_store::Error::Generic { store: "MicrosoftAzure", source: Box::new(error) });
        let answer = wire.call(request).await.map_err(wrapped)?;
        let bytes: Bytes = answer.into_body().bytes().await.map_err(wrapped)?;
        Self::read(&bytes).ok_or_else(|| failed("came in a form that is not known"))
    }

    fn read(bytes: &[u8]) -> Option<(Self, String)> {
        let text = std::str::from_utf8(bytes.get(..MOST_BYTES.min(bytes.len()))?).ok()?;
        let document = roxmltree::Document::parse(text.trim_start_matches('\u{feff}')).ok()?;
        let member = |name: &str| {
            let found = document.root_element().children().find(|child| child.has_tag_name(name))?;
            found.text().map(str::to_owned)
        };
        let delegation = Self {
            oid: member("SignedOid")?,
            tid: member("SignedTid")?,
            start: member("SignedStart")?,
            expiry: member("SignedExpiry")?,
            service: member("SignedService")?,
            version: member("SignedVersion")?,
        };
        Some((delegation, member("Value")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_fields_of_the_documentation() {
        let answer = b"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>
            <UserDelegationKey><SignedOid>o</SignedOid><SignedTid>t</SignedTid><SignedStart>2026-01-01T00:00:00Z</SignedStart>
            <SignedExpiry>2026-01-02T00:00:00Z</SignedExpiry><SignedService>b</SignedService>
            <SignedVersion>2022-11-02</SignedVersion><Value>a2V5</Value></UserDelegationKey>";
        let (delegation, key) = Delegation::read(answer).expect("a key");
        assert_eq!(key, "a2V5");
        let pairs: Vec<_> = delegation.pairs().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            pairs.join("&"),
            "skoid=o&sktid=t&skt=2026-01-01T00:00:00Z&ske=2026-01-02T00:00:00Z&sks=b&skv=2022-11-02"
        );
        assert!(Delegation::read(b"<UserDelegationKey/>").is_none() && Delegation::read(b"<").is_none());
    }
}
