#!/bin/bash
# Instructions that the program takes for a packet of three captures, held against the committed budget.
#
#   benches/instructions/count.sh             fails where a capture takes 3 % more than budget.tsv has
#   benches/instructions/count.sh --update    writes budget.tsv: do so in the commit that makes it faster, or says why it is slower
#
# or `make instructions`; `make test` ends with it. Wall time lies on shared machines, instructions hardly do: three runs differ by
# less than 0.1 %, which is what the seeds of hash maps and the turns of threads make. Counted is a whole `borderflow replay`, with
# everything on, less what the same takes for a capture without packets (the embedded databases are unpacked at each start).
#
# Why neither gungraun nor iai-callgrind: they count functions of a bench program, built for it, by a runner that has to be installed
# in the version the library wants. What is promised to users is the replay, its threads, journal and outputs included; the program
# that the tests have just built can be counted as it is, by Valgrind's cachegrind alone, which is twice as fast as callgrind.
#
# A budget holds for one compiler. Under another one the slack is 10 %, and the message says so; on another processor than x86-64
# nothing is compared. Valgrind is looked for on PATH and where packaging/peers.sh unpacks it; without it nothing is counted.
set -euo pipefail
export LC_ALL=C

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
BUILT=${CARGO_TARGET_DIR:-$ROOT/target}/${PROFILE:-quick}
PEERS=$(realpath -m "${BORDERFLOW_PEERS:-$ROOT/target/peers}")/valgrind/root
BUDGET=$HERE/budget.tsv

say() { printf 'instructions: %s\n' "$*" >&2; }

if command -v valgrind > /dev/null; then
    VALGRIND=valgrind
elif [ -x "$PEERS/usr/bin/valgrind.bin" ]; then
    VALGRIND=$PEERS/usr/bin/valgrind.bin
    export VALGRIND_LIB=$PEERS/usr/libexec/valgrind
else
    say 'NOT COUNTED: no valgrind here (packaging/peers.sh fetches it)'
    exit 0
fi
if [ "$(uname -m)" != x86_64 ]; then
    say "NOT COUNTED: the budget is of x86_64, this is $(uname -m)"
    exit 0
fi

DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
export TMPDIR=$DIR
: > "$DIR/defaults.toml"

# count NAME KIND ARGUMENT…: instructions of each function for that capture, in NAME.counts, and its packets, in NAME.packets.
count() {
    "$BUILT/examples/bench_captures" "$2" "$DIR/capture" "${@:3}"
    "$VALGRIND" --tool=cachegrind --cache-sim=no --cachegrind-out-file="$DIR/$1.counts" "$BUILT/borderflow" replay \
        -c "$DIR/defaults.toml" --alerts "$DIR/alerts" --summary "$DIR/summary" "$DIR/capture" > "$DIR/log" 2>&1 ||
        { cat "$DIR/log" >&2 && exit 1; }
    awk -F'[:,]' '/"frames_read"/ { print $2 + 0 }' "$DIR/summary" > "$DIR/$1.packets"
}

count none small 0 1
count small small 200000 20000
count mix mix 140000000 14000
count elephant elephant 200000000 20
compiler=$("${RUSTC:-rustc}" --version | cut -d' ' -f1,2)

for name in small mix elephant; do
    awk -v name="$name" -v packets="$(cat "$DIR/$name.packets")" -f "$HERE/groups.awk" "$DIR/none.counts" "$DIR/$name.counts"
done | sort -t "$(printf '\t')" -k1,1 -k3,3nr > "$DIR/now.tsv"

if [ "${1:-}" = --update ]; then
    {
        printf '# Instructions for a packet: capture, group of functions, instructions. Written by count.sh --update.\n'
        printf '# compiler: %s\n' "$compiler"
        cat "$DIR/now.tsv"
    } > "$BUDGET"
    say "wrote $BUDGET"
fi
awk -v compiler="$compiler" -f "$HERE/compare.awk" "$BUDGET" "$DIR/now.tsv"
