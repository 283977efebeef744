#!/usr/bin/env bash
# README's first command, as a newcomer would try it: the server starts and curl gets a page.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet --examples
log=$(mktemp)
target/release/examples/http --addr 127.0.0.1:0 >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$log"' EXIT
for _ in $(seq 100); do
    url=$(grep -o 'http://[0-9.:]*/' "$log" || true)
    [ -n "$url" ] && break
    sleep 0.1
done
[ -n "${url:-}" ] || { echo "the server did not say where it listens:" >&2; cat "$log" >&2; exit 1; }
curl --silent --show-error --fail --max-time 10 --output /dev/null "$url"
kill -INT "$server"
wait "$server"
trap 'rm -f "$log"' EXIT
echo "examples: built; http served a page and ended on Ctrl-C"
