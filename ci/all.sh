#!/usr/bin/env bash
# Everything that has to hold before a commit. Each script also runs alone.
set -euo pipefail
cd "$(dirname "$0")"
for step in lint docs msrv test guard asan miri features instructions debug_cost loom sim examples long bench; do
    started=$SECONDS
    "./$step.sh"
    echo "== $step: $((SECONDS - started)) s"
done
