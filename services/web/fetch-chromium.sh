#!/bin/sh
# Finds a Chromium for the browser tests, installs one on Debian where it may, and prints
# its path, alone, on standard output.
#
# TIDEMARK_CHROMIUM  a browser on this machine: printed, nothing is installed
set -eu

if [ -n "${TIDEMARK_CHROMIUM:-}" ]; then
	if [ -x "$TIDEMARK_CHROMIUM" ]; then
		printf '%s\n' "$TIDEMARK_CHROMIUM"
		exit 0
	fi
	echo "TIDEMARK_CHROMIUM=$TIDEMARK_CHROMIUM is not a program" >&2
	exit 1
fi

find_browser() {
	for name in chromium chromium-browser google-chrome; do
		if command -v "$name"; then
			return 0
		fi
	done
	return 1
}

if find_browser; then
	exit 0
fi

root=
if [ "$(id -u)" -ne 0 ]; then
	root='sudo -n'
fi
if command -v apt-get >/dev/null 2>&1 && { [ -z "$root" ] || $root true 2>/dev/null; }; then
	echo "installing chromium" >&2
	$root apt-get update -q >&2
	DEBIAN_FRONTEND=noninteractive $root apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core >&2
	find_browser && exit 0
fi

cat >&2 <<'TEXT'
The browser tests need Chromium or Google Chrome, and there is none on the PATH.
Install one with the system's package manager, or set TIDEMARK_CHROMIUM to its program.
TEXT
exit 1
