//! What can be wrong with a definition.

use std::path::PathBuf;

use crate::tree::LayoutError;

/// Why a definition cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// The file cannot be read.
    #[error("cannot read the definition {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not TOML, a key that does not exist, or a value of the wrong kind.
    #[error("line {line} of the definition: {message}")]
    Parse {
        /// Line, from 1.
        line: usize,
        /// What is wrong and what was expected.
        message: String,
    },
    /// A template names a group that the pattern lacks.
    #[error(
        "collection '{collection}' of the definition: {key} names the group '{group}', which `path` lacks; it has {known}"
    )]
    UnknownGroup {
        /// The Collection's id.
        collection: String,
        /// The key that holds the template.
        key: String,
        /// The group.
        group: String,
        /// The groups that there are.
        known: String,
    },
    /// A value that no catalogue can have.
    #[error("collection '{collection}' of the definition: {key} is '{value}', expected {expected}")]
    Value {
        /// The Collection's id.
        collection: String,
        /// The key.
        key: &'static str,
        /// As given.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A parent that is not there, or that lies below its own child.
    #[error(
        "'{id}' of the definition cannot lie below '{parent}': a parent is the id of a collection or subcatalog that is not below it"
    )]
    Parent {
        /// The id of what has the parent.
        id: String,
        /// The parent.
        parent: String,
    },
    /// A layout that is none.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Two Collections with one id.
    #[error("the definition has the collection or subcatalog '{collection}' twice")]
    Twice {
        /// The id.
        collection: String,
    },
}
