//! `cairn convert`: rasters of other makers become COGs that rio-cogeo accepts, with what GDAL's own copy has in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::cogs::files;
use crate::python::script;
use crate::server::{cairn, repository, run};

/// Why a fixture cannot be converted, and how many are told so.
const FAILED: &[(&str, usize)] = &[
    ("missing codec JXL", 3),
    ("complex numbers", 2),
    ("its samples are signed bytes", 2),
    // Its tiles are not of one size.
    ("IReadBlock failed", 1),
];

fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Runs `cairn convert`; the exit code and what was said.
fn convert(arguments: &[&str]) -> (Option<i32>, String) {
    let ran = run(cairn().arg("convert").args(arguments));
    (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
}

/// The same, which must succeed.
fn converted(arguments: &[&str]) -> String {
    let (code, said) = convert(arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {said}");
    said
}

fn fixture(name: &str) -> String {
    repository("tests/data/cogs").join(name).to_str().unwrap().to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn every_fixture_becomes_a_valid_cog_with_the_pixels_of_gdals_own_copy_or_is_named() {
    let out = folder();
    let fixtures = repository("tests/data/cogs");
    let (code, said) = convert(&[text(&fixtures), text(out.path()), "--jobs", "2"]);
    assert_eq!(code, Some(1), "{said}");
    let failed: Vec<_> = said.lines().filter(|line| line.starts_with("failed: ")).collect();
    for (part, count) in FAILED {
        let of_it = failed.iter().filter(|line| line.contains(part)).count();
        assert_eq!(of_it, *count, "{part}: {said}");
    }
    let sources = files(&fixtures).len();
    assert_eq!(files(out.path()).len() + failed.len(), sources, "nothing but COGs is left: {said}");
    assert_eq!(failed.len(), FAILED.iter().map(|(_, count)| count).sum::<usize>(), "{said}");
    script("converted.py", ["same", text(&fixtures), text(out.path())]);
}

#[test]
fn what_matches_its_source_is_left_alone_and_what_does_not_is_made_again() {
    let dir = folder();
    let (source, cog) = (dir.path().join("a.tif"), dir.path().join("out.tif"));
    fs::copy(fixture("rio-tiler/scene_band1.tif"), &source).unwrap();
    let again = |options: &[&str]| {
        let said = converted(&[&[text(&source), text(&cog)], options].concat());
        said.contains("1 COGs written")
    };
    assert!(again(&[]));
    let first = fs::metadata(&cog).unwrap().modified().unwrap();
    assert!(!again(&[]) && !again(&["--jobs", "1"]), "the same source, the same options");
    assert_eq!(fs::metadata(&cog).unwrap().modified().unwrap(), first);
    assert!(again(&["--overwrite"]));
    assert!(again(&["--level", "1"]) && !again(&["--level", "1"]), "other options");
    let later = fs::metadata(&source).unwrap().modified().unwrap() + Duration::from_secs(5);
    fs::File::options().write(true).open(&source).unwrap().set_modified(later).unwrap();
    assert!(again(&["--level", "1"]), "the source is newer");
    fs::write(&cog, b"no TIFF").unwrap();
    assert!(again(&["--level", "1"]), "what is there is no COG");
    let itself = convert(&[text(&source), text(dir.path())]);
    assert!(itself.0 == Some(1) && itself.1.contains("its own COG"), "{itself:?}");
}

#[test]
fn options_give_the_files_that_they_name() {
    let dir = folder();
    let band = fixture("rio-tiler/scene_band1.tif");
    let picture = fixture("gdal-gcore/rgbsmall_DEFLATE.tif");
    let cases: &[(&str, &[&str], &str)] = &[
        (&band, &[], r#"{"compress": "deflate", "block": 512, "overviews": [2], "predictor": "2"}"#),
        (
            &band,
            &["-p", "timeseries"],
            r#"{"compress": "zstd", "block": 256, "overviews": [2, 4], "predictor": "2"}"#,
        ),
        (&band, &["-p", "zstd", "--predictor", "none"], r#"{"compress": "zstd", "predictor": null}"#),
        (&band, &["-p", "lerc"], r#"{"compress": "lerc"}"#),
        (&band, &["-p", "lerc-zstd"], r#"{"compress": "lerc_zstd"}"#),
        (&band, &["--compress", "lzw", "--blocksize", "128"], r#"{"compress": "lzw", "block": 128}"#),
        (&band, &["--compress", "none"], r#"{"compress": null}"#),
        (&band, &["--overview-level", "0"], r#"{"overviews": []}"#),
        (
            &band,
            &["--overview-level", "3", "--overview-resampling", "average"],
            r#"{"overviews": [2, 4, 8]}"#,
        ),
        (&band, &["--nodata", "1151"], r#"{"nodata": "1151.0"}"#),
        (&band, &["--nodata", "none"], r#"{"nodata": null}"#),
        (&band, &["-w"], r#"{"crs": "EPSG:3857", "overviews": [2]}"#),
        (&picture, &["-p", "jpeg", "--quality", "90"], r#"{"compress": "jpeg", "count": 3}"#),
        (&picture, &["-p", "webp"], r#"{"compress": "webp", "count": 3}"#),
        (&picture, &["--bands", "3,1"], r#"{"count": 2}"#),
        (&picture, &["--bidx", "2"], r#"{"count": 1}"#),
    ];
    for (at, (source, options, wanted)) in cases.iter().enumerate() {
        let cog = dir.path().join(format!("{at}.tif"));
        converted(&[&[*source, text(&cog), "--quiet"], *options].concat());
        script("converted.py", ["options", source, text(&cog), wanted]);
    }
}

#[test]
fn combinations_of_options_give_valid_cogs_with_the_pixels_that_they_promise() {
    let dir = folder();
    fs::create_dir(dir.path().join("out")).unwrap();
    let said = script("convert_options.py", [env!("CARGO_BIN_EXE_cairn"), text(dir.path())]);
    assert!(said.contains(" conversions"), "{said}");
}

#[test]
fn values_that_a_type_cannot_hold_are_counted_and_cut_only_on_demand() {
    let dir = folder();
    let cog = dir.path().join("cog.tif");
    let band = fixture("rio-tiler/scene_band1.tif");
    let (code, said) = convert(&[&band, text(&cog), "--dtype", "uint8"]);
    assert_eq!(code, Some(1));
    // gdalinfo -stats: 301,401 pixels, from 1,151 to 7,859.
    assert!(said.contains("301401 of 301401 values do not fit"), "{said}");
    assert!(said.contains("from 1151 to 7859") && said.contains("--clip"), "{said}");
    assert!(!cog.exists());
    converted(&[&band, text(&cog), "--dtype", "uint8", "--clip"]);
    script("converted.py", ["typed", &band, text(&cog), "uint8"]);
    let said = converted(&[&band, text(&cog), "--dtype", "int16"]);
    assert!(said.contains("1 COGs written"), "what fits needs no --clip: {said}");
    script("converted.py", ["typed", &band, text(&cog), "int16"]);
    let nan = fixture("gdal-gcore/nan32_nodata.tif");
    let (_, said) = convert(&[&nan, text(&cog), "--dtype", "int16", "--clip"]);
    assert!(said.contains("nodata NaN does not fit"), "{said}");
    converted(&[&nan, text(&cog), "--dtype", "int16", "--nodata", "-9999", "--clip"]);
    script("converted.py", ["typed", &nan, text(&cog), "int16"]);
}

#[test]
fn other_grids_hold_the_nearest_pixels_and_know_what_lies_outside() {
    let dir = folder();
    let band = fixture("rio-tiler/scene_band1.tif");
    let cases: &[(&[&str], &[&str])] = &[
        (&["--dst-crs", "EPSG:4326"], &["EPSG:4326"]),
        (&["--dst-crs", "EPSG:32630", "--res", "250"], &["EPSG:32630", "250"]),
        (&["--dst-crs", "EPSG:3857", "--nodata", "none"], &["EPSG:3857"]),
        (&["--dst-crs", "EPSG:3857", "--add-mask", "-p", "zstd"], &["EPSG:3857"]),
    ];
    for (at, (options, judged)) in cases.iter().enumerate() {
        let cog = dir.path().join(format!("{at}.tif"));
        converted(&[&[band.as_str(), text(&cog), "--quiet"], *options].concat());
        script("converted.py", [&["warped", &band, text(&cog)], *judged].concat());
    }
}

#[test]
fn nodata_and_alpha_become_masks() {
    let dir = folder();
    for (name, options) in [
        ("rio-tiler/cog_rgba.tif", &["--add-mask"][..]),
        ("rio-tiler/cog_uint8_rgb_nodata.tif", &["--add-mask"]),
        ("rio-tiler/cog_scale_stats.tif", &["--add-mask"]),
    ] {
        let cog = dir.path().join(name.replace('/', "-"));
        converted(&[&[fixture(name).as_str(), text(&cog)], options].concat());
        script("converted.py", ["masked", &fixture(name), text(&cog)]);
    }
}

#[test]
fn bands_of_a_scene_are_stacked_and_inputs_split_into_shards() {
    let dir = folder();
    let source = dir.path().join("in");
    fs::create_dir(&source).unwrap();
    let names = ["x_B02.tif", "x_B03.tif", "x_B04.tif", "y_B02.tif", "y_B04.tif"];
    for name in names {
        fs::copy(fixture("rio-tiler/scene_band1.tif"), source.join(name)).unwrap();
    }
    let out = dir.path().join("out");
    let (code, said) = convert(&[text(&source), text(&out), "--stack", "B04,B02", "--stack", "B03,B02"]);
    assert_eq!(code, Some(1), "y has no B03: {said}");
    assert!(said.contains("no band 'B03'; it has B02, B04"), "{said}");
    let stacked = out.join("x_B04_B02.tif");
    let [red, blue] = ["x_B04.tif", "x_B02.tif"].map(|name| source.join(name));
    script("converted.py", ["stacked", text(&stacked), text(&red), text(&blue)]);
    let wanted = r#"{"descriptions": ["B04", "B02"]}"#;
    script("converted.py", ["options", text(&red), text(&stacked), wanted]);
    assert_eq!(files(&out).len(), 3);
    let shards = dir.path().join("shards");
    let glob = format!("{}/?_B0[234].tif", source.display());
    let counts = ["1/2", "2/2"].map(|shard| {
        converted(&[&glob, text(&shards), "--shard", shard]);
        files(&shards).len()
    });
    assert_eq!(counts, [3, 5], "each input is in one shard");
}

#[test]
fn containers_give_a_cog_for_each_raster_in_them() {
    let dir = folder();
    script("make_containers.py", [text(dir.path())]);
    let out = dir.path().join("out");
    for (name, wanted) in [
        ("two.nc", &["two_Band1.tif", "two_Band2.tif"][..]),
        ("two.h5", &["two_Band1.tif", "two_Band2.tif"]),
        ("one.nc", &["one.tif"]),
        ("one.vrt", &["one.tif"]),
        ("plain.jp2", &["plain.tif"]),
    ] {
        let out = out.join(name);
        converted(&[text(&dir.path().join(name)), text(&out)]);
        let names: Vec<_> = files(&out).iter().map(|path| crate::cogs::name(path)).collect();
        assert_eq!(names, wanted, "{name}");
        let truth = dir.path().join(if name == "two.h5" { "flipped.tif" } else { "second.tif" });
        let cog = out.join(wanted[wanted.len() - 1]);
        script("converted.py", ["stacked", text(&cog), text(&truth)]);
    }
    // One file for several is refused, with the name by which one can be chosen.
    let (two, cog) = (dir.path().join("two.nc"), dir.path().join("one.tif"));
    let (code, said) = convert(&[text(&two), text(&cog)]);
    let name = said.split('\'').nth(1).unwrap_or_default();
    assert!(code == Some(1) && name.ends_with("Band1"), "{said}");
    converted(&[&name.replace("Band1", "Band2"), text(&cog)]);
    script("converted.py", ["stacked", text(&cog), text(&dir.path().join("second.tif"))]);
}

#[test]
fn a_raster_of_more_bands_than_memory_has_room_for_is_refused() {
    let dir = folder();
    let band = r#"<VRTRasterBand dataType="Byte"/>"#;
    let vrt = format!(r#"<VRTDataset rasterXSize="8" rasterYSize="8">{}</VRTDataset>"#, band.repeat(5000));
    let source = dir.path().join("many.vrt");
    fs::write(&source, vrt).unwrap();
    let out = dir.path().join("out.tif");
    let (code, said) = convert(&[text(&source), text(&out)]);
    assert!(code == Some(1) && said.contains("make blocks of 1250 MiB"), "{said}");
    converted(&[text(&source), text(&out), "--blocksize", "16", "--overview-level", "0"]);
    let fuzzed = repository("tests/data/bad/gdal/excessive-memory-TIFFFillStrip2.tif");
    let (code, said) = convert(&[text(&fuzzed), text(&out)]);
    assert!(code == Some(1) && said.contains("65535 bands of Byte"), "{said}");
}

#[test]
fn an_interrupted_conversion_leaves_whole_files_only() {
    let dir = folder();
    let source = dir.path().join("in");
    fs::create_dir(&source).unwrap();
    // Large on the outside, nothing on the disk.
    let vrt = format!(
        r#"<VRTDataset rasterXSize="4000" rasterYSize="4000"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>
        <SourceFilename>{}</SourceFilename><SourceBand>1</SourceBand><SrcRect xOff="0" yOff="0" xSize="549" ySize="549"/>
        <DstRect xOff="0" yOff="0" xSize="4000" ySize="4000"/></SimpleSource></VRTRasterBand></VRTDataset>"#,
        fixture("rio-tiler/scene_band1.tif")
    );
    for at in 0..8 {
        fs::write(source.join(format!("{at}.vrt")), &vrt).unwrap();
    }
    let out = dir.path().join("out");
    let mut command = cairn();
    command.arg("convert").arg(&source).arg(&out).args(["-p", "zstd", "--level", "9", "--jobs", "2"]);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let end = Instant::now() + Duration::from_mins(2);
    let done = || files_if_any(&out).iter().filter(|path| path.parent() == Some(&out)).count();
    while done() == 0 && Instant::now() < end {
        thread::sleep(Duration::from_millis(20));
    }
    let sent = Command::new("sh").arg("-c").arg(format!("kill -INT {}", child.id())).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let left = files_if_any(&out);
    assert!((1..8).contains(&left.len()), "{left:?}");
    assert_eq!(fs::read_dir(&out).unwrap().count(), left.len(), "no folder of unfinished files is left");
    for cog in left {
        script("converted.py", ["options", "", text(&cog), r#"{"compress": "zstd", "count": 1}"#]);
    }
}

fn files_if_any(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_file()).collect()
}

#[test]
fn what_cannot_be_done_is_refused_by_name_before_anything_is_written() {
    let dir = folder();
    let out = dir.path().join("out");
    let band = fixture("rio-tiler/scene_band1.tif");
    let cases: &[(&[&str], &str)] = &[
        (&["--blocksize", "100"], "--blocksize: 100 is no multiple of 16"),
        (&["--format", "zip"], "--format zip: expected cog or zarr"),
        (&["--format", "zarr", "--profile", "zstd"], "--profile does not go with --format zarr"),
        (&["--format", "zarr", "--level", "12"], "--level: expected 1 to 9"),
        (&["--compress", "lzma"], "expected one of deflate"),
        (&["--compress", "lerc", "--predictor", "2"], "--predictor: lerc takes none"),
        (&["--predictor", "3"], "predictor 3 does not go with UInt16"),
        (&["--nodata", "-1"], "nodata -1 does not fit into UInt16"),
        (&["--bands", "7"], "no band '7'"),
        (&["--shard", "0/2"], "--shard 0/2"),
        (&["--dst-crs", "EPSG:1"], "is no CRS"),
        (&["--level", "40"], "--level: 40 is not from 1 to 12"),
    ];
    for (options, wanted) in cases {
        let (code, said) = convert(&[&[band.as_str(), text(&out)], *options].concat());
        assert_eq!(code, Some(1), "{options:?}: {said}");
        assert!(said.contains(wanted), "{options:?}: {said}");
        assert!(!out.exists() || files(&out).is_empty());
    }
    let (code, said) = convert(&["/nowhere/x.tif", text(&out)]);
    assert!(code == Some(1) && said.contains("/nowhere/x.tif"), "{said}");
    let two = [fixture("gdal-gcore/float32.tif"), fixture("gdal-gcore/float64.tif")];
    let (code, said) = convert(&[&two[0], &two[1], text(&dir.path().join("one.tif"))]);
    assert!(code == Some(1) && said.contains("is a file, but there are 2"), "{said}");
}
