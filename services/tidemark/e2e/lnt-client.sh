#!/bin/sh
# Prints the folder of LNT's own client, which it installs from PyPI into a Python environment of its own, once.
#
# TIDEMARK_CACHE  where the client is kept (default ${XDG_CACHE_HOME:-$HOME/.cache}/tidemark)
set -eu

version=0.4.20
cache=${TIDEMARK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tidemark}
venv=$cache/lnt/$version

die() {
	printf '%s\n' "$*" >&2
	exit 2
}

# The client, whole or not at all: the last file to be made says that it is.
if [ ! -e "$venv/complete" ]; then
	command -v python3 >/dev/null 2>&1 || die "LNT's client needs python3, which is not installed"
	if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
		[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 ||
			die "LNT's client needs Python's venv module: install it (Debian: apt-get install python3-venv)"
		echo "installing python3-venv" >&2
		{ apt-get update -qq && apt-get install -qq -y python3-venv; } >/dev/null || die "apt-get install python3-venv did not work"
	fi
	echo "installing llvm-lnt $version into $venv" >&2
	rm -rf "$venv"
	mkdir -p "$cache/lnt"
	python3 -m venv "$venv" || die "python3 -m venv $venv did not work"
	"$venv/bin/pip" install -q --disable-pip-version-check "llvm-lnt==$version" || die "pip install llvm-lnt==$version did not work"
	: >"$venv/complete"
fi
echo "$venv"
