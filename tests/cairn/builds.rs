//! `cairn build` over small folders of rasters: what it writes, what others say of it, and what is left when it is killed.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::python::script;
use crate::server::{Server, cairn, repository, run};
use crate::{demo, http};

/// Tiny rasters of `catalogs/global-maps.toml`.
fn maps(folder: &Path) -> PathBuf {
    let maps = folder.join("maps");
    script("make_maps.py", [&maps]);
    maps
}

/// `cairn build`, which must succeed; what it said.
fn build(source: &Path, dest: &Path, options: &[&str]) -> String {
    let ran = run(cairn().arg("build").arg(source).arg(dest).args(options));
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}");
    said
}

/// `cairn validate --json`; its report, and whether it ended well.
fn validate(catalog: &Path, options: &[&str]) -> (Value, bool) {
    let ran = run(cairn().arg("validate").arg(catalog).arg("--json").args(options));
    let report = serde_json::from_slice(&ran.stdout);
    let report = report.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&ran.stderr)));
    (report, ran.status.success())
}

#[test]
fn footprints_around_poles_and_the_antimeridian_hold_what_pyproj_says() {
    let folder = tempfile::tempdir().unwrap();
    let (rasters, tree) = (folder.path().join("rasters"), folder.path().join("tree"));
    script("make_polar.py", [&rasters]);
    build(&rasters, &tree, &["--datetime", "2024-01-05T00:00:00Z"]);
    let said = script("footprints_against_pyproj.py", [&tree.join("catalog.json")]);
    assert!(said.contains("45 footprints agree"), "{said}");
}

/// Every file of a folder with its bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .unwrap()
}

#[test]
fn a_pystac_session_walks_a_catalogue_of_several_maps() {
    let folder = tempfile::tempdir().unwrap();
    let (maps, tree) = (maps(folder.path()), folder.path().join("tree"));
    let definition = repository("catalogs/global-maps.toml");
    let options = ["--definition", definition.to_str().unwrap(), "--thumbnails", "--histograms"];
    build(&maps, &tree, &options);
    let root = tree.join("catalog.json");
    let said = script("walk_maps.py", [&root]);
    assert!(said.contains("762 items walked"), "{said}");
    let (report, is_sound) = validate(&root, &["--deep", "--cog"]);
    assert!(is_sound && report["errors"] == 0 && report["warnings"] == 0, "{report:#}");
    assert_eq!(report["items"], 762);
    script("validate_tree.py", [&root]);
    script("statistics_against_numpy.py", [&root]);

    // Once more: no byte is another, and no raster is read.
    let before = contents(&tree);
    thread::sleep(Duration::from_millis(2_100));
    build(&maps, &tree, &options);
    assert!(contents(&tree) == before, "a second build changed something");
    let said = build(&maps, &tree, &options);
    assert!(said.contains(" 0 rasters read: ") && said.contains(" 0 files new or changed, 0 gone"), "{said}");

    // One raster changed, one removed, one new: these alone are read and written.
    let from = maps.join("canopy/canopy_r00c01.tif");
    fs::remove_file(maps.join("canopy/canopy_r00c00.tif")).unwrap();
    fs::copy(maps.join("canopy/canopy_r00c02.tif"), &from).unwrap();
    fs::copy(&from, maps.join("canopy/canopy_r99c99.tif")).unwrap();
    let said = build(&maps, &tree, &options);
    assert!(said.contains(" 2 rasters read: "), "{said}");
    assert!(!tree.join("canopy/canopy_r00c00").exists());
    assert!(tree.join("canopy/canopy_r99c99/thumbnail.png").exists());
    let (report, is_sound) = validate(&root, &["--deep"]);
    assert!(is_sound && report["items"] == 762, "{report:#}");
    let others = contents(&tree).into_iter().filter(|(path, bytes)| before.get(path) != Some(bytes));
    let others: Vec<PathBuf> = others.map(|(path, _)| path).collect();
    let expected = |path: &PathBuf| {
        let path = path.to_string_lossy();
        let parts = [
            "canopy_r00c01",
            "canopy_r99c99",
            "canopy/collection.json",
            "/.cairn/",
            "items.parquet",
            "snapshot",
        ];
        parts.iter().any(|part| path.contains(part))
    };
    assert!(others.iter().all(expected), "{others:#?}");
}

