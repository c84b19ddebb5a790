#!/bin/sh
# Fetches the servers that tests/outputs.rs delivers to, and unpacks them below target/peers: rsyslog (with its TLS driver),
# syslog-ng and nats-server from the machine's own Debian or Ubuntu archive; for tests/live.rs tcpreplay, tcpdump and ip;
# for benches/instructions valgrind. Nothing is installed and nothing of the system changes; rsyslog and syslog-ng conflict as
# packages, so each is unpacked beside the other.
# Where there is no apt, or no network, it says so and exits 0: the tests then skip what is missing, with a message.
# What is there already is left alone; remove target/peers to fetch anew.
set -u

say() { printf 'peers: %s\n' "$*" >&2; }

cd "$(dirname "$0")/.." || exit 0
peers=${BORDERFLOW_PEERS:-target/peers}

for tool in apt-get dpkg dpkg-deb; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        say "no $tool here: the tests skip what is not on PATH"
        exit 0
    fi
done

# fetch FOLDER PACKAGE…: the packages and what they need beyond what is installed, unpacked into $peers/FOLDER.
fetch() {
    folder=$1
    shift
    [ -e "$peers/$folder/complete" ] && return 0
    rm -rf "${peers:?}/$folder"
    mkdir -p "$peers/$folder/archives/partial" "$peers/$folder/root"
    archives=$(cd "$peers/$folder/archives" && pwd)
    say "fetching $* and what they need into $peers/$folder (apt-get --download-only; nothing is installed)"
    if ! apt-get install --yes --quiet=2 --no-install-recommends --download-only --reinstall \
        -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Dir::Cache::archives="$archives" \
        -o Acquire::Retries=1 -o Acquire::http::Timeout=20 "$@" >"$peers/$folder/log" 2>&1; then
        return 1
    fi
    for archive in "$archives"/*.deb; do
        [ -e "$archive" ] || continue
        dpkg-deb -x "$archive" "$peers/$folder/root" || return 1
    done
    rm -rf "$archives"
    : >"$peers/$folder/complete"
}

fetch_all() {
    missing=0
    fetch rsyslog rsyslog rsyslog-gnutls || missing=1
    fetch syslog-ng syslog-ng-core || missing=1
    fetch nats nats-server || missing=1
    fetch live tcpreplay tcpdump iproute2 || missing=1
    fetch valgrind valgrind || missing=1
    return $missing
}

fetch_all && exit 0
if [ "$(id -u)" -eq 0 ]; then
    say "refreshing the package lists"
    apt-get update --quiet=2 >/dev/null 2>&1 || say "the package lists cannot be refreshed"
    fetch_all && exit 0
fi
for folder in rsyslog syslog-ng nats live valgrind; do
    [ -e "$peers/$folder/complete" ] || say "$folder cannot be fetched ($peers/$folder/log says why): its tests skip"
done
exit 0
