#!/bin/bash
# size.sh ARCH: fails when Tor makes the stripped static handset more than nine million octets larger.
set -euo pipefail
arch=${1:?size.sh amd64|arm64}
limit=9000000
mkdir -p build/cache
for tor in 0 1; do # the linker warns of each name service of glibc that Tor could ask: it is told to ask none
	OUT=build/cache/handset-size-$tor TOR=$tor tools/setup/handset.sh "$arch" 2>build/cache/size.log ||
		{ cat build/cache/size.log >&2; exit 1; }
done
growth=$(($(stat -c %s "build/cache/handset-size-1") - $(stat -c %s "build/cache/handset-size-0")))
echo "tornet: Tor makes the handset $growth octets larger, $limit are allowed"
[ "$growth" -gt 1000000 ] || { echo "tornet: that is no Tor" >&2; exit 1; }
[ "$growth" -le "$limit" ] || { echo "tornet: that is too much" >&2; exit 1; }
