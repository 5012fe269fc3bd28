//! The locations that a server may read: an allow-list of folders.

use super::Location;

/// Allowed folders; everything below them may be read, nothing else.
#[derive(Debug, Clone, Default)]
pub struct Places {
    folders: Vec<Location>,
}

impl Places {
    /// An allow-list of these folders.
    #[must_use]
    pub fn new(folders: Vec<Location>) -> Self {
        Self { folders }
    }

    /// True when `location` is one of the folders or lies below one.
    #[must_use]
    pub fn allow(&self, location: &Location) -> bool {
        self.folders.iter().any(|folder| location.is_below(folder))
    }
}
