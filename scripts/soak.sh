#!/usr/bin/env bash
# Every test with CAIRN_SOAK=1, which lengthens those that call `soak::times`, and the ignored ones (`soak_*`).
# A test reports a figure by printing a line `soak: what | figure`; each becomes a row of docs/soak.md.
# An argument is a filter: scripts/soak.sh 'test(corrupt)'. Without one, the fuzzer then runs for 24 minutes on one core.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo nextest --version >/dev/null 2>&1 || { echo "soak: cargo-nextest is missing; run: cargo install cargo-nextest --locked" >&2; exit 1; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
date=$(date -u +%F)
commit=$(git rev-parse --short HEAD 2>/dev/null || echo none)
git diff --quiet HEAD 2>/dev/null || commit+=+
started=$SECONDS

status=0
CAIRN_SOAK=1 cargo nextest run --profile soak --run-ignored all --no-capture -E "${1:-all()}" 2>&1 | tee "$log" || status=$?
if [ $# = 0 ]; then
    scripts/fuzz.sh $((24 * 60)) 2>&1 | tee -a "$log" || status=$?
fi

sed -nE 's/^.*soak: (.+) \| (.+)$/\1 | \2/p' "$log" | while read -r row; do
    echo "| $date | $commit | $row |" >>docs/soak.md
done
outcome=$([ $status = 0 ] && echo passed || echo FAILED)
echo "| $date | $commit | make soak${1:+ $1} | $outcome in $((SECONDS - started)) s on $(nproc) cores |" >>docs/soak.md
exit $status
