#!/bin/sh
# LNT's own server code beside Tidemark: what both do with the same reports.
#
#   lnt-reports.sh [PROGRAM [OPTION...]]   PROGRAM is the built tidemark, bin/tidemark by default; options are those of lnt-reports.py
#
# LNT comes from lnt-client.sh.
set -eu

program=${1:-bin/tidemark}
[ $# -eq 0 ] || shift
[ -x "$program" ] || { echo "$program is not there: run \`make build\`" >&2; exit 2; }
here=$(dirname -- "$0")
venv=$(sh "$here/lnt-client.sh")
exec "$venv/bin/python" -B "$here/lnt-reports.py" "$program" "$@"
