//! How the documents of a tree link one another: the three types of catalogues that pystac knows.

use std::path::{Component, Path, PathBuf};

use stac::Link;

use super::href::relative_href;
use crate::storage::Location;

/// The type of a tree: which of its links are relative, and which documents say where they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Linking {
    /// All links are relative; no document says where it is, so that the tree can be copied anywhere.
    #[default]
    SelfContained,
    /// All links are relative, but for that of the root to itself.
    RelativePublished {
        /// The folder that the tree is published at.
        root: Location,
    },
    /// All links are absolute, and each document links itself.
    AbsolutePublished {
        /// The folder that the tree is published at.
        root: Location,
    },
}

/// Why an href cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LinkingError {
    /// Not reached from the place where the tree is published.
    #[error(
        "{} cannot be named from the root href {root}: it lies too far above the tree; keep the rasters below the tree's \
         parent folder, or build a self-contained catalogue",
        path.display()
    )]
    OutOfReach {
        /// The file.
        path: PathBuf,
        /// The folder that the tree is published at.
        root: Location,
    },
}

impl Linking {
    /// From one document of the tree to another, both relative to its root.
    pub(super) fn href(&self, from: &Path, to: &Path) -> String {
        let relative = || relative_href(from, to).unwrap_or_else(|| to.to_string_lossy().into_owned());
        match self {
            Self::SelfContained | Self::RelativePublished { .. } => relative(),
            Self::AbsolutePublished { root } => published(root, to).unwrap_or_else(relative),
        }
    }

    /// The link of a document to itself, where this type has one.
    pub(super) fn own(&self, at: &Path, is_root: bool) -> Option<Link> {
        let root = match self {
            Self::AbsolutePublished { root } => root,
            Self::RelativePublished { root } if is_root => root,
            Self::SelfContained | Self::RelativePublished { .. } => return None,
        };
        Some(Link::self_(published(root, at)?))
    }

    /// The href of a file on this disk in the document `at` of the tree in the folder `dest`.
    pub(super) fn asset(&self, dest: &Path, at: &Path, file: &Path) -> Result<String, LinkingError> {
        let document = dest.join(at);
        let relative = relative_href(&document, file);
        let shown = || file.to_string_lossy().into_owned();
        let Self::AbsolutePublished { root } = self else { return Ok(relative.unwrap_or_else(shown)) };
        if let Ok(below) = file.strip_prefix(dest)
            && let Some(href) = published(root, below)
        {
            return Ok(href);
        }
        let url = match root {
            Location::Local(_) => return Ok(shown()),
            Location::Remote(url) => url,
        };
        // A URL has no folder above its host, where a resolver would stay without a word.
        let climbs = relative.as_ref().map_or(0, |r| r.split('/').take_while(|part| *part == "..").count());
        let depth =
            at.components().count() - 1 + url.path().split('/').filter(|part| !part.is_empty()).count();
        let published = root.child(&at.to_string_lossy()).ok();
        match (relative, published) {
            (Some(relative), Some(document)) if climbs <= depth => {
                Ok(document.join(&relative).map_or_else(|_| shown(), |location| location.to_href()))
            }
            _ => Err(LinkingError::OutOfReach { path: file.to_owned(), root: root.clone() }),
        }
    }
}

/// The absolute href of a file of the tree; each part percent-encoded as a relative href has it.
fn published(root: &Location, below: &Path) -> Option<String> {
    match root {
        Location::Local(folder) => Some(folder.join(below).to_string_lossy().into_owned()),
        Location::Remote(_) => {
            if below.components().any(|part| !matches!(part, Component::Normal(_))) {
                return None;
            }
            let encoded = relative_href(Path::new("x"), below)?;
            Some(root.child(encoded.trim_start_matches("./")).ok()?.to_href())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Location {
        Location::parse(text).expect("a location")
    }

    #[test]
    fn each_type_has_its_links() {
        let (from, to) = (Path::new("c/i/i.json"), Path::new("catalog.json"));
        let root = at("https://h/data/tree");
        let linkings = [
            Linking::SelfContained,
            Linking::RelativePublished { root: root.clone() },
            Linking::AbsolutePublished { root },
        ];
        let hrefs = linkings.each_ref().map(|linking| linking.href(from, to));
        assert_eq!(hrefs, ["../../catalog.json", "../../catalog.json", "https://h/data/tree/catalog.json"]);
        let own = |linking: &Linking, is_root| linking.own(from, is_root).map(|link| link.href);
        assert_eq!(linkings.each_ref().map(|l| own(l, true).is_some()), [false, true, true]);
        assert_eq!(linkings.each_ref().map(|l| own(l, false).is_some()), [false, false, true]);
    }

    #[test]
    fn rasters_are_named_from_where_the_tree_is_published() {
        let (dest, document) = (Path::new("/d/tree"), Path::new("c/i/i.json"));
        let href = |root: &str, file: &str| {
            let linking = Linking::AbsolutePublished { root: at(root) };
            linking.asset(dest, document, Path::new(file)).ok()
        };
        let cog = "/d/cogs/a b.tif";
        assert_eq!(href("https://h/p/tree", cog).as_deref(), Some("https://h/p/cogs/a%20b.tif"));
        assert_eq!(href("s3://bucket/tree", "/d/tree/c/x.png").as_deref(), Some("s3://bucket/tree/c/x.png"));
        assert_eq!(href("https://h", cog), None);
        assert_eq!(href("/srv/tree", "/d/tree/c/x.png").as_deref(), Some("/srv/tree/c/x.png"));
        assert_eq!(href("/srv/tree", cog).as_deref(), Some(cog));
        let relative = Linking::SelfContained.asset(dest, document, Path::new(cog));
        assert_eq!(relative.ok().as_deref(), Some("../../../cogs/a%20b.tif"));
    }
}
