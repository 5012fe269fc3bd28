//! Signatures for clients that hold no credentials, opened at real stores: what they open, for how long, and nothing else.

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use cairn::storage::{Environment, Label, Location, Settings, Storage, WriteMode};
use serde_json::{Value, json};

use crate::http::{get, get_with, post, request};
use crate::python::script;
use crate::server::{Server, repository};
use crate::shelf::{Shelf, proxied};
use crate::store_conformance::{at, noise, run};
use crate::stores::{Azure, Env, S3};

/// Puts objects into a store, and makes their containers.
fn fill(env: &Env, objects: &[(&str, Bytes)]) {
    let environment = Environment::of(env.iter().map(|(name, value)| (*name, value.as_str())));
    let storage = Storage::new(Settings::new(Vec::new(), environment).unwrap());
    run(async {
        for (href, bytes) in objects {
            let location: Location = at(href);
            storage.make_container(&location).await.unwrap();
            storage.write(&location, bytes.clone(), WriteMode::Replace, &Label::default()).await.unwrap();
        }
    });
}

/// Azurite with three containers: all of `open` is allowed, `in/` of `part`, nothing of `shut`.
struct Set {
    azure: Azure,
    shelf: Shelf,
}

impl Set {
    fn new() -> Self {
        let azure = Azure::start();
        fill(
            &azure.env(),
            &["open/a b/x.tif", "part/in/x.tif", "part/out/x.tif", "shut/x.tif"]
                .map(|path| (Self::href(&azure, path), noise(5000)))
                .iter()
                .map(|(href, bytes)| (href.as_str(), bytes.clone()))
                .collect::<Vec<_>>(),
        );
        let href = |path: &str| Value::from(Self::href(&azure, path));
        let shelf = Shelf::of(&[
            ("open", href("open/a%20b/x.tif")),
            ("part", href("part/in/x.tif")),
            ("out", href("part/out/x.tif")),
            ("shut", href("shut/x.tif")),
            ("near", "./near.tif".into()),
            ("web", "https://h.example/x.tif".into()),
        ]);
        fs::write(shelf.path("near.tif"), noise(10)).unwrap();
        Self { azure, shelf }
    }

    fn href(azure: &Azure, path: &str) -> String {
        format!("{}/cairntest/{path}", azure.url())
    }

    fn at(&self, path: &str) -> String {
        Self::href(&self.azure, path)
    }

    fn serve(&self, options: &[&str]) -> Server {
        let (open, part) = ("az://open", self.at("part/in"));
        let allow = ["--allow", open, "--allow", &part];
        self.shelf.serve(&self.azure.env(), &[&allow[..], options].concat())
    }
}

/// The token of a container.
fn token(server: &Server, path: &str) -> String {
    let answer = get(&format!("{}/sas/v1/token/{path}", server.url));
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("cache-control"), "private, no-store");
    let answer = answer.json();
    let expiry: chrono::DateTime<chrono::Utc> = answer["msft:expiry"].as_str().unwrap().parse().unwrap();
    let left = expiry - chrono::Utc::now();
    assert!(left.num_minutes() >= 44 && left.num_minutes() <= 60, "{left}");
    answer["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_token_opens_its_container_for_reading_and_nothing_else() {
    let set = Set::new();
    let server = set.serve(&[]);
    let token = token(&server, "cairntest/open");
    assert!(token.starts_with("sv=") && token.contains("sr=c&sp=rl&"), "its form");
    let status = |path: &str| get(&format!("{}?{token}", set.at(path))).status;
    assert_eq!(get(&format!("{}?{token}", set.at("open/a%20b/x.tif"))).body, noise(5000).to_vec());
    assert_eq!(get(&format!("{}?restype=container&comp=list&{token}", set.at("open"))).status, 200);
    assert_eq!((status("part/in/x.tif"), status("shut/x.tif")), (403, 403));
    for method in ["PUT", "DELETE"] {
        let headers = [("x-ms-blob-type", "BlockBlob"), ("content-length", "0")];
        let written = request(method, &format!("{}?{token}", set.at("open/a%20b/x.tif")), &headers);
        assert_eq!(written.status, 403, "{method}");
    }
    assert_eq!(get(&set.at("open/a%20b/x.tif")).status, 403, "without the token");
    assert_eq!(self::token(&server, "cairntest/open"), token, "one grant serves all");
    for (path, status, word) in [
        ("token/cairntest/part", 403, "a part only"),
        ("token/cairntest/shut", 403, "cairntest/shut"),
        ("token/other/open", 403, "other/open"),
        ("token/cairntest/..%2Fopen", 403, "outside"),
        ("token/nothing", 404, "nothing"),
        ("token/c", 404, "several containers"),
        ("sign", 400, "href"),
        ("sign?href=", 400, "href"),
        ("sign?href=/etc/passwd", 400, "/etc/passwd"),
        ("sign?href=file:///etc/passwd", 400, "URL"),
        ("sign?href=https://h.example/x.tif", 403, "h.example"),
    ] {
        let answer = get(&format!("{}/sas/v1/{path}", server.url));
        let said = String::from_utf8(answer.body).unwrap();
        assert!(answer.status == status && said.contains(word), "{path}: {} {said}", answer.status);
        assert!(!said.contains("sig="), "{path}");
    }
    assert!(!server.log().contains("sig=") && !server.log().contains("Y2Fpcm4"), "{}", server.log());
}

