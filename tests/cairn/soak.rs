//! `make soak`: the same tests, longer. It sets `CAIRN_SOAK=1`; tests that take too long even once are ignored and named `soak_…`.

use std::time::Duration;

/// How often a random test asks: as given, or a hundred times as often in a soak.
pub(crate) fn times(usual: usize) -> usize {
    if std::env::var_os("CAIRN_SOAK").is_some() { usual * 100 } else { usual }
}

/// How long a load goes on: as given, or thirty times as long in a soak.
pub(crate) fn lasts(usual: Duration) -> Duration {
    if std::env::var_os("CAIRN_SOAK").is_some() { usual * 30 } else { usual }
}

/// A row for `docs/soak.md`, in a soak only.
#[expect(clippy::print_stdout, reason = "scripts/soak.sh reads the line")]
pub(crate) fn figure(what: &str, figure: &str) {
    if std::env::var_os("CAIRN_SOAK").is_some() {
        println!("soak: {what} | {}", figure.trim());
    }
}
