#!/usr/bin/env bash
# What the hot paths cost, in instructions and allocations, against benches/baseline.txt.
#
#   ci/instructions.sh [PATH…]           measures, compares, fails where something became slower
#   ci/instructions.sh --renew [PATH…]   measures and writes the baseline anew
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || ci/install.sh
mode=check
if [ "${1:-}" = --renew ]; then
    mode=renew
    shift
fi
cargo bench --quiet --bench instructions -- "$mode" benches/baseline.txt "$@"
