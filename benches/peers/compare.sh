#!/bin/bash
# What replaying a capture costs: Borderflow, two loops that do nothing, and every peer that is installed, side by side.
#
#   benches/peers/compare.sh [--quick]        or: make bench-peers
#
# Prints Markdown: one table per capture, the goals, growth, new flows. What it means: docs/performance.md. Progress goes to
# standard error. In the environment:
#
#   RUNS=5           runs of each, in turns (ours, theirs, ours…), of which the median counts; --quick: 1
#   SLOW_RUNS=1      runs of a peer whose first one took more than SLOW_S=20 seconds
#   CAPTURES=DIR     where the captures are, made once where they are missing (target/captures; 3 GB, with growth 15 GB)
#   KINDS="small mix elephant"    what is replayed
#   SKIP="tshark suricata"        contestants to leave out; SKIP=peers: all but our own and the loops
#   GROWTH="100000 1000000 10000000"   numbers of flows, ten packets each; GROWTH= for none
#   LIMIT_S=1800     after which a peer is stopped
#   BORDERFLOW=FILE  the program (target/release/borderflow)
#
# No peer is installed by this script. On Debian: apt-get install tcpdump argus-server nfdump softflowd libndpi-bin tshark
# suricata (of backports), and zeek from its own repository. Let nothing else run meanwhile.
set -euo pipefail
export LC_ALL=C

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
RUNS=${RUNS:-5}
SLOW_RUNS=${SLOW_RUNS:-1}
SLOW_S=${SLOW_S:-20}
CAPTURES=${CAPTURES:-$TARGET/captures}
KINDS=${KINDS-small mix elephant}
GROWTH=${GROWTH-100000 1000000 10000000}
LIMIT_S=${LIMIT_S:-1800}
BORDERFLOW=$(realpath "${BORDERFLOW:-$TARGET/release/borderflow}")
MAKER=${MAKER:-$(dirname "$BORDERFLOW")/examples/bench_captures}
OURS=(loop walk borderflow borderflow-2 borderflow-flows)
PEERS=(tcpdump argus softflowd nfpcapd ndpiReader tshark suricata zeek)
case ${1:-} in
--quick) RUNS=1 ;;
'') ;;
*) sed -n '2,20s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
case " ${SKIP:-} " in *" peers "*) SKIP="$SKIP ${PEERS[*]}" ;; esac
# Some packages install what a system runs outside of a user's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/opt/zeek/bin

say() { printf 'compare: %s\n' "$*" >&2; }

mkdir -p "$CAPTURES"
DIR=$(mktemp -d "$CAPTURES/run.XXXXXX")
trap 'rm -rf "$DIR"' EXIT
export TMPDIR=$DIR
for tool in loop walk measure memory; do
    cc -O2 -o "$DIR/$tool" "$HERE/$tool.c" -lpcap
done
: > "$DIR/defaults.toml"

# capture NAME KIND ARGUMENT…: its path, made where it is missing.
capture() {
    local path=$CAPTURES/$1.pcap
    if [ ! -e "$path" ]; then
        say "making $path"
        "$MAKER" "$2" "$path.part" "${@:3}" >&2 && mv "$path.part" "$path"
    fi
    # Into the page cache: what is measured is no disk.
    cat "$path" > /dev/null
    printf '%s\n' "$path"
}

# command NAME CAPTURE: what is run, in COMMAND; in a directory of its own, with the settings it comes with.
command_of() {
    local ours=("$BORDERFLOW" replay -c "$DIR/defaults.toml" --alerts alerts.json --summary summary.json)
    case $1 in
    loop | walk) COMMAND=("$DIR/$1" "$2") ;;
    borderflow) COMMAND=("${ours[@]}" "$2") ;;
    borderflow-2) COMMAND=("${ours[@]}" --threads 2 "$2") ;;
    borderflow-flows) COMMAND=("${ours[@]}" --flows flows.json "$2") ;;
    borderflow-room-*) COMMAND=("${ours[@]}" --set "flow.max_flows=$((${1##*-} * 5 / 4))" "$2") ;;
    tcpdump) COMMAND=(tcpdump -n -r "$2" -w /dev/null) ;;
    argus) COMMAND=(argus -X -r "$2" -w argus.out) ;;
    softflowd) COMMAND=(softflowd -r "$2" -n 127.0.0.1:9 -m 2000000 -c ctl -p pid) ;;
    nfpcapd) COMMAND=(nfpcapd -r "$2" -w flows) ;;
    ndpiReader) COMMAND=(ndpiReader -i "$2") ;;
    tshark) COMMAND=(tshark -n -r "$2" -q -z "conv,ip") ;;
    suricata) COMMAND=(suricata -r "$2" -l . -S /dev/null -k none --runmode single) ;;
    zeek) COMMAND=(zeek -C -r "$2") ;;
    esac
}

