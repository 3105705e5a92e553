#!/bin/sh
# post-image.sh BINARIES_DIR BOARD: the card by the project's own tool, from the kernel and the program that were built here.
set -eu
binaries=$1 board=$2
project=$(dirname "$0")/../../..
kernel=$project/build/cache/kernel-own
mkdir -p "$kernel"
cp "$binaries"/Image "$kernel"/
for tree in "$binaries"/*.dtb; do
	[ ! -e "$tree" ] || cp "$tree" "$kernel"/
done
echo buildroot >"$kernel/version"
echo buildroot >"$kernel/key"
: >"$kernel/debs.txt"
cd "$project"
# The radio is driven by what Debian has, here too.
tools/sysroot/debs.sh trixie all build/cache/firmware-brcm firmware-brcm80211
tools/wpa/build.sh arm64
go run ./tools/mkimage --tor=false --board "$board" --handset "$binaries/../target/init" --out "$binaries/sotto-$board.img"