#[test]
fn the_table_beside_a_tree_holds_its_items() {
    let folder = tempfile::tempdir().unwrap();
    let (maps, tree) = (maps(folder.path()), folder.path().join("tree"));
    build(&maps, &tree, &["--definition", repository("catalogs/global-maps.toml").to_str().unwrap()]);
    let collection = read(&tree.join("canopy/collection.json"));
    let asset = &collection["assets"]["items"];
    assert_eq!(
        (&asset["href"], &asset["type"]),
        (&"../items.parquet".into(), &"application/vnd.apache.parquet".into())
    );
    let said = script("table_beside.py", [tree.join("items.parquet").as_os_str(), "762".as_ref()]);
    assert!(said.contains("762 rows"), "{said}");
    // The server starts from the snapshot.
    let server = Server::of(tree.join("catalog.json"));
    assert_eq!(http::get(&format!("{}/search", server.url)).json()["numberMatched"], 762);
    assert!(server.logs("snapshot"), "{}", server.log());
}

#[test]
fn a_tree_of_every_type_passes_the_validators() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("cogs");
    let demo = demo::catalog().parent().unwrap().with_file_name("cogs/sentinel-2-l2a");
    for product in fs::read_dir(demo).unwrap().take(3).map(|entry| entry.unwrap().path()) {
        let to = source.join("s2").join(product.file_name().unwrap());
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(&product).unwrap().map(|entry| entry.unwrap().path()) {
            fs::hard_link(&file, to.join(file.file_name().unwrap())).unwrap();
        }
    }
    // A port that is free now; only the script listens on it.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    for (catalog_type, extra) in [
        ("self-contained", vec!["--thumbnails"]),
        ("relative-published", vec!["--layout", "{collection}/{year}/{id}"]),
        ("absolute-published", vec!["--nested", "--statistics"]),
    ] {
        let tree = folder.path().join(catalog_type);
        let published = format!("http://127.0.0.1:{port}/{catalog_type}");
        let mut options = vec!["--catalog-type", catalog_type];
        if catalog_type != "self-contained" {
            options.extend(["--root-href", &published]);
        }
        options.extend(extra);
        build(&source, &tree, &options);
        let root = tree.join("catalog.json");
        let (report, is_sound) = validate(&root, &["--deep"]);
        assert!(is_sound && report["items"] == 3, "{catalog_type}: {report:#}");
        let opened = match catalog_type {
            "self-contained" => root.to_str().unwrap().to_owned(),
            _ => format!("{published}/catalog.json"),
        };
        script("validate_tree.py", [&opened, &port, folder.path().to_str().unwrap()]);
        let text = fs::read_to_string(&root).unwrap();
        assert_eq!(text.contains("\"self\""), catalog_type != "self-contained");
        assert_eq!(text.contains("\"./"), catalog_type != "absolute-published");
    }
    assert!(folder.path().join("relative-published/s2/2024/catalog.json").exists());
}

#[test]
fn folders_nest_as_collections_below_collections() {
    let folder = tempfile::tempdir().unwrap();
    let (maps, source) = (maps(folder.path()), folder.path().join("src"));
    for (from, to) in [
        ("elevation.tif", "earth/relief/elevation_20200101.tif"),
        ("land-cover.tif", "earth/cover/land_20200101.tif"),
        ("land-cover.tif", "earth/cover/old/land_19900101.tif"),
        ("land-cover.tif", "earth/cover/old/land_19910101.tif"),
    ] {
        fs::create_dir_all(source.join(to).parent().unwrap()).unwrap();
        fs::copy(maps.join(from), source.join(to)).unwrap();
    }
    let tree = folder.path().join("tree");
    build(&source, &tree, &["--nested"]);
    let earth = read(&tree.join("earth/catalog.json"));
    assert_eq!((&earth["type"], &earth["id"]), (&"Catalog".into(), &"earth".into()));
    let cover = read(&tree.join("earth/cover/collection.json"));
    assert_eq!(cover["id"], "earth-cover");
    // Its extent holds the Collections below it.
    assert_eq!(cover["extent"]["temporal"]["interval"][0][0], "1990-01-01T00:00:00Z");
    let old = read(&tree.join("earth/cover/old/collection.json"));
    assert_eq!(old["id"], "earth-cover-old");
    assert_eq!(old["cube:dimensions"]["time"]["values"].as_array().unwrap().len(), 2);
    assert!(cover.get("cube:dimensions").is_none(), "one Item is no series");
    let (report, is_sound) = validate(&tree, &[]);
    assert!(is_sound && report["collections"] == 3, "{report:#}");
    script("validate_tree.py", [tree.join("catalog.json")]);
}

