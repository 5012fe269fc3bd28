//! Uploads through a proxy that misbehaves end complete, or say what is missing.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::{command, finished, folder, said, upload};
use crate::server::run;
use crate::stores::{Asked, Azure, Env, Fault, Proxy, S3};

/// A third of all requests come to grief, never the same one for ever.
fn weather(asked: &Asked) -> Fault {
    match asked.number % 19 {
        1 => Fault::Status(503),
        4 => Fault::Reset,
        7 => Fault::Status(500),
        10 => Fault::Unanswered,
        13 => Fault::Status(429),
        16 => Fault::Late(Duration::from_millis(100)),
        _ => Fault::None,
    }
}

#[test]
fn an_upload_to_s3_through_resets_and_refusals_ends_complete() {
    let source = tempfile::tempdir().unwrap();
    folder::make(source.path(), 120, 30_000_000);
    let s3 = S3::start(&["bucket"]);
    let proxy = Proxy::before(s3.port(), weather);
    upload(&S3::env_at(&proxy.url()), source.path(), "s3://bucket/tree", &["--quiet"]);
    folder::assert_same(source.path(), &s3.bucket("bucket").join("tree"));
}

#[test]
fn an_upload_to_azure_through_resets_and_refusals_ends_complete_and_comes_back_equal() {
    let (source, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    folder::make(source.path(), 60, 30_000_000);
    let azure = Azure::start();
    let proxy = Proxy::before(azure.port(), weather);
    let env = Azure::env_at(&proxy.url());
    upload(&env, source.path(), "az://container/tree", &["--quiet", "--create"]);
    super::download(&env, "az://container/tree", &back.path().join("tree"));
    folder::assert_same(source.path(), &back.path().join("tree"));
}

#[test]
fn a_file_that_is_refused_holds_the_documents_back_until_it_is_retried() {
    let source = tempfile::tempdir().unwrap();
    folder::make(source.path(), 40, 400_000);
    let s3 = S3::start(&["bucket"]);
    let cache = tempfile::tempdir().unwrap();
    let refusing = Proxy::before(s3.port(), |asked| {
        let is_it = asked.method == "PUT" && asked.target.contains("/B11.tif");
        if is_it { Fault::Status(403) } else { Fault::None }
    });
    let mut first = command(&S3::env_at(&refusing.url()), source.path(), "s3://bucket/tree", &["--delete"]);
    let ended = run(first.env("XDG_CACHE_HOME", cache.path()));
    assert_eq!(ended.status.code(), Some(1));
    let told = said(&ended);
    assert!(told.contains("failed: c/i10/B11.tif") && told.contains("--retry-failed"), "{told}");
    assert!(!s3.bucket("bucket").join("tree/catalog.json").exists(), "a tree without its data is not shown");

    let proxy = Proxy::before(s3.port(), |_asked| Fault::None);
    let mut second =
        command(&S3::env_at(&proxy.url()), source.path(), "s3://bucket/tree", &["--retry-failed"]);
    let ended = run(second.env("XDG_CACHE_HOME", cache.path()));
    assert!(ended.status.success(), "{}", said(&ended));
    folder::assert_same(source.path(), &s3.bucket("bucket").join("tree"));
    let sent = finished(&proxy.seen());
    assert!(
        sent[0].ends_with("/B11.tif") && sent.last().unwrap().ends_with("/tree/catalog.json"),
        "{sent:?}"
    );
    assert_eq!(sent.len(), 1 + 4 + 2, "the file, the Items, the Collection and the root");
}

#[test]
fn wrong_credentials_end_an_upload_at_once_and_are_not_told() {
    let source = tempfile::tempdir().unwrap();
    folder::make(source.path(), 40, 400_000);
    let s3 = S3::start(&["bucket"]);
    let proxy = Proxy::before(s3.port(), |_asked| Fault::None);
    let mut env = S3::env_at(&proxy.url());
    env.retain(|(name, _)| *name != "AWS_SECRET_ACCESS_KEY");
    env.push(("AWS_SECRET_ACCESS_KEY", "NOTTHESECRET".to_owned()));
    let ended = run(&mut command(&env, source.path(), "s3://bucket/tree", &[]));
    let told = said(&ended);
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("403") && told.contains("credentials"), "{told}");
    assert!(!told.contains("NOTTHESECRET") && !told.contains("AKTEST"), "{told}");
    assert!(proxy.requests() <= 3, "{}", proxy.requests());
}

