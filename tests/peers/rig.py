"""Two network namespaces joined by a cable, a recorder on the plant's end of it, and a note of what truly happened.

The plant holds the asset; abroad is the other side of the border. Whatever runs, runs inside these two namespaces, is
stopped by the pids that live in them, and leaves nothing behind, also when a peer fails. Each namespace has its own
accounts (`/etc/netns/NAME`, which `ip netns exec` lays over `/etc`): no user or password of this machine takes part.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import capture

ASSET, ASSET6 = "10.20.0.10", "2001:db8:20::10"
REMOTE, REMOTE6 = "198.51.100.7", "2001:db8:ab::7"
USER, PASSWORD, WRONG = "operator", "plant-4711", "letmein"

PROGRAMS = Path(__file__).resolve().parent / "programs"
PYTHON = "/usr/bin/python3"
VENV = Path.home() / ".cache/borderflow-peers"
FROM_PIP = VENV / "bin/python"
SIDES = {
    "plant": {"mac": "02:00:00:00:20:10", "addresses": (ASSET, ASSET6)},
    "abroad": {"mac": "02:00:00:00:ab:07", "addresses": (REMOTE, REMOTE6)},
}
TRAFFIC = "tcp or udp or icmp"


class Rig:
    """One run of one peer: `with Rig(...) as rig`, and the capture and its truth are written when it ends well."""

    def __init__(self, peer, out):
        self.peer, self.out = peer, Path(out)
        self.names = {side: f"bf-{side}-{os.getpid()}" for side in SIDES}
        self.truths = []

    def __enter__(self):
        self.scratch = Path(tempfile.mkdtemp(prefix=f"bf-{self.peer}-"))
        self.scratch.chmod(0o755)
        try:
            self._write_accounts()
            self._join_namespaces()
            self._start_recorder()
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            time.sleep(0.4)
            self.recorder.send_signal(signal.SIGINT)
            self.recorder.wait(5)
            self.recorded = (self.scratch / "capture.pcap").read_bytes()
        finally:
            self._clear()
        if kind is None:
            self._write_truth()

    def start(self, side, *command, **options):
        """Starts a program in a namespace; it lives until the rig ends."""
        log = (self.scratch / f"{Path(str(command[0])).name}.log").open("ab")
        options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log} | options
        return subprocess.Popen(self._inside(side, command), start_new_session=True, **options)

    def run(self, side, *command, expect=0, within_s=60, **options):
        """Runs a program in a namespace to its end and returns what it printed; another exit status is an error."""
        options = {"stdin": subprocess.DEVNULL} | options
        if "input" in options:
            del options["stdin"]
        done = subprocess.run(
            self._inside(side, command), timeout=within_s, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            **options)
        if expect is not None and done.returncode != expect:
            raise RuntimeError(f"{command}: exit {done.returncode}, expected {expect}\n{done.stdout}")
        return done.stdout

    def talk(self, side, *command, **options):
        """Starts a program whose terminal is typed into."""
        return Talk(self.start(
            side, *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options))

    def wait_for_port(self, side, port, transport="tcp", within_s=15):
        """Waits until something listens."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            listening = self.run(side, "ss", "-Hln", "--tcp" if transport == "tcp" else "--udp")
            if any(line.split()[3].endswith(f":{port}") for line in listening.splitlines()):
                return
            time.sleep(0.1)
        raise RuntimeError(f"{side}: nobody listens on {transport} {port}\n{self.logs()}")

    def wait_for_link(self, side, device, within_s=10):
        """Waits until a network device is there."""
        until = time.monotonic() + within_s
        while not self.run(side, "ip", "-o", "link", "show", "dev", device, expect=None).startswith(tuple("123456789")):
            if time.monotonic() > until:
                raise RuntimeError(f"{side}: no device {device}\n{self.logs()}")
            time.sleep(0.1)

    def wait_for_log(self, name, text, within_s=15):
        """Waits until a log in the scratch folder says it."""
        until = time.monotonic() + within_s
        path = self.scratch / name
        while not path.exists() or text not in path.read_text(errors="replace"):
            if time.monotonic() > until:
                raise RuntimeError(f"{name} never said {text!r}\n{self.logs()}")
            time.sleep(0.1)

    @contextlib.contextmanager
    def truth(self, protocol, port, *, asset=ASSET, remote=REMOTE, transport="tcp", class_="A", direction="inbound",
              managed=True, login="none", sessions=1, notes="", **more):
        """Notes what happens inside the block; the block may still add to what it is given."""
        commands = {kind: more.pop(kind, 0) for kind in ("read", "write", "control", "program")}
        truth = {
            "peer": self.peer, "asset": asset, "remote": remote, "protocol": protocol, "transport": transport,
            "port": port, "class": class_, "direction": direction, "managed": managed, "login": login,
            "sessions": sessions, "commands": commands, "start": round(time.time(), 3), "end": None, "notes": notes,
        } | more
        yield truth
        time.sleep(0.3)
        truth["end"] = round(time.time(), 3)
        self.truths.append(truth)

    def file(self, name, text, mode=0o644):
        """Writes a file into the scratch folder."""
        path = self.scratch / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def logs(self):
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-2000:]}"
                         for path in sorted(self.scratch.glob("*.log")))

    def _inside(self, side, command):
        return ["ip", "netns", "exec", self.names[side], *map(str, command)]

    def _write_accounts(self):
        home = self.scratch / "home"
        home.mkdir()
        (home / ".hushlogin").touch()
        os.chown(home, 20001, 20001)
        digest = subprocess.check_output(["openssl", "passwd", "-6", PASSWORD], text=True).strip()
        lines = {
            "passwd": f"{USER}:x:20001:20001::{home}:/bin/sh\n",
            "shadow": f"{USER}:{digest}:20000:0:99999:7:::\n",
            "group": f"{USER}:x:20001:\n",
        }
        for side, name in self.names.items():
            etc = Path("/etc/netns") / name
            etc.mkdir(parents=True)
            for file, line in lines.items():
                (etc / file).write_text(Path("/etc", file).read_text() + line)
                (etc / file).chmod(0o640 if file == "shadow" else 0o644)
            (etc / "hosts").write_text(f"127.0.0.1 localhost {side}\n{ASSET} asset\n{REMOTE} remote\n")
            (etc / "resolv.conf").write_text("# no name server\n")

    def _join_namespaces(self):
        for name in self.names.values():
            sh("ip", "netns", "add", name)
        plant, abroad = self.names.values()
        sh("ip", "-n", plant, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", abroad)
        for side in SIDES:
            self._raise_link(side)

    def _raise_link(self, side):
        here, there = SIDES[side], next(SIDES[other] for other in SIDES if other != side)
        name = self.names[side]
        ip = ["ip", "-n", name]
        sh("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0",
           "net.ipv6.conf.eth0.router_solicitations=0", "net.ipv4.ping_group_range=0 2147483647")
        sh("ip", "netns", "exec", name, "ethtool", "-K", "eth0", "tso", "off", "gso", "off", "gro", "off", "tx", "off",
           stdout=subprocess.DEVNULL)
        sh(*ip, "link", "set", "lo", "up")
        sh(*ip, "link", "set", "eth0", "address", here["mac"], "addrgenmode", "none")
        sh(*ip, "link", "set", "eth0", "up")
        for address, length in zip(here["addresses"], (24, 64)):
            sh(*ip, "address", "add", f"{address}/{length}", "dev", "eth0")
        for address, length in zip(there["addresses"], (32, 128)):
            sh(*ip, "route", "add", f"{address}/{length}", "dev", "eth0")
            sh(*ip, "neighbour", "add", address, "lladdr", there["mac"], "dev", "eth0", "nud", "permanent")

    def _start_recorder(self):
        self.out.mkdir(parents=True, exist_ok=True)
        self.recorder = subprocess.Popen(
            self._inside("plant", ["tcpdump", "-i", "eth0", "-s", "0", "-U", "--immediate-mode", "-Z", "root",
                                   "-w", self.scratch / "capture.pcap", TRAFFIC]),
            start_new_session=True, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while "listening on" not in (line := self.recorder.stderr.readline()):
            if not line:
                raise RuntimeError("tcpdump ended before it listened")

    def _write_truth(self):
        path = self.out / f"{self.peer}.pcap"
        path.write_bytes(self.recorded)
        capture.check(self.recorded, self.truths)
        path.with_suffix(".json").write_text(json.dumps(self.truths, indent=2, ensure_ascii=False) + "\n")

    def _clear(self):
        for name in self.names.values():
            end_all_in(name)
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL)
            shutil.rmtree(Path("/etc/netns") / name, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)


class Talk:
    """A program at a terminal: what it shows is waited for, lines are typed."""

    def __init__(self, process):
        self.process, self.shown = process, ""

    def expect(self, text, within_s=15):
        until = time.monotonic() + within_s
        while text not in self.shown:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                raise RuntimeError(f"waited for {text!r}, was shown {self.shown!r}")
            self.shown += piece.decode(errors="replace")
        self.shown = self.shown.split(text, 1)[1]

    def say(self, line, after_s=0.2, enter="\n"):
        time.sleep(after_s)
        self.process.stdin.write(f"{line}{enter}".encode())
        self.process.stdin.flush()

    def end(self, within_s=10):
        self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(within_s)


def end_all_in(name):
    """Ends every process of a namespace the rig made: politely, then for certain."""
    for sig in (signal.SIGTERM, signal.SIGKILL):
        pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
        for pid in pids.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), sig)
        if pids.stdout:
            time.sleep(0.3)


def sh(*command, **options):
    subprocess.run([str(word) for word in command], check=True, **options)
