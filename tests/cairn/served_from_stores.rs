//! Catalogues in stores, served by the real binary: the same answers as from the disk, in few requests.

use std::fs;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use cairn::storage::{Environment, Label, Location, Settings, Storage, WriteMode};
use futures::TryStreamExt;
use serde_json::json;

use crate::demo;
use crate::http::get;
use crate::server::{Server, cairn, run as run_command};
use crate::soak;
use crate::store_conformance::{at, run};
use crate::stores::{Azure, Env, Fault, Nginx, Proxy, S3, with};

fn storage(env: &Env) -> Storage {
    let environment = Environment::of(env.iter().map(|(name, value)| (*name, value.as_str())));
    Storage::new(Settings::new(Vec::new(), environment).unwrap())
}

/// A server of catalogues in a store, with a folder of caches of its own.
fn serve(env: &Env, cache: &Path, arguments: &[&str]) -> Server {
    let mut command = cairn();
    command.arg("serve").args(arguments).args(["--bind", "127.0.0.1:0", "--cache-dir"]).arg(cache);
    Server::start(with(&mut command, env))
}

/// Copies all files of a folder to a store.
fn copy_to(storage: &Storage, from: &Path, to: &Location) {
    run(async {
        storage.make_container(to).await.unwrap();
        let from = Location::from_path(from).unwrap();
        let copied = storage.list(&from).try_for_each_concurrent(8, |entry| {
            let to = to.child(&entry.location.relative_to(&from).unwrap()).unwrap();
            async move { storage.copy(&entry.location, &to, &Label::default()).await.map(drop) }
        });
        copied.await.unwrap();
    });
}

/// What one server answers to random questions for patches, question by question.
fn patches(server: &Server, count: usize) -> Vec<Vec<u8>> {
    let collection = get(&format!("{}/collections", server.url)).json()["collections"][0]["id"].clone();
    let of = |index: usize| {
        let query = format!(
            "collections={}&size=96&timestamps=3&seed=11&index={index}",
            collection.as_str().unwrap()
        );
        let answer = get(&format!("{}/patch/random?{query}", server.url));
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.body
    };
    (0..count).map(of).collect()
}

