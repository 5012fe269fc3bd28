//! A page token: the sort key of the last Item shown, never an offset, so that it outlives any change of the catalogue.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

/// The Item after which a page begins, in the order newest first, then id, then collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its time.
    pub start: DateTime<Utc>,
    /// Its id.
    pub id: String,
    /// The id of its Collection.
    pub collection: String,
}

/// Not one of our tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this server; follow the 'next' link of an answer")]
pub struct TokenError;

impl Token {
    /// The token as clients carry it.
    #[must_use]
    pub fn encode(&self) -> String {
        let key = (self.start.timestamp(), self.start.timestamp_subsec_nanos(), &self.id, &self.collection);
        // Numbers and strings always serialise.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&key).unwrap_or_default())
    }

    /// Reads a token back.
    ///
    /// # Errors
    /// When it was not made here.
    pub fn decode(text: &str) -> Result<Self, TokenError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_not_ours| TokenError)?;
        let (seconds, nanos, id, collection): (i64, u32, String, String) =
            serde_json::from_slice(&bytes).map_err(|_not_ours| TokenError)?;
        let start = DateTime::from_timestamp(seconds, nanos).ok_or(TokenError)?;
        Ok(Self { start, id, collection })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_whatever_the_id() {
        let start = DateTime::from_timestamp(-5, 7).expect("a time");
        let token = Token { start, id: "ä/%\"\u{1f600}".to_owned(), collection: "c".to_owned() };
        assert_eq!(Token::decode(&token.encode()), Ok(token));
        assert_eq!(Token::decode("nonsense"), Err(TokenError));
        assert_eq!(Token::decode(""), Err(TokenError));
    }
}
