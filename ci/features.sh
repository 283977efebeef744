#!/usr/bin/env bash
# What the optional features add: their tests, and the documentation's examples.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --quiet --features test-util --test paused
cargo test --quiet --features test-util,sim --test sim --test sim_examples
cargo test --quiet --features test-util,sim --doc -- time:: guide::testing start_paused sim::
echo "features: virtual time and simulated worlds hold"
