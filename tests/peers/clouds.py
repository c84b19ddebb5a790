"""What assets dial out to: brokers, relays, and TLS channels that are driven from the far end or only look like it."""

from rig import ASSET, PASSWORD, PROGRAMS, PYTHON, REMOTE, USER, WRONG

DEVICE = "inverter-0042"
BEHIND = "203.0.113.9"
NEIGHBOUR = "10.20.0.20"


def mqtt(rig):
    """mosquitto abroad: the asset listens to cmd/#, and somebody abroad publishes there."""
    serve_mqtt(rig)
    with rig.truth("mqtt", 1883, direction="outbound", login="granted", control=1,
                   notes="CONNECT inverter-0042, SUBSCRIBE cmd/#, 4 PUBLISH of telemetry; the broker pushes one "
                         "PUBLISH cmd/reboot {\"delay\":5}; the asset confirms on inverter-0042/ack"):
        device = rig.start("plant", *device_command(PASSWORD, reports=4, pause_s=0.8), "cmd/#")
        rig.wait_for_log("mosquitto.log", "cmd/# (QoS 1)")
        rig.run("abroad", "mosquitto_pub", "-h", "127.0.0.1", "-u", USER, "-P", PASSWORD, "-q", "1",
                "-t", "cmd/reboot", "-m", '{"delay":5}')
        finish(rig, device)


def mqtt_telemetry(rig):
    """The counter-example: the asset only reports. And a login that is refused."""
    serve_mqtt(rig)
    with rig.truth("mqtt", 1883, direction="outbound", managed=False, login="granted",
                   notes="CONNECT inverter-0042, 4 PUBLISH of telemetry with QoS 1, all acknowledged; nothing is "
                         "pushed to the asset"):
        finish(rig, rig.start("plant", *device_command(PASSWORD, reports=4, pause_s=0.8)))
    with rig.truth("mqtt", 1883, direction="outbound", managed=False, login="refused",
                   notes="CONNECT with a wrong password: CONNACK 5"):
        finish(rig, rig.start("plant", *device_command(WRONG, reports=0, pause_s=0)), expect=1)


def turn(rig):
    """coturn abroad relays between the asset and a peer behind it."""
    rig.run("abroad", "ip", "address", "add", f"{BEHIND}/32", "dev", "lo")
    serve_turn(rig)
    rig.start("abroad", "turnutils_peer", "-L", BEHIND, "-p", "3480")
    with rig.truth("turn", 3478, transport="udp", class_="A", direction="outbound", managed=False, login="granted",
                   behind=BEHIND, sessions=2,
                   notes="Allocate (401, then with credentials), CreatePermission and ChannelBind for "
                         "203.0.113.9:3480, then ChannelData both ways: the peer echoes; recognise the relay and the "
                         "peer behind it"):
        rig.run("plant", "turnutils_uclient", "-u", USER, "-w", PASSWORD, "-e", BEHIND, "-r", "3480", "-n", "4",
                "-m", "1", "-l", "80", "-c", REMOTE)
    with rig.truth("turn", 3478, transport="udp", class_="A", direction="outbound", managed=False, login="granted",
                   behind=BEHIND, sessions=2, notes="the same with Send and Data indications instead of a channel"):
        rig.run("plant", "turnutils_uclient", "-u", USER, "-w", PASSWORD, "-e", BEHIND, "-r", "3480", "-n", "4",
                "-m", "1", "-l", "80", "-c", "-s", REMOTE)


def relays(rig):
    """The asset reaches a web server behind a SOCKS and behind an HTTP proxy abroad; then it is such a relay itself."""
    rig.run("abroad", "ip", "address", "add", f"{BEHIND}/32", "dev", "lo")
    rig.run("plant", "ip", "address", "add", f"{NEIGHBOUR}/32", "dev", "lo")
    for side, address in (("abroad", BEHIND), ("plant", NEIGHBOUR)):
        rig.start(side, PYTHON, PROGRAMS / "web_admin.py", 80, f"{USER}:{PASSWORD}")
        rig.wait_for_port(side, 80)
    rig.start("abroad", "microsocks", "-i", REMOTE, "-p", 1080)
    rig.start("abroad", "tinyproxy", "-d", "-c", rig.file("tinyproxy.conf", f"Port 8888\nListen {REMOTE}\n"))
    rig.start("plant", "microsocks", "-i", ASSET, "-p", 1080)
    for side, port in (("abroad", 1080), ("abroad", 8888), ("plant", 1080)):
        rig.wait_for_port(side, port)
    curl = ["curl", "-sS", "-o", "/dev/null"]
    out = {"direction": "outbound", "managed": False, "behind": BEHIND}
    with rig.truth("socks", 1080, notes="SOCKS5 CONNECT 203.0.113.9:80, then HTTP; recognise the peer behind", **out):
        rig.run("plant", *curl, "-x", f"socks5://{REMOTE}:1080", f"http://{BEHIND}/")
    with rig.truth("http", 8888, notes="CONNECT 203.0.113.9:80, then HTTP; recognise the peer behind", **out):
        rig.run("plant", *curl, "-p", "-x", f"http://{REMOTE}:8888", f"http://{BEHIND}/")
    with rig.truth("socks", 1080, behind=NEIGHBOUR, notes="SOCKS5 CONNECT 10.20.0.20:80 through the asset: somebody "
                   "abroad reaches a neighbour of the asset by it"):
        rig.run("abroad", *curl, "-x", f"socks5://{ASSET}:1080", f"http://{NEIGHBOUR}/")


