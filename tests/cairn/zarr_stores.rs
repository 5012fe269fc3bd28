//! `cairn convert --format zarr`: what zarr-python and xarray read of the stores is what rasterio reads of the rasters.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::cogs::files;
use crate::products::product;
use crate::python::script;
use crate::server::{cairn, repository, run};

const T34UCF_L2A: &str = "S2B_MSIL2A_20230823T095559_N0509_R122_T34UCF_20230823T124759.SAFE";

fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn fixture(name: &str) -> String {
    text(&repository("tests/data/cogs").join(name)).to_owned()
}

/// Runs `cairn convert --format zarr`; the exit code and what was said.
fn convert(arguments: &[&str]) -> (Option<i32>, String) {
    let ran = run(cairn().args(["convert", "--format", "zarr"]).args(arguments));
    (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
}

fn converted(arguments: &[&str]) -> String {
    let (code, said) = convert(arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {said}");
    said
}

#[test]
fn stores_hold_the_pixels_grid_and_nodata_of_rasters_of_every_type() {
    let dir = folder();
    let mut pairs = Vec::new();
    for name in [
        "rio-tiler/scene_band1.tif",
        "rio-tiler/cog_rgba.tif",
        "rio-tiler/cog_scale_stats.tif",
        "rio-tiler/cog_uint8_rgb_nodata.tif",
        "gdal-gcore/float32.tif",
        "gdal-gcore/float64.tif",
        "gdal-gcore/int32.tif",
        "gdal-gcore/nan32_nodata.tif",
        "gdal-gcore/uint32_LZW_predictor_2.tif",
    ] {
        let store = dir.path().join(name.replace('/', "-")).with_extension("zarr");
        converted(&[&fixture(name), text(&store), "--blocksize", "64", "--jobs", "2"]);
        pairs.extend([fixture(name), text(&store).to_owned()]);
    }
    script("zarr_stores.py", ["same"].into_iter().chain(pairs.iter().map(String::as_str)));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 9, "no folder of unfinished stores is left");
}

#[test]
fn what_matches_its_source_is_left_alone_and_what_does_not_is_swapped_whole() {
    let dir = folder();
    let (source, store) = (fixture("rio-tiler/scene_band1.tif"), dir.path().join("out/a.zarr"));
    let again = |options: &[&str]| {
        let said = converted(&[&[source.as_str(), text(&store)], options].concat());
        said.contains("1 stores written")
    };
    assert!(again(&[]) && !again(&["--jobs", "1"]));
    script("zarr_stores.py", ["chunks", text(&store), "512", "4"]);
    fs::write(store.join("old"), b"of the first").unwrap();
    assert!(again(&["--blocksize", "256", "--level", "1"]), "other options");
    assert!(!store.join("old").exists(), "the new store is not mixed with the old one");
    script("zarr_stores.py", ["same", &source, text(&store)]);
    assert_eq!(fs::read_dir(store.parent().unwrap()).unwrap().count(), 1);
    // Not a store: somebody else's.
    let other = dir.path().join("other.zarr");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("thesis.doc"), b"years of work").unwrap();
    let (code, said) = convert(&[&source, text(&other)]);
    assert!(code == Some(1) && said.contains("no Zarr store"), "{said}");
    assert!(other.join("thesis.doc").exists());
}

#[test]
fn types_nodata_and_grids_change_as_they_do_for_cogs() {
    let dir = folder();
    let source = fixture("rio-tiler/scene_band1.tif");
    let mut pairs = vec!["same".to_owned()];
    for (name, options) in [
        ("typed", &["--dtype", "int32", "--nodata", "-1"][..]),
        ("warped", &["--dst-crs", "EPSG:4326"]),
        ("masked", &["--dst-crs", "EPSG:3857", "--res", "100", "--nodata", "none"]),
    ] {
        let (cog, store) =
            (dir.path().join(name).with_extension("tif"), dir.path().join(name).with_extension("zarr"));
        let made = run(cairn().args(["convert", &source, text(&cog)]).args(options));
        assert!(made.status.success());
        converted(&[&[source.as_str(), text(&store)], options].concat());
        pairs.extend([&cog, &store].map(|path| text(path).to_owned()));
    }
    script("zarr_stores.py", pairs);
    script("make_containers.py", [text(dir.path())]);
    let out = dir.path().join("out");
    converted(&[text(&dir.path().join("two.nc")), text(&out)]);
    let second = dir.path().join("second.tif");
    script("zarr_stores.py", ["values", text(&out.join("two_Band2.zarr")), text(&second)]);
}

#[test]
fn a_product_becomes_one_store_with_an_item_that_build_takes_over() {
    let dir = folder();
    let safe = product(dir.path(), T34UCF_L2A, &["--descending"]);
    let out = dir.path().join("cogs/s2");
    converted(&[&safe, text(&out)]);
    let stores = files(&out).into_iter().filter(|path| path.ends_with("r10m/B02/zarr.json")).count();
    assert_eq!(stores, 1);
    let folder = fs::read_dir(&out).unwrap().next().unwrap().unwrap().path();
    let items = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let item = items.into_iter().find(|path| path.extension().is_some_and(|e| e == "json")).unwrap();
    script("zarr_stores.py", ["product", &safe, text(&item)]);
    assert!(converted(&[&safe, text(&out)]).contains("1 there already"));
    let tree = dir.path().join("tree");
    let built = run(cairn().arg("build").args([text(&dir.path().join("cogs")), text(&tree)]));
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let valid = run(cairn().arg("validate").arg(tree.join("catalog.json")));
    let said = String::from_utf8_lossy(&valid.stdout).into_owned();
    assert!(valid.status.success(), "{said}");
    fs::remove_file(folder.join(item.file_stem().unwrap()).with_extension("zarr").join("r20m/zarr.json"))
        .unwrap();
    assert!(!run(cairn().arg("validate").arg(tree.join("catalog.json"))).status.success(), "a group is gone");
}
