#!/bin/bash
# Builds the release program with what a run of it tells about its branches and calls (profile-guided optimisation).
#
#   benches/pgo/build.sh        or: make pgo
#
# Three steps: the program built to count (target/pgo/counting), replays of generated captures of every kind, and the program built
# anew with the counts (target/pgo/optimised); the last line names it. The counts of a compiler are read by its own llvm-profdata
# alone: the component llvm-tools, which rustup adds. What it gives is in docs/performance.md.
set -euo pipefail
export LC_ALL=C

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
OUT=${CARGO_TARGET_DIR:-$ROOT/target}/pgo
CARGO=${CARGO:-cargo}
HOST=$("${RUSTC:-rustc}" -vV | awk '/^host:/ { print $2 }')
TOOLS=$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/$HOST/bin

say() { printf 'pgo: %s\n' "$*" >&2; }

if [ ! -x "$TOOLS/llvm-profdata" ]; then
    say 'adding the component llvm-tools of the compiler'
    rustup component add llvm-tools || { say 'not obtainable: no profile-guided build here' && exit 1; }
fi

# build NAME FLAGS TARGET…: with --target, so that build scripts run as they always do.
build() {
    (cd "$ROOT" && RUSTFLAGS="${RUSTFLAGS:-} $2" $CARGO build --locked --release --target "$HOST" --target-dir "$OUT/$1" "${@:3}")
}

mkdir -p "$OUT"
DIR=$(mktemp -d "$OUT/run.XXXXXX")
trap 'rm -rf "$DIR"' EXIT
rm -rf "$OUT/counts"
build counting "-Cprofile-generate=$OUT/counts" --bin borderflow --example bench_captures
: > "$DIR/defaults.toml"
for capture in 'small 1000000 100000' 'small 1000000 100000 0' 'mix 200000000 20000' 'elephant 200000000 20' 'flood 300000 50'; do
    read -ra arguments <<< "$capture"
    # The makers' own counts are of no use.
    LLVM_PROFILE_FILE=/dev/null "$OUT/counting/$HOST/release/examples/bench_captures" \
        "${arguments[0]}" "$DIR/capture" "${arguments[@]:1}"
    for options in '' '--threads 2' "--flows $DIR/flows"; do
        say "replaying $capture $options"
        # shellcheck disable=SC2086 # options are split on purpose
        "$OUT/counting/$HOST/release/borderflow" replay -c "$DIR/defaults.toml" --alerts "$DIR/alerts" \
            --summary "$DIR/summary" $options "$DIR/capture" 2> "$DIR/log" || { cat "$DIR/log" >&2 && exit 1; }
    done
done
"$TOOLS/llvm-profdata" merge -o "$OUT/counts.profdata" "$OUT/counts"
build optimised "-Cprofile-use=$OUT/counts.profdata" --bin borderflow
printf '%s\n' "$OUT/optimised/$HOST/release/borderflow"
