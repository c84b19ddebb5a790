"""Screens: VNC, RDP and X11, the asset being the one that is looked at."""

import os
import time

from rig import ASSET, PASSWORD, PROGRAMS, PYTHON, USER, WRONG

BARE = ["-nolisten", "unix", "-nolisten", "local", "-nolock"]


def vnc(rig):
    """TigerVNC with a password; the viewer is a script."""
    stored = rig.scratch / "vnc-password"
    stored.write_bytes(obfuscate(rig, PASSWORD))
    rig.start("plant", "Xtigervnc", ":70", "-geometry", "160x120", "-depth", "16", "-rfbport", "5900",
              "-SecurityTypes", "VncAuth", "-rfbauth", stored)
    rig.wait_for_port("plant", 5900)
    client = [PYTHON, PROGRAMS / "rfb_client.py", ASSET, 5900]
    with rig.truth("vnc", 5900, managed=False, login="refused", notes="RFB 3.8, a wrong password"):
        rig.run("abroad", *client, WRONG, expect=1)
    with rig.truth("vnc", 5900, login="granted",
                   notes="RFB 3.8, the right password: two looks at the screen, three keys, four moves of the pointer"):
        rig.run("abroad", *client, PASSWORD)


def rdp(rig):
    """xrdp and FreeRDP over TLS; the screen is a stamp, for the capture to stay small."""
    serve_rdp(rig)
    with rig.truth("rdp", 3389, login="granted", notes="TLS; a session is opened and left after seconds (encrypted)"):
        look(rig, PASSWORD, "xrdp-own.log", "connected ok")


def rdp_refused(rig):
    """The same with a wrong password."""
    serve_rdp(rig)
    with rig.truth("rdp", 3389, managed=False, login="refused",
                   notes="TLS; a wrong password (the answer is encrypted)"):
        look(rig, WRONG, "sesman-own.log", "AUTHFAIL")


def look(rig, password, log, outcome):
    """Logs in, waits for the server to log the outcome, looks on for a moment and leaves."""
    rig.start("abroad", "Xvfb", ":71", "-screen", "0", "320x240x16", "-nolock")
    env = os.environ | {"DISPLAY": ":71", "HOME": str(rig.scratch)}
    viewer = rig.start("abroad", "xfreerdp", f"/v:{ASSET}", f"/u:{USER}", f"/p:{password}", "/cert:ignore",
                       "/size:48x32", "/bpp:16", "/audio-mode:2", "-clipboard", env=env)
    rig.wait_for_log(log, outcome)
    time.sleep(1)
    viewer.terminate()
    viewer.wait(5)


def x11(rig):
    """An X server open to the network, and programs from abroad that use it."""
    rig.start("plant", "Xvfb", ":0", "-screen", "0", "160x120x16", "-ac", "-listen", "tcp", *BARE)
    rig.wait_for_port("plant", 6000)
    env = os.environ | {"DISPLAY": f"{ASSET}:0"}
    with rig.truth("x11", 6000, sessions=2, login="granted",
                   notes="no authorization asked for: xdpyinfo and xwininfo -root -tree look at the display"):
        rig.run("abroad", "xdpyinfo", "-queryExtensions", env=env)
        rig.run("abroad", "xwininfo", "-root", "-tree", env=env)


def serve_rdp(rig):
    rig.run("plant", "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=asset", "-days", "3650",
            "-keyout", rig.scratch / "key.pem", "-out", rig.scratch / "cert.pem")
    window = rig.file("startwm.sh", "#!/bin/sh\nexec sleep 60\n", 0o755)
    sesman = rig.file("sesman.ini", f"""[Globals]
ListenAddress=127.0.0.1
ListenPort=3350
EnableUserWindowManager=false
DefaultWindowManager={window}
[Security]
AlwaysGroupCheck=false
[Sessions]
X11DisplayOffset=72
MaxSessions=2
[Logging]
LogFile={rig.scratch}/sesman-own.log
EnableSyslog=false
[Xvnc]
param=Xtigervnc
param=-bs
param=-nolisten
param=tcp
param=-localhost
param=-br
""")
    ini = rig.file("xrdp.ini", f"""[Globals]
ini_version=1
fork=true
port=3389
security_layer=tls
certificate={rig.scratch}/cert.pem
key_file={rig.scratch}/key.pem
ssl_protocols=TLSv1.2, TLSv1.3
autorun=Xvnc
allow_channels=true
max_bpp=16
hidelogwindow=true
ls_logo_filename=none
ls_width=100
ls_height=100
[Logging]
LogFile={rig.scratch}/xrdp-own.log
EnableSyslog=false
[Xvnc]
name=Xvnc
lib=libvnc.so
username=ask
password=ask
ip=127.0.0.1
port=-1
""")
    rig.start("plant", "xrdp-sesman", "--nodaemon", "--config", sesman)
    rig.start("plant", "xrdp", "--nodaemon", "--config", ini)
    rig.wait_for_port("plant", 3389)


def obfuscate(rig, password):
    """The stored form of a VNC password: DES under the key every VNC server knows."""
    return bytes.fromhex(rig.run(
        "plant", PYTHON, "-B", "-c", "import rfb_client, sys; print(rfb_client.des("
        "bytes([23, 82, 107, 6, 35, 78, 88, 7]), sys.argv[1].encode()[:8].ljust(8, b'\\0')).hex())", password,
        cwd=PROGRAMS))


NEEDS = ["tigervnc-standalone-server", "xrdp", "freerdp2-x11", "xvfb", "x11-utils"]
PEERS = {"vnc": vnc, "rdp": rdp, "rdp-refused": rdp_refused, "x11": x11}
