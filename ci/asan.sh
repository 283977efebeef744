#!/usr/bin/env bash
# The library's own tests under AddressSanitizer and LeakSanitizer, the simulated kernel's with them:
# what that one writes is instrumented, as the real one's is not. Not a part of ci/all.sh: the sweeps
# over seeds take many times as long here.
#
#     ci/asan.sh [what the test names contain]
set -euo pipefail
cd "$(dirname "$0")/.."
# The sanitizers' switch is unstable, and their runtime is shipped with stable Rust all the same.
export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address ${RUSTFLAGS:-}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/asan"
cargo test --all-features --target x86_64-unknown-linux-gnu --lib -- "$@"
