"""Reads a capture just enough to hold the truth against it: no truth may speak of packets that are not there."""

import ipaddress
import struct

MOST_BYTES = 60 * 1024


def check(recorded, truths):
    """Fails unless each truth has packets of both ends in its time, each packet a truth, and the capture is small."""
    if len(recorded) > MOST_BYTES:
        raise RuntimeError(f"{len(recorded)} bytes, at most {MOST_BYTES}: make the session shorter")
    frames = list(packets(recorded))
    untold = [time for time, *_ in frames if not any(truth["start"] <= time <= truth["end"] for truth in truths)]
    if untold:
        raise RuntimeError(f"{len(untold)} packets that no truth speaks of, the first at {untold[0]:.3f}")
    for truth in truths:
        ends = {truth["asset"], truth["remote"]}
        there = [(source, set(ports)) for time, source, target, ports in frames
                 if {source, target} == ends and truth["start"] <= time <= truth["end"]]
        flows = set().union(*(ports for _, ports in there if truth["port"] in ports))
        senders = {source for source, ports in there if ports & flows}
        if senders != ends:
            raise RuntimeError(f"{truth['protocol']} {truth['port']}: only {senders or 'nobody'} sent packets")


def packets(recorded):
    """Time in seconds, source, target and both ports of each TCP and UDP packet."""
    at = 24
    while at < len(recorded):
        seconds, micros, kept, _ = struct.unpack_from("<IIII", recorded, at)
        frame = recorded[at + 16:at + 16 + kept]
        at += 16 + kept
        source, target, header_length = ends(frame)
        if frame[23 if header_length != 40 else 20] in (6, 17):
            yield seconds + micros / 1e6, source, target, struct.unpack_from(">HH", frame, 14 + header_length)


def ends(frame):
    if frame[12:14] == b"\x86\xdd":
        return *(str(ipaddress.ip_address(frame[at:at + 16])) for at in (22, 38)), 40
    return *(str(ipaddress.ip_address(frame[at:at + 4])) for at in (26, 30)), 4 * (frame[14] & 15)
