#!/bin/sh
# Installs what the build needs and is missing: libpcap with its headers, and a C compiler.
# Says what it does; does nothing where everything is there. Set DEPS_DRY_RUN=1 to see without doing.
set -eu

say() { printf 'deps: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ -n "${DEPS_DRY_RUN:-}" ]; then
        say "would run: $*"
    elif [ "$(id -u)" -eq 0 ]; then
        say "running: $*"
        "$@"
    elif have sudo; then
        say "running: sudo $*"
        sudo "$@"
    else
        fail "not root and no sudo here; run as root: $*"
    fi
}

# apt-get on a new machine may have no package lists yet.
apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" && return
    say "apt-get could not install $*; refreshing the package lists"
    as_root apt-get update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# install APT DNF APK PACMAN ZYPPER BREW: one package list per package manager.
# shellcheck disable=SC2086 # the lists are split on purpose
install() {
    if have apt-get; then apt_install $1
    elif have dnf; then as_root dnf install -y $2
    elif have apk; then as_root apk add $3
    elif have pacman; then as_root pacman -S --needed --noconfirm $4
    elif have zypper; then as_root zypper --non-interactive install $5
    elif have brew; then brew install $6
    else fail "no package manager known here (apt-get, dnf, apk, pacman, zypper, brew); please install: $1"
    fi
}

links_libpcap() {
    printf '#include <pcap/pcap.h>\nint main(void) { return pcap_lib_version() == 0; }\n' |
        cc -x c - -o /dev/null -lpcap >/dev/null 2>&1
}

have "${CARGO:-cargo}" || fail "no cargo found; install Rust 1.88 or later: https://rustup.rs"

if ! have cc; then
    say "no C compiler (cc) found"
    install "gcc libc6-dev" "gcc glibc-devel" "gcc musl-dev" gcc "gcc glibc-devel" gcc
fi
if ! links_libpcap; then
    say "libpcap and its headers are missing"
    install libpcap-dev libpcap-devel libpcap-dev libpcap libpcap-devel libpcap
    [ -n "${DEPS_DRY_RUN:-}" ] || links_libpcap || fail "a C program still cannot be linked with -lpcap"
fi
