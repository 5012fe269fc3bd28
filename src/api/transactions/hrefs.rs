//! Hrefs of assets as GET shows them, and as the tree has them.
//!
//! Who reads a document, changes it and puts it back sends hrefs that the server made up: the proxy's URL for an asset on the
//! server's disk, an absolute URL without its query for a relative one. They mean what the tree has, which is kept.

use std::collections::HashMap;

use serde_json::Value;

use crate::api::error::ApiError;
use crate::api::hrefs::Hrefs as ShownHrefs;
use crate::api::links::Base;
use crate::api::state::App;

/// What an href of the tree is called among the alternates of the one that is shown.
const ORIGINAL: &str = "original";

/// The hrefs of one document's assets.
#[derive(Debug, Default)]
pub(super) struct Hrefs {
    assets: HashMap<String, Asset>,
    /// The tree's document names the alternate-assets extension.
    names_alternates: bool,
}

#[derive(Debug)]
struct Asset {
    /// The asset as the tree has it.
    stored: Value,
    /// What its href looks like to clients; none when it is not shown.
    shown: Vec<String>,
}

impl Hrefs {
    /// Those of an Item, which the tree has as `stored`.
    pub(super) async fn of_item(
        app: &App,
        base: &Base,
        (collection, id): (&str, &str),
        stored: &Value,
    ) -> Result<Self, ApiError> {
        let mut hrefs = Self::of(stored);
        if let Some(item) = app.backend.item(collection, id).await? {
            let mut text = Vec::new();
            base.items_writer(ShownHrefs::unsigned(app.settings.asset_hrefs)).write(&mut text, &item);
            let served: Value = serde_json::from_slice(&text).unwrap_or_default();
            hrefs.show(&served);
            for (key, href) in item.body.hrefs() {
                if let Some(asset) = hrefs.assets.get_mut(key.as_ref()) {
                    asset.shown.push(href.into_owned());
                }
            }
        }
        for (key, asset) in &mut hrefs.assets {
            asset.shown.push(base.asset(collection, id, key));
        }
        Ok(hrefs)
    }

    /// Those of a Collection, which the tree has as `stored` and GET shows as `served`.
    pub(super) fn of_collection(stored: &Value, served: &Value) -> Self {
        let mut hrefs = Self::of(stored);
        hrefs.show(served);
        hrefs
    }

    fn of(stored: &Value) -> Self {
        let assets = stored.get("assets").and_then(Value::as_object);
        let assets = assets
            .into_iter()
            .flatten()
            .map(|(key, asset)| (key.clone(), Asset { stored: asset.clone(), shown: Vec::new() }));
        let extensions = stored.get("stac_extensions").and_then(Value::as_array);
        let names_alternates = extensions.is_some_and(|all| all.iter().any(is_alternates));
        Self { assets: assets.collect(), names_alternates }
    }

    fn show(&mut self, served: &Value) {
        for (key, asset) in &mut self.assets {
            let shown = served.pointer("/assets").and_then(|assets| assets.get(key)?.get("href")?.as_str());
            asset.shown.extend(shown.map(str::to_owned));
        }
    }

    /// Writes a document of the tree's as GET shows it.
    pub(super) fn in_shown(&self, document: &mut Value) {
        let Some(assets) = document.get_mut("assets").and_then(Value::as_object_mut) else { return };
        for (key, asset) in assets {
            if let Some(shown) = self.assets.get(key).and_then(|asset| asset.shown.first()) {
                asset["href"] = shown.as_str().into();
            }
        }
    }

    /// Writes what a client sent as the tree has it. What GET does not show at all, no client means to take away.
    pub(super) fn in_stored(&self, document: &mut Value) {
        let Some(sent) = document.get_mut("assets").and_then(Value::as_object_mut) else { return };
        let mut has_taken_out = false;
        for (key, asset) in &self.assets {
            match sent.get_mut(key) {
                Some(sent) => {
                    has_taken_out |= asset.take_original_out(sent);
                    let href = sent.get("href").and_then(Value::as_str).unwrap_or_default();
                    if asset.shown.iter().any(|shown| is_same(href, shown))
                        && let Some(stored) = asset.stored.get("href")
                    {
                        sent["href"] = stored.clone();
                    }
                }
                None if asset.shown.is_empty() => {
                    sent.insert(key.clone(), asset.stored.clone());
                }
                None => {}
            }
        }
        let is_in_use = sent.values().any(|asset| asset.get("alternate").is_some());
        if has_taken_out
            && !is_in_use
            && !self.names_alternates
            && let Some(extensions) = document.get_mut("stac_extensions").and_then(Value::as_array_mut)
        {
            extensions.retain(|extension| !is_alternates(extension));
        }
    }
}

