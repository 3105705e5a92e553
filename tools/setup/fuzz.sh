#!/bin/bash
# fuzz.sh TIME: runs every fuzz target of the module for TIME each and fails when one fails or when there is none.
set -euo pipefail
time=${1:?fuzz.sh TIME, as 20s}
n=0
while IFS=: read -r file func; do
	dir=./$(dirname "$file")
	n=$((n + 1))
	echo "fuzz $n: $dir $func for $time"
	out=$(go test -run '^$' -fuzz "^$func\$" -fuzztime "$time" "$dir" 2>&1) || {
		echo "$out" | tail -40
		echo "fuzz: $func in $dir failed" >&2
		exit 1
	}
	echo "$out" | grep -E '^fuzz: elapsed' | tail -1
done < <(grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed -E 's/:[0-9]+:func /:/' | grep -v '^./build/' | sort)
[ "$n" -gt 0 ] || { echo "fuzz: no target found" >&2; exit 1; }
echo "fuzz: $n targets, $time each, no failure"
