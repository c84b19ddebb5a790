"""S7comm with python-snap7 3.3: s7.py server ADDRESS PORT | s7.py client HOST PORT

The client reads and writes a data block, downloads a block, stops the controller and starts it again.
"""

import sys
import time

import snap7
from snap7.type import SrvArea


def server(address, port):
    controller = snap7.Server()
    controller.register_area(SrvArea.DB, 1, bytearray(range(128)))
    controller.start_to(address, port)
    while True:
        time.sleep(1)


def client(address, port):
    programmer = snap7.Client()
    programmer.connect(address, 0, 1, port)
    read = programmer.db_read(1, 0, 8)
    programmer.db_write(1, 4, bytearray(b"\x12\x67"))
    again = programmer.db_read(1, 4, 2)
    print(read, again)
    outcomes = [step() for step in (lambda: programmer.download(block(), 1), programmer.plc_stop,
                                    programmer.plc_cold_start)]
    print(outcomes)
    programmer.disconnect()
    sys.exit(any(outcomes) or bytes(again) != b"\x12\x67")


def block():
    """A data block with a header and nothing in it."""
    return bytearray(b"\x70\x70\x01\x01\x05\x0a\x00\x01\x00\x00\x00\x5a".ljust(90, b"\0"))


globals()[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