#[test]
fn files_that_differ_are_told_in_groups() {
    let folder = tempfile::tempdir().unwrap();
    let (maps, source) = (maps(folder.path()), folder.path().join("src"));
    fs::create_dir_all(source.join("c")).unwrap();
    for (from, to) in [("elevation.tif", "a"), ("land-cover.tif", "b"), ("land-cover.tif", "d")] {
        fs::copy(maps.join(from), source.join(format!("c/{to}_20200101.tif"))).unwrap();
    }
    let said = build(&source, &folder.path().join("tree"), &[]);
    let told = "collection 'c', data: sample type differs: uint8 in 2 Items such as 'b_20200101'; float32 in 1 Items";
    assert!(said.contains(told), "{said}");
}

#[test]
fn a_build_that_is_killed_leaves_the_old_tree_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let (maps, tree) = (maps(folder.path()), folder.path().join("tree"));
    fs::remove_dir_all(maps.join("surface-water")).unwrap();
    let definition = repository("catalogs/global-maps.toml");
    let options = ["--no-table", "--quiet", "--definition", definition.to_str().unwrap()];
    let begin = Instant::now();
    build(&maps, &tree, &options);
    let full = begin.elapsed();
    // Each state has another number of rasters and other titles.
    let other = folder.path().join("other.toml");
    let text = fs::read_to_string(&definition).unwrap().replace("Canopy, tile", "Crown, tile");
    fs::write(&other, text).unwrap();
    let spare = folder.path().join("spare.tif");
    let tile = maps.join("canopy/canopy_r10c10.tif");
    let mut states = Vec::new();
    for step in 0..10_u32 {
        let before = contents(&tree);
        let is_even = step % 2 == 0;
        let (from, to, definition) =
            if is_even { (&tile, &spare, &other) } else { (&spare, &tile, &definition) };
        fs::rename(from, to).unwrap();
        let options = ["--no-table", "--quiet", "--definition", definition.to_str().unwrap()];
        let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
        let mut child = command
            .arg("build")
            .arg(&maps)
            .arg(&tree)
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From the start to a little past the end, and most of them where the tree is written.
        thread::sleep(full * (step + 2) / 10);
        child.kill().unwrap();
        child.wait().unwrap();
        let found = contents(&tree);
        let fresh = folder.path().join(format!("fresh-{}", step % 2));
        build(&maps, &fresh, &options);
        let of = |tree: &Path, contents: BTreeMap<PathBuf, Vec<u8>>| -> BTreeMap<PathBuf, Vec<u8>> {
            contents
                .into_iter()
                .map(|(path, bytes)| (path.strip_prefix(tree).unwrap().to_owned(), bytes))
                .collect()
        };
        let (found, before) = (of(&tree, found), of(&tree, before));
        let new = of(&fresh, contents(&fresh));
        let is_old = found == before;
        assert!(is_old || found == new, "after {step}: a mixture");
        states.push(if is_old { "old" } else { "new" });
        // The next step begins with a whole tree of this one.
        build(&maps, &tree, &options);
        assert!(of(&tree, contents(&tree)) == new, "after {step}: a build does not mend it");
    }
    let hidden = fs::read_dir(folder.path())
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with('.'));
    assert_eq!(hidden.count(), 0, "nothing is left of builds that were killed; {states:?}");
    assert!(states.contains(&"old"), "no build was killed in time: {states:?}");
}
