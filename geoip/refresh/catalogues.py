#!/usr/bin/env python3
"""Writes geoip/operators.tsv, services.tsv, services-bulk.tsv, devices.tsv and oui.tsv.zst.

    geoip/refresh/catalogues.py DIRECTORY

DIRECTORY holds the collected tables: operators.tsv, services.tsv, services-bulk.tsv, oui.tsv (geoip/README.md says where
each is from). What people know better is in this folder and stands above them: own-operators.tsv and own-services.tsv have
the columns of the files they add to, and a row there replaces the collected row of the same key; device-patterns.tsv says
which registrants make what. So nothing written by hand is lost by running this again. Needs Python 3.9 and zstd.
"""

import csv
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHIPPED = HERE.parent
OPERATORS = "asn name group jurisdiction status class anycast basis confidence source date note".split()
SERVICES = "match ports vendor device_class jurisdiction status role confidence source date note".split()
DEVICES = "registrant vendor device_class jurisdiction status counts_as source date".split()

# What a row under review would count as once it is switched on.
REVIEWED = {"Lenovo": "HK", "Motorola (Lenovo)": "HK"}
CLASSES = {"telco (state)": "carrier", "telco (state) abroad": "carrier", "telco": "carrier", "telco abroad": "carrier",
           "cloud/AI": "cloud", "cloud/social": "cloud", "cloud/e-commerce": "cloud", "cloud/games": "cloud",
           "cloud/CDN": "cloud", "cloud/cdn": "cloud", "cloud/edge": "cdn", "device vendor": "device_maker",
           "education/research": "research", "RTC": "media", "-": "unknown"}
BULK_COMMIT, BULK_DATE = "c975ccef", "2026-11"
OUI_SOURCE, OUI_DATE = "IEEE MA-L/M/S registry (npm oui-data 2.1.9)", "2026-08-26"
SERVICES_DATE = "2026-11"


def rows(path):
    """Rows as dictionaries; the line that starts with a known first column names the columns."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def write(name, columns, table, key, head=()):
    lines = [f"# {line}" for line in head] + ["\t".join(columns)]
    for row in sorted(table, key=key):
        cells = [" ".join((row.get(column) or "").split()) for column in columns]
        lines.append("\t".join(cells))
    (SHIPPED / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{name}: {len(table)} rows")


def jurisdiction(code, group, doubtful):
    """The jurisdiction, and whether the row counts unless the user asks for those under review."""
    if code == "REVIEW":
        return REVIEWED.get(group, "CN"), "review"
    return code, "review" if doubtful else "listed"


def newest(source):
    return max(re.findall(r"20\d\d-\d\d", source))


def operator(row):
    group = row["controlling_parent"]
    doubtful = row["control_evidence"] == "review before use"
    code, status = jurisdiction(row["controlling_jurisdiction"], group, doubtful)
    verified = row["org_name_verified"]
    confidence = "low" if verified.startswith("name-differs") else "high" if verified.startswith("verified-2") else "medium"
    kind = CLASSES.get(row["class"], row["class"])
    return {"asn": row["asn"], "name": row["org_name"], "group": group, "jurisdiction": code, "status": status,
            "class": kind, "anycast": "yes" if kind == "cdn" else "no", "basis": row["basis"],
            "confidence": confidence, "source": row["sources"], "date": newest(row["sources"]), "note": row["note"]}


def service(row):
    code, status = jurisdiction(row["jurisdiction"], row["vendor"], False)
    match, is_rule = row["domain_suffix"], row["role"] == "ip_rule"
    role = ("dns" if row["device_class"] == "dns" else "vendor_service") if is_rule else row["role"]
    return {"match": match.lower(), "ports": "", "vendor": row["vendor"], "device_class": row["device_class"],
            "jurisdiction": code, "status": status, "role": role, "confidence": row["confidence"],
            "source": row["source"], "date": SERVICES_DATE, "note": row["note"]}


def replaced(collected, own, key):
    """The collected rows with one's own above them, those without a source left out."""
    table = {row[key]: row for row in collected}
    table.update({row[key]: row for row in own})
    for row in [row for row in table.values() if row["source"] in ("", "-")]:
        print(f"left out, it has no source: {row[key]}")
        del table[row[key]]
    return list(table.values())


def service_order(row):
    """Names by their labels from the right, then addresses."""
    is_prefix = "/" in row["match"]
    return is_prefix, row["match"].split("/") if is_prefix else row["match"].split(".")[::-1]


def is_below(name, curated):
    """True where the name or one it belongs to is curated, which says more than a bulk list."""
    labels = name.split(".")
    return any(".".join(labels[start:]) in curated for start in range(len(labels)))


def devices(registrants, countries):
    patterns = [(re.compile(row["regex"], re.I), row) for row in rows(HERE / "device-patterns.tsv")]
    table = []
    for name in registrants:
        row = next((row for pattern, row in patterns if pattern.search(name)), None)
        if row is None or row["counts_as"] == "ignore" or countries[name] == "Taiwan":
            continue
        code, status = jurisdiction(row["jurisdiction"], row["vendor"], False)
        table.append({"registrant": name, "vendor": row["vendor"], "device_class": row["device_class"],
                      "jurisdiction": code, "status": status, "counts_as": row["counts_as"].split("+")[-1],
                      "source": OUI_SOURCE, "date": OUI_DATE})
    return table


def main(directory):
    operators = replaced(map(operator, rows(directory / "operators.tsv")), rows(HERE / "own-operators.tsv"), "asn")
    write("operators.tsv", OPERATORS, operators, lambda row: int(row["asn"]))
    collected = [line for line in (directory / "services.tsv").read_text(encoding="utf-8").splitlines() if "\t" in line]
    collected = csv.DictReader(collected, delimiter="\t", quoting=csv.QUOTE_NONE)
    services = replaced(map(service, collected), rows(HERE / "own-services.tsv"), "match")
    write("services.tsv", SERVICES, services, service_order)
    curated = {row["match"] for row in services}
    bulk = [{"match": row["domain_suffix"], "vendor": row["vendor"], "jurisdiction": "CN", "list": row["v2fly_list"]}
            for row in rows(directory / "services-bulk.tsv") if not is_below(row["domain_suffix"], curated)]
    write("services-bulk.tsv", ["match", "vendor", "jurisdiction", "list"], bulk, service_order,
          [f"v2fly/domain-list-community {BULK_COMMIT}, {BULK_DATE}; MIT, see V2FLY-LICENSE.txt"])
    prefixes, countries = {}, {}
    for line in (directory / "oui.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            prefix, name, country = (line.split("\t") + ["", ""])[:3]
            name = " ".join(name.split())
            prefixes.setdefault(name, []).append(prefix)
            countries[name] = country
    write("devices.tsv", DEVICES, devices(sorted(prefixes), countries), lambda row: row["registrant"])
    lines = [f"{name}\t{' '.join(sorted(found))}" for name, found in sorted(prefixes.items())]
    subprocess.run(["zstd", "-19", "--ultra", "-q", "-f", "-o", SHIPPED / "oui.tsv.zst"],
                   input=("\n".join(lines) + "\n").encode(), check=True)
    print(f"oui.tsv.zst: {len(lines)} registrants")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