#[test]
fn a_missing_bucket_is_told_and_create_makes_it() {
    let source = tempfile::tempdir().unwrap();
    folder::make(source.path(), 10, 100_000);
    let s3 = S3::start(&[]);
    let ended = run(&mut command(&s3.env(), source.path(), "s3://new/tree", &[]));
    assert_eq!(ended.status.code(), Some(1));
    assert!(said(&ended).contains("--create"), "{}", said(&ended));
    upload(&s3.env(), source.path(), "s3://new/tree", &["--create"]);
    upload(&s3.env(), source.path(), "s3://new/tree", &["--create"]);
    folder::assert_same(source.path(), &s3.bucket("new").join("tree"));
}

/// What each object meets when it is asked for the first time, by its name: stalls, answers that end early, bursts of refusals.
fn at_first(fault_of: impl Fn(u64) -> Fault + Send + Sync) -> impl Fn(&Asked) -> Fault + Send + Sync {
    let met = Mutex::new(HashSet::new());
    move |asked| {
        // An object that is sent anew is another upload of the same parts.
        let name = asked.target.split("uploadId=").next().unwrap().split("blockid=").next().unwrap();
        let is_first = met.lock().unwrap().insert(format!("{} {name}", asked.method));
        let sum = name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte));
        if is_first { fault_of(sum % 16) } else { Fault::None }
    }
}

/// Settings of stores that are given up on after a second.
fn impatient(folder: &Path, url: &str) -> (&'static str, String) {
    let file = folder.join("cairn.toml");
    let prefixes = ["s3://bucket", "az://container", url];
    let stores = prefixes.map(|prefix| format!("[[store]]\nprefix = '{prefix}'\ntimeout_seconds = 1\n"));
    std::fs::write(&file, stores.concat()).unwrap();
    ("CAIRN_CONFIG", file.to_str().unwrap().to_owned())
}

#[test]
fn an_upload_through_stalls_short_answers_and_bursts_of_403_ends_complete_in_s3_and_azure() {
    let (source, settings) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    folder::make(source.path(), 60, 25_000_000);
    let faults = |kind| match kind {
        0 => Fault::Stall(0, Duration::from_secs(3)),
        1..=3 => Fault::Status(403),
        4 => Fault::Status(500),
        5 => Fault::Short(0),
        6 => Fault::Short(20),
        7..=9 => Fault::Status(503),
        _ => Fault::None,
    };
    let (s3, azure) = (S3::start(&["bucket"]), Azure::start());
    let (to_s3, to_azure) =
        (Proxy::before(s3.port(), at_first(faults)), Proxy::before(azure.port(), at_first(faults)));
    let s3_env = [S3::env_at(&to_s3.url()), vec![impatient(settings.path(), &to_s3.url())]].concat();
    upload(&s3_env, source.path(), "s3://bucket/tree", &["--quiet"]);
    folder::assert_same(source.path(), &s3.bucket("bucket").join("tree"));
    assert!(s3.parts().is_empty(), "{:?}", s3.parts());
    let azure_env =
        [Azure::env_at(&to_azure.url()), vec![impatient(settings.path(), &to_azure.url())]].concat();
    upload(&azure_env, source.path(), "az://container/tree", &["--quiet", "--create"]);
    let back = settings.path().join("back");
    super::download(&azure.env(), "az://container/tree", &back);
    folder::assert_same(source.path(), &back);
    for (proxy, what) in [(to_s3, "S3"), (to_azure, "Azure")] {
        let seen = proxy.seen();
        let kinds: HashSet<_> = seen.iter().map(|seen| std::mem::discriminant(&seen.fault)).collect();
        assert_eq!(kinds.len(), 4, "{what} saw stalls, refusals, short answers and none");
    }
}

#[test]
fn a_large_file_that_is_refused_in_the_middle_leaves_no_parts_behind() {
    let source = tempfile::tempdir().unwrap();
    std::fs::write(source.path().join("large.tif"), folder::Random(5).bytes(40_000_000)).unwrap();
    let s3 = S3::start(&["bucket"]);
    let proxy = Proxy::before(s3.port(), |asked| {
        if !asked.target.contains("partNumber=4") {
            return Fault::None;
        }
        // Those before it arrive meanwhile.
        thread::sleep(Duration::from_millis(300));
        Fault::Status(403)
    });
    let ended = run(&mut command(&S3::env_at(&proxy.url()), source.path(), "s3://bucket/t", &[]));
    assert_eq!(ended.status.code(), Some(1));
    assert!(said(&ended).contains("failed: large.tif"), "{}", said(&ended));
    assert!(proxy.seen().iter().any(|seen| seen.target.contains("partNumber=1") && seen.status == Some(200)));
    let seen = proxy.seen();
    let given_up: Vec<_> = seen.iter().filter(|seen| seen.method == "DELETE").collect();
    assert!(s3.parts().is_empty(), "{:?} {given_up:?}", s3.parts());
    assert!(s3.objects("bucket").is_empty());
}

