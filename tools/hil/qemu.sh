#!/bin/bash
# qemu.sh BOARD KERNEL: one machine to look at: its screen on VNC 127.0.0.1:5900, its console here. Ctrl-A x ends it.
set -euo pipefail
board=$1 kernel=${2:-own}
case $board in qemuvirt | rpi3) ;; *) echo "sotto: QEMU emulates BOARD=qemuvirt and BOARD=rpi3" >&2; exit 2 ;; esac
tools/hil/qemu-fetch.sh
tools/mkimage/image.sh "$board" "$kernel"
dir=build/qemu-$board
mkdir -p "$dir"
[ -f "$dir/card.img" ] || cp --sparse=always "build/sotto-$board.img" "$dir/card.img" # the card keeps its memory
export MTOOLS_SKIP_CHECK=1
slot=$((512 * $(od -An -tu4 -j 470 -N 4 "$dir/card.img")))
for f in kernel8.img initramfs.img cmdline.txt; do mcopy -o -i "$dir/card.img@@$slot" "::$f" "$dir/"; done
machine=(-M virt -cpu cortex-a53 -smp 2 -m 256 -drive "if=none,id=c,format=raw,file=$dir/card.img" -device "virtio-blk-pci,drive=c"
	-device virtio-gpu-pci -device virtio-keyboard-pci -device virtio-rng-pci -device "virtio-net-pci,netdev=n,romfile=" -serial mon:stdio)
if [ "$board" = rpi3 ]; then
	mcopy -o -i "$dir/card.img@@$slot" ::board.dtb "$dir/"
	dtc -q -@ -I dts -O dtb -o "$dir/qemu.dtbo" tools/hil/qemu-pi3.dts
	fdtoverlay -i "$dir/board.dtb" -o "$dir/qemu.dtb" "$dir/qemu.dtbo"
	machine=(-M raspi3b -dtb "$dir/qemu.dtb" -drive "if=sd,format=raw,file=$dir/card.img" -device usb-kbd -device "usb-net,netdev=n"
		-serial null -serial mon:stdio)
fi
exec build/cache/qemu-run qemu-system-aarch64 "${machine[@]}" -nodefaults -display vnc=127.0.0.1:0 -no-reboot -netdev user,id=n \
	-kernel "$dir/kernel8.img" -initrd "$dir/initramfs.img" -append "$(cat "$dir/cmdline.txt")"
