//! The fuzzer: the target that `CAIRN_FUZZ_TARGET` names, fed by libFuzzer. `scripts/fuzz.sh` builds and runs it.
#![no_main]

mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<String> = LazyLock::new(|| std::env::var("CAIRN_FUZZ_TARGET").unwrap_or_default());

fuzz_target!(|bytes: &[u8]| targets::run(&TARGET, bytes));
