"""Command lines: OpenSSH in all the directions a connection may be opened, and Telnet."""

import os

from rig import PASSWORD, USER, WRONG, ASSET, REMOTE

SSHD = "/usr/sbin/sshd"
QUIET = ["-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
         "-o", "LogLevel=ERROR", "-o", "HostKeyAlgorithms=ssh-ed25519"]
SMALL = ["-o", "KexAlgorithms=curve25519-sha256", "-o", "Ciphers=aes128-ctr", "-o", "MACs=hmac-sha2-256"]


def ssh(rig):
    """The plain case: the asset is a server, somebody abroad is its client."""
    key = serve_ssh(rig, "plant")
    with rig.truth("ssh", 22, login="granted", notes="public key; a shell, `id`, `uname -s`, exit (encrypted)"):
        shell = rig.talk("abroad", "ssh", *QUIET, "-tt", "-i", key, f"{USER}@{ASSET}")
        for command, answer in (("id", "uid=20001"), ("uname -s", "Linux")):
            shell.expect("$ ")
            shell.say(command)
            shell.expect(answer)
        shell.say("exit")
        shell.end()
    with rig.truth("ssh", 22, managed=False, login="refused", notes="one wrong password, then the client gives up"):
        try_password(rig, WRONG, expect=255)


def ssh_brute(rig):
    """Ten wrong passwords, one connection each, and then the right one."""
    serve_ssh(rig, "plant")
    with rig.truth("ssh", 22, managed=False, login="refused", sessions=10,
                   notes="brute force: ten connections with one wrong password each"):
        for attempt in range(10):
            try_password(rig, f"{WRONG}{attempt}", expect=255)
    with rig.truth("ssh", 22, login="granted", notes="the eleventh password is right; `id` is run (encrypted)"):
        try_password(rig, PASSWORD, expect=0)


def ssh_reverse(rig):
    """The asset opens the TCP connection and is the SSH server on it."""
    key = serve_ssh(rig, "plant", listen=False)
    with rig.truth("ssh", 443, direction="outbound", login="granted",
                   notes="the asset dials out and is the SSH server on its connection; `id`, `uname -s` (encrypted)"):
        shell = rig.talk("abroad", "ssh", *QUIET, "-tt", "-i", key,
                         "-o", "ProxyCommand=socat STDIO TCP-LISTEN:443,reuseaddr", f"{USER}@device")
        rig.wait_for_port("abroad", 443)
        rig.start("plant", "socat", f"TCP:{REMOTE}:443", f"EXEC:{SSHD} -i -f {rig.scratch}/sshd_config")
        for command, answer in (("id", "uid=20001"), ("uname -s", "Linux")):
            shell.expect("$ ")
            shell.say(command)
            shell.expect(answer)
        shell.say("exit")
        shell.end()


def ssh_tunnel(rig):
    """`ssh -R`: the asset is the client of the connection; a shell on it comes back through the tunnel."""
    key = serve_ssh(rig, "abroad")
    rig.start("plant", SSHD, "-D", "-e", "-f", rig.scratch / "sshd_config", "-o", "ListenAddress=127.0.0.1")
    rig.wait_for_port("plant", 22)
    with rig.truth("ssh", 22, class_="C", direction="outbound", login="unknown",
                   notes="ssh -R: the asset logs in abroad; a shell on the asset comes back inside: 8 commands, "
                         "each after 2.4 s of silence and answered with about 1.5 kB (encrypted twice)"):
        rig.start("plant", "ssh", *QUIET, "-N", "-i", key, "-R", "127.0.0.1:2222:127.0.0.1:22", f"{USER}@{REMOTE}")
        rig.wait_for_port("abroad", 2222)
        shell = rig.talk("abroad", "ssh", *QUIET, "-T", "-p", "2222", "-i", key, f"{USER}@127.0.0.1")
        for turn in range(8):
            shell.say(f"seq -s ' ' 1 400 | head -c 1500; echo; echo done-$((1000+{turn}))", after_s=2.4)
            shell.expect(f"done-{1000 + turn}")
        shell.say("exit", after_s=2.4)
        shell.end()


