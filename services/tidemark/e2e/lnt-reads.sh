#!/bin/sh
# LNT's own server and a fresh one of ours, given the same reports: what both answer.
#
#   lnt-reads.sh [PROGRAM [--writes]]   PROGRAM is the built tidemark, bin/tidemark by default
#
# LNT_EVERY  one in so many requests is made (default 1: all of them)
#
# LNT comes from lnt-client.sh; its server keeps its data in SQLite.
set -eu

program=${1:-bin/tidemark}
[ $# -eq 0 ] || shift
[ -x "$program" ] || {
	echo "$program is not there: run \`make build\`" >&2
	exit 2
}
here=$(dirname -- "$0")
lnt=$(sh "$here/lnt-client.sh")
exec "$lnt/bin/python" "$here/lnt-reads.py" "$program" "$@"