# What a contestant says it found, in the directory it ran in.
found() {
    case $1 in
    loop | walk) cat out ;;
    borderflow*) printf '%s flows, %s alerts' "$(counter total)" "$(counter alerts)" ;;
    argus) racount -r argus.out 2> /dev/null | awk '$1 == "sum" { print $2 " records" }' ;;
    softflowd) awk '/flushed =/ { gsub(/[^0-9 ]/, ""); print $1 " flows" }' out | tail -n 1 ;;
    nfpcapd) nfdump -R "$PWD/flows" -I 2> /dev/null | awk '/^Flows:/ { print $2 " flows" }' ;;
    ndpiReader) awk '/Unique flows:/ { print $3 " flows" }' out ;;
    tshark) awk '/<->/ { n++ } END { print n + 0 " conversations" }' out ;;
    suricata) [ ! -e eve.json ] || printf '%s flows' "$(grep -c '"event_type":"flow"' eve.json)" ;;
    zeek) [ ! -e conn.log ] || printf '%s connections' "$(grep -vc '^#' conn.log)" ;;
    esac
}

counter() { awk -F'[:,]' -v key="\"$1\"" '$1 ~ key { gsub(/ /, "", $2); print $2; exit }' summary.json; }

# What it says it is; some say it on standard error, or nowhere.
version() {
    case $1 in
    borderflow) "$BORDERFLOW" --version | head -n 1 ;;
    argus) argus -h 2>&1 | head -n 1 ;;
    softflowd) softflowd -h 2>&1 | grep -io 'softflowd version [0-9.]*[0-9]' | head -n 1 ;;
    nfpcapd) nfpcapd -V 2>&1 | head -n 1 ;;
    ndpiReader) dpkg-query -W -f '${Package} ${Version}' libndpi-bin 2> /dev/null ;;
    suricata) suricata -V 2>&1 ;;
    tshark | tcpdump | zeek) "$1" --version 2> /dev/null | head -n 1 ;;
    esac || true
}

# contestants NAME…: those that are neither skipped nor missing.
contestants() {
    local name
    for name in "$@"; do
        case " ${SKIP:-} " in *" $name "*) continue ;; esac
        case $name in
        loop | walk | borderflow*) printf '%s ' "$name" ;;
        *) if command -v "$name" > /dev/null; then printf '%s ' "$name"; else say "$name is not installed"; fi ;;
        esac
    done
}

# run TABLE NAME CAPTURE: one run, a line of results.tsv: table, contestant, what measure says, status, what was found.
run() {
    local work=$DIR/work status=0
    rm -rf "$work" && mkdir -p "$work/flows"
    command_of "$2" "$3"
    (cd "$work" && "$DIR/measure" measured "$LIMIT_S" "${COMMAND[@]}" > out 2>&1) || status=$?
    local what
    what=$(cd "$work" && found "$2" | tr '\t\n' '  ') || true
    [ $status -eq 0 ] || { say "$2 ended with status $status:" && tail -n 3 "$work/out" >&2; }
    printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$(cat "$work/measured")" "$status" "$what" | tee -a "$DIR/results.tsv" >&2
}

# turns TABLE CAPTURE NAME…: every contestant in turn, RUNS times; a slow one fewer times.
turns() {
    local round name limit
    for ((round = 1; round <= RUNS; round++)); do
        for name in "${@:3}"; do
            limit=$(awk -F'\t' -v t="$1" -v n="$name" -v slow="$SLOW_S" -v runs="$SLOW_RUNS" \
                '$1 == t && $2 == n && $3 > slow { limit = runs } END { print limit ? limit : 1e9 }' "$DIR/results.tsv")
            [ "$round" -gt "$limit" ] || run "$1" "$name" "$2"
        done
    done
}

: > "$DIR/results.tsv"
printf '%s\n\n' "Measured on $(date -u +%Y-%m-%d) on $(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo), $(nproc) processors,
$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB, Linux $(uname -r); median of $RUNS runs in turns, of $SLOW_RUNS where one takes more than $SLOW_S s.
Load of the machine before: $(cut -d' ' -f1 /proc/loadavg)."
read -ra all <<< "$(contestants "${OURS[@]}" "${PEERS[@]}")"
printf 'Versions: '
for name in "${all[@]}"; do
    case $name in loop | walk | borderflow-*) ;; *) printf '%s: %s; ' "$name" "$(version "$name")" ;; esac
done
printf '%s.\n\nMemory: %s.\n' "$(cc --version | head -n 1)" "$("$DIR/memory")"

for kind in $KINDS; do
    path=$(capture "$kind" "$kind")
    turns "$kind" "$path" "${all[@]}"
done
for flows in $GROWTH; do
    path=$(capture "many-$flows" small $((flows * 10)) "$flows")
    turns "$flows flows" "$path" loop "borderflow-room-$flows"
    [ "$flows" -lt 10000000 ] || [ -n "${KEEP:-}" ] || rm -f "$path"
done
if [ -n "$GROWTH" ]; then
    path=$(capture flood flood)
    turns flood "$path" loop borderflow
fi
awk -F'\t' -f "$HERE/table.awk" "$DIR/results.tsv"
