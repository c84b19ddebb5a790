#!/bin/sh
# Prints the configuration that the package installs as /etc/borderflow/config.toml: config.toml, with the paths of the
# service in it. Fails where config.toml has changed so that they have no place.
set -eu
cd "$(dirname "$0")/../.."

awk '
    NR == 1 { sub(/examples commented out\./, "except the paths of the service: journal and first output.") }
    /^\[/ { section = $0 }
    section == "[journal]" && $0 == "path = \"\"" { $0 = "path = \"/var/lib/borderflow/journal.db\""; journal++ }
    # The first example of an output is the file.
    $0 == "# [[output]]" && !output { output = 1 }
    output == 1 && !/^# / { output = 2 }
    output == 1 { sub(/^# /, ""); if ($0 == "path = \"/var/log/borderflow/alerts.ndjson\"") file++ }
    { print }
    END {
        if (journal == 1 && file == 1) exit 0
        print "config.sh: config.toml has no place for the journal or the file of alerts" > "/dev/stderr"
        exit 1
    }
' config.toml
