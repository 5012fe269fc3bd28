//! The fourth version of AWS's signatures, in the query of a URL, and Google's variant of it.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use ring::{digest, hmac};
use url::Url;

use super::Span;
use crate::storage::hexadecimal;

/// All but the unreserved characters of RFC 3986.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The same, where slashes part the names of folders.
const PATH: &AsciiSet = &VALUE.remove(b'/');

/// Whose signatures, and by what.
pub(super) enum Scheme {
    /// The key of one day, region and service.
    Aws(hmac::Key),
    /// The key of a service account.
    Google(Box<RsaKeyPair>),
}

impl Scheme {
    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::Aws(_) => ("AWS4-HMAC-SHA256", "X-Amz"),
            Self::Google(_) => ("GOOG4-RSA-SHA256", "X-Goog"),
        }
    }

    /// In hexadecimal digits. The private key was checked when it was read, so that signing does not fail.
    fn sign(&self, text: &str) -> String {
        match self {
            Self::Aws(key) => hexadecimal(hmac::sign(key, text.as_bytes()).as_ref()),
            Self::Google(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let random = SystemRandom::new();
                let signed = key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature);
                signed.map_or_else(|_| String::new(), |()| hexadecimal(&signature))
            }
        }
    }
}

/// What signs GET requests for the objects of a bucket. `Debug` shows no secret.
pub(super) struct Presigner {
    scheme: Scheme,
    /// Scheme and host of the URLs.
    origin: String,
    host: String,
    /// Path of the bucket, as in a URL; ends with a slash.
    folder: String,
    scope: String,
    date: String,
    /// Names and values of the query, sorted, the signature left out.
    query: Vec<(String, String)>,
}

impl std::fmt::Debug for Presigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presigner").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Presigner {
    /// For the bucket at the URL `base`; `id` names the key, `scope` what it is for.
    pub(super) fn new(scheme: Scheme, base: &str, id: &str, scope: String, span: Span) -> Option<Self> {
        let base = Url::parse(base).ok()?;
        let host = match base.port() {
            Some(port) => format!("{}:{port}", base.host_str()?),
            None => base.host_str()?.to_owned(),
        };
        let date = span.starts.format("%Y%m%dT%H%M%SZ").to_string();
        let (algorithm, prefix) = scheme.names();
        let query = [
            ("Algorithm", algorithm.to_owned()),
            ("Credential", format!("{id}/{scope}")),
            ("Date", date.clone()),
            ("Expires", span.seconds().to_string()),
            ("SignedHeaders", "host".to_owned()),
        ];
        Some(Self {
            origin: format!("{}://{host}", base.scheme()),
            folder: format!("{}/", base.path().trim_end_matches('/')),
            query: query.map(|(name, value)| (format!("{prefix}-{name}"), value)).into(),
            scheme,
            host,
            scope,
            date,
        })
    }

    /// With a further member of the query.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self.query.sort_unstable();
        self
    }

    /// True for signatures by RSA.
    pub(super) fn is_slow(&self) -> bool {
        matches!(self.scheme, Scheme::Google(_))
    }

    /// The URL of an object, by its plain name.
    pub(super) fn url(&self, object: &str) -> String {
        let path = format!("{}{}", self.folder, utf8_percent_encode(object, PATH));
        let mut query = String::new();
        for (name, value) in &self.query {
            let separator = if query.is_empty() { "" } else { "&" };
            let encoded = utf8_percent_encode(value, VALUE);
            let _infallible = write!(query, "{separator}{name}={encoded}");
        }
        let request = format!("GET\n{path}\n{query}\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD", self.host);
        let hash = hexadecimal(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
        let (algorithm, prefix) = self.scheme.names();
        let text = format!("{algorithm}\n{}\n{}\n{hash}", self.date, self.scope);
        format!("{}{path}?{query}&{prefix}-Signature={}", self.origin, self.scheme.sign(&text))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use serde_json::Value;

    use super::*;

    fn span(starts: &str, seconds: i64) -> Span {
        let starts: DateTime<Utc> = starts.parse().expect("a time");
        Span { starts, expires: starts + TimeDelta::seconds(seconds) }
    }

    /// "Authenticating Requests: Using Query Parameters" of the S3 API reference: its example, byte for byte.
    #[test]
    fn aws_signs_as_its_documentation_does() {
        let scope = "20130524/us-east-1/s3/aws4_request".to_owned();
        let seed = b"AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let key = scope.split('/').fold(hmac::Key::new(hmac::HMAC_SHA256, seed), |key, part| {
            hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
        });
        let base = "https://examplebucket.s3.amazonaws.com";
        let day = span("2013-05-24T00:00:00Z", 86400);
        let presigner = Presigner::new(Scheme::Aws(key), base, "AKIAIOSFODNN7EXAMPLE", scope, day);
        let wanted = "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
            &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
            &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert_eq!(presigner.expect("a URL").url("test.txt"), wanted);
    }

    /// Google's conformance tests for signed URLs, those that ask for no headers or query of their own.
    #[test]
    fn google_signs_as_its_conformance_tests_say() {
        let read = |name: &str| {
            let path = format!("{}/tests/data/signing/{name}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).expect("a file");
            serde_json::from_str::<Value>(&text).expect("JSON")
        };
        let account = read("google-service-account.json");
        let cases = read("google-v4-signatures.json");
        let cases = cases["signingV4Tests"].as_array().expect("cases");
        assert!(cases.len() >= 3);
        for case in cases {
            let text = |name: &str| case[name].as_str().expect("a text").to_owned();
            let seconds = text("expiration").parse().expect("seconds");
            let span = span(&text("timestamp"), seconds);
            let scope = format!("{}/auto/storage/goog4_request", span.starts.format("%Y%m%d"));
            let pem = account["private_key"].as_str().expect("a key");
            let key = super::super::google::rsa_key(pem).expect("a key");
            let email = account["client_email"].as_str().expect("an address");
            let base = format!("https://storage.googleapis.com/{}", text("bucket"));
            let presigner = Presigner::new(Scheme::Google(Box::new(key)), &base, email, scope, span);
            assert_eq!(presigner.expect("a URL").url(&text("object")), text("expectedUrl"));
        }
    }
}
