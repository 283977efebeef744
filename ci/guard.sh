#!/usr/bin/env bash
# Every test of the library once more, on an allocator that takes the pages of what is freed away:
# a write of the kernel into freed memory, to which sanitizers are blind, fails with EFAULT.
#
#     ci/guard.sh [what `cargo test` takes, such as --test net]
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="--cfg guard_pages ${RUSTFLAGS:-}"
# Unwinding with symbols makes thousands of allocations that stay, and only so many can be guarded.
export RUST_BACKTRACE=0
# The flag would have everything built anew, now and at the next plain build.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/guard"
if [ $# -gt 0 ]; then
    exec cargo test "$@"
fi
# The binaries that build the allocator in, most of them with the rest of tests/common.
mapfile -t tests < <(grep -lE 'common/(guard|mod)\.rs' tests/*.rs tests/*/main.rs |
    sed -E 's,tests/([^/]*)(/main)?\.rs,--test=\1,')
cargo test --quiet --all-features --lib "${tests[@]}"
echo "guard: no op and no code touched freed memory"
