#!/usr/bin/env bash
# Under Miri, which holds them to the rules of references: the rooms that need no kernel (buffers, the
# scheduler and its wakers, tasks on a loop without a ring, timers, what tasks share and what threads
# send each other), and whole loops with their driver on the simulated kernel. What is random or repeated is less there: see `cfg!(miri)`.
# It needs a nightly toolchain with Miri, and skips itself where none can be had.
#
#     ci/miri.sh [what the test names contain, the rooms below by default]
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

# One process has one core: two halves, of which the first is told when it is over.
checked --no-run 2>/dev/null
told=$(mktemp)
trap 'rm -f "$told"' EXIT
checked -- sync:: remote:: scheduler:: >"$told" 2>&1 &
first=$!
failed=0
checked -- buf:: task:: time:: || failed=1
wait "$first" || failed=1
# Whole loops, with their driver, on the simulated kernel. What entries lend goes through numbers there, as
# it does with the real one.
MIRIFLAGS="${MIRIFLAGS/strict/permissive}" checked -- sys::sim::tests::loops || failed=1
cat "$told"
[ "$failed" -eq 0 ] || { echo "miri: a rule is broken" >&2; exit 1; }
echo "miri: buffers, tasks, timers, what they share, and loops with their driver keep the rules of references"
