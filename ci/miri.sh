#!/usr/bin/env bash
# The tests of rooms that need no kernel, under Miri, which holds them to the rules of references:
# buffers, the scheduler and its wakers, tasks on a loop without a ring, timers, what tasks share.
# Not a part of ci/all.sh: it needs a nightly toolchain with Miri, and its time.
#
#     ci/miri.sh [what the test names contain, the rooms below by default]
set -euo pipefail
cd "$(dirname "$0")/.."
if ! cargo +nightly miri --version >/dev/null 2>&1; then
    echo "miri: skipped, it is not installed (rustup component add miri rust-src --toolchain nightly)"
    exit 0
fi
export MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-strict-provenance ${MIRIFLAGS:-}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/miri"
if [ $# -eq 0 ]; then
    set -- buf:: remote:: scheduler:: task:: time::wheel time::timers time::sleep sync::
fi
cargo +nightly miri test --lib -- "$@"
