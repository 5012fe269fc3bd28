//! Pages for people.

use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

use super::links::Base;
use super::stac::title_of;
use crate::search::{About, Collection};
use crate::stac::Bbox;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1c2b33}\
 h1{margin-bottom:.2rem}h2{margin-top:2rem}a{color:#0a6c74}code,pre{font:14px/1.5 ui-monospace,monospace;background:#eef3f4;border-radius:4px;padding:.1rem .3rem}\
 pre{padding:.8rem;white-space:pre-wrap;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}\
 td,th{text-align:left;padding:.4rem .8rem .4rem 0;border-bottom:1px solid #dde5e7;vertical-align:top}.time{white-space:nowrap}.muted{color:#5b6b73}";

/// Starts the bundled UI on the document of this server.
pub(super) const UI_SCRIPT: &str = "window.ui = SwaggerUIBundle({url: './api', dom_id: '#ui', \
 presets: [SwaggerUIBundle.presets.apis], deepLinking: true, tryItOutEnabled: true});\n";

fn frame(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                (no_icon())
                style { (maud::PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
}

/// Keeps browsers from asking for an icon that is not there.
fn no_icon() -> Markup {
    html! { link rel="icon" href="data:,"; }
}

/// The landing page.
pub(super) fn landing(base: &Base, about: &About, collections: &[Collection]) -> Markup {
    let title = title_of(about);
    let patch = patch_example(base, collections.first());
    let body = html! {
        h1 { (title) }
        p class="muted" { (about.description.as_deref().unwrap_or("A STAC catalogue served by Cairn")) }
        p {
            a href=(base.at("/api.html")) { "Try the API" } " · "
            a href=(base.at("/search?limit=10")) { "Newest Items" } " · "
            a href=(base.at("/queryables")) { "Queryables" } " · "
            a href=(base.at("/aggregations")) { "Aggregations" } " · "
            a href=(base.at("/conformance")) { "Conformance" } " · "
            a href=(base.at("/metrics")) { "Metrics" }
        }
        h2 { "Collections" }
        p { (counted(about.items, "Item")) " in " (counted(collections.len() as u64, "Collection")) }
        table {
            thead { tr { th { "Collection" } th { "Time" } th { "Items" } } }
            tbody {
                @for collection in collections {
                    tr {
                        td {
                            a href=(base.collection(&collection.id)) {
                                (collection.title())
                            }
                            br;
                            span class="muted" { (text_of(&collection.document, "description").unwrap_or_default()) }
                        }
                        td class="time" { (time_of(&collection.document)) }
                        td {
                            a href=(base.items(&collection.id)) { "Items" } " · "
                            a href=(format!("{}/queryables", base.collection(&collection.id))) { "Queryables" } " · "
                            a href=(format!("{}/aggregations", base.collection(&collection.id))) { "Aggregations" }
                        }
                    }
                }
            }
        }
        h2 { "A search" }
        pre { "from pystac_client import Client\nClient.open(\"" (base.root()) "\").search(limit=10).item_collection()" }
        h2 { "A patch" }
        pre { (patch) }
    };
    frame(title, &body)
}

/// The page of the bundled API browser. Its files are named as seen from it: a page loads nothing from elsewhere.
pub(super) fn api() -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Cairn API" }
                (no_icon())
                link rel="stylesheet" href="api-ui/swagger-ui.css";
            }
            body {
                div id="ui" {}
                script src="api-ui/swagger-ui-bundle.js" {}
                script src="api-ui/init.js" {}
            }
        }
    }
}

/// What to type for a patch in the middle of a Collection.
fn patch_example(base: &Base, collection: Option<&Collection>) -> String {
    let id = collection.map_or("COLLECTION", |c| c.id.as_str());
    let bbox =
        collection.and_then(|c| c.document.pointer("/extent/spatial/bbox/0")?.as_array()).map(Vec::as_slice);
    let numbers: Vec<f64> = bbox.unwrap_or_default().iter().filter_map(Value::as_f64).collect();
    let center = match Bbox::from_numbers(&numbers).map(|bbox| bbox.center()) {
        Ok((lon, lat)) => format!("[{lon:.4}, {lat:.4}]"),
        Err(_) => "[LON, LAT]".to_owned(),
    };
    format!(
        "import io, numpy as np, requests\n\
         body = {{\"collections\": [\"{id}\"], \"center\": {center}, \"size\": 256}}\n\
         answer = requests.post(\"{}\", json=body)\n\
         array = np.load(io.BytesIO(answer.content))  # time, band, row, column",
        base.at("/patch")
    )
}

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn text_of<'a>(document: &'a Value, field: &str) -> Option<&'a str> {
    document.get(field).and_then(Value::as_str)
}

/// The time that a Collection covers, by days.
fn time_of(document: &Value) -> String {
    let end = |index: usize| {
        let instant =
            document.pointer(&format!("/extent/temporal/interval/0/{index}")).and_then(Value::as_str);
        instant.and_then(|t| t.get(..10)).unwrap_or("…").to_owned()
    };
    format!("{} to {}", end(0), end(1))
}
