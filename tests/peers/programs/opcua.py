"""OPC UA without encryption, with asyncua 2.1: opcua.py server ADDRESS PORT | opcua.py client HOST PORT

The client reads a variable, writes it and calls a method.
"""

import asyncio
import sys

from asyncua import Client, Server, ua, uamethod


@uamethod
def restart(_parent, delay):
    return delay


async def server(address, port):
    device = Server()
    await device.init()
    device.set_endpoint(f"opc.tcp://{address}:{port}/")
    device.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    space = await device.register_namespace("urn:inverter")
    inverter = await device.nodes.objects.add_object(space, "Inverter")
    limit = await inverter.add_variable(ua.NodeId("Limit", space), "Limit", 100)
    await limit.set_writable()
    await inverter.add_method(ua.NodeId("Restart", space), "Restart", restart, [ua.VariantType.Int64],
                              [ua.VariantType.Int64])
    async with device:
        await asyncio.Event().wait()


async def client(address, port):
    async with Client(f"opc.tcp://{address}:{port}/", timeout=10) as line:
        space = await line.get_namespace_index("urn:inverter")
        limit = line.get_node(ua.NodeId("Limit", space))
        read = await limit.read_value()
        await limit.write_value(40)
        inverter = await line.nodes.objects.get_child(f"{space}:Inverter")
        answered = await inverter.call_method(ua.NodeId("Restart", space), 5)
        print(read, answered)


asyncio.run(globals()[sys.argv[1]](sys.argv[2], int(sys.argv[3])))
