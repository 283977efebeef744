#!/usr/bin/env bash
# The benchmark harness: its lints and tests, and a smoke of seconds with annulus, the hand-written
# loops and tokio. It shows that everything runs; its times mean nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo clippy --package annulus-bench --package annulus-bench-kit --all-targets --all-features \
    --quiet -- -D warnings
cargo test --package annulus-bench --package annulus-bench-kit --all-features --quiet

contenders=annulus,raw-uring,raw-epoll,tokio
packages=(--package contender-annulus --package contender-raw-uring --package contender-raw-epoll
    --package contender-tokio)
(
    cd benches/contenders
    cargo fmt --all --check
    cargo clippy "${packages[@]}" --quiet --target-dir ../../target/contenders -- -D warnings
)

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# Without the whole program's optimisation, which nothing here needs.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
cargo run --release --quiet --package annulus-bench -- --quick --rounds 1 --seconds 0.05 --quiet \
    --contenders "$contenders" --only echo/64B,http/p16,timeouts,storm,overload/70,idle \
    --out "$out"
for word in '## Targets' 'raw-uring' 'tokio (owned)' '.svg'; do
    grep -qF -- "$word" "$out/report.md" || { echo "the report lacks \`$word\`" >&2; exit 1; }
done
if grep -F 'not measured:' "$out/report.md" || grep -F 'of its measurements:' "$out/report.md"; then
    echo "bench: the smoke had failures, see above" >&2
    exit 1
fi
echo "bench: linted, tested, and a smoke of every kind of server"
