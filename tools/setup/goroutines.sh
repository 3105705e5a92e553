#!/bin/sh
# goroutines.sh: the packages whose own code or tests start goroutines, for the race detector. zrtp's pure engine is left
# to the ordinary tests: a pure room has no goroutine (tools/archtest).
set -eu
grep -rlE --include='*.go' '^\s*(go |defer go )|\bgo func' codec hal net firmware tools 2>/dev/null |
	sed 's|/[^/]*$||' | sort -u | grep -vE '^tools/(hil|peers|archtest)' | sed 's|^|./|'
