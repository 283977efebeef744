#!/usr/bin/env bash
# The simulated kernel: its own tests, the behaviour tests in its world, and random programs: 20 000
# seeds, one in a hundred twice. Another number of seeds, and another beginning, by
# ANNULUS_SIM_SEEDS and ANNULUS_SIM_FROM.
set -euo pipefail
cd "$(dirname "$0")/.."
# The simulator itself, against the real kernel and through its rare paths; then the behaviour tests
# in its world, seed 1.
cargo test --quiet --features sim --lib sys::sim
ANNULUS_WORLD=1 cargo test --quiet --features sim \
    --test cancellation --test loop --test net --test queues --test shutdown --test structure --test udp
ANNULUS_WORLD=1 cargo test --quiet --features sim --test fs both_worlds
export ANNULUS_SIM_SEEDS=${ANNULUS_SIM_SEEDS:-20000}
cargo test --profile sim --quiet --features sim --test sim programs -- --nocapture
# And what the simulator itself does in a second, in one long conversation.
cargo test --profile sim --quiet --features sim --test sim how_many -- --ignored --nocapture
echo "sim: $ANNULUS_SIM_SEEDS seeds broke no rule"
