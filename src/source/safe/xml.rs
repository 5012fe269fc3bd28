//! Metadata files as trees whose fields are asked for by name, without their changing namespaces.

use std::str::FromStr;

use roxmltree::{Document, Node, ParsingOptions};

use super::archive::Archive;
use super::error::SafeError;

/// Most nodes of a metadata file; a granule's have some 50,000.
const MAX_NODES: u32 = 2_000_000;

/// One metadata file.
#[derive(Debug)]
pub(super) struct Xml<'a> {
    archive: &'a Archive,
    part: String,
    document: Document<'a>,
}

impl<'a> Xml<'a> {
    /// Parses the bytes that a part has.
    pub(super) fn parse(archive: &'a Archive, part: &str, text: &'a str) -> Result<Self, SafeError> {
        let options =
            ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
        let document = Document::parse_with_options(text, options).map_err(|source| SafeError::Xml {
            product: archive.path().to_owned(),
            part: part.to_owned(),
            source,
        })?;
        Ok(Self { archive, part: part.to_owned(), document })
    }

    /// All elements of that name.
    pub(super) fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = Node<'b, 'a>> {
        self.document.descendants().filter(move |node| node.tag_name().name() == name)
    }

    /// The text of the first element of that name, without spaces around it.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let first = self.document.descendants().find(|node| node.tag_name().name() == name);
        first.and_then(|node| node.text()).map(str::trim).filter(|text| !text.is_empty())
    }

    /// The first element's text as a value, which must be there.
    pub(super) fn value<T: FromStr>(&self, name: &str, expected: &'static str) -> Result<T, SafeError> {
        self.text(name).and_then(|text| text.parse().ok()).ok_or_else(|| self.lacks(name, expected))
    }

    /// The first element's text as a number, if it is there.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok().filter(|value: &f64| value.is_finite())
    }

    /// A field is missing or of the wrong kind.
    pub(super) fn lacks(&self, field: &str, expected: &'static str) -> SafeError {
        SafeError::Field {
            product: self.archive.path().to_owned(),
            part: self.part.clone(),
            field: field.to_owned(),
            expected,
        }
    }
}

/// An element's number under a child of that name.
pub(super) fn child_number(node: Node<'_, '_>, name: &str) -> Option<f64> {
    let child = node.children().find(|child| child.tag_name().name() == name)?;
    child.text()?.trim().parse().ok().filter(|value: &f64| value.is_finite())
}

/// An element's number in an attribute.
pub(super) fn attribute<T: FromStr>(node: Node<'_, '_>, name: &str) -> Option<T> {
    node.attribute(name)?.trim().parse().ok()
}
