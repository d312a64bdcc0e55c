#!/bin/sh
# Runs every fuzz target for FUZZ_RUNS inputs (default 20000), as many packages beside each other as there are processors: linking one
# takes longer than its inputs, and takes one processor. With a folder, those of that package alone.
# A count, not a time: when its time ends amid an input, Go's fuzzer may call that a failure.
# Each package is built once: `go test -fuzz` takes one target and links the whole program for it.
set -eu
cd "$(dirname "$0")/../../.."
runs=${FUZZ_RUNS:-20000}

if [ $# -eq 0 ]; then
	TIDEMARK_LIBCHDB=$(sh pkg/embedded/clickhouse/engine/fetch.sh)
	FUZZ_CACHE=$(go env GOCACHE)/fuzz/$(go list -m)
	export TIDEMARK_LIBCHDB FUZZ_CACHE
	folders=$(grep -rl --include='*_test.go' '^func Fuzz' pkg services sql | xargs -n 1 dirname | sort -ur) # services first: they take longest
	echo "$folders" | xargs -n 1 -P "$(getconf _NPROCESSORS_ONLN)" sh pkg/testkit/fuzz/fuzz.sh || exit 1
	echo "every fuzz target ran $runs inputs"
	exit
fi

folder=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
go test -c -fuzz . -o "$work/fuzz.test" "./$folder"
targets=$(cat "$folder"/*_test.go | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p')
cd "$folder"
for target in $targets; do
	"$work/fuzz.test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "${runs}x" -test.fuzzminimizetime 5x -test.parallel 1 \
		-test.timeout 10m -test.paniconexit0 -test.fuzzcachedir "$FUZZ_CACHE/$folder" >"$work/log" 2>&1 || { echo "$folder $target"; cat "$work/log"; exit 1; }
	# A target that is not among those of the build would pass, too.
	grep -q "execs: [1-9]" "$work/log" || { echo "$folder $target"; cat "$work/log"; exit 1; }
	echo "$folder $target"
done
