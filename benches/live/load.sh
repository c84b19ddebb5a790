#!/bin/bash
# What a sensor on one interface bears: frames are sent through a veth pair at rising rates, and each sensor in its turn listens.
# Needs root, iproute2, tcpreplay; of the sensors (tcpdump, argus, softflowd) those that are installed. Removes its namespace itself.
#
#   benches/live/load.sh BORDERFLOW CAPTURE [RATE...]        rates in frames per second; "top" is as fast as it goes
#
# One line per rate and sensor: frames sent, lost, processor time of the sensor per frame, its largest resident memory. The frames
# lost are the sensor's own count (borderflow: /metrics; tcpdump, softflowd: what they say at the end; argus: what its records hold).
# At the end, each sensor's highest rate at which nothing was lost, and what that is of tcpdump's.
set -euo pipefail

BORDERFLOW=$(realpath "${1:?usage: load.sh BORDERFLOW CAPTURE [RATE...]}")
CAPTURE=$(realpath "${2:?usage: load.sh BORDERFLOW CAPTURE [RATE...]}")
shift 2
RATES=("${@:-top}")
SECONDS_EACH=${SECONDS_EACH:-10}
SENSORS=${SENSORS:-"tcpdump borderflow argus softflowd"}
RING_KIB=${RING_KIB:-65536}
SHARDS=${SHARDS:-1}
NS=bfload$$
DIR=$(mktemp -d)
FRAMES=$(tcpdump -r "$CAPTURE" --count 2>/dev/null | awk '{print $1}')

cleanup() {
    if [ -n "${SENSOR:-}" ]; then kill "$SENSOR" 2>/dev/null || true; fi
    ip netns del "$NS" 2>/dev/null || true
    rm -rf "$DIR"
}
trap cleanup EXIT

ip netns add "$NS"
ip link add "in$$" netns "$NS" type veth peer name "out$$" netns "$NS"
for link in "in$$" "out$$"; do
    ip netns exec "$NS" sysctl -qw "net.ipv6.conf.$link.disable_ipv6=1"
    ip -n "$NS" link set "$link" mtu 9000 arp off up
done
ip -n "$NS" link set lo up

cat > "$DIR/config.toml" <<EOF
[monitor]
home = ["10.0.0.0/8", "192.168.0.0/16"]
[capture]
interfaces = ["out$$"]
ring_bytes = $((RING_KIB * 1024))
shards = $SHARDS
[journal]
path = "$DIR/journal.db"
[[output]]
name = "alerts"
kind = "file"
path = "$DIR/alerts.ndjson"
EOF

start() {
    case $1 in
    borderflow) ip netns exec "$NS" "$BORDERFLOW" monitor -c "$DIR/config.toml" > "$DIR/log" 2>&1 & ;;
    tcpdump) ip netns exec "$NS" tcpdump -i "out$$" -n -B "$RING_KIB" -w /dev/null > "$DIR/log" 2>&1 & ;;
    argus) ip netns exec "$NS" argus -i "out$$" -w "$DIR/argus.out" > "$DIR/log" 2>&1 & ;;
    softflowd) ip netns exec "$NS" softflowd -d -i "out$$" -m 1000000 -n 127.0.0.1:9 -c "$DIR/ctl" -p "$DIR/pid" > "$DIR/log" 2>&1 & ;;
    esac
    SENSOR=$!
    sleep 2
}

# Processor time in milliseconds and largest resident memory in MiB, of a process that runs.
processor_ms() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/^.*\) /, ""); print int(($12 + $13) * 1000 / hz) }' "/proc/$SENSOR/stat"; }
memory_mib() { awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$SENSOR/status"; }

# Frames the sensor lost, of the number sent.
lost() {
    local sent=$2
    case $1 in
    borderflow) ip netns exec "$NS" curl -s http://127.0.0.1:9469/metrics |
        awk -v sent="$sent" '/^borderflow_frames_read_total/ { read += $2 } END { print sent - read }' ;;
    tcpdump) awk -v sent="$sent" '/packets? captured/ { got = $1 } END { print sent - got }' "$DIR/log" ;;
    argus) racount -r "$DIR/argus.out" 2>/dev/null | awk -v sent="$sent" '$1 == "sum" { print sent - $3 }' ;;
    softflowd) ip netns exec "$NS" softflowctl -c "$DIR/ctl" statistics 2>/dev/null |
        awk -v sent="$sent" '/Packets processed/ { got = $3 } END { print sent - got }' ;;
    esac
}

declare -A BEST
printf '%-12s %10s %12s %12s %10s %8s\n' sensor frames/s sent lost us/frame MiB
for rate in "${RATES[@]}"; do
    for sensor in $SENSORS; do
        command -v "$sensor" > /dev/null || [ "$sensor" = borderflow ] || continue
        rm -f "$DIR"/journal.db* "$DIR"/*.ndjson "$DIR/argus.out" "$DIR/ctl"
        start "$sensor"
        before=$(processor_ms)
        if [ "$rate" = top ]; then speed=(--topspeed); else speed=("--pps=$rate"); fi
        limit=0
        if [ "$rate" != top ]; then limit=$((rate * SECONDS_EACH)); fi
        loops=1
        if [ "$limit" -gt "$FRAMES" ]; then loops=$(((limit + FRAMES - 1) / FRAMES)); fi
        ip netns exec "$NS" tcpreplay -q --preload-pcap "${speed[@]}" --loop="$loops" -i "in$$" "$CAPTURE" > "$DIR/sent" 2>&1
        sleep 2
        after=$(processor_ms)
        memory=$(memory_mib)
        sent=$(awk '/Successful packets/ { print $3 }' "$DIR/sent")
        reached=$(awk -F'[ ,]+' '/^Rated/ { print int($(NF - 1)) }' "$DIR/sent")
        case $sensor in
        borderflow | softflowd) missing=$(lost "$sensor" "$sent") ;;
        esac
        if [ "$sensor" = softflowd ]; then kill -TERM "$SENSOR"; else kill -INT "$SENSOR"; fi 2>/dev/null || true
        wait "$SENSOR" 2>/dev/null || true
        SENSOR=
        case $sensor in
        tcpdump | argus) missing=$(lost "$sensor" "$sent") ;;
        esac
        each=$(awk -v ms="$((after - before))" -v n="$sent" 'BEGIN { printf "%.2f", ms * 1000 / n }')
        printf '%-12s %10s %12s %12s %10s %8s\n' "$sensor" "$reached" "$sent" "${missing:-?}" "$each" "$memory"
        if [ "${missing:-1}" -le 0 ] && [ "$reached" -gt "${BEST[$sensor]:-0}" ]; then BEST[$sensor]=$reached; fi
    done
done
for sensor in $SENSORS; do
    [ -n "${BEST[$sensor]:-}" ] || continue
    awk -v name="$sensor" -v rate="${BEST[$sensor]}" -v top="${BEST[tcpdump]:-0}" 'BEGIN {
        printf "%-12s %10d frames/s without loss", name, rate
        print (top ? sprintf(", %.2f of tcpdump", rate / top) : "")
    }'
done
