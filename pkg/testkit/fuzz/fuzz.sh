#!/bin/sh
# Runs every fuzz target for FUZZ_SECONDS (default 5), one after the other.
set -eu
cd "$(dirname "$0")/../../.."
seconds=${FUZZ_SECONDS:-5}
TIDEMARK_LIBCHDB=$(sh pkg/embedded/clickhouse/engine/fetch.sh)
export TIDEMARK_LIBCHDB
ran=0
for file in $(grep -rl --include='*_test.go' '^func Fuzz' pkg services); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
		printf '%s %s\n' "$(dirname "$file")" "$target"
		go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "${seconds}s" -fuzzminimizetime 5x -parallel 2 >/tmp/tidemark-fuzz.$$ 2>&1 ||
			{ cat /tmp/tidemark-fuzz.$$; rm -f /tmp/tidemark-fuzz.$$; exit 1; }
		ran=$((ran + 1))
	done
done
rm -f /tmp/tidemark-fuzz.$$
echo "$ran fuzz targets ran for ${seconds}s each"