fn tally(server: &Server, what: &str, store: &str) -> u64 {
    let text = String::from_utf8(get(&format!("{}/metrics", server.url)).body).unwrap();
    let name = format!("cairn_store_{what}_total{{store=\"{store}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

#[test]
fn patches_from_s3_azure_and_a_web_server_are_those_from_the_disk() {
    let catalog = demo::catalog();
    let folder = catalog.parent().unwrap();
    let top = folder.ancestors().find(|folder| folder.join("made-by").exists()).unwrap();
    let path = catalog.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
    let count = soak::times(100);
    let wanted = patches(&demo::serve(), count);
    let (s3, azure, nginx) = (S3::start(&[]), Azure::start(), Nginx::over(top));
    let cache = tempfile::tempdir().unwrap();
    copy_to(&storage(&s3.env()), top, &at("s3://demo/a b"));
    copy_to(&storage(&azure.env()), top, &at("az://demo/set"));
    for (env, root, kind) in [
        (s3.env(), "s3://demo/a%20b".to_owned(), "s3"),
        (azure.env(), "az://demo/set".to_owned(), "azure"),
        (Env::new(), nginx.url(), "http"),
    ] {
        let root = root.trim_end_matches('/');
        let server = serve(&env, cache.path(), &[&format!("{root}/{path}"), "--allow", root]);
        let found = patches(&server, count);
        assert!(found == wanted, "patches from {root} differ");
        assert_eq!(
            (tally(&server, "errors", kind), tally(&server, "bytes", "local")),
            (0, 0),
            "{}",
            server.log()
        );
        let requests = tally(&server, "requests", kind);
        let again = patches(&server, count);
        assert!(again == wanted && tally(&server, "requests", kind) == requests, "blocks are kept");
        let item = get(&format!("{}/search?limit=1", server.url)).json()["features"][0].clone();
        let href =
            item["assets"].as_object().unwrap().values().next().unwrap()["href"].as_str().unwrap().to_owned();
        let shown =
            if kind == "azure" { format!("{}/cairntest/demo/set", azure.url()) } else { root.to_owned() };
        assert!(href.starts_with(&shown), "{href}");
        soak::figure(&format!("{count} random patches from {kind}"), &format!("{requests} requests"));
    }
}

const ITEMS: usize = 10_000;

/// Writes a tree of many small Items: a catalog, a Collection, catalogs of a thousand Items each.
fn write_tree(root: &Path) {
    let link = |rel: &str, href: String| json!({"rel": rel, "href": href});
    let put =
        |path: &str, document: serde_json::Value| fs::write(root.join(path), document.to_string()).unwrap();
    for month in 0..ITEMS / 1000 {
        fs::create_dir_all(root.join(format!("c/{month}"))).unwrap();
        let links = (0..1000).map(|nth| link("item", format!("./i{}.json", month * 1000 + nth)));
        let catalog = json!({"type": "Catalog", "stac_version": "1.1.0", "id": format!("m{month}"), "description": "-",
            "links": links.collect::<Vec<_>>()});
        put(&format!("c/{month}/catalog.json"), catalog);
    }
    for nth in 0..ITEMS {
        let (west, south) = (nth % 170, nth / 170);
        let (east, north) = (west + 1, south + 1);
        let square = json!([[[west, south], [east, south], [east, north], [west, north], [west, south]]]);
        put(
            &format!("c/{}/i{nth}.json", nth / 1000),
            json!({
                "type": "Feature", "stac_version": "1.1.0", "id": format!("i{nth}"), "collection": "c",
                "geometry": {"type": "Polygon", "coordinates": square}, "bbox": [west, south, east, north],
                "properties": {"datetime": format!("2026-{:02}-01T00:00:{:02}Z", nth / 1000 + 1, nth % 60)},
                "links": [], "assets": {"data": {"href": format!("./i{nth}.tif"), "type": "image/tiff"}}
            }),
        );
    }
    let children = (0..ITEMS / 1000).map(|month| link("child", format!("./{month}/catalog.json")));
    let collection = json!({"type": "Collection", "stac_version": "1.1.0", "id": "c", "description": "-", "license": "other",
        "extent": {"spatial": {"bbox": [[0, 0, 170, 60]]}, "temporal": {"interval": [[null, null]]}},
        "links": children.collect::<Vec<_>>()});
    put("c/collection.json", collection);
    let catalog = json!({"type": "Catalog", "stac_version": "1.1.0", "id": "root", "description": "-",
        "links": [link("child", "./c/collection.json".to_owned())]});
    put("catalog.json", catalog);
}

#[test]
fn a_tree_of_ten_thousand_items_takes_a_request_each_and_few_with_an_index_beside_it() {
    let s3 = S3::start(&["bucket"]);
    let proxy = Proxy::before(s3.port(), |_| Fault::None);
    let (near, env) = (s3.env(), S3::env_at(&proxy.url()));
    write_tree(&s3.bucket("bucket").join("tree"));
    let cache = || tempfile::tempdir().unwrap();
    let matched =
        |server: &Server| get(&format!("{}/search?limit=1", server.url)).json()["numberMatched"].clone();
    let (own, start) = (cache(), Instant::now());
    let cold = serve(&near, own.path(), &["s3://bucket/tree/catalog.json"]);
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(matched(&cold), ITEMS);
    // Each document once, and a look for a snapshot.
    assert_eq!(tally(&cold, "requests", "s3"), ITEMS as u64 + 10 + 2 + 1);
    soak::figure("10,000 Items from S3, one by one", &format!("{seconds:.1} s"));
    for (what, arguments, location) in [
        ("snapshot", vec!["--snapshot", "s3://bucket/tree"], "s3://bucket/tree/catalog.json"),
        (
            "table",
            vec!["s3://bucket/tree/catalog.json", "s3://bucket/tree/items.parquet"],
            "s3://bucket/tree/items.parquet",
        ),
    ] {
        let mut command = cairn();
        let made = run_command(with(command.arg("index").args(arguments), &near));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let (own, before, start) = (cache(), proxy.requests(), Instant::now());
        let server = serve(&env, own.path(), &[location]);
        let seconds = start.elapsed().as_secs_f64();
        let requests = proxy.requests() - before;
        assert_eq!(matched(&server), ITEMS, "{what}: {}", server.log());
        assert!(requests < 10, "{what}: {requests} requests: {}", server.log());
        soak::figure(
            &format!("10,000 Items from their {what} in S3"),
            &format!("{requests} requests, {seconds:.2} s"),
        );
        drop(server);
        if what == "snapshot" {
            // The next start has its own copy, and asks the store for nothing.
            let before = proxy.requests();
            let again = serve(&env, own.path(), &[location]);
            assert_eq!((matched(&again), proxy.requests() - before), (ITEMS.into(), 0));
        }
    }
}

#[test]
fn what_changes_in_a_store_is_noticed_and_read() {
    let s3 = S3::start(&["bucket"]);
    let storage = storage(&s3.env());
    let item = |id: &str| {
        json!({"type": "Feature", "stac_version": "1.1.0", "id": id, "geometry": null,
            "properties": {"datetime": "2026-01-01T00:00:00Z"}, "links": [], "assets": {}})
    };
    let write = |name: &str, document: &serde_json::Value| {
        let (location, bytes) = (at("s3://bucket/t").child(name).unwrap(), Bytes::from(document.to_string()));
        run(async {
            storage.write(&location, bytes, WriteMode::Replace, &Label::default()).await.unwrap();
        });
    };
    let links = |count: usize| {
        (0..count).map(|nth| json!({"rel": "item", "href": format!("./{nth}.json")})).collect::<Vec<_>>()
    };
    let catalog = |count| json!({"type": "Catalog", "stac_version": "1.1.0", "id": "r", "description": "-", "links": links(count)});
    for nth in 0..20 {
        write(&format!("{nth}.json"), &item(&format!("i{nth}")));
    }
    write("catalog.json", &catalog(20));
    let cache = tempfile::tempdir().unwrap();
    let server = serve(&s3.env(), cache.path(), &["s3://bucket/t/catalog.json", "--refresh", "1"]);
    let matched = || get(&format!("{}/search", server.url)).json()["numberMatched"].clone();
    assert_eq!(matched(), 20);
    write("20.json", &item("i20"));
    write("catalog.json", &catalog(21));
    let end = Instant::now() + std::time::Duration::from_secs(40);
    while matched() != 21 {
        assert!(Instant::now() < end, "{}", server.log());
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

#[test]
fn a_store_that_stalls_is_504_one_that_fails_502_and_both_pass() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};
    use std::time::Duration;

    let catalog = demo::catalog();
    let top = catalog.ancestors().find(|folder| folder.join("made-by").exists()).unwrap();
    let path = catalog.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
    let nginx = Nginx::over(top);
    let (mood, cache) = (Arc::new(AtomicU8::new(0)), tempfile::tempdir().unwrap());
    let of_proxy = Arc::clone(&mood);
    let proxy = Proxy::before(nginx.port(), move |_| match of_proxy.load(Ordering::Relaxed) {
        0 => Fault::None,
        1 => Fault::Stall(5, Duration::from_secs(3)),
        _ => Fault::Reset,
    });
    let config = cache.path().join("cairn.toml");
    fs::write(&config, format!("[[store]]\nprefix = '{}'\ntimeout_seconds = 1\n", proxy.url())).unwrap();
    let root = proxy.url();
    let config = config.to_str().unwrap();
    let arguments = [&format!("{root}/{path}"), "--allow", &root, "--config", config, "--cache-bytes", "0"];
    let server = serve(&Env::new(), cache.path(), &arguments);
    let wanted = patches(&server, 1);
    let collection = get(&format!("{}/collections", server.url)).json()["collections"][0]["id"].clone();
    let query = format!("collections={}&size=96&timestamps=3&seed=11", collection.as_str().unwrap());
    for (kind, status) in [(1, 504), (2, 502)] {
        mood.store(kind, Ordering::Relaxed);
        let answer = get(&format!("{}/patch/random?{query}", server.url));
        assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
        assert!(!String::from_utf8_lossy(&answer.body).contains("127.0.0.1"), "no place reaches a client");
        mood.store(0, Ordering::Relaxed);
        assert!(patches(&server, 1) == wanted);
    }
}
