"""Tunnels the asset opens to somebody abroad; what goes on inside cannot be read, only that they are there."""

from rig import REMOTE

INSIDE = {"plant": "10.99.0.2", "abroad": "10.99.0.1"}


def wireguard(rig):
    """wireguard-go on both sides, three pings inside."""
    keys = {side: new_key(rig, side) for side in INSIDE}
    for side, other in (("abroad", "plant"), ("plant", "abroad")):
        device = f"wg-{side}"
        rig.start(side, "wireguard-go", "-f", device)
        rig.wait_for_link(side, device)
        far = ["endpoint", f"{REMOTE}:51820"] if side == "plant" else []
        rig.run(side, "wg", "set", device, "listen-port", 51820 if side == "abroad" else 51821, "private-key",
                keys[side][0], "peer", keys[other][1], "allowed-ips", "10.99.0.0/24", *far)
        rig.run(side, "ip", "address", "add", f"{INSIDE[side]}/24", "dev", device)
        rig.run(side, "ip", "link", "set", device, "up")
    with rig.truth("wireguard", 51820, transport="udp", class_="B", direction="outbound", managed=False,
                   login="unknown", notes="handshake begun by the asset, three pings inside; recognise only"):
        rig.run("plant", "ping", "-c", "3", "-i", "0.3", INSIDE["abroad"])


def openvpn(rig):
    """OpenVPN over UDP, TLS between two self-signed certificates."""
    tunnel(rig, "udp", 1194)


def openvpn_tcp(rig):
    """The same over TCP on the port of HTTPS, as it passes firewalls."""
    tunnel(rig, "tcp", 443)


def tunnel(rig, transport, port):
    for side in INSIDE:
        rig.run(side, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", f"/CN={side}", "-days", "3650", "-keyout", rig.scratch / f"{side}.key",
                "-out", rig.scratch / f"{side}.pem")
    server, client = ("udp", "udp") if transport == "udp" else ("tcp-server", "tcp-client")
    serve(rig, "abroad", "--tls-server", "--dh", "none", "--proto", server, "--local", REMOTE, "--lport", port)
    rig.wait_for_port("abroad", port, transport)
    with rig.truth("openvpn", port, transport=transport, class_="B", direction="outbound", managed=False,
                   login="unknown", notes="TLS handshake begun by the asset, three pings inside; recognise only"):
        serve(rig, "plant", "--tls-client", "--proto", client, "--remote", REMOTE, port, "--nobind",
              "--connect-retry", "1")
        for side in INSIDE:
            rig.wait_for_log(f"openvpn-{side}.log", "Initialization Sequence Completed")
        rig.run("plant", "ping", "-c", "3", "-i", "0.3", INSIDE["abroad"])


def serve(rig, side, *options):
    other = next(name for name in INSIDE if name != side)
    fingerprint = rig.run(side, "openssl", "x509", "-in", rig.scratch / f"{other}.pem", "-noout", "-fingerprint",
                          "-sha256")
    rig.start(side, "openvpn", "--dev", "tun", "--ifconfig", INSIDE[side], INSIDE[other], "--cert",
              rig.scratch / f"{side}.pem", "--key", rig.scratch / f"{side}.key", "--peer-fingerprint",
              fingerprint.strip().split("=")[1], "--log", rig.scratch / f"openvpn-{side}.log", *options)


def new_key(rig, side):
    private = rig.run(side, "wg", "genkey").strip()
    path = rig.file(f"{side}.key", private, 0o600)
    return path, rig.run(side, "wg", "pubkey", input=private).strip()


NEEDS = ["wireguard-go", "wireguard-tools", "openvpn", "iputils-ping"]
PEERS = {"wireguard": wireguard, "openvpn": openvpn, "openvpn-tcp": openvpn_tcp}
