#!/bin/sh
# Runs every fuzz target for a bounded time: fuzz/run.sh [SECONDS PER TARGET] [TARGET...]
#
# Needs the pinned toolchain and a C++ compiler (for libFuzzer itself), nothing else: the
# coverage instrumentation is switched on by flags that stable rustc has.
#
# New inputs go to fuzz/corpus/TARGET (not in git), crashes to fuzz/artifacts/TARGET; seeds
# come from the golden blobs. Exits with the first target's failure.
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
[ $# -gt 0 ] && shift
host=$(rustc -vV | sed -n 's/^host: //p')
instrument="-Cpasses=sancov-module
 -Cllvm-args=-sanitizer-coverage-level=4
 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
 -Cllvm-args=-sanitizer-coverage-pc-table
 -Cllvm-args=-sanitizer-coverage-trace-compares
 --cfg fuzzing"
# With --target, the flags are for the fuzzed code only, not for build scripts.
targets=${*:-$(ls fuzz_targets | sed -n 's/\.rs$//p' | grep -v '^capped$')}
bins=
for target in $targets; do bins="$bins --bin $target"; done
# shellcheck disable=SC2086 # a list of options
RUSTFLAGS=$(echo $instrument) cargo build --release --quiet --target "$host" $bins
for target in $targets; do
    mkdir -p "corpus/$target" "artifacts/$target"
    seeds=
    [ -d "seeds/$target" ] && seeds="seeds/$target"
    [ "$target" = blob_reader ] && seeds="$seeds ../format/tests/golden/good ../format/tests/golden/bad"
    echo "fuzzing $target for $seconds s"
    # shellcheck disable=SC2086 # seeds is a list of directories without spaces
    "target/$host/release/$target" "corpus/$target" $seeds \
        -artifact_prefix="artifacts/$target/" -max_total_time="$seconds" \
        -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 2>"artifacts/$target/log" || {
        status=$?
        grep -a -A 2 "panicked at" "artifacts/$target/log" || true
        tail -n 5 "artifacts/$target/log"
        exit "$status"
    }
    sed -n 's/^stat::number_of_executed_units: */  executions: /p; s/^stat::peak_rss_mb: */  peak MB: /p' \
        "artifacts/$target/log"
done
