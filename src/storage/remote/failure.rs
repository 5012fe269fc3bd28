//! What `object_store` says went wrong, in this room's words.

use object_store::Error;

use super::wire::Failure;
use crate::storage::{Location, StorageError};

/// True when other credentials may help.
pub(super) fn is_denied(error: &Error) -> bool {
    matches!(Failure::of(error), Some(Failure::Status { status: 401 | 403, .. }))
}

/// True when nothing has changed since.
pub(super) fn is_unchanged(error: &Error) -> bool {
    matches!(Failure::of(error), Some(Failure::Status { status: 304, .. }))
        || matches!(error, Error::NotModified { .. })
}

/// The range lies outside of the object: the store says so, or what it sent instead cannot be understood as a range.
pub(super) fn is_outside(error: &Error) -> bool {
    match Failure::of(error) {
        Some(failure) => matches!(failure, Failure::Status { status: 416, .. }),
        None => matches!(error, Error::Generic { .. }),
    }
}

/// Another object is there than the condition wants, or none.
pub(super) fn is_other(error: &Error) -> bool {
    matches!(Failure::of(error), Some(Failure::Status { status: 412, .. }))
        || matches!(error, Error::Precondition { .. })
}

/// The status that the store answered with.
pub(super) fn status(error: &Error) -> Option<u16> {
    match Failure::of(error) {
        Some(Failure::Status { status, .. }) => Some(*status),
        _ => None,
    }
}

/// The error of a request for this location.
pub(super) fn translated(error: &Error, location: &Location) -> StorageError {
    let location = location.clone();
    let Some(failure) = Failure::of(error) else { return without_answer(error, location) };
    match failure {
        Failure::Stalled { limit } => StorageError::Stalled { location, limit: *limit },
        Failure::Broken { reason } => StorageError::Broken { location, reason: reason.clone() },
        Failure::Untrusted { reason } => StorageError::Settings {
            location,
            reason: format!(
                "{reason}; if its certificate is one of your own, name the file of its authority in SSL_CERT_FILE"
            ),
        },
        Failure::TooLong { limit } => {
            StorageError::TooLarge { location, len: limit.saturating_add(1), limit: *limit }
        }
        Failure::Status { status, code } => of_status(*status, code.clone(), location),
    }
}

fn of_status(status: u16, code: Option<String>, location: Location) -> StorageError {
    match (status, code.as_deref()) {
        (404, Some("NoSuchBucket" | "ContainerNotFound")) => StorageError::Settings {
            location,
            reason: "its bucket or container does not exist; `cairn upload --create` makes it".to_owned(),
        },
        (404 | 410, _) => StorageError::NotFound { location },
        (412, _) => StorageError::Changed { location },
        (401 | 403, _) => StorageError::Denied { location, status, code },
        (301 | 307 | 308, _) => StorageError::Settings {
            location,
            reason: "its store says that it is elsewhere; set the region or the endpoint of its bucket, or write the URL that it has now"
                .to_owned(),
        },
        (200, _) => StorageError::Unsupported {
            location,
            what: "its server has no ranges of bytes, which reading parts of a file needs",
        },
        (408 | 429 | 500.., _) => StorageError::Unavailable { location, status, code },
        _ => StorageError::Refused { location, status, code },
    }
}

/// Stores without a network, and answers that make no sense.
fn without_answer(error: &Error, location: Location) -> StorageError {
    match error {
        Error::NotFound { .. } => StorageError::NotFound { location },
        Error::AlreadyExists { .. } => StorageError::Exists { location },
        Error::Precondition { .. } => StorageError::Changed { location },
        Error::NotImplemented { .. } | Error::NotSupported { .. } => {
            StorageError::Unsupported { location, what: "its store does not do this" }
        }
        other => {
            // A URL in it may have a query.
            let text = other.to_string();
            let reason = text.split('?').next().unwrap_or_default().to_owned();
            StorageError::Broken { location, reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::client::{HttpError, HttpErrorKind};

    #[test]
    fn the_failure_is_found_behind_what_wraps_it() {
        let failure = Failure::Status { status: 403, code: Some("AccessDenied".to_owned()) };
        let inner = HttpError::new(HttpErrorKind::Unknown, failure);
        let error = Error::Generic { store: "S3", source: Box::new(inner) };
        assert!(is_denied(&error));
        let location = Location::parse("s3://b/x?sig=secret").expect("a location");
        let message = translated(&error, &location).to_string();
        assert!(message.starts_with("s3://b/x may not be accessed (status 403 AccessDenied)"), "{message}");
        assert!(!message.contains("secret"));
    }
}
