"""A VNC client (RFB 3.8, RFC 6143) without eyes: rfb_client.py HOST PORT PASSWORD; exit status 1 if it is refused.

With the right password it looks at a corner of the screen, types `ls` and moves the pointer.
"""

import socket
import struct
import subprocess
import sys
import time


def main(host, port, password):
    with socket.create_connection((host, int(port)), timeout=10) as server:
        read = server.makefile("rb").read
        version = read(12)
        server.sendall(version)
        types = read(read(1)[0])
        server.sendall(bytes([2]) if 2 in types else sys.exit(f"no password asked for, but {list(types)}"))
        server.sendall(des(password.encode(), read(16)))
        if read(4) != bytes(4):
            sys.exit(1)
        server.sendall(b"\x01")
        width, height, _, length = struct.unpack(">HH16sI", read(24))
        print(f"{width}x{height} {read(length).decode()}")
        use(server, read)


def use(server, read):
    server.sendall(struct.pack(">BxHi", 2, 1, 0))
    look(server, read)
    for key in b"ls\r":
        for down in (1, 0):
            server.sendall(struct.pack(">BBxxI", 4, down, 0xFF0D if key == 13 else key))
        time.sleep(0.1)
    for step in range(4):
        server.sendall(struct.pack(">BBHH", 5, step % 2, 20 + step, 30))
        time.sleep(0.05)
    look(server, read)


def look(server, read):
    """Asks for 16 x 16 pixels and waits for the first of them."""
    server.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, 16, 16))
    server.settimeout(5)
    read(4)


def des(password, challenge):
    """DES with each byte of the key reversed, as section 7.2.2 has it."""
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password[:8].ljust(8, b"\0"))
    return subprocess.run(
        ["openssl", "enc", "-des-ecb", "-nopad", "-K", key.hex(), "-provider", "legacy", "-provider", "default"],
        input=challenge, capture_output=True, check=True).stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
