#!/bin/sh
# Holds the dependencies against deny.toml: licences, bans, sources, and known vulnerabilities.
# Installs cargo-deny where it is absent. Where the advisory database cannot be fetched, says so and checks the rest.
set -eu

if ! command -v cargo-deny >/dev/null 2>&1; then
    echo 'deny: installing cargo-deny (a few minutes)' >&2
    cargo install --locked cargo-deny --version '^0.20'
fi
if cargo deny --log-level error fetch db; then
    exec cargo deny --locked check
fi
echo 'deny: NOT CHECKED: advisories; the database https://github.com/rustsec/advisory-db cannot be fetched here' >&2
exec cargo deny --locked check licenses bans sources
