#!/bin/sh
# LNT's field changes and regressions against those of detector lnt: the same random histories go to LNT's own server and to the
# product, and what both say afterwards is compared.
#
#   lnt-detector.sh [PROGRAM [SEED...]]   PROGRAM is the built tidemark, bin/tidemark by default; the seeds are 1 and 2
#
# LNT comes from lnt-client.sh; lnt-detector.py says what is compared and what is meant to differ.
set -eu

program=${1:-bin/tidemark}
[ $# = 0 ] || shift
[ $# != 0 ] || set -- 1 2

die() {
	printf '%s\n' "$*" >&2
	exit 2
}

[ -x "$program" ] || die "$program is not there: run \`make build\`"
program=$(CDPATH='' cd -- "$(dirname -- "$program")" && pwd)/$(basename -- "$program")
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
lnt=$(sh "$here/lnt-client.sh")

work=$(mktemp -d)
ours=
theirs=
stop() {
	for pid in $ours $theirs; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || :
	done
	rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' HUP INT TERM

failed=0
for seed; do
	mkdir "$work/$seed"
	cd "$work/$seed"
	"$lnt/bin/lnt" create lnt --api-auth-token a-token >create.log 2>&1 || die "lnt create: $(tail -n 5 create.log)"
	port=$("$lnt/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	"$lnt/bin/lnt" runserver lnt --hostname 127.0.0.1 --port "$port" >lnt.log 2>&1 &
	theirs=$!
	"$program" up --data data --listen 127.0.0.1:0 --sql-listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 \
		--detector-steps none --detector-lnt '*' --detector-interval 1s --intake-results-wait 0s >ready 2>log &
	ours=$!
	tries=0
	until grep -q 'tidemark is ready' ready; do
		kill -0 "$ours" 2>/dev/null || die "the server did not start: $(tail -n 5 log)"
		tries=$((tries + 1))
		[ "$tries" -lt 600 ] || die "the server is not ready: $(tail -n 5 log)"
		sleep 0.2
	done
	root=$(sed -n 's|.*pages and REST \(http://[^ ]*\)/ SQL.*|\1|p' ready)
	sql=$(sed -n 's|.* SQL \(http://[^ ]*\)/.*|\1|p' ready)
	"$lnt/bin/python" "$here/lnt-detector.py" "$seed" "$root" "$sql" "http://127.0.0.1:$port" lnt/data/lnt.db || failed=1
	kill "$ours" "$theirs"
	wait "$ours" "$theirs" 2>/dev/null || :
	ours= theirs=
	cd "$work"
done
[ "$failed" = 0 ]
