//! Who may write: whoever shows one of the operator's bearer tokens.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use ring::digest::{SHA256, digest};
use subtle::{Choice, ConstantTimeEq};

use crate::api::error::ApiError;
use crate::api::state::App;

/// What a client is told to come with.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"cairn\"");

/// The tokens that writes are let in with. Only their hashes are kept, which are compared in a time that says nothing about
/// them.
#[derive(Clone, Default)]
pub struct Tokens {
    digests: Vec<[u8; 32]>,
}

/// A text that no client could send as a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token is of visible ASCII characters, without spaces")]
pub struct TokenError;

impl Tokens {
    /// Lets in who shows one of these; nobody when there are none.
    ///
    /// # Errors
    /// When one of them could not be sent in a header.
    pub fn new<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Result<Self, TokenError> {
        let checked = |token: &str| {
            let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
            if is_token { Ok(digest_of(token)) } else { Err(TokenError) }
        };
        Ok(Self { digests: tokens.into_iter().map(checked).collect::<Result<_, _>>()? })
    }

    /// True when there is a token to write with.
    #[must_use]
    pub fn are_given(&self) -> bool {
        !self.digests.is_empty()
    }

    /// Refuses who shows none of them.
    ///
    /// # Errors
    /// 401 without a token, 403 with another one or where there are none.
    pub(in crate::api) fn admit(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        if !self.are_given() {
            let description = "this server takes no writes: its operator lets them in with --token";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden", description));
        }
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = shown.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let Some(token) = token else {
            let description = "writes need a token of the operator's: Authorization: Bearer TOKEN";
            let error = ApiError::new(StatusCode::UNAUTHORIZED, "Unauthorized", description);
            return Err(error.with(header::WWW_AUTHENTICATE, CHALLENGE));
        };
        let own = digest_of(token);
        // Every token is looked at, whichever it is.
        let found = self.digests.iter().fold(Choice::from(0), |found, known| found | known.ct_eq(&own));
        if bool::from(found) {
            return Ok(());
        }
        let description = "the bearer token is none of those that this server was started with";
        Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden", description))
    }
}

fn digest_of(token: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    bytes
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tokens", self.digests.len())
    }
}

/// A request that may write: what a handler that writes asks for, whatever was asked before the body was read.
#[derive(Debug)]
pub(super) struct Admitted;

impl FromRequestParts<App> for Admitted {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        app.settings.tokens.admit(&parts.headers)?;
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    fn status(tokens: &Tokens, shown: Option<&str>) -> u16 {
        let mut headers = HeaderMap::new();
        if let Some(shown) = shown {
            headers.insert(header::AUTHORIZATION, shown.parse().expect("a value"));
        }
        match tokens.admit(&headers) {
            Ok(()) => 200,
            Err(error) => error.into_response().status().as_u16(),
        }
    }

    #[test]
    fn one_of_several_tokens_lets_in_and_no_other_does() {
        let tokens = Tokens::new(["one", "tw0-._~+/="]).expect("tokens");
        for shown in ["Bearer one", "bearer one", "BEARER  tw0-._~+/="] {
            assert_eq!(status(&tokens, Some(shown)), 200, "{shown}");
        }
        for shown in ["Bearer two", "Bearer on", "Bearer onee", "Bearer ", "Bearer one,tw0"] {
            assert_eq!(status(&tokens, Some(shown)), 403, "{shown}");
        }
        for shown in [None, Some("one"), Some("Basic one"), Some("Bearer"), Some("")] {
            assert_eq!(status(&tokens, shown), 401, "{shown:?}");
        }
    }

    #[test]
    fn without_tokens_nobody_is_let_in() {
        for shown in [None, Some("Bearer one"), Some("Bearer ")] {
            assert_eq!(status(&Tokens::default(), shown), 403, "{shown:?}");
        }
    }

    #[test]
    fn a_token_is_never_shown_and_can_be_sent() {
        assert!(!format!("{:?}", Tokens::new(["S3CR3T"]).expect("a token")).contains("S3CR3T"));
        for wrong in ["", "a b", "ä", "a\n"] {
            assert_eq!(Tokens::new([wrong]).map(drop), Err(TokenError), "{wrong:?}");
        }
    }
}
