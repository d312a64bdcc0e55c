#!/bin/sh
# Fetches the engine (libchdb) once and prints its path, alone, on standard output.
#
# TIDEMARK_LIBCHDB  a libchdb on this machine: printed, nothing is fetched
# TIDEMARK_CACHE    where to keep it (default ${XDG_CACHE_HOME:-$HOME/.cache}/tidemark)
#
# Package versions and hashes come from package-lock.json; npm verifies them. The
# folder appears whole or not at all, so an interrupted run leaves nothing behind that is found.
set -eu

if [ -n "${TIDEMARK_LIBCHDB:-}" ]; then
	if [ -e "$TIDEMARK_LIBCHDB" ]; then
		printf '%s\n' "$TIDEMARK_LIBCHDB"
		exit 0
	fi
	echo "TIDEMARK_LIBCHDB=$TIDEMARK_LIBCHDB is not there" >&2
	exit 1
fi

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${TIDEMARK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tidemark}

if command -v sha256sum >/dev/null 2>&1; then
	hash=$(sha256sum "$here/package-lock.json" | cut -c1-16)
else
	hash=$(shasum -a 256 "$here/package-lock.json" | cut -c1-16)
fi

case $(uname -m) in
x86_64 | amd64) arch=x64 ;;
aarch64 | arm64) arch=arm64 ;;
*) arch=$(uname -m) ;;
esac
case $(uname -s) in
Darwin) package=lib-darwin-$arch ;;
*) package=lib-linux-$arch-gnu ;;
esac

target=$cache/engine/$hash
library=$target/node_modules/@chdb/$package/libchdb.so

if [ -e "$library" ]; then
	printf '%s\n' "$library"
	exit 0
fi

if ! command -v npm >/dev/null 2>&1; then
	cat >&2 <<-'TEXT'
		The ClickHouse engine (libchdb) comes as an npm package, and npm is not installed.
		Install Node.js with npm and run this again, or set TIDEMARK_LIBCHDB to a
		libchdb.so that is on this machine already.
	TEXT
	exit 1
fi

mkdir -p "$cache/engine"
work=$(mktemp -d "$cache/engine/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT HUP INT TERM
cp "$here/package.json" "$here/package-lock.json" "$work/"

echo "fetching the ClickHouse engine into $target (about 150 MB)" >&2
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)

if [ ! -e "$work/node_modules/@chdb/$package/libchdb.so" ]; then
	cat >&2 <<-TEXT
		There is no pinned engine package for this platform ($package).
		Set TIDEMARK_LIBCHDB to a libchdb.so built for it.
	TEXT
	exit 1
fi

# A concurrent run may have won; a folder without the library is a leftover of another platform.
if [ ! -e "$library" ]; then
	rm -rf "$target"
	mv "$work" "$target" 2>/dev/null || [ -e "$library" ]
fi
printf '%s\n' "$library"
