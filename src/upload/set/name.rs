//! What a set of images is called, and where it lies.

use std::fmt;
use std::str::FromStr;

/// A set: an original, or what a transform made of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetName {
    /// Folder names, which are its tags: `red/angry/robin`.
    pub(super) path: Vec<String>,
    /// Its version.
    pub(super) version: String,
    /// What made it, unless it is an original.
    pub(super) transform: Option<Transform>,
}

/// What made a set of another: `crop@2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transform {
    pub(super) name: String,
    pub(super) version: String,
}

/// A name that cannot be one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SetNameError {
    /// Of a set.
    #[error(
        "'{text}' is no name of a set; give folder names of letters, digits, '_' and '-', joined by '/': red/angry/robin"
    )]
    Set {
        /// As given.
        text: String,
    },
    /// Of a version.
    #[error("'{text}' is no version; give letters, digits, '.' and '-': 1.0")]
    Version {
        /// As given.
        text: String,
    },
    /// Of a transform.
    #[error("'{text}' is no transform; give NAME@VERSION: crop@2")]
    Transform {
        /// As given.
        text: String,
    },
}

impl SetName {
    /// A set of these names.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn new(name: &str, version: &str, transform: Option<Transform>) -> Result<Self, SetNameError> {
        let path: Vec<String> = name.split('/').map(str::to_owned).collect();
        if !path.iter().all(|part| is_name(part)) {
            return Err(SetNameError::Set { text: name.to_owned() });
        }
        if !is_version(version) {
            return Err(SetNameError::Version { text: version.to_owned() });
        }
        Ok(Self { path, version: version.to_owned(), transform })
    }

    /// The Collection's id, unique among all sets: `red.angry.robin@1.0`, `crop@2_of_red.angry.robin@1.0`.
    #[must_use]
    pub fn id(&self) -> String {
        self.to_string()
    }

    /// The folder of its images below that of all sets.
    pub(super) fn folder(&self) -> String {
        let path = self.path.join("/");
        match &self.transform {
            None => format!("original/{path}/{}", self.version),
            Some(by) => format!("transform/{}/{}/{path}/{}", by.name, by.version, self.version),
        }
    }

    /// The original that a transform began with.
    pub(super) fn original(&self) -> Option<Self> {
        self.transform.as_ref().map(|_| Self { transform: None, ..self.clone() })
    }

    /// True for another version of the same, of its own or of its transform.
    pub(super) fn is_version_of(&self, other: &Self) -> bool {
        let maker = |set: &Self| set.transform.as_ref().map(|by| by.name.clone());
        self != other && self.path == other.path && maker(self) == maker(other)
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(by) = &self.transform {
            write!(f, "{by}_of_")?;
        }
        write!(f, "{}@{}", self.path.join("."), self.version)
    }
}

/// Reads an id.
impl FromStr for SetName {
    type Err = SetNameError;

    fn from_str(id: &str) -> Result<Self, SetNameError> {
        let (transform, set) = match id.split_once("_of_").filter(|(by, _)| by.contains('@')) {
            Some((by, set)) => (Some(by.parse()?), set),
            None => (None, id),
        };
        let (name, version) = set.split_once('@').ok_or_else(|| SetNameError::Set { text: id.to_owned() })?;
        Self::new(&name.replace('.', "/"), version, transform)
    }
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl FromStr for Transform {
    type Err = SetNameError;

    fn from_str(text: &str) -> Result<Self, SetNameError> {
        match text.split_once('@').filter(|(name, version)| is_name(name) && is_version(version)) {
            Some((name, version)) => Ok(Self { name: name.to_owned(), version: version.to_owned() }),
            None => Err(SetNameError::Transform { text: text.to_owned() }),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

fn is_version(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_set_lies_where_its_names_say() {
        let set = SetName::new("red/angry/robin", "1.0", None).expect("a set");
        assert_eq!(set.folder(), "original/red/angry/robin/1.0");
        assert_eq!(set.id(), "red.angry.robin@1.0");
        let crop = SetName::new("red/angry/robin", "1.0", Some("crop@2".parse().expect("a transform")))
            .expect("a set");
        assert_eq!(crop.folder(), "transform/crop/2/red/angry/robin/1.0");
        assert_eq!(crop.id(), "crop@2_of_red.angry.robin@1.0");
        assert_eq!(crop.original(), Some(set.clone()));
        let newer = SetName::new("red/angry/robin", "1.1", None).expect("a set");
        assert!(newer.is_version_of(&set) && !newer.is_version_of(&crop) && !set.is_version_of(&set));
    }

    #[test]
    fn names_that_could_leave_their_folder_are_refused() {
        for name in ["", "a//b", "../a", "a/..", "a.b", "/a", "a@1"] {
            assert!(SetName::new(name, "1", None).is_err(), "{name}");
        }
        for version in ["", "..", "1/2", "1@2", "-"] {
            assert!(SetName::new("a", version, None).is_err(), "{version}");
        }
        assert!("crop".parse::<Transform>().is_err());
    }

    proptest! {
        #[test]
        fn an_id_stands_for_one_set_only(
            name in "[a-z_]{1,6}(/[a-z_-]{1,5}){0,2}", version in "[0-9a-z][0-9.a-z-]{0,4}",
            by in proptest::option::of(("[a-z_]{1,6}", "[0-9][0-9.]{0,3}"))
        ) {
            let transform = by.map(|(name, version)| Transform { name, version });
            let set = SetName::new(&name, &version, transform).expect("a set");
            prop_assert_eq!(set.id().parse::<SetName>(), Ok(set));
        }
    }
}
