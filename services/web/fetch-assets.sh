#!/bin/sh
# Puts what the pages load from elsewhere (uPlot, the chart) into static/vendor, from
# where it is embedded, and what browser tests judge pages with (axe-core) into
# testdata/vendor. Instant when the pinned versions are there already.
#
# TIDEMARK_CACHE  where npm works (default ${XDG_CACHE_HOME:-$HOME/.cache}/tidemark)
#
# Version and hash come from package-lock.json; npm verifies them. The folder appears
# whole or not at all.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${TIDEMARK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tidemark}
vendor=$here/static/vendor
stamp=$vendor/uplot/package-lock.json

axe=$here/testdata/vendor/axe.min.js

if cmp -s "$here/package-lock.json" "$stamp" && [ -e "$axe" ]; then
	exit 0
fi

if ! command -v npm >/dev/null 2>&1; then
	cat >&2 <<-'TEXT'
		The chart (uPlot) comes as an npm package, and npm is not installed.
		Install Node.js with npm and run this again. Everything but the chart works
		without it: pages show the values as a table.
	TEXT
	exit 1
fi

mkdir -p "$cache/web" "$vendor"
work=$(mktemp -d "$cache/web/.fetch.XXXXXX")
next=$(mktemp -d "$vendor/.next.XXXXXX")
trap 'rm -rf "$work" "$next"' EXIT HUP INT TERM
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$work/"

echo "fetching the chart library into $vendor" >&2
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)

package=$work/node_modules/uplot
cp "$package/dist/uPlot.iife.min.js" "$package/dist/uPlot.min.css" "$package/LICENSE" "$next/"
cp "$here/package-lock.json" "$next/"
chmod 755 "$next"
mkdir -p "$here/testdata/vendor"
cp "$work/node_modules/axe-core/axe.min.js" "$next/axe.min.js"
mv "$next/axe.min.js" "$axe"
rm -rf "$vendor/uplot"
mv "$next" "$vendor/uplot"
