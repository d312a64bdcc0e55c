#!/bin/sh
# Runs every fuzz target for FUZZ_RUNS inputs (default 20000), one after the other.
# A count, not a time: when its time ends amid an input, Go's fuzzer may call that a failure.
# Each package is built once: `go test -fuzz` takes one target and links the whole program for it.
set -eu
cd "$(dirname "$0")/../../.."
runs=${FUZZ_RUNS:-20000}
root=$PWD
TIDEMARK_LIBCHDB=$(sh pkg/embedded/clickhouse/engine/fetch.sh)
export TIDEMARK_LIBCHDB
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
known=$(go env GOCACHE)/fuzz/$(go list -m)
ran=0
for folder in $(grep -rl --include='*_test.go' '^func Fuzz' pkg services sql | xargs -n 1 dirname | sort -u); do
	go test -c -fuzz . -o "$work/fuzz.test" "./$folder"
	for target in $(cat "$folder"/*_test.go | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p'); do
		printf '%s %s\n' "$folder" "$target"
		cd "$folder"
		"$work/fuzz.test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "${runs}x" -test.fuzzminimizetime 5x -test.parallel 2 \
			-test.timeout 10m -test.paniconexit0 -test.fuzzcachedir "$known/$folder" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
		# A target that is not among those of the build would pass, too.
		grep -q "execs: [1-9]" "$work/log" || { cat "$work/log"; exit 1; }
		cd "$root"
		ran=$((ran + 1))
	done
done
echo "$ran fuzz targets ran $runs inputs each"
