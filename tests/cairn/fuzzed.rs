//! The fuzzer's kept inputs, and what it once found, through the functions that it feeds (`scripts/fuzz.sh`).

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::allocations::peak_bytes;
use crate::cogs::{files, name, read};
use crate::server::repository;

#[path = "../../fuzz/targets.rs"]
mod targets;

/// What one input may cost in memory: the largest block that is decoded (48 MiB), and some slack.
const BOUND_BYTES: usize = 64 << 20;

#[test]
fn inputs_that_the_fuzzer_kept_cost_an_answer_or_an_error() {
    let corpus = files(&repository("fuzz/corpus"));
    assert!(corpus.len() > 40, "{} inputs", corpus.len());
    for path in &corpus {
        let target = name(path.parent().unwrap());
        let bytes = read(path);
        let (result, peak) = peak_bytes(|| catch_unwind(AssertUnwindSafe(|| targets::run(&target, &bytes))));
        assert!(result.is_ok(), "{} panicked", path.display());
        assert!(peak <= BOUND_BYTES, "{} took {peak} bytes", path.display());
    }
}
