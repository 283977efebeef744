#!/usr/bin/env bash
# The long forms of what the tests show in short, in a release build: 100 000 connections accepted
# and 100 000 pieces read under limits that keep running out, 100 000 connections made and closed.
# It also says how long a runtime takes to end with a thousand operations in flight.
#
# Bounded: what hangs is ended, and fails. It takes two or three minutes, the build included.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs tests by name and shows what they print of themselves.
run() {
    local status=0
    timeout 300 cargo test --release --quiet "$@" >"$log" 2>&1 || status=$?
    if [ "$status" -ne 0 ] || ! grep -q '^test result: ok\. [1-9]' "$log"; then
        echo "long: failed (status $status), or ran no test: $*" >&2
        cat "$log" >&2
        exit 1
    fi
    grep -E 'whose time was over|to end' "$log" | sed 's/^\.*//' || true
}

cargo test --release --quiet --no-run --test cancellation --test net --test shutdown

ANNULUS_SOAK=1 run --test cancellation -- --nocapture --test-threads 2 --exact \
    lossless::accepts_under_a_millisecond_lose_no_connection \
    lossless::accepts_under_a_short_timeout_lose_no_connection \
    lossless::reads_under_a_millisecond_lose_no_byte \
    lossless::reads_under_a_short_timeout_lose_no_byte

ANNULUS_CONNECTION_ROUNDS=100000 run --test net -- --exact \
    descriptors::every_connection_gives_its_descriptors_back
echo "100000 connections were made and closed, and no descriptor was left"

run --test shutdown -- --nocapture --exact --ignored \
    every_kind::how_long_it_takes_to_end_a_thousand_ops
