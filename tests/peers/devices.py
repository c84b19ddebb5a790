"""Devices that are asked and told: SNMP, Modbus, IPMI, admin pages, firmware by FTP and TFTP."""

from rig import ASSET, ASSET6, PASSWORD, PROGRAMS, PYTHON, REMOTE6, USER, WRONG

LOCATION = "1.3.6.1.2.1.1.6.0"
NAME = "1.3.6.1.2.1.1.5.0"


def snmp(rig):
    """net-snmp: get, walk and set with communities, one get with authentication and privacy."""
    serve_snmp(rig)
    v2c = ["-v2c", "-t", "2", "-r", "0", "-On"]
    with rig.truth("snmp", 161, transport="udp", sessions=2, login="granted",
                   notes="v2c, community public: a get, a walk by get-next") as truth:
        rig.run("abroad", "snmpget", *v2c, "-c", "public", ASSET, NAME)
        walked = rig.run("abroad", "snmpwalk", *v2c, "-c", "public", ASSET, "1.3.6.1.2.1.1.9.1.2")
        truth["commands"]["read"] = 1 + len(walked.splitlines()) + 1
    with rig.truth("snmp", 161, transport="udp", write=1, login="granted", notes="v2c, community private: a set"):
        rig.run("abroad", "snmpset", *v2c, "-c", "private", ASSET, LOCATION, "s", "hall 7")
    with rig.truth("snmp", 161, transport="udp", managed=False, login="refused",
                   notes="v2c, a set with the community that may only read: answered with noAccess"):
        rig.run("abroad", "snmpset", *v2c, "-c", "public", ASSET, LOCATION, "s", "hall 8", expect=2)
    with rig.truth("snmp", 161, transport="udp", login="granted",
                   notes="v3 authPriv: an empty get and its report in the clear (engine discovery), then one get, "
                         "encrypted"):
        rig.run("abroad", "snmpget", "-v3", "-l", "authPriv", "-u", USER, "-a", "SHA", "-A", PASSWORD, "-x", "AES",
                "-X", PASSWORD, "-t", "2", "-r", "0", "-On", ASSET, NAME)


def modbus(rig):
    """pymodbus on both sides."""
    rig.start("plant", PYTHON, PROGRAMS / "modbus_server.py", ASSET, 502)
    rig.wait_for_port("plant", 502)
    with rig.truth("modbus", 502, read=4, write=2,
                   notes="read holding registers (3), read input registers, write single register, "
                         "write multiple coils; all answered"):
        rig.run("abroad", PYTHON, PROGRAMS / "modbus_client.py", ASSET, 502)


def ipmi(rig):
    """OpenIPMI's simulator and ipmitool: RMCP+ (encrypted) and IPMI 1.5 (in the clear)."""
    serve_ipmi(rig)
    tool = ["ipmitool", "-H", ASSET, "-U", USER, "-R", "1", "-N", "2"]
    with rig.truth("ipmi", 623, transport="udp", login="granted", notes="RMCP+, cipher suite 3: chassis status "
                   "(encrypted)"):
        rig.run("abroad", *tool, "-I", "lanplus", "-C", "3", "-P", PASSWORD, "chassis", "power", "status")
    with rig.truth("ipmi", 623, transport="udp", managed=False, login="refused",
                   notes="RMCP+ with a wrong password: the client sees it in RAKP message 2 and leaves without a word"):
        rig.run("abroad", *tool, "-I", "lanplus", "-C", "3", "-P", WRONG, "chassis", "power", "status", expect=1)
    with rig.truth("ipmi", 623, transport="udp", login="granted", sessions=2, read=1, control=1,
                   notes="IPMI 1.5 with MD5: chassis status, chassis power off; each besides the session's own "
                         "commands (device id, session privilege: reads too, where they are counted)"):
        rig.run("abroad", *tool, "-I", "lan", "-P", PASSWORD, "chassis", "power", "status")
        rig.run("abroad", *tool, "-I", "lan", "-P", PASSWORD, "chassis", "power", "off")


def http_admin(rig):
    """A device's own pages, over both versions of IP."""
    rig.start("plant", PYTHON, PROGRAMS / "web_admin.py", 80, f"{USER}:{PASSWORD}")
    rig.wait_for_port("plant", 80)
    curl = ["curl", "-sS", "-g", "-o", "/dev/null", "--fail"]
    with rig.truth("http", 80, managed=False, login="refused", notes="GET / with a wrong password: 401"):
        rig.run("abroad", *curl, "-u", f"{USER}:{WRONG}", f"http://{ASSET}/", expect=22)
    with rig.truth("http", 80, login="granted", sessions=2, read=1, write=1,
                   notes="GET /status, POST /settings, both 200 with basic authentication"):
        rig.run("abroad", *curl, "-u", f"{USER}:{PASSWORD}", f"http://{ASSET}/status")
        rig.run("abroad", *curl, "-u", f"{USER}:{PASSWORD}", "-d", "limit=0&mode=off", f"http://{ASSET}/settings")
    with rig.truth("http", 80, asset=ASSET6, remote=REMOTE6, login="granted", write=1,
                   notes="POST /settings over IPv6"):
        rig.run("abroad", *curl, "-u", f"{USER}:{PASSWORD}", "-d", "limit=100", f"http://[{ASSET6}]/settings")


