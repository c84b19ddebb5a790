"""Both ends of a long-lived TLS connection, in one of the ways such connections are used.

tls_peer.py server CERTIFICATE KEY PORT WAY
tls_peer.py client CERTIFICATE HOST PORT WAY

The client is the asset and dials out. Each way is one function per end; every pause is longer than two seconds, unless
it says otherwise, so that each exchange begins after silence.
"""

import base64
import hashlib
import os
import socket
import ssl
import struct
import sys
import time

PAUSE_S = 2.2


class Line:
    """Messages with a length in front, over TLS."""

    def __init__(self, stream):
        self.stream = stream
        self.read = stream.makefile("rb").read

    def say(self, length):
        self.stream.sendall(struct.pack(">H", length) + os.urandom(length))

    def hear(self):
        return len(self.read(struct.unpack(">H", self.read(2))[0]))


def driven_server(line):
    """Asks after silence, a dozen times; each answer is several times as long."""
    line.hear()
    for turn in range(12):
        time.sleep(PAUSE_S + 0.1 * (turn % 3))
        line.say(90 + 10 * (turn % 4))
        line.hear()


def driven_client(line):
    line.say(60)
    for turn in range(12):
        line.hear()
        time.sleep(0.03)
        line.say(700 + 50 * (turn % 5))


def telemetry_server(line):
    """Only ever confirms what the asset reports."""
    for _ in range(12):
        line.hear()
        line.say(40)


def telemetry_client(line):
    for turn in range(12):
        time.sleep(2.5)
        line.say(500 + 20 * (turn % 3))
        line.hear()


def news_server(line):
    """Pushes messages to a reader: a chat or a notification service. Little comes back."""
    line.hear()
    for turn in range(10):
        time.sleep(PAUSE_S + (turn * 7 % 5) / 10)
        line.say(150 + 90 * (turn % 4))
        line.hear()


def news_client(line):
    line.say(200)
    for _ in range(10):
        line.hear()
        line.say(20)


def longpoll_server(line):
    """HTTP long poll: each request is held for seconds and answered with nothing new; the next follows at once."""
    for _ in range(9):
        read_head(line)
        time.sleep(2.6)
        line.stream.sendall(b"HTTP/1.1 204 No Content\r\nServer: cloud\r\nX-Next: 1\r\n\r\n")


def longpoll_client(line, headers=b""):
    for turn in range(9):
        line.stream.sendall(b"GET /v1/poll?device=inverter-0042&since=%d HTTP/1.1\r\nHost: cloud.example\r\n"
                            b"User-Agent: device/1.0\r\nAccept: application/json\r\n%s\r\n" % (turn, headers))
        read_head(line)


longpollbig_server = longpoll_server


def longpollbig_client(line):
    """The same with the cookies of a browser."""
    longpoll_client(line, b"Cookie: session=" + os.urandom(220).hex().encode() + b"\r\n")


def websocket_server(line):
    """WebSocket kept alive: the server pings after silence, the client pongs (RFC 6455, section 5.5)."""
    key = next(row[19:] for row in read_head(line) if row.lower().startswith(b"sec-websocket-key: "))
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    line.stream.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    for turn in range(12):
        time.sleep(2.5)
        line.stream.sendall(bytes([0x89, 4]) + struct.pack(">I", turn))
        line.read(10)


def websocket_client(line):
    line.stream.sendall(b"GET /ws HTTP/1.1\r\nHost: cloud.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    read_head(line)
    for _ in range(12):
        ping = line.read(6)
        mask = os.urandom(4)
        line.stream.sendall(bytes([0x8A, 0x84]) + mask + bytes(a ^ b for a, b in zip(ping[2:], mask)))


def read_head(line):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += line.read(1)
    return head.split(b"\r\n")


def main(end, certificate, *rest):
    way = globals()[f"{rest[-1]}_{end}"]
    if end == "server":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, rest[0])
        with socket.create_server(("", int(rest[1]))) as door:
            stream = context.wrap_socket(door.accept()[0], server_side=True)
    else:
        context = ssl.create_default_context(cafile=certificate)
        stream = context.wrap_socket(socket.create_connection((rest[0], int(rest[1]))), server_hostname="cloud.example")
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with stream:
        way(Line(stream))
        if end == "server":
            stream.recv(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
