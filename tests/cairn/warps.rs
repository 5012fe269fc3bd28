//! Patches on other grids than the sources', and what is not read for them.

use serde_json::{Value, json};

use crate::http::{get, post};
use crate::python::script;
use crate::server::Server;
use crate::{demo, soak};

#[test]
fn patches_on_other_grids_equal_what_gdals_warper_makes() {
    let folder = tempfile::tempdir().unwrap();
    script("make_warps.py", [folder.path()]);
    let catalog = folder.path().join("items.json");
    let server = Server::of(&catalog);
    let count = soak::times(200).to_string();
    let said = script("warps_against_gdal.py", [server.url.as_ref(), catalog.as_os_str(), count.as_ref()]);
    soak::figure("patches on other grids", &said);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// Requests to the stores and bytes that they gave.
fn read_so_far(server: &Server) -> [f64; 2] {
    let text = String::from_utf8(get(&format!("{}/metrics", server.url)).body).unwrap();
    ["cairn_store_requests_total", "cairn_store_bytes_total"].map(|name| {
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    })
}

/// What a patch of the demo's newest Item reads, and its number of time steps.
fn read_for(server: &Server, more: &Value) -> ([f64; 2], String) {
    let item = get(&format!("{}/search?limit=1", server.url)).json()["features"][0].clone();
    let corner = |at: usize| item["bbox"][at].as_f64().unwrap();
    let center = [f64::midpoint(corner(0), corner(2)), f64::midpoint(corner(1), corner(3))];
    let mut body =
        json!({"collections": [item["collection"]], "ids": [item["id"]], "center": center, "size": 256});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let before = read_so_far(server);
    let answer = post(&format!("{}/patch", server.url), &body);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let after = read_so_far(server);
    ([after[0] - before[0], after[1] - before[1]], answer.header("cairn-shape").to_owned())
}

#[test]
fn a_mask_that_rules_a_step_out_spares_the_other_bands() {
    let server = demo::serve_with(&["--cache-bytes", "0"]);
    let bands = json!(["B02", "B03", "B04", "B08"]);
    let every_class = "SCL:0,1,2,3,4,5,6,7,8,9,10,11";
    // Headers are read once.
    read_for(&server, &json!({"bands": bands, "mask": "SCL:99"}));
    let ([all_requests, all_bytes], shape) = read_for(&server, &json!({"bands": bands, "mask": "SCL:99"}));
    assert_eq!(shape, "1,4,256,256");
    for (more, steps) in [(json!({}), "1"), (json!({"min_valid": 0.1}), "0")] {
        let mut question = json!({"bands": bands, "mask": every_class});
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let ([requests, bytes], shape) = read_for(&server, &question);
        assert_eq!(shape, format!("{steps},4,256,256"));
        assert!(requests <= 1.0 && requests < all_requests, "{requests} of {all_requests} requests");
        assert!(bytes * 4.0 < all_bytes, "{bytes} of {all_bytes} bytes");
    }
}

#[test]
fn a_coarse_patch_reads_overviews() {
    let server = demo::serve_with(&["--cache-bytes", "0"]);
    let ask = |resolution: u32, size: u32| {
        let question = json!({"bands": ["B04"], "resolution": resolution, "size": size});
        read_for(&server, &question);
        read_for(&server, &question).0[1]
    };
    // The same ground with a quarter of the pixels.
    let (full, half) = (ask(10, 512), ask(20, 256));
    assert!(half * 2.0 < full, "{half} of {full} bytes");
}
