//! `If-Match` and `If-None-Match` of a write.
//!
//! The tags are those that GET, POST, PUT and PATCH answer as `ETag`. They name the state of a document: what goes before a
//! tag (`W/`) and what it says of the representation (after its `-`) does not count, so that a tag holds on every replica.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};

use crate::api::error::ApiError;
use crate::api::state::App;
use crate::tree::{ChangeError, Condition};

/// What a request asks of what is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Precondition {
    matches: Option<Tags>,
    matches_none: Option<Tags>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    /// `*`
    Any,
    /// With quotes, as [`crate::tree::Stored::etag`] has them.
    Of(Vec<String>),
}

impl Tags {
    fn hold(&self, current: Option<&str>) -> bool {
        match (self, current) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::Of(tags), Some(current)) => tags.iter().any(|tag| tag == current),
        }
    }
}

impl Precondition {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, ApiError> {
        Ok(Self {
            matches: tags(headers, &header::IF_MATCH)?,
            matches_none: tags(headers, &header::IF_NONE_MATCH)?,
        })
    }

    /// Compares with the tag of what is there.
    ///
    /// # Errors
    /// 412.
    pub(super) fn check(&self, what: &str, current: Option<&str>) -> Result<(), ApiError> {
        if self.matches.as_ref().is_some_and(|tags| !tags.hold(current)) {
            let is = if current.is_some() { "is not in the state that" } else { "is not there, which" };
            return Err(failed(format!("{what} {is} If-Match asks for; GET tells its ETag")));
        }
        if self.matches_none.as_ref().is_some_and(|tags| tags.hold(current)) {
            return Err(failed(format!("{what} is there, and If-None-Match asks for another state")));
        }
        Ok(())
    }

    /// True when what is not there is to be made (`If-None-Match: *`).
    pub(super) fn wants_absent(&self) -> bool {
        self.matches_none == Some(Tags::Any)
    }

    /// True when the request asks for anything.
    pub(super) fn is_given(&self) -> bool {
        self.matches.is_some() || self.matches_none.is_some()
    }

    /// What a failed write is told as: 412 for any other state than the request asks for, if it asks for one.
    pub(super) fn failed(&self, error: ChangeError) -> ApiError {
        if self.is_given() { as_asked(error) } else { error.into() }
    }

    /// What has to be there still when a document that was `current` is replaced.
    pub(super) fn condition(&self, current: &str) -> Condition {
        let is_any = |tags: &Option<Tags>| tags.as_ref().is_none_or(|tags| *tags == Tags::Any);
        if is_any(&self.matches) && is_any(&self.matches_none) {
            Condition::Present
        } else {
            Condition::Matches(vec![current.to_owned()])
        }
    }
}

/// 412 for what is in another state than was asked for.
pub(super) fn as_asked(error: ChangeError) -> ApiError {
    match error {
        ChangeError::Missing { .. } | ChangeError::Exists { .. } | ChangeError::Changed { .. } => {
            failed(error.to_string())
        }
        other => other.into(),
    }
}

/// 412 with that description.
fn failed(description: String) -> ApiError {
    ApiError::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", description)
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, ApiError> {
    let wrong = || {
        let description = format!("{name} is * or a list of ETags, such as W/\"5f1e8a2b3c4d5e6f-01234567\"");
        ApiError::new(StatusCode::BAD_REQUEST, "InvalidHeader", description)
    };
    let mut found: Option<Vec<String>> = None;
    for value in headers.get_all(name) {
        let value = value.to_str().ok().ok_or_else(wrong)?.trim();
        if value == "*" {
            return Ok(Some(Tags::Any));
        }
        for tag in value.split(',') {
            let tag = tag.trim();
            let opaque = tag.strip_prefix("W/").unwrap_or(tag);
            let text = opaque.strip_prefix('"').and_then(|text| text.strip_suffix('"')).ok_or_else(wrong)?;
            let state = text.split('-').next().unwrap_or_default();
            found.get_or_insert_default().push(format!("\"{state}\""));
        }
    }
    Ok(found.map(Tags::Of))
}

impl FromRequestParts<App> for Precondition {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, ApiError> {
        Self::read(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&'static str, &str)]) -> Result<Precondition, ApiError> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().expect("a value"));
        }
        Precondition::read(&headers)
    }

    #[test]
    fn a_tag_holds_whatever_is_written_around_it() {
        for value in ["\"12\"", "W/\"12\"", "\"11\", W/\"12-ab\"", "*"] {
            let asked = read(&[("if-match", value)]).expect("tags");
            assert!(asked.check("it", Some("\"12\"")).is_ok(), "{value}");
            assert!(asked.check("it", None).is_err(), "{value}");
            let asked = read(&[("if-none-match", value)]).expect("tags");
            assert!(asked.check("it", Some("\"12\"")).is_err(), "{value}");
            assert!(asked.check("it", None).is_ok(), "{value}");
        }
        let other = read(&[("if-match", "\"1\""), ("if-match", "\"2\"")]).expect("tags");
        assert!(other.check("it", Some("\"12\"")).is_err());
        assert!(other.check("it", Some("\"2\"")).is_ok());
        for wrong in ["12", "", "W/12", "\"12", "*, \"1\""] {
            assert!(read(&[("if-match", wrong)]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_named_state_has_to_stay() {
        let condition = |fields: &[(&'static str, &str)]| read(fields).expect("tags").condition("\"1\"");
        assert_eq!(condition(&[]), Condition::Present);
        assert_eq!(condition(&[("if-match", "*")]), Condition::Present);
        let stays = Condition::Matches(vec!["\"1\"".to_owned()]);
        assert_eq!(condition(&[("if-match", "\"1\"")]), stays);
        assert_eq!(condition(&[("if-none-match", "\"2\"")]), stays);
    }
}
