//! A page token: the sort key of the last Item shown, never an offset, so that it outlives any change of the catalogue.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::sort::{Rank, SortKey, SortValue};

/// The Item after which a page begins, in the order of the question that it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// Its time.
    pub start: DateTime<Utc>,
    /// Its id.
    pub id: String,
    /// The id of its Collection.
    pub collection: String,
    /// The keys that the question sorted by, each with what the Item has for it.
    pub sort: Vec<(SortKey, SortValue)>,
}

/// Why a token cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not one of ours.
    #[error("not a token of this server; follow the 'next' link of an answer")]
    Foreign,
    /// Of a question with another `sortby`.
    #[error(
        "the token belongs to another order than sortby asks for; follow the 'next' link of an answer as it is"
    )]
    OtherOrder,
}

impl Token {
    /// The token of the page that follows an Item.
    #[must_use]
    pub fn after(rank: Rank, keys: &[SortKey]) -> Self {
        let sort = keys.iter().cloned().zip(rank.values).collect();
        Self { start: rank.start, id: rank.id, collection: rank.collection, sort }
    }

    /// Where the last Item shown stands.
    #[must_use]
    pub fn rank(&self) -> Rank {
        Rank {
            values: self.sort.iter().map(|(_, value)| value.clone()).collect(),
            start: self.start,
            id: self.id.clone(),
            collection: self.collection.clone(),
        }
    }

    /// The token as clients carry it.
    #[must_use]
    pub fn encode(&self) -> String {
        let sort: Vec<(&str, bool, Value)> = self
            .sort
            .iter()
            .map(|(key, value)| (key.property.as_str(), key.descending, value.to_json()))
            .collect();
        let key =
            (self.start.timestamp(), self.start.timestamp_subsec_nanos(), &self.id, &self.collection, sort);
        // Numbers and strings always serialise.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&key).unwrap_or_default())
    }

    /// Reads a token back.
    ///
    /// # Errors
    /// When it was not made here.
    pub fn decode(text: &str) -> Result<Self, TokenError> {
        type Carried = (i64, u32, String, String, Vec<(String, bool, Value)>);
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_not_ours| TokenError::Foreign)?;
        let (seconds, nanos, id, collection, sort): Carried =
            serde_json::from_slice(&bytes).map_err(|_not_ours| TokenError::Foreign)?;
        let start = DateTime::from_timestamp(seconds, nanos).ok_or(TokenError::Foreign)?;
        let sort = sort
            .into_iter()
            .map(|(property, descending, value)| {
                Some((SortKey { property, descending }, SortValue::from_json(&value)?))
            })
            .collect::<Option<_>>()
            .ok_or(TokenError::Foreign)?;
        Ok(Self { start, id, collection, sort })
    }

    /// The token itself, when it belongs to the order of `keys`.
    ///
    /// # Errors
    /// When it belongs to another.
    pub fn ordered_by(self, keys: &[SortKey]) -> Result<Self, TokenError> {
        let same = self.sort.iter().map(|(key, _)| key).eq(keys);
        if same { Ok(self) } else { Err(TokenError::OtherOrder) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        let start = DateTime::from_timestamp(-5, 7).expect("a time");
        let key = |property: &str| SortKey { property: property.to_owned(), descending: true };
        let values = [
            SortValue::Flag(true),
            SortValue::Number(0.1 + 0.2),
            SortValue::Instant(start),
            SortValue::Text("[1]".to_owned()),
            SortValue::Missing,
        ];
        let sort = values.into_iter().map(|value| (key("p"), value)).collect();
        Token { start, id: "ä/%\"\u{1f600}".to_owned(), collection: "c".to_owned(), sort }
    }

    #[test]
    fn a_token_reads_back_whatever_the_id_and_the_values() {
        assert_eq!(Token::decode(&token().encode()), Ok(token()));
        for foreign in ["nonsense", "", "WzEsMl0"] {
            assert_eq!(Token::decode(foreign), Err(TokenError::Foreign));
        }
    }

    #[test]
    fn a_token_of_another_order_is_refused() {
        let keys: Vec<SortKey> = token().sort.into_iter().map(|(key, _)| key).collect();
        assert!(token().ordered_by(&keys).is_ok());
        assert_eq!(token().ordered_by(&keys[1..]), Err(TokenError::OtherOrder));
        assert_eq!(token().ordered_by(&[]), Err(TokenError::OtherOrder));
    }
}
