//! stac-api-validator writes.

use super::tree::{TOKEN, Tree, expect, item};
use crate::python::script;

#[test]
fn stac_api_validator_finds_no_error_in_transactions() {
    let tree = Tree::new();
    let client = tree.serve();
    expect(client.json("POST", "/collections/c/items", &item("a", 1)), 201);
    let arguments =
        ["--root-url", &client.server.url, "--conformance", "core", "--conformance", "transaction"];
    let writes = ["--transaction-collection", "c", "--auth-bearer-token", TOKEN];
    let said = script("validator.py", arguments.into_iter().chain(writes));
    assert!(said.contains("Errors: none"), "{said}");
    tree.check();
}