fn interrupt(child: &Child) {
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
}

fn started(env: &Env, source: &Path, dest: &str, options: &[&str]) -> Child {
    command(env, source, dest, options).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn ctrl_c_ends_an_upload_soon_without_parts_behind_and_the_next_goes_on() {
    let source = tempfile::tempdir().unwrap();
    for name in ["a.tif", "b.tif", "c.tif"] {
        std::fs::write(source.path().join(name), folder::Random(9).bytes(60_000_000)).unwrap();
    }
    std::fs::write(source.path().join("catalog.json"), "{}").unwrap();
    let s3 = S3::start(&["bucket"]);
    let proxy = Proxy::before(s3.port(), |asked| {
        let is_late = asked.target.contains("partNumber=3") || asked.target.contains("partNumber=4");
        if is_late { Fault::Late(Duration::from_secs(2)) } else { Fault::None }
    });
    let child = started(&S3::env_at(&proxy.url()), source.path(), "s3://bucket/t", &[]);
    let end = Instant::now() + Duration::from_mins(1);
    while s3.parts().len() < 4 {
        assert!(Instant::now() < end, "no part arrives");
        thread::sleep(Duration::from_millis(5));
    }
    interrupt(&child);
    let (asked, ended) = (Instant::now(), child.wait_with_output().unwrap());
    assert_eq!(ended.status.code(), Some(1));
    let told = said(&ended);
    assert!(told.contains("interrupted") && asked.elapsed() < Duration::from_secs(10), "{told}");
    while !proxy.is_idle() {
        thread::sleep(Duration::from_millis(5));
    }
    assert!(s3.parts().is_empty(), "{:?}", s3.parts());
    assert!(!s3.bucket("bucket").join("t/catalog.json").exists());
    upload(&s3.env(), source.path(), "s3://bucket/t", &["--quiet"]);
    folder::assert_same(source.path(), &s3.bucket("bucket").join("t"));
}

#[test]
fn what_is_gone_is_removed_after_the_root_was_sent_and_not_at_all_after_a_failure() {
    let source = tempfile::tempdir().unwrap();
    folder::make(source.path(), 30, 300_000);
    let s3 = S3::start(&["bucket"]);
    upload(&s3.env(), source.path(), "s3://bucket/t", &["--quiet"]);
    std::fs::remove_file(source.path().join("c/i10/B11.tif")).unwrap();
    std::fs::write(source.path().join("catalog.json"), "{\"type\": \"Catalog\", \"id\": \"new\"}").unwrap();
    let refusing =
        Proxy::before(
            s3.port(),
            |asked| {
                if asked.method == "PUT" { Fault::Status(403) } else { Fault::None }
            },
        );
    let ended =
        run(&mut command(&S3::env_at(&refusing.url()), source.path(), "s3://bucket/t", &["--delete"]));
    assert_eq!(ended.status.code(), Some(1));
    assert!(!refusing.seen().iter().any(|seen| seen.method == "DELETE"), "readers keep the old tree");
    let proxy = Proxy::before(s3.port(), |_asked| Fault::None);
    upload(&S3::env_at(&proxy.url()), source.path(), "s3://bucket/t", &["--delete"]);
    let seen = proxy.seen();
    let at = |method: &str, name: &str| {
        let is_it = |seen: &crate::stores::Seen| seen.method == method && seen.target.contains(name);
        seen.iter().position(is_it).unwrap()
    };
    assert!(at("PUT", "t/catalog.json") < at("DELETE", "t/c/i10/B11.tif"));
    folder::assert_same(source.path(), &s3.bucket("bucket").join("t"));
}

#[test]
fn no_more_files_are_under_way_than_asked_for() {
    let source = tempfile::tempdir().unwrap();
    folder::make(source.path(), 80, 400_000);
    let s3 = S3::start(&["bucket"]);
    let most_at_once = |dest: &str, options: &[&str]| {
        let proxy = Proxy::before(s3.port(), |_asked| Fault::Late(Duration::from_millis(30)));
        let mut child = started(&S3::env_at(&proxy.url()), source.path(), dest, options);
        let mut most = 0;
        while child.try_wait().unwrap().is_none() {
            // Those that are over first: both only grow.
            let over = proxy.seen().len() as u64;
            most = most.max(proxy.requests() - over);
            thread::sleep(Duration::from_millis(3));
        }
        assert!(child.wait().unwrap().success());
        most
    };
    assert_eq!(most_at_once("s3://bucket/one", &["--quiet", "--concurrency", "1"]), 1);
    assert!(most_at_once("s3://bucket/many", &["--quiet"]) > 4);
}