#[test]
fn where_a_part_of_a_container_is_allowed_single_objects_are_signed() {
    let set = Set::new();
    let server = set.serve(&[]);
    let sign = |path: &str| get(&format!("{}/sas/v1/sign?href={}", server.url, set.at(path)));
    let signed = sign("part/in/x.tif").json()["href"].as_str().unwrap().to_owned();
    assert!(signed.contains("sr=b&sp=r&"), "its form");
    assert_eq!(get(&signed).body, noise(5000).to_vec());
    let query = signed.split_once('?').unwrap().1;
    assert_eq!(get(&format!("{}?{query}", set.at("part/out/x.tif"))).status, 403);
    for outside in ["part/out/x.tif", "part/in/%2e%2e/out/x.tif", "shut/x.tif"] {
        assert_eq!(sign(outside).status, 403, "{outside}");
    }
    let open = sign("open/a%2520b/x.tif").json()["href"].as_str().unwrap().to_owned();
    assert!(open.contains("sr=c&") && get(&open).body == noise(5000).to_vec());
    let again = get(&format!("{}/sas/v1/sign?href={}", server.url, open.replace('&', "%26"))).json();
    assert_eq!(again["href"], open, "what is signed already gets its signature anew");
}

/// An Item's assets as they are shown, whoever shows them.
fn check(set: &Set, server: &Server, item: &Value) {
    let href = |key: &str| item["assets"][key]["href"].as_str().unwrap().to_owned();
    for key in ["open", "part"] {
        assert!(href(key).contains("&sig=") && get(&href(key)).body == noise(5000).to_vec(), "{key}");
        let original = &item["assets"][key]["alternate"]["original"]["href"];
        assert_eq!(href(key).split('?').next(), original.as_str());
    }
    assert_eq!((href("out"), href("shut")), (set.at("part/out/x.tif"), set.at("shut/x.tif")));
    assert_eq!((href("near"), href("web")), (proxied(server, "near"), "https://h.example/x.tif".to_owned()));
    assert!(["out", "shut", "near", "web"].iter().all(|key| item["assets"][key].get("alternate").is_none()));
}

#[test]
fn items_and_pages_come_with_signed_hrefs_where_that_is_asked_for() {
    let set = Set::new();
    let server = set.serve(&[]);
    let url = &server.url;
    let plain = get(&format!("{url}/search"));
    assert!(!plain.header("etag").is_empty() && !String::from_utf8_lossy(&plain.body).contains("sig="));
    let answers = [
        get(&format!("{url}/search?sign=true")),
        get(&format!("{url}/collections/c/items?sign=true&limit=1")),
        post(&format!("{url}/search"), &json!({"sign": true, "collections": ["c"]})),
    ];
    for answer in answers {
        assert_eq!(answer.header("etag"), "", "another answer has other signatures");
        assert_eq!(answer.header("cache-control"), "private, max-age=60");
        check(&set, &server, &answer.json()["features"][0]);
    }
    check(&set, &server, &get(&format!("{url}/collections/c/items/i?sign=true")).json());
    let lines = get_with(&format!("{url}/search?sign=true"), &[("accept", "application/x-ndjson")]);
    assert_eq!(lines.header("cache-control"), "private, no-store");
    check(&set, &server, &serde_json::from_slice(&lines.body).unwrap());
    let table = get_with(&format!("{url}/search?sign=true"), &[("accept", "application/vnd.apache.parquet")]);
    assert_eq!(table.status, 400);
    for bad in ["search?sign=yes", "collections/c/items/i?sign=1"] {
        assert_eq!(get(&format!("{url}/{bad}")).status, 400, "{bad}");
    }
    let always = set.serve(&["--asset-hrefs", "signed"]);
    check(&set, &always, &get(&format!("{}/search", always.url)).json()["features"][0]);
    assert!(!server.log().contains("sig=") && !always.log().contains("sig="));
}

