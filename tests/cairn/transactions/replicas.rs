//! Two servers over one tree, on the disk and in stores, and clients of both at once.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use cairn::storage::{Environment, Label, Location, Settings, Storage};
use futures::TryStreamExt;
use serde_json::json;

use super::tree::{Client, TOKEN, Tree, expect, item};
use crate::http::Answer;
use crate::python::script;
use crate::server::{Server, cairn};
use crate::store_conformance::{at, run};
use crate::stores::{Azure, Env, S3, with};

const ITEMS: &str = "/collections/c/items";

/// How long what one server wrote may take to be seen by the other, which looks every second.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

fn storage(env: &Env) -> Storage {
    let environment = Environment::of(env.iter().map(|(name, value)| (*name, value.as_str())));
    Storage::new(Settings::new(Vec::new(), environment).unwrap())
}

fn copy(env: &Env, from: &Location, to: &Location) {
    let storage = storage(env);
    run(async {
        storage.make_container(to).await.unwrap();
        let copied = storage.list(from).try_for_each_concurrent(8, |entry| {
            let to = to.child(&entry.location.relative_to(from).unwrap()).unwrap();
            let storage = &storage;
            async move { storage.copy(&entry.location, &to, &Label::default()).await.map(drop) }
        });
        copied.await.unwrap();
    });
}

fn pair(env: &Env, root: &str, cache: &Path) -> [Client; 2] {
    [0, 1].map(|nth| {
        let cache = cache.join(nth.to_string());
        fs::create_dir(&cache).unwrap();
        let mut command = cairn();
        command.arg("serve").arg(root).args(["--bind", "127.0.0.1:0", "--token", TOKEN, "--refresh", "1"]);
        command.arg("--cache-dir").arg(cache);
        Client::of(Server::start(with(&mut command, env)))
    })
}

/// How clients of both servers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clients {
    /// All at once.
    Together,
    /// One after another, to one server and the other in turn: the S3 emulator compares a condition first and writes then,
    /// so that two conditional writes at the same moment both succeed, as in no real store.
    InTurn,
}

/// Runs `work` for each number below `count`, each on a thread of its own where clients come together; the results in order.
fn each<T: Send>(clients: Clients, count: u32, work: impl Fn(u32) -> T + Sync) -> Vec<T> {
    if clients == Clients::InTurn {
        return (0..count).map(work).collect();
    }
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..count).map(|nth| scope.spawn(move || work(nth))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + SEEN_WITHIN;
    while !holds() {
        assert!(Instant::now() < end, "{what} is not seen");
        thread::sleep(Duration::from_millis(100));
    }
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

/// All that two servers promise each other, on one tree.
fn suite(servers: &[Client; 2], clients: Clients) {
    let of = |nth: u32| &servers[nth as usize % 2];

    // Different Items are in nobody's way.
    let made = each(clients, 16, |nth| of(nth).json("POST", ITEMS, &item(&format!("own-{nth}"), nth)));
    assert_eq!(statuses(&made), vec![201; 16]);

    // Of those who make the same Item, one does.
    for round in 0..3 {
        let same = format!("same-{round}");
        let answers = each(clients, 6, |nth| of(nth).json("POST", ITEMS, &item(&same, nth)));
        let mut found = statuses(&answers);
        found.sort_unstable();
        assert_eq!(found, [201, 409, 409, 409, 409, 409]);
        let winner = answers.iter().position(|answer| answer.status == 201).unwrap();
        let path = format!("{ITEMS}/{same}");
        until(&same, || servers.iter().all(|server| server.get(&path).status == 200));
        assert!(servers.iter().all(|server| server.get(&path).json()["properties"]["n"] == winner));
    }

    // No increment is lost, whoever else counts.
    expect(of(0).json("POST", ITEMS, &item("counter", 0)), 201);
    let path = format!("{ITEMS}/counter");
    until("the counter", || servers.iter().all(|server| server.get(&path).status == 200));
    each(clients, 4, |nth| {
        let (server, mut left, end) = (of(nth), 4, Instant::now() + 2 * SEEN_WITHIN);
        while left > 0 {
            assert!(Instant::now() < end, "412 again and again");
            let read = expect(server.get(&path), 200);
            let mut document = read.json();
            let n = document["properties"]["n"].as_u64().unwrap();
            document["properties"]["n"] = json!(n + 1);
            let put = server.json_if("PUT", &path, ("if-match", read.header("etag")), &document);
            match put.status {
                204 => left -= 1,
                412 => thread::sleep(Duration::from_millis(50)),
                _ => drop(expect(put, 204)),
            }
        }
    });
    until("the count", || servers.iter().all(|server| server.get(&path).json()["properties"]["n"] == 16));

    // Who changes different members of one Item needs no condition.
    let patched = each(clients, 8, |nth| {
        of(nth).json("PATCH", &path, &json!({"properties": {(format!("by-{nth}")): nth}}))
    });
    assert_eq!(statuses(&patched), vec![204; 8]);
    let all_there = |server: &Client| {
        let properties = server.get(&path).json()["properties"].clone();
        (0..8).all(|nth| properties[format!("by-{nth}")] == nth)
    };
    until("every patch", || servers.iter().all(all_there));

    // What is deleted is gone for all.
    expect(of(1).delete(&path), 204);
    until("the deletion", || servers.iter().all(|server| server.get(&path).status == 404));
    until("every Item", || servers.iter().all(|server| server.count("") == 19));
}

#[test]
fn two_servers_of_one_folder_lose_nothing() {
    let (tree, cache) = (Tree::new(), tempfile::tempdir().unwrap());
    let servers = pair(&Env::new(), tree.root().to_str().unwrap(), cache.path());
    suite(&servers, Clients::Together);
    tree.check();
}

#[test]
fn two_servers_of_one_bucket_lose_nothing() {
    let (tree, cache) = (Tree::new(), tempfile::tempdir().unwrap());
    let s3 = S3::start(&["trees"]);
    copy(&s3.env(), &Location::from_path(tree.folder()).unwrap(), &at("s3://trees/tree"));
    let servers = pair(&s3.env(), "s3://trees/tree/catalog.json", cache.path());
    suite(&servers, Clients::InTurn);
    script("validate_tree.py", [s3.bucket("trees").join("tree/catalog.json")]);
}

#[test]
fn two_servers_of_one_azure_container_lose_nothing() {
    let (tree, cache) = (Tree::new(), tempfile::tempdir().unwrap());
    let azure = Azure::start();
    copy(&azure.env(), &Location::from_path(tree.folder()).unwrap(), &at("az://trees/tree"));
    let servers = pair(&azure.env(), "az://trees/tree/catalog.json", cache.path());
    suite(&servers, Clients::Together);
    let back = tempfile::tempdir().unwrap();
    copy(&azure.env(), &at("az://trees/tree"), &Location::from_path(back.path()).unwrap());
    script("validate_tree.py", [back.path().join("catalog.json")]);
}
