//! Small folders of rasters become trees.

use std::path::Path;

use super::{BuildError, Options, Report, run};
use crate::storage::Storage;

/// A stripped 4 × 4 TIFF of bytes in EPSG:4326, its corner at 10° E, 50° N, or anywhere unknown.
fn tiff(located: bool) -> Vec<u8> {
    let mut tags: Vec<(u16, u16, Vec<u8>)> = Vec::new();
    let short = |v: u16| v.to_le_bytes().to_vec();
    for (tag, value) in [(256, 4), (257, 4), (258, 8), (259, 1), (262, 1), (277, 1), (278, 4)] {
        tags.push((tag, 3, short(value)));
    }
    tags.push((273, 4, 8_u32.to_le_bytes().to_vec()));
    tags.push((279, 4, 16_u32.to_le_bytes().to_vec()));
    if located {
        let doubles = |v: &[f64]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        tags.push((33_550, 12, doubles(&[0.5, 0.5, 0.0])));
        tags.push((33_922, 12, doubles(&[0.0, 0.0, 0.0, 10.0, 50.0, 0.0])));
        let keys = [1, 1, 0, 2, 1024, 0, 1, 2, 2048, 0, 1, 4326_u16];
        tags.push((34_735, 3, keys.iter().flat_map(|v| v.to_le_bytes()).collect()));
    }
    tags.sort_by_key(|(tag, ..)| *tag);
    let mut file = b"II*\0\x18\0\0\0".to_vec();
    file.extend([7; 16]);
    let number = |n: usize| u32::try_from(n).expect("small").to_le_bytes();
    let mut tail = Vec::new();
    let tail_at = file.len() + 2 + 12 * tags.len() + 4;
    file.extend(u16::try_from(tags.len()).expect("few").to_le_bytes());
    for (tag, kind, bytes) in tags {
        let size = match kind {
            3 => 2,
            4 => 4,
            _ => 8,
        };
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(number(bytes.len() / size));
        if bytes.len() <= 4 {
            let mut value = bytes;
            value.resize(4, 0);
            file.extend(value);
        } else {
            file.extend(number(tail_at + tail.len()));
            tail.extend(bytes);
        }
    }
    file.extend(number(0));
    file.extend(tail);
    file
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, bytes).expect("written");
}

async fn built(source: &Path, dest: &Path) -> Result<Report, BuildError> {
    let options = Options { source: source.to_owned(), dest: dest.to_owned(), ..Options::default() };
    run(&Storage::default(), &options, &|_progress| {}).await
}

fn read(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).expect("a document")).expect("JSON")
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_the_rest_is_built() {
    let dir = tempfile::tempdir().expect("a folder");
    let src = dir.path().join("src");
    for (name, bytes) in [
        ("c/a_20240105_B04.tif", tiff(true)),
        ("c/a_20240105_SCL.tif", tiff(true)),
        ("c/nowhere.tif", tiff(false)),
        ("c/broken.tif", b"no TIFF".to_vec()),
        ("c/x/twin.tif", tiff(true)),
        ("c/y/twin.tif", tiff(true)),
    ] {
        write(&src.join(name), &bytes);
    }
    // The tree lies below the source: it is not scanned.
    let dest = src.join("tree");
    let report = built(&src, &dest).await.expect("a tree");
    assert_eq!(report.collections, [("c".to_owned(), 2)]);
    let told: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told.iter().any(|p| p.contains("broken.tif") && p.contains("signature")), "{told:#?}");
    assert!(told.iter().any(|p| p.contains("nowhere.tif") && p.contains("gdal_edit")), "{told:#?}");
    let twins = |p: &String| p.contains("x/twin.tif") && p.contains("y/twin.tif");
    assert!(told.iter().any(twins), "{told:#?}");
    assert_eq!(report.warnings.len(), 1, "twin.tif has no time");
    let item = read(&dest.join("c/a_20240105/a_20240105.json"));
    assert_eq!(item["properties"]["datetime"], "2024-01-05T00:00:00Z");
    assert_eq!(item["assets"]["B04"]["href"], "../../../c/a_20240105_B04.tif");
    assert_eq!(item["bbox"], serde_json::json!([10.0, 48.0, 12.0, 50.0]));

    let again = built(&src, &dest).await.expect("a tree");
    assert_eq!((again.changed, again.items), (0, 2));
}

#[tokio::test]
async fn items_beside_rasters_are_taken_over() {
    let dir = tempfile::tempdir().expect("a folder");
    let src = dir.path().join("src");
    write(&src.join("c/p/B04.tif"), &tiff(true));
    write(&src.join("c/p/B05.tif"), &tiff(true));
    let item = serde_json::json!({
        "type": "Feature", "stac_version": "1.1.0", "id": "kept", "geometry": null, "links": [],
        "properties": {"datetime": "2020-02-02T00:00:00Z", "mine": 1},
        "assets": {"red": {"href": "./B04.tif"}}
    });
    write(&src.join("c/p/kept.json"), item.to_string().as_bytes());
    let dest = dir.path().join("tree");
    let report = built(&src, &dest).await.expect("a tree");
    assert_eq!((report.items, report.problems.len()), (2, 0));
    assert_eq!(report.outside.len(), 1);
    let kept = read(&dest.join("c/kept/kept.json"));
    assert_eq!(kept["assets"]["red"]["href"], "../../../src/c/p/B04.tif");
    assert_eq!(kept["properties"]["mine"], 1);
    assert!(dest.join("c/B05/B05.json").is_file(), "a raster that the Item does not name");
}

#[tokio::test]
async fn a_source_without_rasters_is_an_error() {
    let dir = tempfile::tempdir().expect("a folder");
    let error = built(dir.path(), &dir.path().join("tree")).await.expect_err("empty");
    assert!(matches!(error, BuildError::Empty { .. }));
    let error = built(&dir.path().join("none"), dir.path()).await.expect_err("no folder");
    assert!(error.to_string().contains("none"), "{error}");
}
