//! The options of an upload, each seen in what a real store holds afterwards.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use super::folder::{self, Random};
use super::{command, finished, said, upload};
use crate::python::script;
use crate::server::{repository, run};
use crate::stores::{Azure, Fault, Proxy, S3};

#[test]
fn data_goes_first_and_the_root_last() {
    let source = tempfile::tempdir().unwrap();
    folder::make(source.path(), 100, 1_000_000);
    let s3 = S3::start(&["bucket"]);
    let proxy = Proxy::before(s3.port(), |_asked| Fault::None);
    upload(&S3::env_at(&proxy.url()), source.path(), "s3://bucket/a/b", &["--quiet"]);
    let sent = finished(&proxy.seen());
    assert_eq!(sent.len(), 100);
    let last_data = sent.iter().rposition(|key| key.contains(".tif")).unwrap();
    let first_document = sent.iter().position(|key| key.contains(".json")).unwrap();
    assert!(last_data < first_document);
    assert_eq!(sent[98..], ["/bucket/a/b/c/collection.json", "/bucket/a/b/catalog.json"]);
}

#[test]
fn only_what_differs_is_replaced_and_equal_lengths_are_not_trusted() {
    let source = tempfile::tempdir().unwrap();
    let at = |name: &str| source.path().join(name);
    for name in ["same.tif", "changed.tif", "longer.tif"] {
        fs::write(at(name), name.repeat(100)).unwrap();
    }
    let large = Random(7).bytes(9_000_000);
    fs::write(at("large.bin"), &large).unwrap();
    let (s3, dest) = (S3::start(&["bucket"]), "s3://bucket/x");
    let proxy = Proxy::before(s3.port(), |_asked| Fault::None);
    let settings = S3::env_at(&proxy.url());
    upload(&settings, source.path(), dest, &["--quiet"]);
    fs::write(at("changed.tif"), "CHANGED.tif".repeat(100)).unwrap();
    fs::write(at("longer.tif"), "longer.tif".repeat(101)).unwrap();
    let plan = run(&mut command(&settings, source.path(), dest, &["--dry-run", "--quiet"]));
    assert_eq!(String::from_utf8_lossy(&plan.stdout), "send changed.tif\nsend longer.tif\n");
    let before = finished(&proxy.seen()).len();
    let never = upload(&settings, source.path(), dest, &["--overwrite", "never"]);
    assert!(never.contains("4 left as they are"), "{never}");
    assert_eq!(finished(&proxy.seen()).len(), before, "nor does a dry run send");
    upload(&settings, source.path(), dest, &["--quiet"]);
    let mut sent = finished(&proxy.seen())[before..].to_vec();
    sent.sort();
    assert_eq!(sent, ["/bucket/x/changed.tif", "/bucket/x/longer.tif"]);
    folder::assert_same(source.path(), &s3.bucket("bucket").join("x"));
    let all = upload(&settings, source.path(), dest, &["--overwrite", "always"]);
    assert!(all.contains("4 sent"), "{all}");
}

#[test]
fn what_the_source_lost_goes_when_asked_and_patterns_protect_the_rest() {
    let source = tempfile::tempdir().unwrap();
    folder::make(source.path(), 30, 300_000);
    let s3 = S3::start(&["bucket"]);
    let there = s3.bucket("bucket").join("t");
    upload(&s3.env(), source.path(), "s3://bucket/t", &["--quiet", "--exclude", "B1.tif"]);
    assert!(!there.join("c/i0/B1.tif").exists() && there.join("c/i0/B2.tif").exists());
    fs::remove_file(source.path().join("c/i0/B2.tif")).unwrap();
    fs::remove_file(source.path().join("c/i10/i10.json")).unwrap();
    let told = upload(&s3.env(), source.path(), "s3://bucket/t", &["--delete", "--include", "*.tif"]);
    assert!(told.contains("1 removed"), "{told}");
    assert!(there.join("c/i10/i10.json").exists(), "not among what is named");
    upload(&s3.env(), source.path(), "s3://bucket/t", &["--quiet", "--delete"]);
    folder::assert_same(source.path(), &there);
    fs::remove_dir_all(source.path().join("c")).unwrap();
    fs::remove_file(source.path().join("catalog.json")).unwrap();
    let emptied = run(&mut command(&s3.env(), source.path(), "s3://bucket/t", &["--delete"]));
    assert_eq!(emptied.status.code(), Some(1), "an empty source empties nothing");
    assert!(there.join("catalog.json").exists(), "{}", said(&emptied));
}

