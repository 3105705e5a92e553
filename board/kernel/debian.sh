#!/bin/bash
# debian.sh: Debian's own arm64 kernel into build/cache/kernel-debian/{Image,modules,modules.list,version,*.dtb}, for those
# who want its patches on the day; larger and slower to start than our own, and it needs modules.
set -euo pipefail
cache=$PWD/build/cache
out=$cache/kernel-debian
tools/setup/ensure.sh kmod
tools/sysroot/debs.sh trixie arm64 "$cache/linux-meta" linux-image-arm64
deb=$(ls "$cache"/apt/trixie/archives/linux-image-arm64_*.deb | tail -1)
name=$(dpkg-deb -f "$deb" Depends | grep -oE 'linux-image-[0-9][^ ,]*' | head -1)
tools/sysroot/debs.sh trixie arm64 "$cache/linux-image" "$name"
version=${name#linux-image-}
if [ "$(cat "$out/version" 2>/dev/null)" = "$version" ]; then exit 0; fi

# What the boards need, in any order: modprobe adds what these need, and boot loads them in the order of the list.
wanted="virtio_pci virtio_blk virtio_net virtio_gpu virtio_input virtio_rng virtio_snd
	vfat nls_cp437 nls_iso8859-1 nls_ascii ext4 nf_tables nft_ct nft_limit nft_reject nft_reject_inet
	sdhci-iproc bcm2835 bcm2835_wdt bcm2835-rng iproc-rng200 i2c-bcm2835 i2c-dev spi-bcm2835 spidev
	snd-soc-bcm2835-i2s snd-soc-simple-card snd-usb-audio
	dwc2 xhci-pci pcie-brcmstb reset-raspberrypi genet smsc95xx lan78xx cdc_ether cdc_ncm rndis_host asix ax88179_178a r8152
	usbhid hid-generic evdev"
tree=$cache/linux-image
[ -d "$tree/lib" ] || ln -s usr/lib "$tree/lib"
depmod -b "$tree" "$version"
rm -rf "$out.new" && mkdir -p "$out.new/modules"
declare -A seen
for m in $wanted; do
	while read -r kind path _; do
		[ "$kind" = insmod ] || continue
		base=$(basename "$path")
		[ -z "${seen[$base]:-}" ] || continue
		seen[$base]=1
		cp "$path" "$out.new/modules/$base"
		echo "/lib/modules/$base"
	done < <(modprobe -d "$tree" -S "$version" --show-depends "$m" 2>/dev/null || true)
done >"$out.new/modules.list"
[ "$(wc -l <"$out.new/modules.list")" -gt 40 ] || { echo "sotto: Debian's modules could not be resolved" >&2; exit 1; }
cp "$tree/boot/vmlinuz-$version" "$out.new/Image"
for t in bcm2837-rpi-3-b bcm2837-rpi-3-b-plus bcm2837-rpi-zero-2-w bcm2711-rpi-4-b; do
	cp "$tree/usr/lib/linux-image-$version/broadcom/$t.dtb" "$out.new/"
done
cp "$tree/debs.txt" "$out.new/debs.txt"
echo "$version" >"$out.new/version"
rm -rf "$out" && mv "$out.new" "$out"
echo "sotto: Debian's kernel $version, $(wc -l <"$out/modules.list") modules" >&2
