"""A Modbus/TCP server of a hundred registers and coils (pymodbus 3.0): modbus_server.py ADDRESS PORT"""

import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartTcpServer

unit = ModbusSlaveContext(
    di=ModbusSequentialDataBlock(0, [0] * 100), co=ModbusSequentialDataBlock(0, [0] * 100),
    hr=ModbusSequentialDataBlock(0, list(range(100))), ir=ModbusSequentialDataBlock(0, [7] * 100))
StartTcpServer(context=ModbusServerContext(slaves=unit, single=True), address=(sys.argv[1], int(sys.argv[2])))