#[test]
fn signatures_end_and_asking_too_often_is_told() {
    let set = Set::new();
    let config = set.shelf.path("cairn.toml");
    fs::write(&config, format!("[[store]]\nprefix = '{}'\nsign_seconds = 4\n", set.at(""))).unwrap();
    let server = set.serve(&["--config", config.to_str().unwrap()]);
    let ask = || get(&format!("{}/sas/v1/token/cairntest/open", server.url));
    let opens = |token: &Value| {
        get(&format!("{}?{}", set.at("open/a%20b/x.tif"), token["token"].as_str().unwrap())).status
    };
    let token = ask().json();
    assert_eq!(opens(&token), 200);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(opens(&token), 403, "it has ended");
    let renewed = ask().json();
    assert!(renewed != token && opens(&renewed) == 200);
    let told = (0..2000).map(|_| ask()).find(|answer| answer.status != 200).unwrap();
    assert_eq!((told.status, told.header("retry-after")), (429, "1"));
    assert_eq!(told.json()["code"], "TooManyRequests");
    assert_eq!(get(&format!("{}/search", server.url)).status, 200);
}

#[test]
fn presigned_urls_open_objects_of_s3() {
    let s3 = S3::start(&["bucket", "shut"]);
    fill(&s3.env(), &[("s3://bucket/a%20b/x+1.tif", noise(5000)), ("s3://shut/x.tif", noise(5000))]);
    let shelf =
        Shelf::of(&[("open", "s3://bucket/a%20b/x+1.tif".into()), ("shut", "s3://shut/x.tif".into())]);
    let server = shelf.serve(&s3.env(), &["--allow", "s3://bucket"]);
    let item = get(&format!("{}/collections/c/items/i?sign=true", server.url)).json();
    let href = item["assets"]["open"]["href"].as_str().unwrap();
    assert!(href.starts_with(&format!("{}/bucket/a%20b/x%2B1.tif?X-Amz-Algorithm=", s3.url())), "its form");
    assert_eq!(get(href).body, noise(5000).to_vec());
    assert_eq!(get_with(href, &[("range", "bytes=10-19")]).body, noise(5000)[10..20].to_vec());
    assert_eq!(get(&href.replace("x%2B1.tif", "y.tif")).status, 403, "another object");
    assert_eq!(request("DELETE", href, &[]).status, 403, "another method");
    assert_eq!(item["assets"]["open"]["alternate"]["original"]["href"], "s3://bucket/a%20b/x+1.tif");
    assert_eq!(item["assets"]["shut"], json!({"href": "s3://shut/x.tif"}));
    let signed = get(&format!("{}/sas/v1/sign?href=s3://bucket/a%2520b/x%2B1.tif", server.url)).json();
    assert_eq!(signed["href"].as_str(), Some(href), "one grant, one signature");
    assert_eq!(get(&format!("{}/sas/v1/token/c", server.url)).status, 404, "S3 has no tokens for buckets");
    assert!(!server.log().contains("X-Amz-Signature") && !server.log().contains("SKTEST"));
}

#[test]
fn the_planetary_computer_sdk_signs_by_cairn_and_reads() {
    let azure = Azure::start();
    let raster = repository("tests/data/cogs/rio-tiler/cog_int16.tif");
    let bytes = Bytes::from(fs::read(&raster).unwrap());
    fill(&azure.env(), &[("az://open/a/x.tif", bytes)]);
    let shelf = Shelf::of(&[("data", "https://cairntest.blob.core.windows.net/open/a/x.tif".into())]);
    let allow = ["--allow", "https://cairntest.blob.core.windows.net/open"];
    let server = shelf.serve(&azure.env(), &allow);
    let said = script("planetary_computer_sdk.py", [&server.url, &azure.url(), raster.to_str().unwrap()]);
    assert!(said.contains("signed and read"), "{said}");
    let token = get(&format!("{}/sas/v1/token/c", server.url));
    assert_eq!(token.status, 200, "{}", String::from_utf8_lossy(&token.body));
}
