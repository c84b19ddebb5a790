"""Control systems: IEC 60870-5-104, S7comm, OPC UA, BACnet/IP and EtherNet/IP, each by a library of others."""

from rig import ASSET, FROM_PIP, PROGRAMS, REMOTE


def iec104(rig):
    """c104 on both sides: an interrogation, a switching command, a set-point."""
    serve(rig, "iec104.py", 2404)
    with rig.truth("iec104", 2404, read=1, control=2,
                   notes="STARTDT; C_IC_NA_1 (general interrogation), C_SC_NA_1 (single command), C_SE_NC_1 "
                         "(set-point, short floating point), each confirmed; measured values in between"):
        use(rig, "iec104.py", 2404)


def s7comm(rig):
    """python-snap7 on both sides: read, write, download, stop, start."""
    serve(rig, "s7.py", 102)
    with rig.truth("s7comm", 102, read=2, write=1, program=1, control=2,
                   notes="read variable (2), write variable, a block downloaded, PLC stop, cold start"):
        use(rig, "s7.py", 102)


def opcua(rig):
    """asyncua on both sides, without security: read, write, call."""
    serve(rig, "opcua.py", 4840)
    with rig.truth("opcua", 4840, login="granted", read=1, write=1, control=1,
                   notes="security policy None, anonymous: Read, Write of a variable and Call of a method, besides the "
                         "reads and browses the client library makes for itself"):
        use(rig, "opcua.py", 4840)


def bacnet(rig):
    """bacpypes on both sides: read, write, reinitialize."""
    rig.start("plant", FROM_PIP, PROGRAMS / "bacnet.py", "server", ASSET)
    rig.wait_for_port("plant", 47808, "udp")
    with rig.truth("bacnet", 47808, transport="udp", read=1, write=1, control=1,
                   notes="readProperty, writeProperty (present value, priority 8), reinitializeDevice (warm start, "
                         "with a password in the clear), all answered"):
        rig.run("abroad", FROM_PIP, PROGRAMS / "bacnet.py", "client", REMOTE, ASSET)


def enip(rig):
    """cpppo on both sides: tags read and written over CIP."""
    rig.start("plant", FROM_PIP, "-m", "cpppo.server.enip", "--no-config", "-U", "-a", f"{ASSET}:44818",
              "LIMIT=INT[10]")
    rig.wait_for_port("plant", 44818)
    with rig.truth("enip", 44818, read=2, write=1,
                   notes="RegisterSession, Read Tag LIMIT[0-3], Write Tag LIMIT[1], Read Tag, in SendRRData"):
        rig.run("abroad", FROM_PIP, "-m", "cpppo.server.enip.client", "-p", "-a", f"{ASSET}:44818",
                "LIMIT[0-3]", "LIMIT[1]=42", "LIMIT[1]")


def serve(rig, program, port):
    rig.start("plant", FROM_PIP, PROGRAMS / program, "server", ASSET, port)
    rig.wait_for_port("plant", port)


def use(rig, program, port):
    rig.run("abroad", FROM_PIP, PROGRAMS / program, "client", ASSET, port)


NEEDS = ["python3-venv"]
NEEDS_FROM_PIP = ["c104==2.2.1", "python-snap7==3.3.0", "asyncua==2.1.0", "bacpypes==0.19.0", "cpppo==5.2.5"]
PEERS = {"iec104": iec104, "s7comm": s7comm, "opcua": opcua, "bacnet": bacnet, "enip": enip}
