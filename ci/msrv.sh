#!/usr/bin/env bash
# The library builds with the oldest Rust it promises, where that toolchain is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
if ! rustup toolchain list 2>/dev/null | grep -q "^$version"; then
    echo "msrv: skipped, there is no toolchain $version here (rustup toolchain install $version)"
    exit 0
fi
cargo "+$version" check --lib --quiet
echo "msrv: the library builds with Rust $version"
