#!/bin/bash
# wifi.sh [TEST]: the bench of the radio. Debian's kernel in QEMU has simulated radios (mac80211_hwsim), and Debian's hostapd is
# the access point; both stand in front of the image, which is the one of make image KERNEL=debian.
set -euo pipefail
tools/setup/ensure.sh pulseaudio pulseaudio-utils mtools device-tree-compiler kmod xz-utils
tools/hil/qemu-fetch.sh
tools/mkimage/image.sh qemuvirt debian
tools/sysroot/debs.sh --with-depends bookworm arm64 build/cache/hostapd-arm64 hostapd iw libc6
CGO_ENABLED=0 GOARCH=arm64 go build -trimpath -buildvcs=false -ldflags '-s -w' -o build/air-arm64 ./tools/hil/air
version=$(cat build/cache/kernel-debian/version)
rm -rf build/air-modules && mkdir -p build/air-modules
for m in virtio_pci virtio_net bridge aes_generic ctr ccm cmac mac80211_hwsim; do # the kernel asks for ciphers by name, and there is no modprobe
	modprobe -d build/cache/linux-image -S "$version" --show-depends "$m" | while read -r kind path _; do
		[ "$kind" = insmod ] || continue
		base=$(basename "$path" .xz)
		case $path in *.xz) xz -dc "$path" >"build/air-modules/$base" ;; *) cp "$path" "build/air-modules/$base" ;; esac
		echo "$base$([ "$base" != mac80211_hwsim.ko ] || echo ' radios=2')" >>build/air-modules/modules
	done
done
HIL_REPORT=hil-wifi go test -tags hil,air,nolibopusfile,netgo,osusergo -count=1 -timeout 15m -run "${1:-TestWifi}" -v ./tools/hil