impl Asset {
    /// Takes out of what was sent the alternate that shows the href of the tree, unless the tree has it; true when it did.
    fn take_original_out(&self, sent: &mut Value) -> bool {
        let Some(alternates) = sent.get_mut("alternate").and_then(Value::as_object_mut) else { return false };
        let original = alternates.get(ORIGINAL).and_then(|alternate| alternate.get("href")?.as_str());
        let is_ours = original.is_some_and(|href| self.shown.iter().any(|shown| shown == href));
        if !is_ours || self.stored.pointer("/alternate/original").is_some() {
            return false;
        }
        alternates.remove(ORIGINAL);
        if alternates.is_empty() && self.stored.get("alternate").is_none() {
            sent.as_object_mut().map(|asset| asset.remove("alternate"));
        }
        true
    }
}

fn is_alternates(extension: &Value) -> bool {
    extension.as_str().is_some_and(|extension| extension.contains("/alternate-assets/"))
}

/// True for the same href, or the same with a signature that will have expired when it is read again.
fn is_same(sent: &str, shown: &str) -> bool {
    let Some(rest) = sent.strip_prefix(shown) else { return false };
    let is_signature =
        |name: &str| rest.contains(&format!("?{name}=")) || rest.contains(&format!("&{name}="));
    rest.is_empty()
        || rest.starts_with('?')
            && ["sig", "X-Amz-Signature", "X-Goog-Signature"].into_iter().any(is_signature)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hrefs() -> Hrefs {
        let stored = json!({"assets": {"a": {"href": "./a.tif?v=1"}, "hidden": {"href": "./t.png"}}});
        Hrefs::of_collection(&stored, &json!({"assets": {"a": {"href": "https://h/a.tif"}}}))
    }

    #[test]
    fn what_was_shown_becomes_what_is_stored() {
        for href in ["https://h/a.tif", "https://h/a.tif?se=1&sig=x", "https://h/a.tif?X-Amz-Signature=x"] {
            let mut sent = json!({"assets": {"a": {"href": href, "title": "new"}}});
            hrefs().in_stored(&mut sent);
            assert_eq!(sent["assets"]["a"], json!({"href": "./a.tif?v=1", "title": "new"}), "{href}");
            assert_eq!(sent["assets"]["hidden"]["href"], "./t.png");
        }
    }

    #[test]
    fn the_original_that_is_shown_beside_another_href_does_not_go_to_the_tree() {
        let stored = json!({"assets": {"a": {"href": "./a.tif"}}, "stac_extensions": ["x"]});
        let mut hrefs =
            Hrefs::of_collection(&stored, &json!({"assets": {"a": {"href": "https://h/proxy/a"}}}));
        hrefs.assets.get_mut("a").expect("an asset").shown.push("https://h/a.tif".to_owned());
        let alternate = "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json";
        let shown = json!({
            "assets": {"a": {"href": "https://h/proxy/a", "alternate": {"original": {"href": "https://h/a.tif"}}}},
            "stac_extensions": [alternate, "x"],
        });
        let mut sent = shown.clone();
        hrefs.in_stored(&mut sent);
        assert_eq!(sent, stored);
        let mut sent = shown;
        sent["assets"]["a"]["alternate"]["own"] = json!({"href": "s3://b/a.tif"});
        hrefs.in_stored(&mut sent);
        assert_eq!(sent["assets"]["a"]["alternate"], json!({"own": {"href": "s3://b/a.tif"}}));
        assert_eq!(sent["stac_extensions"], json!([alternate, "x"]));
    }

    #[test]
    fn what_is_new_stays_as_it_is() {
        for href in ["https://h/b.tif", "https://h/a.tif?v=2", "https://h/a.tiff"] {
            let mut sent =
                json!({"assets": {"a": {"href": href}, "hidden": {"href": "https://h/t.png"}, "n": {}}});
            let before = sent.clone();
            hrefs().in_stored(&mut sent);
            assert_eq!(sent, before);
        }
    }

    #[test]
    fn showing_and_storing_are_each_others_inverse() {
        let stored = json!({"assets": {"a": {"href": "./a.tif?v=1"}, "hidden": {"href": "./t.png"}}});
        let mut document = stored.clone();
        hrefs().in_shown(&mut document);
        assert_eq!(document["assets"]["a"]["href"], "https://h/a.tif");
        hrefs().in_stored(&mut document);
        assert_eq!(document, stored);
    }
}
