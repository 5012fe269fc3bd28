//! Uploads through a proxy that misbehaves end complete, or say what is missing.

use std::time::Duration;

use super::{command, finished, folder, said, upload};
use crate::server::run;
use crate::stores::{Asked, Azure, Fault, Proxy, S3};

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
    let mut copy = crate::server::cairn();
    crate::stores::with(&mut copy, &env)
        .args(["upload", "az://container/tree"])
        .arg(back.path().join("tree"));
    let copied = run(copy.arg("--quiet"));
    assert!(copied.status.success(), "{}", said(&copied));
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
