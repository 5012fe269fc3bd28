//! An Item that is wanted, and where its files go.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use url::Url;

use crate::source::api::Checked;
use crate::stac::parse_instant;
use crate::tree::Layout;

/// An Item that is wanted.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) collection: String,
    pub(super) id: String,
    /// Its document on this disk.
    pub(super) document: PathBuf,
    /// Those that are asked for.
    pub(super) files: Vec<File>,
    /// The others, which may have come before.
    others: Vec<File>,
    item: Value,
}

/// One of its assets.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) key: String,
    /// Absolute, unless the Item does not tell what it is relative to.
    pub(super) href: String,
    pub(super) path: PathBuf,
    pub(super) checked: Checked,
}

impl Wanted {
    /// The Item below `folder`, with the assets of these keys or all; nothing when it lacks an id, a Collection or assets.
    pub(super) fn new(item: Value, keys: &[String], folder: &Path) -> Option<Self> {
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let id = text("id")?;
        let collection = text("collection")?;
        let branch = Layout::branch(Path::new(""), &collection);
        let document = folder.join(Layout::item(&branch, &[], &id));
        let own = own_url(&item).and_then(|href| Url::parse(href).ok());
        // The document's own name is taken.
        let mut names: HashSet<String> =
            document.file_name().map(|name| name.to_string_lossy().into_owned()).into_iter().collect();
        let (mut files, mut others) = (Vec::new(), Vec::new());
        for (key, asset) in item.get("assets")?.as_object()? {
            let href = asset.get("href").and_then(Value::as_str)?;
            let mut name = file_name(key, href, asset.get("type").and_then(Value::as_str));
            if !names.insert(name.clone()) {
                name = format!("{}_{name}", plain(key));
                names.insert(name.clone());
            }
            let absolute = own.as_ref().filter(|_| !href.contains("://")).and_then(|own| own.join(href).ok());
            let checked = Checked {
                size: asset.get("file:size").and_then(Value::as_u64),
                checksum: asset.get("file:checksum").and_then(Value::as_str).map(str::to_owned),
            };
            let is_asked_for = keys.is_empty() || keys.contains(key);
            // Names are the same whichever are asked for.
            let list = if is_asked_for { &mut files } else { &mut others };
            list.push(File {
                key: key.clone(),
                href: absolute.map_or_else(|| href.to_owned(), String::from),
                path: document.with_file_name(name),
                checked,
            });
        }
        Some(Self { collection, id, document, files, others, item })
    }

    /// When it begins; nothing when it does not tell.
    pub(super) fn start(item: &Value) -> Option<DateTime<Utc>> {
        let property = |name: &str| item.get("properties")?.get(name)?.as_str();
        parse_instant(property("start_datetime").or(property("datetime"))?).ok()
    }

    /// Its document, with the assets of these keys and those that came before, their hrefs those of the files, and a link to where it comes from.
    pub(super) fn localised(&self, came: &HashSet<&str>) -> Vec<u8> {
        let mut item = self.item.clone();
        let links = own_url(&self.item).map_or_else(
            || json!([]),
            |href| {
                let href = href.split('?').next();
                json!([{"rel": "canonical", "href": href, "type": "application/geo+json"}])
            },
        );
        let assets = item.get("assets").and_then(Value::as_object).cloned().unwrap_or_default();
        let new = self.files.iter().filter(|file| came.contains(file.key.as_str()));
        let here: Vec<&File> = new.chain(self.others.iter().filter(|file| file.path.exists())).collect();
        let mut kept = Map::new();
        for (key, mut asset) in assets {
            if let Some(file) = here.iter().find(|file| file.key == key)
                && let Some(fields) = asset.as_object_mut()
            {
                let name = file.path.file_name().unwrap_or_default().to_string_lossy();
                fields.insert("href".to_owned(), json!(format!("./{name}")));
                kept.insert(key, asset);
            }
        }
        if let Some(fields) = item.as_object_mut() {
            fields.insert("assets".to_owned(), Value::Object(kept));
            fields.insert("links".to_owned(), links);
        }
        let mut text = format!("{item:#}").into_bytes();
        text.push(b'\n');
        text
    }
}

/// The href of the link `self`.
fn own_url(item: &Value) -> Option<&str> {
    let links = item.get("links")?.as_array()?;
    let own = links.iter().find(|link| link.get("rel").and_then(Value::as_str) == Some("self"));
    own?.get("href")?.as_str()
}

/// The name of an asset's file: the last part of its href, with an ending by its media type where that has none.
fn file_name(key: &str, href: &str, media_type: Option<&str>) -> String {
    let path = href.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let name = plain(last);
    if name.contains('.') && !name.starts_with('.') {
        return name;
    }
    let ending = match media_type.and_then(|media_type| media_type.split(';').next()) {
        Some("image/tiff") => ".tif",
        Some("image/jp2") => ".jp2",
        Some("image/png") => ".png",
        Some("image/jpeg") => ".jpg",
        Some("application/json" | "application/geo+json") => ".json",
        Some("application/xml" | "text/xml") => ".xml",
        _ => "",
    };
    format!("{}{ending}", plain(key))
}

/// A name that is nothing but a name.
fn plain(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' })
        .take(150)
        .collect();
    if plain.starts_with('.') || plain.is_empty() { format!("_{plain}") } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_stay_in_their_folder() {
        assert_eq!(file_name("B04", "https://h/a/B04.tif?sig=x", None), "B04.tif");
        assert_eq!(
            file_name("B04", "https://h/assets/B04", Some("image/tiff; application=geotiff")),
            "B04.tif"
        );
        assert_eq!(file_name("../x", "https://h/..", None), "_..");
        assert_eq!(plain("a/b c"), "a_b_c");
    }

    #[test]
    fn hrefs_become_absolute_and_signatures_stay_out_of_documents() {
        let item = json!({"id": "i", "collection": "c", "links": [{"rel": "self", "href": "https://h/c/i.json?token=x"}],
            "properties": {"datetime": "2024-01-05T00:00:00Z"},
            "assets": {"a": {"href": "./a.tif"}, "b": {"href": "https://h/b.tif?sig=secret"}, "c": {"href": "s3://b/c.tif"}}});
        let wanted = Wanted::new(item, &[], Path::new("/d")).expect("an Item");
        let hrefs: Vec<_> = wanted.files.iter().map(|file| file.href.as_str()).collect();
        assert_eq!(hrefs, ["https://h/c/a.tif", "https://h/b.tif?sig=secret", "s3://b/c.tif"]);
        assert_eq!(wanted.files[1].path, Path::new("/d/c/i/b.tif"));
        let text = String::from_utf8(wanted.localised(&["b"].into())).expect("UTF-8");
        assert!(text.contains("\"./b.tif\"") && !text.contains("a.tif"), "{text}");
        assert!(!text.contains("secret") && !text.contains("token"), "{text}");
    }
}