def ftp(rig):
    """pyftpdlib takes a firmware image."""
    folder = rig.scratch / "drop"
    folder.mkdir()
    rig.start("plant", PYTHON, PROGRAMS / "ftp_server.py", ASSET, 21, USER, PASSWORD, folder)
    rig.wait_for_port("plant", 21)
    image = firmware(rig)
    with rig.truth("ftp", 21, managed=False, login="refused", notes="USER, PASS with a wrong password: 530"):
        rig.run("abroad", "curl", "-sS", "-T", image, f"ftp://{USER}:{WRONG}@{ASSET}/", expect=67)
    with rig.truth("ftp", 21, login="granted", program=1,
                   notes="STOR firmware.bin, 8 KiB, over a passive data connection (EPSV) on a second port"):
        rig.run("abroad", "curl", "-sS", "-T", image, f"ftp://{USER}:{PASSWORD}@{ASSET}/")
    with rig.truth("ftp", 21, login="granted", read=1, notes="LIST"):
        rig.run("abroad", "curl", "-sS", f"ftp://{USER}:{PASSWORD}@{ASSET}/")


def tftp(rig):
    """tftpd-hpa takes a firmware image."""
    folder = rig.scratch / "drop"
    folder.mkdir()
    folder.chmod(0o777)
    rig.start("plant", "/usr/sbin/in.tftpd", "-L", "-c", "-p", "-u", USER, "-s", "-a", f"{ASSET}:69", folder)
    rig.wait_for_port("plant", 69, "udp")
    with rig.truth("tftp", 69, transport="udp", program=1,
                   notes="write request firmware.bin, 8 KiB; the asset answers from a port of its own"):
        rig.run("abroad", "curl", "-sS", "-T", firmware(rig), f"tftp://{ASSET}/firmware.bin")
    with rig.truth("tftp", 69, transport="udp", read=1, notes="read request firmware.bin"):
        rig.run("abroad", "curl", "-sS", "-o", "/dev/null", f"tftp://{ASSET}/firmware.bin")


def smb(rig):
    """Samba with a share named as the administrative one of Windows."""
    serve_smb(rig)
    client = ["smbclient", "-m", "SMB3", "-s", "/dev/null", f"//{ASSET}/ADMIN$"]
    with rig.truth("smb", 445, managed=False, login="refused", notes="SMB 3.1.1, NTLM: a wrong password"):
        rig.run("abroad", *client, "-U", f"{USER}%{WRONG}", "-c", "ls", expect=1)
    with rig.truth("smb", 445, login="granted", read=1, write=1,
                   notes="SMB 3.1.1, not encrypted: tree connect \\\\10.20.0.10\\ADMIN$, a directory listed, "
                         "tool.exe (1 KiB) written"):
        rig.run("abroad", *client, "-U", f"{USER}%{PASSWORD}", "-c", f"ls; put {tool(rig)} tool.exe")


def serve_snmp(rig):
    config = rig.file("snmpd.conf", f"""agentaddress udp:{ASSET}:161
sysName asset
sysDescr Inverter
rocommunity public
rwcommunity private
createUser {USER} SHA {PASSWORD} AES {PASSWORD}
rouser {USER} authPriv
""")
    env = {"SNMP_PERSISTENT_DIR": str(rig.scratch), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    rig.start("plant", "snmpd", "-f", "-Lf", rig.scratch / "snmpd.log", "-C", "-c", config, "-p", rig.scratch / "pid",
              env=env)
    rig.wait_for_port("plant", 161, "udp")


def serve_ipmi(rig):
    power = rig.file("power", "#!/bin/sh\n[ \"$2\" = get ] && echo \"$3:1\"\nexit 0\n", 0o755)
    lan = rig.file("lan.conf", f"""name "bmc"
set_working_mc 0x20
  chassis_control "{power} 0x20"
  startlan 1
    addr {ASSET} 623
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  user 1 true "" "" user 10 none md2 md5 straight
  user 2 true "{USER}" "{PASSWORD}" admin 10 none md2 md5 straight
""")
    commands = rig.file("bmc.emu", "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\n"
                        "mc_enable 0x20\n")
    rig.start("plant", "ipmi_sim", "-c", lan, "-f", commands, "-n", "-p", "-s", rig.scratch)
    rig.wait_for_port("plant", 623, "udp")


def serve_smb(rig):
    drop = rig.scratch / "drop"
    drop.mkdir()
    drop.chmod(0o777)
    folders = "".join(f"{key} = {rig.scratch}\n" for key in (
        "private dir", "lock directory", "state directory", "cache directory", "pid directory", "ncalrpc dir"))
    config = rig.file("smb.conf", f"""[global]
workgroup = PLANT
netbios name = ASSET
smb ports = 445
disable netbios = yes
load printers = no
printcap name = /dev/null
log file = {rig.scratch}/smbd.log
passdb backend = tdbsam
{folders}
[ADMIN$]
path = {drop}
read only = no
""")
    rig.run("plant", "smbpasswd", "-s", "-a", "-c", config, USER, input=f"{PASSWORD}\n{PASSWORD}\n")
    rig.start("plant", "smbd", "-F", "--no-process-group", "-s", config)
    rig.wait_for_port("plant", 445)


def tool(rig):
    path = rig.scratch / "tool.exe"
    path.write_bytes(b"MZ" + bytes(1022))
    return path


def firmware(rig):
    """An image that is the same in every run: a magic word and a pattern that says nothing."""
    path = rig.scratch / "firmware.bin"
    path.write_bytes(b"FWIMAGE1" + bytes(7 * at % 251 for at in range(8 * 1024 - 8)))
    return path


NEEDS = ["snmpd", "snmp", "python3-pymodbus", "python3-serial-asyncio", "openipmi", "ipmitool", "curl",
         "python3-pyftpdlib", "tftpd-hpa", "samba", "smbclient"]
PEERS = {"snmp": snmp, "modbus": modbus, "ipmi": ipmi, "http-admin": http_admin, "ftp": ftp, "tftp": tftp, "smb": smb}
