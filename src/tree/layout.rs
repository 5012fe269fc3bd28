//! Where each document goes, and how one is linked from another.
//!
//! Ids are free text; names of files and folders are not. What is unsafe in a name is written `~` and two hexadecimal
//! digits, as percent-encoding does with `%`. The tilde keeps the name the same in a link whether or not a reader decodes
//! percent signs (pystac does not). Letters of any script stay as they are: STAC's hrefs are IRI references.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

/// Longest name in bytes before it is cut and marked with a hash; file systems allow 255.
const MAX_NAME_BYTES: usize = 180;

/// Paths of the documents of a tree, relative to its root and with `/` between.
#[derive(Debug, Clone, Copy, Default)]
pub struct Layout;

impl Layout {
    /// The root catalog.
    #[must_use]
    pub fn root() -> PathBuf {
        PathBuf::from("catalog.json")
    }

    /// A Collection.
    #[must_use]
    pub fn collection(collection: &str) -> PathBuf {
        PathBuf::from(safe_name(collection)).join("collection.json")
    }

    /// A catalog between a Collection and its Items, such as `["2024", "06"]`.
    #[must_use]
    pub fn shelf(collection: &str, names: &[String]) -> PathBuf {
        let mut path = PathBuf::from(safe_name(collection));
        path.extend(names.iter().map(|name| safe_name(name)));
        path.join("catalog.json")
    }

    /// An Item.
    #[must_use]
    pub fn item(collection: &str, item: &str) -> PathBuf {
        let name = safe_name(item);
        PathBuf::from(safe_name(collection)).join(&name).join(format!("{name}.json"))
    }
}

/// A name for a file or folder that stands for `id` alone and can be nothing but a name.
fn safe_name(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    let reserved = matches!(id, "catalog.json" | "collection.json");
    for (index, character) in id.chars().enumerate() {
        let safe = character.is_alphanumeric()
            || matches!(character, '_' | '-' | '.' | '+' | '=' | '@' | ',' | '(' | ')');
        if safe && !(index == 0 && (character == '.' || reserved)) {
            name.push(character);
        } else {
            let mut buffer = [0; 4];
            for byte in character.encode_utf8(&mut buffer).bytes() {
                // Writing to a string cannot fail.
                let _infallible = write!(name, "~{byte:02X}");
            }
        }
    }
    if name.is_empty() {
        return "~".to_owned();
    }
    if name.len() > MAX_NAME_BYTES {
        let cut = name.char_indices().map(|(at, _)| at).take_while(|at| *at <= MAX_NAME_BYTES - 20).last();
        name.truncate(cut.unwrap_or_default());
        let _infallible = write!(name, "~~{:016x}", fnv1a(id.as_bytes()));
    }
    name
}

/// 64-bit FNV-1a: short, fixed for all time, and good enough to keep cut names apart.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The href that leads from the document `from` to the file `to`; both are absolute, or both relative to one folder.
///
/// Only what would be misread in a URL is percent-encoded. Returns none when no relative path exists (two Windows drives,
/// or one path absolute and the other not).
#[must_use]
pub fn relative_href(from: &Path, to: &Path) -> Option<String> {
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
    use proptest::prelude::*;

    #[test]
    fn plain_ids_are_their_own_names() {
        assert_eq!(
            Layout::item("sentinel-2-l2a", "S2A_35VLH.1"),
            Path::new("sentinel-2-l2a/S2A_35VLH.1/S2A_35VLH.1.json")
        );
        assert_eq!(Layout::shelf("c", &["2024".into(), "06".into()]), Path::new("c/2024/06/catalog.json"));
    }

    #[test]
    fn names_cannot_leave_their_folder_or_hide() {
        assert_eq!(safe_name("../x"), "~2E.~2Fx");
        assert_eq!(safe_name(".."), "~2E.");
        assert_eq!(safe_name("."), "~2E");
        assert_eq!(safe_name(""), "~");
        assert_eq!(safe_name("a~b"), "a~7Eb");
        assert_eq!(safe_name("Järvi 湖"), "Järvi~20湖");
        assert_eq!(safe_name("collection.json"), "~63ollection.json");
    }

    #[test]
    fn long_ids_keep_apart() {
        let (a, b) = (format!("{}a", "ä".repeat(300)), format!("{}b", "ä".repeat(300)));
        assert!(safe_name(&a).len() <= MAX_NAME_BYTES);
        assert_ne!(safe_name(&a), safe_name(&b));
    }

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

    proptest! {
        #[test]
        fn any_id_gives_one_ordinary_path_component(id in ".{0,200}") {
            let name = safe_name(&id);
            prop_assert!(name.len() <= 255 - ".json".len());
            let components: Vec<_> = Path::new(&name).components().collect();
            prop_assert!(matches!(components.as_slice(), [Component::Normal(_)]));
            prop_assert!(!name.starts_with('.'));
        }

        #[test]
        fn different_ids_have_different_names(a in ".{0,60}", b in ".{0,60}") {
            prop_assume!(a != b);
            prop_assert_ne!(safe_name(&a), safe_name(&b));
        }
    }
}