def cwmp(rig):
    """TR-069: called from abroad, the asset dials out, and is read, set and rebooted."""
    device = rig.start("plant", PYTHON, "-B", PROGRAMS / "cwmp_device.py", 7547, REMOTE, 7548)
    rig.wait_for_port("plant", 7547)
    with rig.truth("cwmp", 7547, managed=False, notes="connection request: GET / on the asset, 200; what follows is "
                   "in the next entry, which begins inside this one") as call:
        with rig.truth("cwmp", 7548, direction="outbound", read=1, write=1, control=1,
                       notes="the asset informs (6 CONNECTION REQUEST) and is told GetParameterValues, "
                             "SetParameterValues (Device.ManagementServer.URL), Reboot; all answered"):
            rig.run("abroad", PYTHON, "-B", PROGRAMS / "cwmp_server.py", 7548, f"http://{ASSET}:7547/")
            finish(rig, device)
    rig.truths.sort(key=lambda truth: truth is not call)


def tls_driven(rig):
    """Behaves like management: the far end speaks first after silence, the asset answers at length, twelve times."""
    channel(rig, "driven", managed=True, notes="12 exchanges: the server sends 92-122 bytes after 2.2-2.4 s of "
            "silence, the asset answers 702-902 bytes")


def tls_telemetry(rig):
    """Counter-example: the asset speaks first."""
    channel(rig, "telemetry", notes="12 exchanges: the asset reports 502-542 bytes every 2.5 s, the server confirms "
            "with 42 bytes; must not look driven")


def tls_news(rig):
    """Counter-example: the server speaks first after silence, but nothing much comes back."""
    channel(rig, "news", notes="chat or notifications: 10 pushes of 152-422 bytes after 2.2-2.6 s of silence, each "
            "confirmed with 22 bytes; must not look driven")


def tls_longpoll(rig):
    """Counter-example: each answer comes after silence, and the next request follows it at once."""
    channel(rig, "longpoll", notes="HTTP long poll: 9 requests of 125 bytes, each held 2.6 s and answered 204 "
            "in 53 bytes, the next request at once; nothing is ever commanded; must not look driven")


def tls_longpoll_big(rig):
    """The hard counter-example: the request that follows each answer is more than four times as long."""
    channel(rig, "longpollbig", notes="HTTP long poll with a long cookie: 9 requests of about 590 bytes, each held "
            "2.6 s and answered 204 in 53 bytes, the next request within a millisecond; nothing is ever commanded: by "
            "lengths alone it is like tls-driven")


def tls_websocket(rig):
    """Counter-example: keep-alive that the server begins."""
    channel(rig, "websocket", notes="WebSocket: 12 pings of 6 bytes from the server, 2.5 s apart, each answered by a "
            "pong of 10 bytes; must not look driven")


def channel(rig, way, managed=False, notes=""):
    certificate, key = rig.scratch / "certificate.pem", rig.scratch / "key.pem"
    rig.run("abroad", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", "/CN=cloud.example", "-addext", "subjectAltName=DNS:cloud.example", "-days", "3650",
            "-keyout", key, "-out", certificate)
    program = [PYTHON, PROGRAMS / "tls_peer.py"]
    rig.start("abroad", *program, "server", certificate, key, 8443, way)
    rig.wait_for_port("abroad", 8443)
    with rig.truth("tls", 8443, class_="C", direction="outbound", login="unknown", managed=managed,
                   notes=f"TLS 1.3 to cloud.example; {notes}"):
        rig.run("plant", *program, "client", certificate, REMOTE, 8443, way)


def serve_mqtt(rig):
    accounts = rig.scratch / "accounts"
    rig.run("abroad", "mosquitto_passwd", "-b", "-c", accounts, USER, PASSWORD)
    accounts.chmod(0o644)
    config = rig.file("mosquitto.conf", f"listener 1883\nallow_anonymous false\npassword_file {accounts}\n"
                      f"log_type all\nuser {USER}\n")
    rig.start("abroad", "mosquitto", "-c", config)
    rig.wait_for_port("abroad", 1883)


def device_command(password, reports, pause_s):
    return [PYTHON, PROGRAMS / "mqtt_device.py", REMOTE, 1883, DEVICE, USER, password, reports, pause_s]


def serve_turn(rig):
    rig.start("abroad", "turnserver", "-n", "-L", REMOTE, "-p", "3478", "-a", "-u", f"{USER}:{PASSWORD}",
              "-r", "relay.example", "--no-cli", "--no-tls", "--no-dtls", "--min-port", "50000", "--max-port", "50020",
              "--log-file", "stdout", "--simple-log", "--pidfile", rig.scratch / "pid", "--db", rig.scratch / "turndb")
    rig.wait_for_port("abroad", 3478, "udp")


def finish(rig, process, expect=0):
    if process.wait(30) != expect:
        raise RuntimeError(f"exit {process.returncode}, expected {expect}\n{rig.logs()}")


NEEDS = ["mosquitto", "mosquitto-clients", "python3-paho-mqtt", "coturn", "microsocks", "tinyproxy-bin", "curl"]
PEERS = {
    "mqtt": mqtt, "mqtt-telemetry": mqtt_telemetry, "turn": turn, "relays": relays, "cwmp": cwmp,
    "tls-driven": tls_driven, "tls-telemetry": tls_telemetry, "tls-news": tls_news, "tls-longpoll": tls_longpoll,
    "tls-longpoll-big": tls_longpoll_big, "tls-websocket": tls_websocket,
}
