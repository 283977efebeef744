#!/usr/bin/env bash
# Under Miri, which holds them to the rules of references: the rooms that need no kernel (buffers, the
# scheduler and its wakers, tasks on a loop without a ring, timers, what tasks share and what threads
# send each other), the models of ci/loom.sh in some orders of their threads, and whole loops with their
# driver on the simulated kernel. What is random or repeated is less there: see `cfg!(miri)`.
# First it must report four bugs that are planted.
# It needs a nightly toolchain with Miri, and skips itself where none can be had.
#
#     ci/miri.sh [what the test names contain, the rooms below by default]
#
# ANNULUS_MIRI_SEEDS="1 2 3 …" has the models run in other orders, or in more.
set -euo pipefail
cd "$(dirname "$0")/.."
has_miri() { cargo +nightly miri --version >/dev/null 2>&1; }
has_miri || ci/install.sh || true
if ! has_miri; then
    echo "miri: skipped, it is not installed (rustup component add miri rust-src --toolchain nightly)"
    exit 0
fi
export MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-strict-provenance ${MIRIFLAGS:-}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/miri"
# Walking the stack at every panic that is meant takes longer than the tests.
export RUST_BACKTRACE=0

checked() {
    cargo +nightly miri test --quiet --features sim --lib "$@"
}
if [ $# -gt 0 ]; then
    checked -- "$@"
    exit
fi

told=$(mktemp)
trap 'rm -f "$told"' EXIT
checked --no-run 2>/dev/null

# What entries lend goes through numbers in the simulated kernel, as it does with the real one.
simulated() {
    MIRIFLAGS="${MIRIFLAGS/strict/permissive}" checked "$@"
}

# The report that a planted bug ends in.
reported() {
    local report=$1 test=$2 run=$3 output
    if output=$("$run" -- --include-ignored --exact "$test" 2>&1); then
        echo "miri: $test ends well, and should not" >&2
        return 1
    fi
    grep -q "$report" <<<"$output" || { echo "$output"; echo "miri: no \"$report\" in $test" >&2; return 1; }
}
bugs_are_seen() {
    local memory=sys::sim::tests::broken_memory
    reported "dangling pointer" "$memory::memory_that_is_freed_in_flight" simulated &&
        reported "memory leaked" "$memory::a_cell_that_is_lost" simulated &&
        reported "in the borrow stack" "$memory::a_cell_that_is_touched_in_flight" simulated &&
        reported "deadlocked" runtime::models::a_wake_that_is_lost_at_the_park_handshake_is_found checked
}

# What threads share, in the orders that follow from these seeds; one that fails is run again by its number.
models() {
    local seed
    for seed in ${ANNULUS_MIRI_SEEDS:-1 2}; do
        MIRIFLAGS="$MIRIFLAGS -Zmiri-seed=$seed" checked -- models:: ||
            { echo "miri: seed $seed" >&2; return 1; }
    done
}

# One process has one core: two halves, of which the first is told when it is over.
{ bugs_are_seen && checked -- --skip models:: sync:: remote:: scheduler:: && models; } >"$told" 2>&1 &
first=$!
failed=0
# Whole loops, with their driver, on the simulated kernel.
checked -- buf:: task:: time:: && simulated -- sys::sim::tests::loops sys::sim::tests::broken || failed=1
wait "$first" || failed=1
cat "$told"
[ "$failed" -eq 0 ] || { echo "miri: a rule is broken" >&2; exit 1; }
echo "miri: buffers, tasks, timers, what they share, and loops with their driver keep the rules of references"
