#!/usr/bin/env bash
# Installs the tools that some tests use and that a machine may lack. Each of those tests skips
# itself, and says so, without its tool; CI wants them all.
set -euo pipefail

missing=()
for tool in strace curl valgrind; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
fi
rustup component add rustfmt clippy >/dev/null 2>&1 || true

# The oldest Rust that is promised, for ci/msrv.sh, which skips itself where it cannot be had.
oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$(dirname "$0")/../Cargo.toml")
rustup toolchain install "$oldest" --profile minimal >/dev/null 2>&1 ||
    echo "tools: no Rust $oldest to be had here"
# Miri, for ci/miri.sh, which skips itself without it.
rustup toolchain install nightly --profile minimal --component miri,rust-src >/dev/null 2>&1 ||
    echo "tools: no nightly Rust with Miri to be had here"
echo "tools: strace, curl, valgrind, rustfmt, clippy"
