#!/bin/bash
# image.sh BOARD KERNEL: fetches what is missing, builds what has changed, and makes build/sotto-BOARD.img and
# build/sotto-BOARD.slot, the same system as an update. TOR=0 leaves Tor out; KEYS="a.pub b.pub" are the owner's keys for
# updates. SOURCE_DATE_EPOCH, by default the time of the last change, is the version.
set -euo pipefail
export GOFLAGS=${GOFLAGS:--tags=nolibopusfile,netgo,osusergo} GOEXPERIMENT=${GOEXPERIMENT-runtimesecret} # as the Makefile does
board=$1 kernel=${2:-own}
case $board in
rpi3 | rpi4 | rpizero2w | qemuvirt) ;;
'') echo "sotto: which board? make image BOARD=rpi3|rpi4|rpizero2w|qemuvirt" >&2; exit 2 ;;
*) echo "sotto: no board is called $board; there are rpi3, rpi4, rpizero2w and qemuvirt" >&2; exit 2 ;;
esac
tools/setup/ensure.sh device-tree-compiler dosfstools mtools lz4 e2fsprogs
tools/sysroot/debs.sh trixie all build/cache/raspi-firmware raspi-firmware
tools/sysroot/debs.sh bookworm all build/cache/ca-certificates ca-certificates
tools/sysroot/debs.sh trixie all build/cache/firmware-brcm firmware-brcm80211
tools/wpa/build.sh arm64
case $kernel in
own) board/kernel/build.sh ;;
debian) board/kernel/debian.sh ;;
*) echo "sotto: no kernel is called $kernel; there are own and debian" >&2; exit 2 ;;
esac
export TOR=${TOR:-1} SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
tools/setup/handset.sh arm64
go build -o build/mkimage ./tools/mkimage
build/mkimage --board "$board" --kernel "$kernel" --version "$SOURCE_DATE_EPOCH" --tor="$TOR" --keys "${KEYS:-}"
