#!/usr/bin/env bash
# What threads share, under a model checker: the inbox and the park handshake, the blocking pool, the
# channels between threads, in every interleaving of a few threads, or in all with so many forced
# switches. Two models have a bug planted, which they must find.
#
#     ci/loom.sh [what the names of the models contain, `models::` by default]
#
# LOOM_MAX_PREEMPTIONS=N looks deeper, or less deep, than each model asks for.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="--cfg loom ${RUSTFLAGS:-}"
# The flag would have everything built anew, now and at the next plain build.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/loom"
export RUST_BACKTRACE=0
# A model is run some ten thousand times, most of which the checker itself takes.
cargo test --quiet --config 'profile.dev.package.loom.opt-level=2' \
    --config 'profile.dev.package.generator.opt-level=2' \
    --features sim --lib -- "${@:-models::}"
echo "loom: no order of threads lost a wake or a job"
