#!/bin/bash
# fuzz.sh TIME: runs every fuzz target of the module for TIME each, one on each core, and fails when one fails or when
# there is none. What made a target fail stays in its folder's testdata/fuzz.
set -euo pipefail
time=${1:?fuzz.sh TIME, as 20s}
targets=$(grep -rnoE --include='*_test.go' --exclude-dir=build '^func Fuzz[A-Za-z0-9_]+' . | sed -E 's/:[0-9]+:func / /' | sort)
[ -n "$targets" ] || { echo "fuzz: no target found" >&2; exit 1; }
export time
one() {
	dir=$(dirname "$1") target=$2
	try() { go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1s -parallel 1 "$dir" 2>&1; }
	# The fuzzer itself reports "context deadline exceeded" when its time ends within a slow run: that is no finding.
	out=$(try) || { grep -q "context deadline exceeded" <<<"$out" && out=$(try); } || {
		printf '%s\n' "$out" | tail -40
		echo "fuzz: $target in $dir failed" >&2
		return 1
	}
	last=$(printf '%s\n' "$out" | grep -E '^fuzz: elapsed' | tail -1)
	[ -n "$last" ] || { echo "fuzz: $target in $dir did not run" >&2; return 1; } # a target that matches nothing passes
	echo "fuzz: $dir $target: ${last#fuzz: }"
}
export -f one
printf '%s\n' "$targets" | xargs -P "$(nproc)" -L 1 bash -c 'one "$@"' fuzz || exit 1
echo "fuzz: $(printf '%s\n' "$targets" | wc -l) targets, $time each, no failure"
