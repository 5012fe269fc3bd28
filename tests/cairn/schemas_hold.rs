//! What `/api` says of the server is true, as schemathesis finds it.

use crate::python::script;
use crate::{demo, soak};

#[test]
fn answers_are_those_that_the_openapi_document_promises() {
    let server = demo::serve();
    let seconds = soak::times(48).min(1200).to_string();
    let said = script("schemas_hold.py", [server.url.as_str(), &seconds]);
    let asked: u64 = said.split(' ').next().unwrap().parse().unwrap();
    assert!(asked > 100, "{said}");
    soak::figure("questions that schemathesis made up", &said);
}
