#!/usr/bin/env bash
# The tests of rooms that need no kernel, under Miri, which holds them to the rules of references.
# Not a part of ci/all.sh: it needs a nightly toolchain with Miri.
#
#     ci/miri.sh [what the test names begin with, `buf::` by default]
set -euo pipefail
cd "$(dirname "$0")/.."
if ! cargo +nightly miri --version >/dev/null 2>&1; then
    echo "miri: skipped, it is not installed (rustup component add miri rust-src --toolchain nightly)"
    exit 0
fi
export MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-strict-provenance ${MIRIFLAGS:-}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/miri"
cargo +nightly miri test --lib -- "${@:-buf::}"
