#!/bin/bash
# flash.sh IMAGE DEVICE: writes a card and reads it back. Refuses whatever could be somebody's disk: a device that is
# mounted, in use or not removable, the disk of the running system, a partition, a card that is too small.
set -euo pipefail
image=${1:-} dev=${2:-}
die() { echo "sotto: $*; nothing was written" >&2; exit 1; }
[ -n "$dev" ] || die "which card? make flash DEV=/dev/sdX (lsblk -o NAME,SIZE,RM,MODEL shows what is plugged in)"
[ -s "$image" ] || die "$image is not there (make image BOARD=...)"
[ -f "$image.json" ] || die "$image has no manifest; make the image again"
want=$(sed -n '/"image"/,/}/s/.*"sha256": "\([0-9a-f]*\)".*/\1/p' "$image.json")
[ "$(sha256sum "$image" | cut -d' ' -f1)" = "$want" ] || die "$image is not what its manifest says: cut short, or changed"
[ -b "$dev" ] || die "$dev is no block device"
name=$(basename "$(readlink -f "$dev")")
sys=${SYS:-/sys}
[ -d "$sys/block/$name" ] || die "$dev is a partition; name the whole card"
if [ "$(cat "$sys/block/$name/removable")" != 1 ] && [[ $name != mmcblk* ]]; then die "$dev is not removable"; fi
[ -z "$(ls "$sys/block/$name/holders" 2>/dev/null)" ] || die "$dev is in use by $(ls "$sys/block/$name/holders")"
while read -r source _; do
	case $source in "/dev/$name"*) die "$source is mounted; unmount it first" ;; esac
done <"${MOUNTS:-/proc/self/mounts}"
if grep -q "^/dev/$name" "${SWAPS:-/proc/swaps}"; then die "$dev holds swap"; fi
size=$(($(cat "$sys/block/$name/size") * 512))
need=$(stat -c %s "$image")
[ "$size" -ge "$need" ] || die "$dev holds $((size >> 20)) MiB, the image needs $((need >> 20))"
[ "${CHECK_ONLY:-}" != 1 ] || exit 0
echo "sotto: writing $image to $dev ($((size >> 20)) MiB)" >&2
dd if="$image" of="$dev" bs=4M oflag=direct conv=fsync status=progress
[ "$(head -c "$need" "$dev" | sha256sum | cut -d' ' -f1)" = "$want" ] || { echo "sotto: the card does not hold what was written" >&2; exit 1; }
echo "sotto: written and read back" >&2
