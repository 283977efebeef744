#!/usr/bin/env bash
# Layout and lints of everything, warnings being errors.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo fmt --all --check
cargo clippy --all-targets --all-features --quiet -- -D warnings
echo "lint: rustfmt and clippy are content"
