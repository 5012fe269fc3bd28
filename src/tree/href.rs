//! How one document is linked from another: relative hrefs, percent-encoded only where a URL would be misread.

use std::fmt::Write as _;
use std::path::{Component, Path};

/// The href that leads from the document `from` to the file `to`; both are absolute, or both relative to one folder.
///
/// Only what would be misread in a URL is percent-encoded. Returns none when no relative path exists (two Windows drives,
/// or one path absolute and the other not).
#[must_use]
pub(crate) fn relative_href(from: &Path, to: &Path) -> Option<String> {
    let folder: Vec<Component<'_>> = from.parent()?.components().collect();
    let target: Vec<Component<'_>> = to.components().collect();
    if from.is_absolute() != to.is_absolute() {
        return None;
    }
    let shared = folder.iter().zip(&target).take_while(|(a, b)| a == b).count();
    if shared == 0 && from.is_absolute() {
        return None;
    }
    let mut href = if shared == folder.len() { ".".to_owned() } else { String::new() };
    for part in folder.get(shared..)? {
        if !matches!(part, Component::Normal(_)) {
            return None;
        }
        href.push_str(if href.is_empty() { ".." } else { "/.." });
    }
    for part in target.get(shared..)? {
        let Component::Normal(name) = part else { return None };
        href.push('/');
        push_encoded(&mut href, name.to_str()?);
    }
    Some(href)
}

fn push_encoded(href: &mut String, name: &str) {
    for character in name.chars() {
        let unsafe_in_url = character.is_control()
            || matches!(
                character,
                ' ' | '%' | '?' | '#' | '[' | ']' | '<' | '>' | '"' | '\\' | '^' | '`' | '{' | '|' | '}'
            );
        if unsafe_in_url {
            let mut buffer = [0; 4];
            for byte in character.encode_utf8(&mut buffer).bytes() {
                let _infallible = write!(href, "%{byte:02X}");
            }
        } else {
            href.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hrefs_are_relative_to_the_folder_of_the_document() {
        let href = |from: &str, to: &str| relative_href(Path::new(from), Path::new(to));
        assert_eq!(href("c/i/i.json", "catalog.json").as_deref(), Some("../../catalog.json"));
        assert_eq!(href("c/collection.json", "c/i/i.json").as_deref(), Some("./i/i.json"));
        assert_eq!(
            href("/t/c/i/i.json", "/data/a b#1%.tif").as_deref(),
            Some("../../../data/a%20b%231%25.tif")
        );
        assert_eq!(href("/t/i.json", "c/x.tif"), None);
        assert_eq!(href("c/../i.json", "x.tif"), None);
    }
}
