//! Where each document goes.
//!
//! Ids are free text; names of files and folders are not. What is unsafe in a name is written `~` and two hexadecimal
//! digits, as percent-encoding does with `%`. The tilde keeps the name the same in a link whether or not a reader decodes
//! percent signs (pystac does not). Letters of any script stay as they are: STAC's hrefs are IRI references.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stac::Item;

/// Longest name in bytes before it is cut and marked with a hash; file systems allow 255.
const MAX_NAME_BYTES: usize = 180;

/// Where the documents of a tree go, relative to its root.
///
/// An Item lies at `{collection}/…/{id}/{name}.json`; what a template puts between the two are folders with a catalog each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// One template a folder between the Collection's and the Item's.
    folders: Vec<Vec<Part>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// `year`, `month`, `day`, or a property of the Item.
    Field(String),
}

/// Why a text is no layout.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The ends are fixed.
    #[error(
        "the layout '{text}' is not of the form '{{collection}}/…/{{id}}', such as '{{collection}}/{{year}}/{{id}}'"
    )]
    Ends {
        /// As given.
        text: String,
    },
    /// A folder without a name, or a brace without its partner.
    #[error(
        "the folder '{folder}' of the layout '{text}' is not text with {{year}}, {{month}}, {{day}} or a {{property}} in it"
    )]
    Folder {
        /// As given.
        text: String,
        /// The folder.
        folder: String,
    },
}

impl Layout {
    /// Reads a template such as `{collection}/{year}/{id}`; pystac's `${year}` means the same.
    ///
    /// # Errors
    /// When it does not begin with the Collection and end with the Item.
    pub fn parse(text: &str) -> Result<Self, LayoutError> {
        let plain = text.replace("${", "{");
        let mut folders: Vec<&str> = plain.split('/').collect();
        if folders.len() < 2 || folders.remove(0) != "{collection}" || folders.pop() != Some("{id}") {
            return Err(LayoutError::Ends { text: text.to_owned() });
        }
        let wrong = |folder: &str| LayoutError::Folder { text: text.to_owned(), folder: folder.to_owned() };
        let folders = folders.into_iter().map(|folder| parts(folder).ok_or_else(|| wrong(folder)));
        Ok(Self { folders: folders.collect::<Result<_, _>>()? })
    }

    /// True when there are folders between a Collection's and its Items'.
    #[must_use]
    pub fn has_folders(&self) -> bool {
        !self.folders.is_empty()
    }

    /// The names of the folders between an Item's Collection and its own; `none` for what the Item lacks.
    #[must_use]
    pub fn folders(&self, item: &Item) -> Vec<String> {
        let properties = &item.properties;
        let time = properties.datetime.or(properties.start_datetime);
        let field = |name: &str| {
            let format = match name {
                "year" => "%Y",
                "month" => "%m",
                "day" => "%d",
                _ => {
                    return properties.additional_fields.get(name).map(|value| match value {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    });
                }
            };
            Some(time?.format(format).to_string())
        };
        let fill = |folder: &Vec<Part>| {
            let texts = folder.iter().map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Field(name) => field(name).unwrap_or_else(|| "none".to_owned()),
            });
            texts.collect::<String>()
        };
        self.folders.iter().map(fill).collect()
    }

    /// The root catalog.
    #[must_use]
    pub fn root() -> PathBuf {
        PathBuf::from("catalog.json")
    }

    /// The folder of a Catalog or Collection in that of its parent.
    #[must_use]
    pub fn branch(parent: &Path, name: &str) -> PathBuf {
        parent.join(safe_name(name))
    }

    /// A catalog between a Collection in `branch` and its Items, such as `["2024", "06"]`.
    #[must_use]
    pub fn shelf(branch: &Path, names: &[String]) -> PathBuf {
        let mut path = branch.to_owned();
        path.extend(names.iter().map(|name| safe_name(name)));
        path.join("catalog.json")
    }

    /// An Item of the Collection in `branch`, below the folders that [`Layout::folders`] named.
    #[must_use]
    pub fn item(branch: &Path, folders: &[String], id: &str) -> PathBuf {
        let mut path = branch.to_owned();
        path.extend(folders.iter().map(|folder| safe_name(folder)));
        let name = safe_name(id);
        path.push(&name);
        path.join(format!("{name}.json"))
    }
}

fn parts(folder: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = folder;
    while let Some((text, after)) = rest.split_once('{') {
        let (field, after) = after.split_once('}')?;
        if text.contains('}') || field.is_empty() || field.contains('{') {
            return None;
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.to_owned()));
        }
        parts.push(Part::Field(field.to_owned()));
        rest = after;
    }
    if rest.contains('}') {
        return None;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    (!parts.is_empty()).then_some(parts)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Component;

    use proptest::prelude::*;

    #[test]
    fn plain_ids_are_their_own_names() {
        let branch = Layout::branch(Path::new(""), "sentinel-2-l2a");
        assert_eq!(
            Layout::item(&branch, &[], "S2A_35VLH.1"),
            Path::new("sentinel-2-l2a/S2A_35VLH.1/S2A_35VLH.1.json")
        );
        assert_eq!(
            Layout::shelf(Path::new("c"), &["2024".into(), "06".into()]),
            Path::new("c/2024/06/catalog.json")
        );
    }

    #[test]
    fn templates_name_the_folders_between() {
        let mut item = Item::new("i");
        item.properties.datetime = chrono::DateTime::from_timestamp(86_400, 0);
        item.properties.additional_fields.insert("s2:tile".into(), "35VLH".into());
        let folders = |text| Layout::parse(text).map(|layout| layout.folders(&item));
        assert_eq!(folders("{collection}/{id}").expect("a layout"), Vec::<String>::new());
        assert_eq!(
            folders("{collection}/${year}-{month}/T{s2:tile}/{orbit}/{id}").expect("a layout"),
            ["1970-01", "T35VLH", "none"]
        );
        for wrong in ["{id}", "{year}/{collection}/{id}", "{collection}/{id}/x"] {
            assert!(matches!(folders(wrong), Err(LayoutError::Ends { .. })), "{wrong}");
        }
        for wrong in
            ["{collection}//{id}", "{collection}/{a/{id}", "{collection}/a}/{id}", "{collection}/{}/{id}"]
        {
            assert!(matches!(folders(wrong), Err(LayoutError::Folder { .. })), "{wrong}");
        }
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
