//! What comes is what was promised, from wherever it is; what is not is named and not kept.

use std::collections::BTreeMap;
use std::fs;

use cairn::storage::{Environment, Settings, Storage};
use serde_json::{Value, json};

use super::fetch;
use super::files::{contents, item, noise, serve, sha256, web};
use crate::server::{cairn, run};
use crate::store_conformance::at;
use crate::stores::{Azure, Env, S3, with};

#[test]
fn a_file_that_is_not_what_its_item_promises_is_recorded_and_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = noise(1, 50_000);
    let web = web([("x.bin".to_owned(), bytes.clone())].into());
    let href = format!("{web}/plain/x.bin");
    let asset = |fields: Value| {
        let mut asset = json!({"href": href});
        asset.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        asset
    };
    let sum = sha256(&bytes);
    let assets = json!({
        "good": asset(json!({"file:size": 50_000, "file:checksum": sum})),
        "loud": asset(json!({"file:checksum": sum.to_uppercase()})),
        "sum": asset(json!({"file:checksum": sha256(b"another")})),
        "short": asset(json!({"file:size": 49_999})),
        "long": asset(json!({"file:size": 50_001})),
        "gone": {"href": format!("{web}/plain/y.bin?sig=secret")},
        "disk": {"href": "/etc/hostname"},
    });
    let server = serve(folder.path(), &[item("i", "2024-01-05", &assets)]);
    let dest = folder.path().join("got");
    let (said, is_well) = fetch(&server, &dest, &["--max-disk", "10M"]);
    assert!(!is_well && said.contains("2 files came") && said.contains("5 files did not come"), "{said}");
    let lines = fs::read_to_string(dest.join("failed.ndjson")).unwrap();
    assert!(!lines.contains("secret"));
    let failed: BTreeMap<String, String> = lines
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!((&line["collection"], &line["item"]), (&json!("c"), &json!("i")));
            (line["asset"].as_str().unwrap().to_owned(), line["error"].as_str().unwrap().to_owned())
        })
        .collect();
    for (key, told) in
        [("sum", "SHA-256"), ("short", "49999"), ("long", "50001"), ("gone", "404"), ("disk", "404")]
    {
        assert!(failed[key].contains(told), "{key}: {}", failed[key]);
    }
    assert_eq!(failed.len(), 5);
    let kept: Vec<_> = fs::read_dir(dest.join("c/i")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(kept.len(), 3, "two files and the document: {kept:?}");
    let document: Value = serde_json::from_slice(&fs::read(dest.join("c/i/i.json")).unwrap()).unwrap();
    assert_eq!(document["assets"].as_object().unwrap().len(), 2);
    // A file that was damaged here since comes again.
    let name = document["assets"]["good"]["href"].as_str().unwrap();
    fs::write(dest.join("c/i").join(name), "damaged").unwrap();
    let (said, _) = fetch(&server, &dest, &["--asset", "good"]);
    let failed = fs::read_to_string(dest.join("failed.ndjson")).unwrap_or_default();
    assert!(said.contains("1 files came"), "{said}{failed}");
    assert_eq!(fs::read(dest.join("c/i").join(name)).unwrap(), bytes);
    let document: Value = serde_json::from_slice(&fs::read(dest.join("c/i/i.json")).unwrap()).unwrap();
    assert!(document["assets"]["loud"].is_object(), "what came before is still named");
}

#[test]
fn assets_come_from_s3_and_azure_and_go_on_where_they_were_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = noise(2, 9_000_000);
    fs::create_dir(folder.path().join("up")).unwrap();
    fs::write(folder.path().join("up/x y.bin"), &bytes).unwrap();
    let (s3, azure) = (S3::start(&["bucket"]), Azure::start());
    let env = [s3.env(), azure.env()].concat();
    for dest in ["s3://bucket/p", "az://bucket/p"] {
        let mut command = cairn();
        with(&mut command, &env).arg("upload").arg(folder.path().join("up")).args([dest, "--create"]);
        assert!(run(&mut command).status.success());
    }
    let assets = json!({
        "s3": {"href": "s3://bucket/p/x%20y.bin", "file:checksum": sha256(&bytes)},
        "azure": {"href": "az://bucket/p/x%20y.bin", "file:size": bytes.len()},
        "none": {"href": "s3://bucket/p/other.bin"},
    });
    let server = serve(folder.path(), &[item("i", "2024-01-05", &assets)]);
    let dest = folder.path().join("got");
    let fetch = |keys: &str| {
        let mut command = cairn();
        let ran =
            run(with(&mut command, &env).arg("fetch").arg(&server.url).arg(&dest).args(["--asset", keys]));
        String::from_utf8_lossy(&ran.stderr).into_owned()
    };
    let said = fetch("s3,azure");
    assert!(said.contains("2 files came, 0 were there already, 0 failed"), "{said}");
    let got = contents(&dest.join("c"));
    assert_eq!(got.values().filter(|got| **got == bytes).count(), 2);
    assert!(fetch("none").contains("1 files did not come"));
    // Bytes that the store would not give show that those on the disk were kept.
    let place = dest.join("c/i");
    for name in got.keys().filter(|name| name.contains(".bin")) {
        fs::remove_file(dest.join("c").join(name)).unwrap();
    }
    let mut part = bytes[..5_000_000].to_vec();
    part[7] ^= 1;
    fs::write(place.join(".azure_x_20y.bin.part"), &part).unwrap();
    fs::write(place.join(".azure_x_20y.bin.etag"), etag(&env, "az://bucket/p/x%20y.bin")).unwrap();
    let said = fetch("azure");
    assert!(said.contains("1 files came"), "{said}");
    let now = fs::read(place.join("azure_x_20y.bin")).unwrap();
    assert!(
        now.len() == bytes.len() && now[..5_000_000] == part[..] && now[5_000_000..] == bytes[5_000_000..]
    );
}

/// The `ETag` of an object.
fn etag(env: &Env, place: &str) -> String {
    let environment = Environment::of(env.iter().map(|(name, value)| (*name, value.as_str())));
    let storage = Storage::new(Settings::new(Vec::new(), environment).unwrap());
    let location = storage.adopt(at(place));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(storage.meta(&location)).unwrap().etag
}

#[test]
fn hrefs_are_signed_on_the_way_and_stay_unsigned_in_documents() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = noise(3, 20_000);
    let web = web([("x.bin".to_owned(), bytes.clone())].into());
    let assets = json!({"a": {"href": format!("{web}/signed/x.bin")}});
    let server = serve(folder.path(), &[item("i", "2024-01-05", &assets)]);
    let dest = folder.path().join("got");
    let (said, is_well) = fetch(&server, &dest, &[]);
    assert!(!is_well && said.contains("1 files did not come"), "{said}");
    let (said, is_well) = fetch(&server, &dest, &["--sign", &format!("{web}/sign")]);
    assert!(is_well && said.contains("1 files came"), "{said}");
    let got = contents(&dest);
    assert_eq!(got["c/i/x.bin"], bytes);
    assert!(!got.iter().any(|(name, bytes)| {
        !name.contains(".bin") && String::from_utf8_lossy(bytes).contains("secret")
    }));
}
