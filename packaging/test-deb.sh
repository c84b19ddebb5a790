#!/bin/bash
# Takes a package through its life in a clean Debian that runs systemd: installed, configured, started, reloaded, upgraded,
# removed, purged. Usage: packaging/test-deb.sh PACKAGE.deb
#
# Needs root, debootstrap, python3, and Debian's archive (MIRROR, SUITE). The machine it runs on stays as it is: the Debian is
# a directory with namespaces, a network and a cgroup of its own, and gone in the end (WORK names a directory that stays).
set -euo pipefail

package=$(realpath "${1:?usage: test-deb.sh PACKAGE.deb}")
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}
work=${WORK:-$(mktemp -d /tmp/test-deb.XXXXXX)}
mkdir -p "$work"
root=$work/root
cgroups=$(findmnt --noheadings --output TARGET --types cgroup2 | head -n 1)
cgroup=$cgroups/test-deb-$$
init=

say() { printf 'test-deb: %s\n' "$*" >&2; }
fail() {
    say "FAILED: $*"
    [ -z "$init" ] || inside journalctl --no-pager --unit borderflow --lines 20 >&2 || true
    exit 1
}
# check SENTENCE COMMAND…: the sentence is true where the command succeeds.
check() {
    local sentence=$1
    shift
    "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; fail "$sentence ($*)"; }
    say "ok: $sentence"
}
# is WHAT EXPECTED COMMAND…: the command says what is expected.
is() {
    local what=$1 expected=$2 said
    shift 2
    said=$("$@" 2>&1) || true
    [ "$said" = "$expected" ] || fail "$what is «$said», not «$expected»"
    say "ok: $what is ${expected:-nothing}"
}
# soon SENTENCE COMMAND…: within 20 seconds, or $patience.
soon() {
    local sentence=$1
    shift
    for _ in $(seq $((${patience:-20} * 5))); do
        if "$@" >/dev/null 2>&1; then
            say "ok: $sentence"
            return
        fi
        sleep 0.2
    done
    fail "$sentence, within ${patience:-20} s ($*)"
}
inside() { nsenter --target "$init" --all env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
shell() { inside sh -euc "$1"; }
# There is no network inside; what is needed lies in apt's cache.
apt() { inside apt-get --quiet --quiet --yes -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"; }
property() { inside systemctl show --value --property "$1" borderflow; }
modes() { inside stat --format '%a %U:%G' "$@"; }

clean_up() {
    trap - EXIT
    [ -z "$init" ] || kill -KILL "$init" 2>/dev/null || true
    [ -z "${runner:-}" ] || wait "$runner" 2>/dev/null || true
    if [ -d "$cgroup" ]; then
        sleep 0.5
        find "$cgroup" -depth -type d -exec rmdir {} \; 2>/dev/null || true
    fi
    [ -n "${WORK:-}" ] || rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

main() {
    [ "$(id -u)" -eq 0 ] || fail "must be root"
    make_root
    boot
    install
    unconfigured
    starts
    reloads
    survives
    upgrades
    removes
    purges
    say "all of it holds for $(basename "$package") on $suite"
}

# The base system, the shells whose completions are checked, and what the package depends on, fetched but not installed.
make_root() {
    [ -n "$cgroups" ] || fail "no cgroup2 file system is mounted here"
    say "making a clean $suite in $root (a minute or two)"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,iproute2,man-db,zsh,fish "$suite" "$root" "$mirror" \
        >"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; fail "debootstrap"; }
    cp "$package" "$root/srv/old.deb"
    repack
    chroot "$root" apt-get --quiet --quiet --yes --download-only install /srv/old.deb >"$work/log" 2>&1 ||
        { tail -n 5 "$work/log" >&2; fail "Debian has not what the package depends on"; }
}

# The same package with a higher version and another default configuration.
repack() {
    dpkg-deb --raw-extract "$package" "$work/new"
    sed -i 's/^Version: .*/&+upgrade/' "$work/new/DEBIAN/control"
    sed -i '1i # Of the newer package.' "$work/new/etc/borderflow/config.toml"
    if [ -e "$work/new/DEBIAN/md5sums" ]; then
        (cd "$work/new" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    fi
    dpkg-deb --root-owner-group -Zgzip -z1 --build "$work/new" "$root/srv/new.deb" >/dev/null
    rm -r "$work/new"
}

# systemd as the first process of namespaces of its own, in a cgroup of its own. It can change nothing of the machine:
# /proc/sys and /sys are read-only, and it has no power over modules, clock and kernel log.
boot() {
    mkdir "$cgroup"
    cat >"$work/boot" <<'BOOT'
set -eu
cd "$1"
mount --rbind . .
cd "$1"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
    : >"dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mkdir -p outside
pivot_root . outside
umount -l outside
rmdir outside
hostname sensor
ip link set lo up
exec env -i container=test-deb PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    setpriv --bounding-set=-sys_module,-sys_rawio,-sys_time,-syslog \
    /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no
BOOT
    (
        echo "$BASHPID" >"$cgroup/cgroup.procs"
        exec unshare --mount --propagation private --pid --fork --kill-child --uts --ipc --net --cgroup \
            sh "$work/boot" "$root"
    ) >"$work/boot.log" 2>&1 &
    runner=$!
    soon "a process starts in namespaces of its own" pgrep --parent "$runner"
    init=$(pgrep --parent "$runner")
    soon "systemd runs" inside systemctl is-system-running
}

install() {
    shell 'getent passwd borderflow && exit 1 || true'
    apt install /srv/old.deb >"$work/install.log" 2>&1 || { cat "$work/install.log" >&2; fail "it can be installed"; }
    check "installing says what is left to do" grep -q 'systemctl start borderflow' "$work/install.log"
    is "the user's shell" /usr/sbin/nologin shell 'getent passwd borderflow | cut -d: -f7'
    is "the program" '755 root:root' modes /usr/bin/borderflow
    is "the configuration's directory" '750 root:borderflow' modes /etc/borderflow
    is "the configuration" '640 root:borderflow' modes /etc/borderflow/config.toml
    is "the directory of the journal" '750 borderflow:borderflow' modes /var/lib/borderflow
    is "the directory of the alerts" '750 borderflow:borderflow' modes /var/log/borderflow
    is "what differs from the package" '' inside dpkg --verify borderflow
    is "the service after a boot" enabled inside systemctl is-enabled borderflow
    is "the service" inactive inside systemctl is-active borderflow
    is "what systemd finds wrong with the unit" '' inside systemd-analyze verify --man=yes /usr/lib/systemd/system/borderflow.service
    say "$(inside systemd-analyze security --no-pager borderflow | sed -n 's/.*Overall exposure/exposure/p')"
    check "bash reads its completions" inside bash -n /usr/share/bash-completion/completions/borderflow
    check "zsh reads its completions" inside zsh -n /usr/share/zsh/vendor-completions/_borderflow
    check "fish reads its completions" inside fish --no-execute /usr/share/fish/vendor_completions.d/borderflow.fish
    is "what man finds wrong with the manual" '' \
        shell 'for page in /usr/share/man/man1/borderflow*; do man --warnings --encoding=UTF-8 --local-file "$page" 2>&1 >/dev/null; done'
    check "the manual has a page for the daemon" shell 'man --where borderflow-monitor'
    check "documents, copyright and licences are there" \
        shell 'cd /usr/share/doc/borderflow && test -s deploy.md && test -s copyright && test -s changelog.Debian.gz && test -s libraries.gz'
    check "the installed configuration is valid" inside borderflow check -c /etc/borderflow/config.toml
}

# As installed, it names no interface: that is said, once.
unconfigured() {
    if inside systemctl start borderflow 2>/dev/null; then
        fail "it starts without an interface"
    fi
    is "the exit status without an interface" 2 property ExecMainStatus
    sleep 6
    is "how often systemd tried again" 0 property NRestarts
    check "the log says that interfaces are missing" shell 'journalctl --no-pager --unit borderflow | grep -i interface'
}

# span0 is what a switch mirrors to, feed0 the switch.
plug_in() {
    inside ip link add span0 type veth peer name feed0
    inside ip link set span0 up
    inside ip link set feed0 up
}

starts() {
    plug_in
    shell 'sed -i "s/^interfaces = \[\]/interfaces = [\"span0\"]/" /etc/borderflow/config.toml'
    inside systemctl reset-failed borderflow
    check "it starts, and says when it is ready" inside systemctl start borderflow
    is "the service" active inside systemctl is-active borderflow
    local pid
    pid=$(property MainPID)
    is "its user" borderflow shell "stat --format %U /proc/$pid"
    # 0x2000: CAP_NET_RAW.
    is "capabilities beyond CAP_NET_RAW" '' \
        shell "cat /proc/$pid/task/*/status | sed -n 's/^Cap\(Prm\|Eff\|Bnd\|Amb\):\t//p' | grep -vE '^0000000000000000$|^0000000000002000$' || true"
    is "whether it can gain privileges" 1 shell "sed -n 's/^NoNewPrivs:\t//p' /proc/$pid/status"
    is "its interface" 'promiscuity 1' shell "ip -d link show span0 | grep -o 'promiscuity [0-9]*'"
    feed
    soon "an alert about it is in the file" shell 'grep -q . /var/log/borderflow/alerts.ndjson'
    is "the file of alerts" '640 borderflow:borderflow' modes /var/log/borderflow/alerts.ndjson
    is "the owner of the journal" 'borderflow:borderflow' inside stat --format %U:%G /var/lib/borderflow/journal.db
    # Its exit status is not asked: databases of some age are a fault to it.
    check "borderflow status knows the interface" shell 'borderflow status | grep -qE "^span0 +up"'
}

# An answered TCP connection of 10.0.0.5 with 223.5.5.5, a resolver of Alibaba in Hangzhou.
feed() {
    nsenter --target "$init" --net python3 - <<'FEED' || fail "frames can be sent"
import socket, struct, time
CLIENT, SERVER = ("10.0.0.5", 40000, b"\x02\0\0\0\0\5"), ("223.5.5.5", 443, b"\x02\0\0\0\0\1")
def frame(source, target, flags, seq, ack, payload=b""):
    tcp = struct.pack("!HHIIBBHHH", source[1], target[1], seq, ack, 0x50, flags, 64240, 0, 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0,
                     socket.inet_aton(source[0]), socket.inet_aton(target[0]))
    return target[2] + source[2] + b"\x08\0" + ip + tcp
frames = [
    frame(CLIENT, SERVER, 0x02, 1000, 0), frame(SERVER, CLIENT, 0x12, 5000, 1001), frame(CLIENT, SERVER, 0x10, 1001, 5001),
    frame(CLIENT, SERVER, 0x18, 1001, 5001, b"x" * 1200), frame(SERVER, CLIENT, 0x10, 5001, 2201),
    frame(SERVER, CLIENT, 0x18, 5001, 2201, b"y" * 100), frame(CLIENT, SERVER, 0x10, 2201, 5101),
]
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(("feed0", 0))
for each in frames:
    out.send(each)
    time.sleep(0.01)
FEED
    say "ok: frames are sent through the mirrored interface"
}

reloads() {
    local pid
    pid=$(property MainPID)
    shell 'printf "\n[[asset]]\nname = \"kept\"\naddresses = [\"10.0.0.5\"]\n" >>/etc/borderflow/config.toml'
    check "it reloads" inside systemctl reload borderflow
    soon "it runs on after the reload" inside systemctl is-active borderflow
    is "its process after the reload" "$pid" property MainPID
}

# Under the unit's restrictions: an interface that comes back, processors, a crash, a hang.
survives() {
    local pid
    inside ip link delete span0
    soon "it says that the interface is gone" shell 'borderflow status | grep -qE "^span0 +gone"'
    plug_in
    soon "it listens to the interface that came back" shell 'borderflow status | grep -qE "^span0 +up"'
    is "that interface" 'promiscuity 1' shell "ip -d link show span0 | grep -o 'promiscuity [0-9]*'"

    shell 'sed -i "s/^cpus = \[\]/cpus = [0]/" /etc/borderflow/config.toml'
    check "it starts anew with a processor named" inside systemctl restart borderflow
    pid=$(property MainPID)
    soon "its shard keeps to that processor" \
        shell "for thread in /proc/$pid/task/*; do ! grep -q shard-0 \$thread/comm || grep -qP '^Cpus_allowed_list:\t0\$' \$thread/status; done"

    inside systemctl kill --signal=KILL borderflow
    soon "it is there again after a crash" shell "test \"\$(systemctl show --value --property MainPID borderflow)\" -gt $pid && systemctl is-active borderflow"
    pid=$(property MainPID)
    inside systemctl kill --signal=STOP borderflow
    patience=60 soon "it is there again after a hang" shell "test \"\$(systemctl show --value --property MainPID borderflow)\" -gt $pid && systemctl is-active borderflow"
}

upgrades() {
    local pid journal alerts
    pid=$(property MainPID)
    journal=$(inside stat --format %i /var/lib/borderflow/journal.db)
    alerts=$(shell 'head -n 1 /var/log/borderflow/alerts.ndjson')
    apt install /srv/new.deb >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "it can be upgraded"; }
    is "what dpkg says" 'install ok installed' shell "dpkg-query --show --showformat '\${Status}' borderflow"
    check "the version is the newer" shell "dpkg-query --show --showformat '\${Version}' borderflow | grep -q +upgrade"
    check "the configuration keeps what was changed" shell 'grep -q span0 /etc/borderflow/config.toml && grep -q kept /etc/borderflow/config.toml'
    check "the newer configuration lies beside it" grep -q 'Of the newer package' "$root/etc/borderflow/config.toml.dpkg-dist"
    is "the configuration" '640 root:borderflow' modes /etc/borderflow/config.toml
    is "the service" active inside systemctl is-active borderflow
    [ "$(property MainPID)" != "$pid" ] || fail "the newer program does not run"
    say "ok: the newer program runs"
    is "the journal's inode" "$journal" inside stat --format %i /var/lib/borderflow/journal.db
    check "the journal is whole" inside borderflow journal verify --journal /var/lib/borderflow/journal.db
    [ "$(shell 'head -n 1 /var/log/borderflow/alerts.ndjson')" = "$alerts" ] || fail "the alerts stay"
    say "ok: the alerts stay"
}

removes() {
    apt remove borderflow >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "it can be removed"; }
    is "the service" inactive inside systemctl is-active borderflow
    check "the program is gone" shell '! test -e /usr/bin/borderflow'
    check "journal, alerts, configuration and user stay" \
        shell 'test -s /var/lib/borderflow/journal.db && test -s /var/log/borderflow/alerts.ndjson && grep -q kept /etc/borderflow/config.toml && getent passwd borderflow'
    apt install /srv/new.deb >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "it can be installed again"; }
    is "the service after a boot" enabled inside systemctl is-enabled borderflow
    check "it starts again with the configuration that stayed" inside systemctl start borderflow
    check "it stops" inside systemctl stop borderflow
    is "how it stopped" success property Result
}

purges() {
    apt purge borderflow >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "it can be purged"; }
    is "what is left of it" '' \
        shell 'find / -xdev \( -path /srv -o -path /proc -o -path /sys -o -path /var/log/journal -o -path /var/cache/man \) -prune -o -iname "*borderflow*" -print'
    check "the user is gone" shell '! getent passwd borderflow && ! getent group borderflow'
}

main
