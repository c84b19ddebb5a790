#!/bin/bash
# Builds the release program with what runs of it tell about its branches and calls (profile-guided optimisation).
#
#   benches/pgo/build.sh        or: make pgo          PROFILE=release
#
# Three steps: the program built to count, replays of generated captures of every kind, and the program built anew with the counts;
# the last line names it. Everything is built twice, each time in a directory of its own. (With a wrapper around the compiler for this
# package alone, dependencies could stay; but Cargo then names functions otherwise, and the counts match none of them.) The counts
# of a compiler are read by its own llvm-profdata alone: the component llvm-tools, which rustup adds.
set -euo pipefail
export LC_ALL=C

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
PROFILE=${PROFILE:-release}
CARGO=${CARGO:-cargo}
OUT=$TARGET/pgo
HOST=$("${RUSTC:-rustc}" -vV | awk '/^host:/ { print $2 }')
TOOLS=$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/$HOST/bin

say() { printf 'pgo: %s\n' "$*" >&2; }

if [ ! -x "$TOOLS/llvm-profdata" ]; then
    say 'adding the component llvm-tools of the compiler'
    rustup component add llvm-tools || { say 'not obtainable: no profile-guided build here' && exit 1; }
fi

# build NAME FLAG: the program as $OUT/NAME. With --target, so that build scripts are built and run as they always are.
build() {
    (cd "$ROOT" && RUSTFLAGS="${RUSTFLAGS:-} $2" $CARGO build --locked --profile "$PROFILE" --target "$HOST" \
        --target-dir "$OUT/build-$1" --bin borderflow)
    cp "$OUT/build-$1/$HOST/$PROFILE/borderflow" "$OUT/$1"
}

mkdir -p "$OUT"
DIR=$(mktemp -d "$OUT/run.XXXXXX")
trap 'rm -rf "$DIR"' EXIT
rm -rf "$OUT/counts"
build counting "-Cprofile-generate=$OUT/counts"
(cd "$ROOT" && $CARGO build --locked --profile "$PROFILE" --example bench_captures)
: > "$DIR/defaults.toml"
for capture in 'small 1000000 100000' 'small 1000000 100000 0' 'mix 200000000 20000' 'elephant 200000000 20' 'flood 300000 50'; do
    read -ra arguments <<< "$capture"
    "$TARGET/$PROFILE/examples/bench_captures" "${arguments[0]}" "$DIR/capture" "${arguments[@]:1}"
    for options in '' '--threads 2' "--flows $DIR/flows"; do
        say "replaying $capture $options"
        # shellcheck disable=SC2086 # options are split on purpose
        "$OUT/counting" replay -c "$DIR/defaults.toml" --alerts "$DIR/alerts" --summary "$DIR/summary" $options \
            "$DIR/capture" 2> "$DIR/log" || { cat "$DIR/log" >&2 && exit 1; }
    done
done
"$TOOLS/llvm-profdata" merge -o "$OUT/counts.profdata" "$OUT/counts"
build optimised "-Cprofile-use=$OUT/counts.profdata"
printf '%s\n' "$OUT/optimised"
