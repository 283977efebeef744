#!/usr/bin/env bash
# Every test: the command that README gives.
set -euo pipefail
cd "$(dirname "$0")/.."
command=$(sed -n 's/^\(cargo test.*\)$/\1/p' README.md | head -n 1)
[ -n "$command" ] || { echo "README.md gives no test command" >&2; exit 1; }
echo "+ $command"
$command
