#!/usr/bin/env bash
# What the optional features add: their tests, and the documentation's examples.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --quiet --features test-util --test paused
cargo test --quiet --features test-util --doc -- time:: guide::testing start_paused
echo "features: virtual time holds"
