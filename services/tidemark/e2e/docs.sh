#!/bin/sh
# Runs docs/getting-started.md as a reader would: its first command starts the product,
# every later one must succeed while that runs. Uses the ports the page names.

set -eu
cd "$(dirname "$0")/../../.."
root=$PWD
lnt=$(sh services/tidemark/e2e/lnt-client.sh)
work=$(mktemp -d)
pid=
finish() {
	status=$?
	[ -z "$pid" ] || { kill -TERM "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; }
	rm -rf "$work"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# One file per block of shell, in order.
awk -v out="$work/block" '
	/^```sh$/ {n++; on = 1; next}
	/^```$/   {on = 0}
	on        {print > (out sprintf("%02d", n))}
' docs/getting-started.md
first=$(cat "$work/block01")
[ "$first" = "make run" ] || { echo "the page begins with '$first', not with make run"; exit 1; }

# exec, so that the pid is the product's own and a signal reaches it.
make engine build >/dev/null
began=$(date +%s)
TIDEMARK_LIBCHDB=$(sh pkg/embedded/clickhouse/engine/fetch.sh) bin/tidemark up --demo --data "$work/data" >"$work/out" 2>"$work/log" &
pid=$!
until grep -q 'tidemark is ready' "$work/out"; do
	kill -0 "$pid" 2>/dev/null || { cat "$work/log"; exit 1; }
	[ $(($(date +%s) - began)) -lt 120 ] || { echo "not ready in two minutes"; exit 1; }
	sleep 0.2
done
cat "$work/out"

mkdir "$work/reader"
cd "$work/reader"
ln -s "$root/bin" bin
ran=1
for block in "$work"/block*; do
	[ "$block" != "$work/block01" ] || continue
	PATH="$lnt/bin:$PATH" sh -eu "$block" || { echo "failed: $(cat "$block")"; exit 1; }
	ran=$((ran + 1))
done
runs=$(curl --silent --fail 'http://127.0.0.1:8123/?query=SELECT+count()+FROM+tidemark.v_runs+WHERE+database=%27default%27')
[ "$runs" -gt 50 ] || { echo "$runs runs in the default database; the page sent more"; exit 1; }
echo "$ran passed, 0 failed"
