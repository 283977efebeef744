#!/usr/bin/env bash
# The library, its tests and its examples build with the oldest Rust it promises. `ci/install.sh`
# brings that toolchain where it can be had; without it the step says so and passes.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
if ! rustup toolchain list 2>/dev/null | grep -q "^$version"; then
    echo "msrv: skipped, there is no toolchain $version here (rustup toolchain install $version)"
    exit 0
fi
# In a directory of its own, or each toolchain would build everything anew in the other's.
CARGO_TARGET_DIR=target/msrv cargo "+$version" check --all-targets --all-features --quiet
echo "msrv: library, tests and examples build with Rust $version"