#[test]
fn media_types_names_and_checksums_arrive_as_obstore_sees_them() {
    let source = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = source.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let cog = fs::read(repository("tests/data/cogs/rio-tiler/cog_int16.tif")).unwrap();
    put("c/cog.tif", &cog);
    put("c/Järvi ä#1% +&?.tif", b"no TIFF");
    put("c/item.json", br#"{"type": "Feature"}"#);
    put("c/picture.JPG", b"x");
    put("c/parts.parquet", &Random(3).bytes(9_000_000));
    put("catalog.json", br#"{"type": "Catalog"}"#);
    let (s3, azure) = (S3::start(&["bucket"]), Azure::start());
    upload(&s3.env(), source.path(), "s3://bucket/top", &["--quiet"]);
    upload(&azure.env(), source.path(), "az://container/top", &["--quiet", "--create"]);
    let source = source.path().to_str().unwrap();
    script("uploaded.py", ["s3", &s3.url(), "bucket", "top", source]);
    script("uploaded.py", ["azure", &azure.url(), "container", "top", source]);
}

#[test]
fn large_files_need_less_than_200_megabytes_of_memory() {
    let source = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        // Zeros: a file without blocks on the disk.
        fs::File::create(source.path().join(name)).unwrap().set_len(120_000_000).unwrap();
    }
    let s3 = S3::start(&["bucket"]);
    let mut child = command(&s3.env(), source.path(), "s3://bucket/t", &["--quiet"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak_kb = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
        peak_kb = peak_kb.max(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap());
        thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success());
    assert!((1_000..200_000).contains(&peak_kb), "{peak_kb} kB");
    assert_eq!(fs::metadata(s3.bucket("bucket").join("t/c")).unwrap().len(), 120_000_000);
}

#[test]
fn one_file_goes_under_its_name_or_the_one_that_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.tif");
    fs::write(&file, "pixels").unwrap();
    let s3 = S3::start(&["bucket"]);
    upload(&s3.env(), &file, "s3://bucket/x", &["--quiet"]);
    upload(&s3.env(), &file, "s3://bucket/x/b.tif", &["--quiet"]);
    let keys: Vec<_> = s3.objects("bucket").into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["x/a.tif", "x/b.tif"]);
}

#[test]
fn an_upload_keeps_to_its_bandwidth() {
    let source = tempfile::tempdir().unwrap();
    folder::make(source.path(), 20, 1_000_000);
    let s3 = S3::start(&["bucket"]);
    let start = std::time::Instant::now();
    upload(&s3.env(), source.path(), "s3://bucket/t", &["--quiet", "--bandwidth", "500k"]);
    assert!(start.elapsed() > Duration::from_secs(1), "{:?}", start.elapsed());
    folder::assert_same(source.path(), &s3.bucket("bucket").join("t"));
}

#[test]
fn the_modes_of_overwriting_are_the_same_on_s3_on_azure_and_on_the_disk() {
    let (s3, azure, folder) = (S3::start(&["bucket"]), Azure::start(), tempfile::tempdir().unwrap());
    let disk = folder.path().join("disk").to_str().unwrap().to_owned();
    let mut random = Random(11);
    let (small, large) = (random.bytes(5_000), random.bytes(9_000_000));
    for (env, dest) in
        [(s3.env(), "s3://bucket/x"), (azure.env(), "az://container/x"), (Vec::new(), disk.as_str())]
    {
        let source = folder.path().join("source");
        let put = |name: &str, bytes: &[u8]| fs::write(source.join(name), bytes).unwrap();
        fs::create_dir_all(&source).unwrap();
        put("small.bin", &small);
        put("large.bin", &large);
        let create = if dest == disk { &[][..] } else { &["--create"][..] };
        upload(&env, &source, dest, create);
        let same = upload(&env, &source, dest, &[]);
        assert!(same.contains("0 sent") && same.contains("2 there already"), "{dest}: {same}");
        // As long as before, and different.
        put("small.bin", &small.iter().map(|byte| !byte).collect::<Vec<_>>());
        put("large.bin", &large.iter().map(|byte| !byte).collect::<Vec<_>>());
        put("new.bin", b"new");
        let never = upload(&env, &source, dest, &["--overwrite", "never"]);
        assert!(never.contains("1 sent") && never.contains("2 left as they are"), "{dest}: {never}");
        let back = folder.path().join("back");
        let holds = |name: &str, bytes: &[u8]| {
            super::download(&env, dest, &back);
            assert!(fs::read(back.join(name)).unwrap() == bytes, "{dest}: {name}");
        };
        holds("small.bin", &small);
        holds("large.bin", &large);
        let changed = upload(&env, &source, dest, &["--overwrite", "changed"]);
        assert!(changed.contains("2 sent") && changed.contains("1 there already"), "{dest}: {changed}");
        super::download(&env, dest, &back);
        folder::assert_same(&source, &back);
        let always = upload(&env, &source, dest, &["--overwrite", "always"]);
        assert!(always.contains("3 sent"), "{dest}: {always}");
        for each in [source, back] {
            fs::remove_dir_all(each).unwrap();
        }
    }
}
