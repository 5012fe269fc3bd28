#!/usr/bin/env bash
# Feeds what parses bytes from outside with libFuzzer: scripts/fuzz.sh SECONDS [TARGET…]. Each target gets an equal share of the
# time, on one core. Seeds are fuzz/corpus and tests/data. What is found lies in fuzz/found/, and the exit status tells.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET…]}
shift
targets=("$@")
[ $# -gt 0 ] || targets=(header blocks cql2_text cql2_json search_query search_body patch_query)
RUSTC_WRAPPER=$PWD/fuzz/rustc.sh cargo build --quiet --manifest-path fuzz/Cargo.toml
share=$((seconds / ${#targets[@]}))
[ "$share" -gt 0 ] || share=1

status=0
for target in "${targets[@]}"; do
    work=fuzz/target/corpus/$target found=fuzz/found/$target
    mkdir -p "$work" "$found"
    seeds=(fuzz/corpus/"$target")
    case $target in header | blocks) seeds+=(tests/data/cogs tests/data/bad) ;; esac
    log=$(mktemp)
    # Bytes: the largest file; megabytes: a block's limit and what the fuzzer needs; seconds: a hang.
    if ! CAIRN_FUZZ_TARGET=$target fuzz/target/debug/fuzz "$work" "${seeds[@]}" -max_total_time="$share" -max_len=65536 \
        -rss_limit_mb=1024 -malloc_limit_mb=128 -timeout=10 -artifact_prefix="$found/" -print_final_stats=1 >"$log" 2>&1; then
        status=1
        tail -n 40 "$log" >&2
    fi
    runs=$(sed -nE 's/^stat::number_of_executed_units: *//p' "$log")
    covered=$(grep -oE 'cov: [0-9]+' "$log" | tail -1 || true)
    echo "soak: fuzz $target | ${share} s, ${runs:-0} inputs, ${covered:-no coverage}, $(find "$found" -type f | wc -l) findings"
    rm -f "$log"
done
exit $status
