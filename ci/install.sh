#!/usr/bin/env bash
# Installs the tools that some tests use and that a machine may lack. Each of those tests skips
# itself, and says so, without its tool; CI wants them all.
set -euo pipefail

missing=()
for tool in strace curl; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
fi
rustup component add rustfmt clippy >/dev/null 2>&1 || true
echo "tools: strace, curl, rustfmt, clippy"
