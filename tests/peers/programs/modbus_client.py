"""Reads three times, writes a register, writes coils, reads back (pymodbus 3.0): modbus_client.py HOST PORT"""

import sys

from pymodbus.client import ModbusTcpClient

with ModbusTcpClient(sys.argv[1], port=int(sys.argv[2])) as client:
    answers = [
        client.read_holding_registers(0, 10, slave=1),
        client.read_holding_registers(40, 4, slave=1),
        client.read_input_registers(0, 2, slave=1),
        client.write_register(5, 4711, slave=1),
        client.write_coils(0, [True, False, True, True], slave=1),
        client.read_holding_registers(5, 1, slave=1),
    ]
    for answer in answers:
        print(answer)
    sys.exit(any(answer.isError() for answer in answers) or answers[-1].registers != [4711])
