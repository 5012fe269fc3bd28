//! Why bytes could not be had or kept.

use std::time::Duration;

use super::Location;

/// Why bytes could not be had or kept. The message names the location: it is for the log and the terminal, not for clients.
/// No message holds a query, a key or a token.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Nothing is there.
    #[error("{location} does not exist")]
    NotFound {
        /// Where.
        location: Location,
    },
    /// The system refused, broke off or failed.
    #[error("cannot read or write {location}")]
    Io {
        /// Where.
        location: Location,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A range that the object does not have.
    #[error("{location} has {len} bytes, but bytes {start} to {end} were asked for")]
    OutOfRange {
        /// Where.
        location: Location,
        /// Length of the object.
        len: u64,
        /// First byte asked for.
        start: u64,
        /// Byte after the last.
        end: u64,
    },
    /// No answer in time.
    #[error("{location} did not answer within {} s", limit.as_secs())]
    Stalled {
        /// Where.
        location: Location,
        /// The bound.
        limit: Duration,
    },
    /// Another object took its place.
    #[error("{location} was replaced in the meantime; ask again")]
    Changed {
        /// Where.
        location: Location,
    },
    /// Something is there already, and was not to be replaced.
    #[error("{location} exists already")]
    Exists {
        /// Where.
        location: Location,
    },
    /// Too much to take into memory.
    #[error("{location} has {len} bytes; documents of more than {limit} bytes are not read at once")]
    TooLarge {
        /// Where.
        location: Location,
        /// Length of the object.
        len: u64,
        /// The bound.
        limit: u64,
    },
    /// The store does not let us.
    #[error(
        "{location} may not be accessed (status {status}{}); check the credentials for it, and whether they have expired",
        shown(code.as_deref())
    )]
    Denied {
        /// Where.
        location: Location,
        /// HTTP status.
        status: u16,
        /// The store's own word for it.
        code: Option<String>,
    },
    /// The store is asked for too much at once, or has trouble of its own, also after several tries.
    #[error("{location} cannot be had now (status {status}{}); try again later", shown(code.as_deref()))]
    Unavailable {
        /// Where.
        location: Location,
        /// HTTP status.
        status: u16,
        /// The store's own word for it.
        code: Option<String>,
    },
    /// The store does not do what it was asked for.
    #[error("the store of {location} refused the request (status {status}{})", shown(code.as_deref()))]
    Refused {
        /// Where.
        location: Location,
        /// HTTP status.
        status: u16,
        /// The store's own word for it.
        code: Option<String>,
    },
    /// The connection failed, also after several tries.
    #[error("the store of {location} cannot be reached or broke off: {reason}")]
    Broken {
        /// Where.
        location: Location,
        /// What went wrong.
        reason: String,
    },
    /// Settings or credentials that cannot be used.
    #[error("cannot access {location}: {reason}")]
    Settings {
        /// Where.
        location: Location,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// What this kind of store cannot do.
    #[error("{location}: {what}")]
    Unsupported {
        /// Where.
        location: Location,
        /// What it cannot do, and what else would.
        what: &'static str,
    },
}

impl StorageError {
    /// Where it happened.
    #[must_use]
    pub fn location(&self) -> &Location {
        match self {
            Self::NotFound { location }
            | Self::Io { location, .. }
            | Self::OutOfRange { location, .. }
            | Self::Stalled { location, .. }
            | Self::Changed { location }
            | Self::Exists { location }
            | Self::TooLarge { location, .. }
            | Self::Denied { location, .. }
            | Self::Unavailable { location, .. }
            | Self::Refused { location, .. }
            | Self::Broken { location, .. }
            | Self::Settings { location, .. }
            | Self::Unsupported { location, .. } => location,
        }
    }

    /// True when the same may well succeed later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Stalled { .. } | Self::Unavailable { .. } | Self::Broken { .. })
    }
}

/// An error and its causes in one line, for the log, the terminal and reports.
pub(crate) fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(at) = cause {
        let next = at.to_string();
        // Some libraries repeat the cause in the error itself.
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = at.source();
    }
    text.replace('\n', "; ")
}

fn shown(code: Option<&str>) -> String {
    code.map(|code| format!(" {code}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_in_one_line_and_none_is_told_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("{text}")]
        struct Layer {
            text: &'static str,
            source: Option<Box<Layer>>,
        }
        let layer = |text, source| Layer { text, source };
        let cause = layer("no route\nto host", None);
        let middle = layer("cannot connect", Some(Box::new(cause)));
        let repeats = layer("failed: cannot connect", Some(Box::new(middle)));
        assert_eq!(in_one_line(&repeats), "failed: cannot connect: no route; to host");
    }
}
