#!/usr/bin/env bash
# Random programs on the simulated kernel: 20 000 seeds, one in a hundred twice. Another number of
# seeds, and another beginning, by ANNULUS_SIM_SEEDS and ANNULUS_SIM_FROM.
set -euo pipefail
cd "$(dirname "$0")/.."
export ANNULUS_SIM_SEEDS=${ANNULUS_SIM_SEEDS:-20000}
cargo test --release --quiet --features sim --test sim programs -- --nocapture
echo "sim: $ANNULUS_SIM_SEEDS seeds broke no rule"
