#!/usr/bin/env bash
# The library's own tests and random programs in simulated worlds, under AddressSanitizer and
# LeakSanitizer: what the simulated kernel reads and writes is instrumented, as the real one's accesses
# are not. Cells of ops are freed at once, and not kept for the next op, so that they are watched, too.
# Two bugs are planted first, which the sanitizers must see.
#
#     ci/asan.sh [what the names of the library's tests contain, and then no simulated worlds]
#
# ANNULUS_SIM_SEEDS and ANNULUS_SIM_FROM choose other random programs.
set -euo pipefail
cd "$(dirname "$0")/.."
# The sanitizers' switch is unstable, and their runtime is shipped with stable Rust all the same.
export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address --cfg address_sanitizer ${RUSTFLAGS:-}"
# The flags would have everything built anew, now and at the next plain build.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/asan"
export LSAN_OPTIONS="suppressions=$PWD/ci/lsan.supp:print_suppressions=0"
export ANNULUS_SIM_SEEDS="${ANNULUS_SIM_SEEDS:-300}"
# Symbols for every panic that is meant take longer than the tests.
export RUST_BACKTRACE=0

checked() {
    cargo test --quiet --all-features --target x86_64-unknown-linux-gnu "$@"
}
if [ $# -gt 0 ]; then
    checked --lib -- "$@"
    exit
fi

# Both at once, one on each core.
checked --lib --test sim --no-run

# The report that a planted bug of tests/sim ends in.
reported() {
    local test=$1 report=$2 output
    if output=$(checked --test sim -- --include-ignored --exact "plants::$test" 2>&1); then
        echo "asan: $test ends well, and should not under a sanitizer" >&2
        exit 1
    fi
    grep -q "$report" <<<"$output" || { echo "$output"; echo "asan: no $report in $test" >&2; exit 1; }
}
reported memory_freed_under_the_kernels_hands_is_seen_by_a_sanitizer heap-use-after-free
reported a_cell_freed_before_the_final_completion_is_found "detected memory leaks"

checked --lib
# What is planted there leaks, or worse; their program without a plant stays.
checked --test sim -- --skip plants::a_ --skip plants::an_
echo "asan: $ANNULUS_SIM_SEEDS random programs and the library's tests touched no freed memory, and leaked none"
