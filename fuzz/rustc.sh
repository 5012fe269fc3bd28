#!/bin/sh
# Cargo's RUSTC_WRAPPER: coverage for libFuzzer in the crates that see bytes from outside, on a stable compiler.
case " $* " in
*" --crate-name cairn "* | *" --crate-name lerc "* | *" --crate-name image_webp "* | *" --crate-name cql2 "*)
    exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
*) exec "$@" ;;
esac
