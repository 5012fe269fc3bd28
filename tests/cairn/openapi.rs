//! `openapi/openapi.json` is generated: `CAIRN_BLESS=1 cargo nextest run openapi` writes it anew.

use std::fs;

use crate::http;
use crate::server::{Server, cairn, repository, run};

fn generated() -> String {
    let printed = run(cairn().arg("openapi"));
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    String::from_utf8(printed.stdout).unwrap()
}

#[test]
fn the_openapi_document_in_the_repository_is_the_one_the_code_generates() {
    let file = repository("openapi/openapi.json");
    let generated = generated();
    if std::env::var_os("CAIRN_BLESS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &generated).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let line = kept.lines().zip(generated.lines()).position(|(kept, generated)| kept != generated);
    assert!(
        kept == generated,
        "openapi/openapi.json differs from line {} on; CAIRN_BLESS=1 rewrites it",
        line.unwrap_or_else(|| kept.lines().count().min(generated.lines().count())) + 1,
    );
}

#[test]
fn the_server_answers_the_same_openapi_document() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = folder.path().join("items.ndjson");
    fs::write(&catalog, "").unwrap();
    let server = Server::of(catalog);
    let answer = http::get(&format!("{}/api", server.url));
    let mut answered = answer.json();
    let mut printed: serde_json::Value = serde_json::from_str(&generated()).unwrap();
    assert!(answered["openapi"].as_str().unwrap().starts_with("3.1."), "{}", answered["openapi"]);
    for document in [&mut answered, &mut printed] {
        document.as_object_mut().unwrap().remove("servers");
    }
    assert!(answered == printed, "the server's document is another than `cairn openapi` prints");
}