def telnet(rig):
    """inetutils-telnetd and login(1): everything in the clear."""
    rig.start("plant", "unshare", "--uts", "sh", "-c",
              "hostname asset; exec socat TCP-LISTEN:23,fork,reuseaddr EXEC:'/usr/sbin/telnetd -h',nofork")
    rig.wait_for_port("plant", 23)
    with rig.truth("telnet", 23, login="granted",
                   notes="one wrong password, then the right one; `id`, `uname -s`, exit, all in the clear"):
        terminal = rig.talk("abroad", "telnet", ASSET)
        for password, then in ((WRONG, "incorrect"), (PASSWORD, "$ ")):
            terminal.expect("login: ")
            terminal.say(USER)
            terminal.expect("Password: ")
            terminal.say(password)
            terminal.expect(then)
        terminal.say("id")
        terminal.expect("uid=20001")
        terminal.say("uname -s")
        terminal.expect("Linux")
        terminal.say("exit")
        terminal.end()
    with rig.truth("telnet", 23, managed=False, login="refused", notes="one wrong password, then the client leaves"):
        terminal = rig.talk("abroad", "telnet", ASSET)
        terminal.expect("login: ")
        terminal.say(USER)
        terminal.expect("Password: ")
        terminal.say(WRONG)
        terminal.expect("incorrect")
        terminal.process.terminate()
        terminal.end()


def rlogin(rig):
    """The Berkeley commands: rsh, which trusts the caller's port and name, and rlogin, which asks for a password."""
    for port, program in ((513, "in.rlogind"), (514, "in.rshd")):
        rig.start("plant", "unshare", "--uts", "sh", "-c",
                  f"hostname asset; exec socat TCP-LISTEN:{port},fork,reuseaddr EXEC:/usr/sbin/{program},nofork")
        rig.wait_for_port("plant", port)
    with rig.truth("rlogin", 513, login="granted", notes="a password asked for and given; `id`, exit, in the clear"):
        terminal = rig.talk("abroad", "script", "-qec", f"netkit-rlogin -l {USER} {ASSET}", "/dev/null")
        for prompt, line in (("assword: ", PASSWORD), ("$ ", "id"), ("uid=20001", "exit")):
            terminal.expect(prompt)
            terminal.say(line, enter="\r")
        terminal.end()
    trust = rig.scratch / "home" / ".rhosts"
    trust.write_text(f"{REMOTE} root\n")
    trust.chmod(0o600)
    os.chown(trust, 20001, 20001)
    with rig.truth("rsh", 514, login="granted", notes="no password, .rhosts trusts the caller: `id`, in the clear"):
        rig.run("abroad", "netkit-rsh", "-l", USER, ASSET, "id")


def serve_ssh(rig, side, listen=True):
    """An OpenSSH server with a key of its own; returns the key that opens it."""
    os.makedirs("/run/sshd", exist_ok=True)
    for name in ("host_key", "user_key"):
        rig.run(side, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", rig.scratch / name)
    public = (rig.scratch / "user_key.pub").read_text()
    rig.file("sshd_config", "\n".join([
        f"HostKey {rig.scratch}/host_key", f"AuthorizedKeysFile {rig.file('authorized', public)}",
        "PasswordAuthentication yes", "KbdInteractiveAuthentication no", "UsePAM no", "UseDNS no", "PrintMotd no",
        "PrintLastLog no", "StrictModes no", "PidFile none", ""]))
    if listen:
        rig.start(side, SSHD, "-D", "-e", "-f", rig.scratch / "sshd_config")
        rig.wait_for_port(side, 22)
    return rig.scratch / "user_key"


def try_password(rig, password, expect):
    ask = rig.file("askpass", f"#!/bin/sh\necho '{password}'\n", 0o755)
    env = os.environ | {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    rig.run("abroad", "ssh", *QUIET, *SMALL, "-o", "PreferredAuthentications=password",
            "-o", "NumberOfPasswordPrompts=1", f"{USER}@{ASSET}", "id", expect=expect, env=env)


NEEDS = ["openssh-server", "openssh-client", "socat", "inetutils-telnetd", "inetutils-telnet",
         "rsh-redone-server", "rsh-client"]
PEERS = {"ssh": ssh, "ssh-brute": ssh_brute, "ssh-reverse": ssh_reverse, "ssh-tunnel": ssh_tunnel, "telnet": telnet,
         "rlogin": rlogin}
