#!/bin/sh
# Runs every fuzz target for FUZZ_RUNS inputs (default 20000), one after the other.
# A count, not a time: when its time ends amid an input, Go's fuzzer may call that a failure.
set -eu
cd "$(dirname "$0")/../../.."
runs=${FUZZ_RUNS:-20000}
TIDEMARK_LIBCHDB=$(sh pkg/embedded/clickhouse/engine/fetch.sh)
export TIDEMARK_LIBCHDB
log=$(mktemp)
trap 'rm -f "$log"' EXIT
ran=0
for file in $(grep -rl --include='*_test.go' '^func Fuzz' pkg services sql); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
		printf '%s %s\n' "$(dirname "$file")" "$target"
		go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "${runs}x" -fuzzminimizetime 5x -parallel 2 >"$log" 2>&1 ||
			{ cat "$log"; exit 1; }
		ran=$((ran + 1))
	done
done
echo "$ran fuzz targets ran $runs inputs each"
