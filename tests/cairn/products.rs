//! `cairn convert` of Sentinel-2 products: real metadata, JPEG 2000 pixels made for the test, judged by pystac and rasterio.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::cogs::{files, name};
use crate::python::script;
use crate::server::{Server, cairn, repository, run};

const T01LAC: &str = "S2A_MSIL1C_20200717T221941_R029_T01LAC_20200717T234135.SAFE";
const T46RER: &str = "S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248.SAFE";
const T34UCF: &str = "S2B_MSIL1C_20230823T095559_N0509_R122_T34UCF_20230823T120234.SAFE";
const T34UCF_L2A: &str = "S2B_MSIL2A_20230823T095559_N0509_R122_T34UCF_20230823T124759.SAFE";

fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A product with pixels; its path.
pub(crate) fn product(folder: &Path, template: &str, options: &[&str]) -> String {
    let template = repository("tests/data/safe").join(template);
    let arguments = [&[template.to_str().unwrap(), folder.to_str().unwrap()], options].concat();
    script("make_safe.py", arguments).trim().to_owned()
}

/// Runs `cairn convert`; the exit code and what was said.
fn convert(source: &str, dest: &Path, options: &[&str]) -> (Option<i32>, String) {
    let ran = run(cairn().arg("convert").arg(source).arg(dest).args(options));
    (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
}

/// The one Item below a folder.
fn item(folder: &Path) -> PathBuf {
    let found: Vec<_> =
        files(folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

fn names(folder: &Path) -> Vec<String> {
    files(folder).iter().map(|path| name(path)).collect()
}

#[test]
fn products_of_all_baselines_and_levels_become_cogs_with_an_item_that_says_the_same() {
    let dir = folder();
    for (template, options, cogs) in [
        (T01LAC, &[][..], 14),
        (T46RER, &["--zip"], 14),
        (T34UCF, &["--descending", "--no-picture"], 13),
        (T34UCF_L2A, &["--descending"], 16),
    ] {
        let safe = product(dir.path(), template, options);
        let out = dir.path().join("out").join(template);
        let (code, said) = convert(&safe, &out, &["-p", "timeseries"]);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(files(&out).len(), cogs + 1, "{:?}", names(&out));
        // The judge reads the pixels of a zip from the folder that was packed.
        let whole = if options.contains(&"--zip") {
            product(&dir.path().join("unpacked"), template, &[])
        } else {
            safe
        };
        script("converted.py", ["product", &whole, item(&out).to_str().unwrap()]);
    }
}

#[test]
fn the_stacked_layout_is_that_of_the_reference_study() {
    let dir = folder();
    let safe = product(dir.path(), T46RER, &[]);
    let out = dir.path().join("out");
    let (code, said) = convert(&safe, &out, &["--layout", "stacked"]);
    assert_eq!(code, Some(0), "{said}");
    let item = item(&out);
    let below = item.parent().unwrap().strip_prefix(&out).unwrap();
    assert_eq!(below, Path::new("46/R/ER/2021/9/S2A_T46RER_20210908T043714_L1C"));
    let cogs: Vec<_> = names(&out).into_iter().filter(|name| !name.ends_with("json")).collect();
    assert_eq!(cogs, ["B01_B09_B10.tif", "B02_B03_B04_B08.tif", "B05_B06_B07_B8A_B11_B12.tif", "TCI.tif"]);
    script("converted.py", ["product", &safe, item.to_str().unwrap()]);
    // A second run finds all done and changes nothing.
    let before = fs::read(&item).unwrap();
    let (_, said) = convert(&safe, &out, &["--layout", "stacked"]);
    assert!(said.contains("0 COGs written") && said.contains("4 there already"), "{said}");
    assert_eq!(fs::read(&item).unwrap(), before);
}

#[test]
fn products_of_ascending_orbits_are_left_out_unless_asked_for() {
    let dir = folder();
    let safe = product(dir.path(), T34UCF, &["--no-picture"]);
    let out = dir.path().join("out");
    let (code, said) = convert(&safe, &out, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ascending orbit") && said.contains("1 inputs left out"), "{said}");
    assert!(files(&out).is_empty());
    let (code, said) = convert(&safe, &out, &["--ascending", "--bands", "B04,nir,scl"]);
    assert!(code == Some(1) && said.contains("no band 'scl'; it has B01, B02"), "{said}");
    let (code, said) = convert(&safe, &out, &["--ascending", "--bands", "B04,nir"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(names(&out), ["B04.tif", "B08.tif", "S2B_T34UCF_20230823T095553_L1C.json"]);
    script("converted.py", ["product", &safe, item(&out).to_str().unwrap()]);
    let (code, said) = convert(&safe, &out, &["--ascending", "--stack", "B04,B11"]);
    assert!(code == Some(1) && said.contains("B11 cannot be stacked on B04: the resolution"), "{said}");
}

#[test]
fn an_incomplete_product_is_named_with_the_part_that_is_missing() {
    let dir = folder();
    let safe = product(dir.path(), T46RER, &["--without", "B05"]);
    let out = dir.path().join("out");
    let missing = |wanted: &str| {
        let (code, said) = convert(&safe, &out, &[]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("is incomplete") && said.contains(wanted), "{wanted}: {said}");
        assert!(files(&out).is_empty(), "{:?}", files(&out));
    };
    missing("T46RER_20210908T042701_B05.jp2");
    let tile = files(Path::new(&safe)).into_iter().find(|path| name(path) == "MTD_TL.xml").unwrap();
    fs::write(&tile, "<a><b></a>").unwrap();
    let (_, said) = convert(&safe, &out, &[]);
    assert!(said.contains("MTD_TL.xml is no well-formed XML"), "{said}");
    fs::remove_file(&tile).unwrap();
    missing("MTD_TL.xml");
}

#[test]
fn a_product_goes_from_safe_to_patch() {
    let dir = folder();
    let safe = product(dir.path(), T46RER, &["--no-picture"]);
    let cogs = dir.path().join("cogs");
    let (code, said) = convert(&safe, &cogs.join("sentinel-2-l1c"), &["-p", "timeseries"]);
    assert_eq!(code, Some(0), "{said}");
    let item = item(&cogs);
    let built = run(cairn().arg("build").arg(&cogs).arg(dir.path().join("tree")));
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let mut serve = cairn();
    serve.arg("serve").arg(dir.path().join("tree/catalog.json")).arg("--allow").arg(&cogs);
    let server = Server::start(serve.args(["--bind", "127.0.0.1:0"]));
    script("converted.py", ["patch", &server.url, &safe, item.to_str().unwrap()]);
}
