//! COGs with damaged bytes: an answer or an error, never a panic, a hang, a dropped connection or much memory.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::damage::{Random, mutated};
use crate::http::{get, post};
use crate::python::script;
use crate::server::{Server, cairn};
use crate::soak;

/// What damaged files may cost beyond what the undamaged ones did.
const BOUND_BYTES: u64 = 64 << 20;

#[test]
fn damaged_cogs_are_answered_or_refused_and_cost_little_memory() {
    damage(soak::times(300), 1);
}

#[test]
#[ignore = "minutes: make soak"]
fn soak_a_great_many_damaged_cogs() {
    for seed in 2..12 {
        damage(3000, seed);
    }
}

fn damage(count: usize, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    script("make_mosaics.py", [folder.path()]);
    let items = folder.path().join("items.json");
    let mut collection: Value = serde_json::from_slice(&fs::read(&items).unwrap()).unwrap();
    let template =
        collection["features"].as_array().unwrap().iter().find(|item| item["id"] == "alone").unwrap().clone();
    let originals = ["alone.tif", "alone-height.tif"].map(|name| fs::read(folder.path().join(name)).unwrap());
    let mut random = Random(seed);
    let features =
        (0..count).map(|number| damaged_item(&template, number, &originals, &mut random, folder.path()));
    collection["features"] = features.chain([template.clone()]).collect();
    fs::write(&items, collection.to_string()).unwrap();

    let arguments = ["--bind", "127.0.0.1:0", "--cache-bytes", "0"];
    let server = Server::start(cairn().arg("serve").arg(&items).args(arguments));
    let bbox: Vec<f64> = serde_json::from_value(template["bbox"].clone()).unwrap();
    let centre = [f64::midpoint(bbox[0], bbox[2]), f64::midpoint(bbox[1], bbox[3])];
    let ask = |id: &str, band: &str| {
        let body =
            json!({"collections": ["mosaics"], "ids": [id], "bands": [band], "center": centre, "size": 150});
        post(&format!("{}/patch", server.url), &body)
    };
    assert_eq!((ask("alone", "red").status, ask("alone", "height").status), (200, 200));
    let before = server.peak_bytes();
    let mut refused = 0;
    for number in 0..count {
        for band in ["red", "height"] {
            let answer = ask(&format!("damaged {number}"), band);
            let said = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]);
            assert!(
                matches!(answer.status, 200 | 400 | 502),
                "{number} {band} seed {seed}: {} {said}",
                answer.status
            );
            refused += usize::from(answer.status != 200);
        }
    }
    let grown = server.peak_bytes().saturating_sub(before);
    assert!(grown <= BOUND_BYTES, "{grown} bytes more than before the damaged files");
    assert!(!server.log().contains("panicked"), "{}", server.log());
    assert_eq!(get(&format!("{}/readyz", server.url)).status, 200);
    assert!(refused > 0, "no file was damaged enough to be refused");
    soak::figure(
        "damaged COGs",
        &format!("{} asked, {refused} refused, peak grew by {grown} bytes", 2 * count),
    );
}

fn damaged_item(
    template: &Value,
    number: usize,
    originals: &[Vec<u8>; 2],
    random: &mut Random,
    folder: &Path,
) -> Value {
    let mut item = template.clone();
    item["id"] = format!("damaged {number}").into();
    for (key, original) in ["visual", "height"].into_iter().zip(originals) {
        let name = format!("{number}-{key}.tif");
        fs::write(folder.join(&name), mutated(original, random)).unwrap();
        item["assets"][key]["href"] = name.into();
    }
    item
}
