#!/bin/bash
# debian.sh: Debian's own arm64 kernel into build/cache/kernel-debian/{Image,modules,modules.*,version,*.dtb}, for those
# who want its patches on the day; larger and slower to start than our own, and it needs modules.
set -euo pipefail
cache=$PWD/build/cache
out=$cache/kernel-debian
tools/setup/ensure.sh kmod xz-utils binutils-aarch64-linux-gnu
tools/sysroot/debs.sh trixie arm64 "$cache/linux-meta" linux-image-arm64
deb=$(ls "$cache"/apt/trixie/archives/linux-image-arm64_*.deb | tail -1)
name=$(dpkg-deb -f "$deb" Depends | grep -oE 'linux-image-[0-9][^ ,]*' | head -1)
tools/sysroot/debs.sh trixie arm64 "$cache/linux-image" "$name"
version=${name#linux-image-}
recipe="$version $(sha256sum "$0" | cut -c1-16)"
if [ "$(cat "$out/.recipe" 2>/dev/null)" = "$recipe" ]; then exit 0; fi

# What the boards need, in any order: modprobe adds what these need. Boot loads the memory's first and the chips' beside
# them, the wall's beside the telephone's start, and then, when there is a screen, keyboards, sound and networks on USB.
files=(vfat nls_cp437 nls_iso8859-1 nls_ascii ext4)
wall=(nf_tables nft_ct nft_limit nft_reject nft_reject_inet)
usb=(usbhid hid-generic evdev smsc95xx lan78xx cdc_ether cdc_ncm rndis_host asix ax88179_178a r8152 snd-usb-audio)
radio=(af_packet brcmfmac brcmfmac-wcc brcmfmac-cyw)
tree=$cache/linux-image
[ -d "$tree/lib" ] || ln -s usr/lib "$tree/lib"
depmod -b "$tree" "$version"
rm -rf "$out.new" && mkdir -p "$out.new/modules"
declare -A seen
# list NAME MODULE...: what these need, unpacked: the kernel would take seconds for that on a board. For the same reason without
# the types for BPF, which the kernel reads through, and without the signature: whoever could change a module here could change
# the whole system, and what guards that is signed as one. What another list has too is loaded by whoever comes first.
list() {
	local name=$1 m kind path base
	seen=()
	shift
	for m; do
		while read -r kind path _; do
			[ "$kind" = insmod ] || continue
			base=$(basename "$path" .xz)
			[ -z "${seen[$base]:-}" ] || continue
			seen[$base]=1
			case $path in *.xz) xz -dc "$path" >"$out.new/modules/$base" ;; *) cp "$path" "$out.new/modules/$base" ;; esac
			aarch64-linux-gnu-objcopy --strip-debug --remove-section=.BTF "$out.new/modules/$base"
			echo "/lib/modules/$base"
		done < <(modprobe -d "$tree" -S "$version" --show-depends "$m" 2>/dev/null || true)
	done >"$out.new/modules.$name"
	[ "$(wc -l <"$out.new/modules.$name")" -gt 3 ] || { echo "sotto: Debian's modules could not be resolved" >&2; exit 1; }
}
list pi.first sdhci-iproc bcm2835 bcm2835-rng iproc-rng200 "${files[@]}"
list pi.chips bcm2835_wdt i2c-bcm2835 i2c-dev spi-bcm2835 spidev snd-soc-bcm2835-i2s snd-soc-simple-card
list pi.wall "${wall[@]}"
list pi.then dwc2 pcie-brcmstb reset-raspberrypi xhci-pci genet "${usb[@]}" "${radio[@]}"
list qemuvirt.first virtio_pci virtio_blk virtio_rng "${files[@]}"
list qemuvirt.chips virtio_gpu virtio_snd
list qemuvirt.wall "${wall[@]}"
list qemuvirt.then virtio_input evdev virtio_net af_packet
cp "$tree/boot/vmlinuz-$version" "$out.new/Image"
for t in bcm2837-rpi-3-b bcm2837-rpi-3-b-plus bcm2837-rpi-zero-2-w bcm2711-rpi-4-b; do
	cp "$tree/usr/lib/linux-image-$version/broadcom/$t.dtb" "$out.new/"
done
cp "$tree/debs.txt" "$out.new/debs.txt"
echo "$version" >"$out.new/version"
echo "$recipe" >"$out.new/.recipe"
rm -rf "$out" && mv "$out.new" "$out"
echo "sotto: Debian's kernel $version, $(cat "$out"/modules.pi.* | wc -l) modules for a Pi" >&2
