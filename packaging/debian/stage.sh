#!/bin/sh
# Writes into target/package what the package holds beside the program, made by the program itself or from this tree:
# manual, completions, configuration, licences. Usage: stage.sh PROGRAM
set -eu
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
stage=target/package

rm -rf "$stage"
mkdir -p "$stage/man" "$stage/completions"

"$program" man --directory "$stage/man"
for shell in bash zsh fish; do
    "$program" completions "$shell" >"$stage/completions/$shell"
done

packaging/debian/config.sh >"$stage/config.toml"
"$program" check --config "$stage/config.toml" >/dev/null

packaging/debian/licences.sh >"$stage/libraries"
gzip -9n "$stage/libraries"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
case $(head -n 1 packaging/debian/changelog) in
    "borderflow ($version-"*) ;;
    *) echo "stage.sh: packaging/debian/changelog does not begin with version $version of Cargo.toml" >&2; exit 1 ;;
esac
