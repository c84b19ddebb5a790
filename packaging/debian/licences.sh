#!/bin/sh
# Prints the licences of everything that is linked into the program: of each crate its name, version and licence, and the
# texts it ships, each text once. Works offline from cargo's own copies of the sources.
set -eu
cd "$(dirname "$0")/../.."

sources=${CARGO_HOME:-$HOME/.cargo}/registry/src
texts=$(mktemp -d)
trap 'rm -rf "$texts"' EXIT

printf 'Borderflow contains the following libraries. The texts of their licences follow, each once.\n\n'
"${CARGO:-cargo}" tree --locked --edges normal --prefix none --format '{p} | {l}' |
    sed 's/ (\*)//; s/ (proc-macro)//' | sort -u | grep -v '^borderflow ' >"$texts/crates"
test -s "$texts/crates"

while read -r name version _ licence; do
    printf '%s %s: %s\n' "$name" "${version#v}" "$licence"
    find "$sources"/*/"$name-${version#v}" -maxdepth 3 -type f \
        \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'copyright*' -o -iname 'notice*' -o -iname 'unlicense*' \) \
        ! -name '*.rs' ! -name '*.html' 2>/dev/null | sort | while read -r text; do
        sum=$(sha256sum <"$text" | cut -c1-64)
        [ -e "$texts/$sum" ] || cp "$text" "$texts/$sum"
        printf '%s %s\n' "$name" "${version#v}" >>"$texts/$sum.of"
    done
done <"$texts/crates"

for of in "$texts"/*.of; do
    printf '\n%s\n%s\n\n' '------------------------------------------------------------------------' \
        "$(sort -u "$of" | tr '\n' ',' | sed 's/,$//; s/,/, /g')"
    cat "${of%.of}"
done
