//! Files of other makers, from `cairn build` to `/patch`: what comes out are the pixels that rasterio reads.

use std::collections::BTreeMap;
use std::path::Path;

use tempfile::TempDir;

use crate::cogs::{files, name};
use crate::python::script;
use crate::server::{Server, cairn, repository, run};
use crate::soak;

/// Why a fixture becomes no Item: a part of the reason, and how many fixtures have it.
const LEFT_OUT: &[(&str, usize)] = &[
    ("it has no georeference", 29),
    ("it names no CRS by an EPSG code", 3),
    ("cannot read its header: image 0: sample type", 4),
    ("cannot read its header: image 0: photometric interpretation", 2),
];

/// A tree of the fixtures, in its folder, and what was said while it was made.
fn build(options: &[&str]) -> (TempDir, String) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut command = cairn();
    command.arg("build").arg(repository("tests/data/cogs")).arg(folder.path().join("tree")).args(options);
    let built = run(&mut command);
    let said = String::from_utf8(built.stderr).unwrap();
    assert_eq!(
        built.status.code(),
        Some(1),
        "some inputs are no Items, so the build does not succeed: {said}"
    );
    (folder, said)
}

/// The documents of a tree's Items, by the name of the folder that each has.
fn items(folder: &Path) -> Vec<String> {
    let documents = files(&folder.join("tree")).into_iter().map(|path| name(&path));
    let is_item = |name: &String| {
        Path::new(name).extension().is_some_and(|extension| extension == "json")
            && name != "catalog.json"
            && name != "collection.json"
    };
    documents.filter(is_item).collect()
}

#[test]
fn every_fixture_becomes_an_item_or_is_named_with_the_reason() {
    let (folder, said) = build(&[]);
    let left_out: BTreeMap<&str, &str> =
        said.lines().filter_map(|line| line.strip_prefix("left out: ")?.split_once(": ")).collect();
    let fixtures = files(&repository("tests/data/cogs"));
    let items = items(folder.path());
    for path in &fixtures {
        let item = format!("{}.json", path.file_stem().unwrap().to_string_lossy());
        let is_left_out = left_out.contains_key(path.to_str().unwrap());
        assert!(
            items.contains(&item) != is_left_out,
            "{}: either an Item or left out: {said}",
            path.display()
        );
    }
    assert_eq!(items.len() + left_out.len(), fixtures.len());
    for (part, count) in LEFT_OUT {
        assert_eq!(
            left_out.values().filter(|reason| reason.contains(part)).count(),
            *count,
            "{part}: {said}"
        );
    }
    assert_eq!(LEFT_OUT.iter().map(|(_, count)| count).sum::<usize>(), left_out.len(), "{said}");
}

#[test]
fn a_time_for_all_files_makes_no_item_of_a_file_that_is_left_out() {
    let (without, _) = build(&[]);
    let (with, _) = build(&["--datetime", "2024-06-01T00:00:00Z"]);
    assert_eq!(items(with.path()), items(without.path()));
}

/// Asks for random windows of every Item.
fn compare(format: &str) {
    let (folder, _) = build(&[]);
    let catalog = folder.path().join("tree/catalog.json");
    let rasters = repository("tests/data/cogs");
    let server = Server::start(
        cairn().arg("serve").arg(&catalog).arg("--allow").arg(rasters).args(["--bind", "127.0.0.1:0"]),
    );
    let count = soak::times(8).to_string();
    let arguments = [server.url.as_ref(), catalog.as_os_str(), count.as_ref(), format.as_ref()];
    let said = script("cogs_against_rasterio.py", arguments);
    soak::figure(&format!("files of other makers as {format}"), &said);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn windows_of_every_item_are_those_of_rasterio_and_codecs_that_are_not_read_are_named() {
    compare("npy");
}

#[test]
fn an_npz_has_beside_its_pixels_what_rasterio_says_of_the_window() {
    compare("npz");
}
