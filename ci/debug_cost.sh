#!/usr/bin/env bash
# What debug mode, hooks and histograms cost where they are off: the instructions of the hot paths,
# in the usual build against one from which every look at them is left out. It fails where that is
# more than what `benches/instructions.rs` allows a path to differ by: what the compiler puts inline
# changes a little with the looks, by some instructions either way.
#
#   ci/debug_cost.sh [PATH…]   paths of `cargo bench --bench instructions`
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || ci/install.sh
paths=("$@")
[ ${#paths[@]} -gt 0 ] || paths=(yield spawn_join wake nop nop_256 echo_pooled timer_fire)
without=target/unwatched/counts.txt
mkdir -p target/unwatched
RUSTFLAGS="${RUSTFLAGS:-} --cfg annulus_unwatched" CARGO_TARGET_DIR=target/unwatched \
    cargo bench --quiet --bench instructions -- renew "$PWD/$without" "${paths[@]}"
cargo bench --quiet --bench instructions -- check "$PWD/$without" "${paths[@]}"
echo "debug mode: where it is off, it costs no more than some instructions a path"
