#!/usr/bin/env python3
"""Holds `borderflow explain` against the databases as an independent library reads them (pip install maxminddb zstandard).

usage: check.py BORDERFLOW [COUNT]    COUNT random addresses (10,000), half of them IPv6
"""
import csv, io, ipaddress, json, pathlib, random, subprocess, sys
import maxminddb, zstandard

geoip = pathlib.Path(__file__).resolve().parent.parent
binary, count = str(pathlib.Path(sys.argv[1]).resolve()), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000

country = maxminddb.open_database(str(geoip / "dbip-country.mmdb"))
text = zstandard.ZstdDecompressor().stream_reader((geoip / "asn.csv.zst").open("rb"))
ranges = {4: [], 6: []}
for start, end, number, *_ in csv.reader(io.TextIOWrapper(text, "utf-8")):
    first = ipaddress.ip_address(start)
    ranges[first.version].append((int(first), int(ipaddress.ip_address(end)), int(number)))
for table in ranges.values():
    table.sort()

def asn(address):
    from bisect import bisect_right
    table = ranges[address.version]
    place = bisect_right(table, (int(address), 1 << 129, 0)) - 1
    found = table[place] if place >= 0 else None
    return found[2] if found and found[0] <= int(address) <= found[1] and found[2] else None

rng = random.Random(2026)
addresses = []
while len(addresses) < count:
    if len(addresses) % 2:
        start, end, _ = rng.choice(ranges[6])
        address = ipaddress.IPv6Address(rng.randint(start, end))
    else:
        address = ipaddress.IPv4Address(rng.getrandbits(32))
    if address.is_global and not address.is_multicast:
        addresses.append(address)

out = subprocess.run([binary, "explain", "-", "--format", "json"], cwd="/", check=True, text=True,
                     stdout=subprocess.PIPE, input="".join(f"{address}\n" for address in addresses)).stdout
answers = [json.loads(line) for line in out.splitlines()]
assert len(answers) == len(addresses), f"{len(answers)} answers to {len(addresses)} questions"
wrong = known = 0
for address, answer in zip(addresses, answers):
    entry = country.get(str(address)) or {}
    code = entry.get("country_code") or (entry.get("country") or {}).get("iso_code")
    want = (None if code in ("ZZ", None) else code, asn(address))
    got = (answer.get("geo", {}).get("country_iso_code"), answer.get("as", {}).get("number"))
    known += want != (None, None)
    if want != got:
        wrong += 1
        if wrong <= 10:
            print(f"{address}: want {want}, got {got}")
print(f"{len(addresses)} addresses, {known} known to a database, {wrong} told differently")
sys.exit(1 if wrong else 0)
