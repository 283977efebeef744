#!/usr/bin/env bash
# The optional features: that each builds, alone and with the others; that a default build has
# nothing of them, and only the dependencies that were promised; and what they add: their tests, and
# the documentation's examples.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t features < <(sed -n '/^\[features\]/,/^\[/s/^\([a-z-]*\) = .*/\1/p' Cargo.toml)
[ ${#features[@]} -gt 0 ] || { echo "features: none found in Cargo.toml" >&2; exit 1; }
for combination in "" "${features[@]}" "$(IFS=,; echo "${features[*]}")"; do
    cargo clippy --quiet --all-targets --features "$combination" -- -D warnings
done

# The crates that come with annulus, whatever its features.
expected="bytes io-uring libc slab tracing"
for choice in --no-default-features --all-features; do
    found=$(cargo tree --quiet --package annulus --edges normal --depth 1 "$choice" \
        --prefix none --format '{p}' | sed 1d | cut -d ' ' -f 1 | sort | paste -s -d ' ')
    [ "$found" = "$expected" ] || {
        echo "features: the dependencies with $choice are \`$found\` and not \`$expected\`" >&2
        exit 1
    }
done

# The names and texts of the simulator in a build of the whole library, every function being there.
traces() {
    cargo build --quiet --lib "$@"
    { nm -C target/debug/libannulus.rlib 2>/dev/null; strings target/debug/libannulus.rlib; } |
        grep -cE 'annulus::(sys::)?sim::|annulus::(plants|marks)::|simulation:|ANNULUS_SIM_' || true
}
[ "$(traces --features sim)" -gt 1000 ] || {
    echo "features: the simulator is not found where it is" >&2
    exit 1
}
left=$(traces)
[ "$left" -eq 0 ] || { echo "features: $left traces of the simulator in a default build" >&2; exit 1; }
echo "features: built one by one; the default build has the five dependencies and no simulator"

cargo test --quiet --features test-util --test paused
cargo test --quiet --features test-util,sim --test sim --test sim_examples
cargo test --quiet --features test-util,sim --doc -- time:: guide::testing start_paused sim::
echo "features: virtual time and simulated worlds hold"
