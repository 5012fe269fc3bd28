#!/usr/bin/env bash
# Every test, in the dev profile. cargo-nextest if it is there (a process per test, a summary at the end); else plain `cargo test`,
# which runs the same tests: building nextest would take longer than it saves.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo nextest --version >/dev/null 2>&1; then
    echo "cargo-nextest is not installed (cargo install cargo-nextest --locked); using cargo test" >&2
    exec cargo test
fi
# nextest runs no doc tests.
if grep -rqE '^ *//[/!] ```' src; then cargo test --quiet --doc; fi
exec cargo nextest run
