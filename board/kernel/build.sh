#!/bin/bash
# build.sh: our own small arm64 kernel from Debian's linux-source, into build/cache/kernel-own/{Image,config,version,*.dtb}.
# Every fragment of this folder is a wish; a wish that does not come true stops the build. The result is kept under a
# key made of the source's hash, the fragments and the compiler, so that only a change builds again.
# usage: build.sh [--config-only]   J=2 gives the number of jobs.
set -euo pipefail
here=board/kernel
cache=$PWD/build/cache
series=6.12
say() { echo "sotto: $*" >&2; }

tools/setup/ensure.sh gcc gcc-aarch64-linux-gnu binutils-aarch64-linux-gnu flex bison bc libssl-dev libelf-dev xz-utils make
tools/sysroot/debs.sh trixie all "$cache/linux-source" "linux-source-$series"

key=$({
	awk '{ print $1, $2, $5 }' "$cache/linux-source/debs.txt"
	cat $here/*.config $here/*.c $here/build.sh
	aarch64-linux-gnu-gcc -dumpfullversion
} | sha256sum | cut -c1-16)
out=$cache/kernel-own
exec 6>"$cache/kernel.lock" # two makes at once take turns
flock 6
if [ "${1:-}" != --config-only ] && [ "$(cat "$out/key" 2>/dev/null)" = "$key" ]; then exit 0; fi

src=$cache/kernel-src
version=$(awk '{ print $2 }' "$cache/linux-source/debs.txt")
if [ "$(cat "$src/.version-of-debian" 2>/dev/null)" != "$version" ]; then
	say "unpacking Linux $version (1.6 GB)"
	rm -rf "$src" && mkdir -p "$src"
	tar -C "$src" -xJf "$cache/linux-source/usr/src/linux-source-$series.tar.xz" --strip-components=1
	echo "$version" >"$src/.version-of-debian"
fi

# Our one driver lies beside the one of the firmware that it uses.
firmware=$src/drivers/firmware
cmp -s $here/tryboot.c "$firmware/sotto-tryboot.c" || cp $here/tryboot.c "$firmware/sotto-tryboot.c"
grep -q sotto-tryboot "$firmware/Makefile" || echo 'obj-$(CONFIG_RASPBERRYPI_FIRMWARE) += sotto-tryboot.o' >>"$firmware/Makefile"

export ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- LC_ALL=C TZ=UTC
export KBUILD_BUILD_TIMESTAMP='2024-01-01 00:00:00 UTC' KBUILD_BUILD_USER=sotto KBUILD_BUILD_HOST=sotto KBUILD_BUILD_VERSION=1
obj=$cache/kernel-obj
mkdir -p "$obj"
make -s -C "$src" O="$obj" allnoconfig
"$src/scripts/kconfig/merge_config.sh" -O "$obj" -m "$obj/.config" $here/*.config >"$obj/merge.log"
make -s -C "$src" O="$obj" olddefconfig

lost=0
while IFS= read -r wish; do
	name=${wish%%=*}
	case $wish in
	*=n) grep -q "^$name=" "$obj/.config" || continue ;;
	*) ! grep -qxF "$wish" "$obj/.config" || continue ;;
	esac
	say "kernel: wished $wish, got $(grep "^$name=" "$obj/.config" || echo "nothing")"
	lost=$((lost + 1))
done < <(grep -h '^CONFIG_' $here/*.config)
[ $lost = 0 ] || { say "kernel: $lost wishes did not come true"; exit 1; }
[ "${1:-}" != --config-only ] || exit 0

trees="bcm2837-rpi-3-b bcm2837-rpi-3-b-plus bcm2837-rpi-zero-2-w bcm2711-rpi-4-b"
say "building Linux $version (about 12 minutes on two idle cores, once)"
started=$SECONDS
# shellcheck disable=SC2086,SC2046 # the list is words
nice -n "${NICE:-10}" make -C "$src" O="$obj" -j"${J:-$(nproc)}" Image $(printf 'broadcom/%s.dtb ' $trees) 2>&1 |
	tee "$obj/build.log" | awk '/^  (CC|AS|LD|AR) / { n++; if (n % 200 == 0) { printf "sotto:   %d objects\n", n; fflush() } }' >&2
[ -s "$obj/arch/arm64/boot/Image" ] || { tail -5 "$obj/build.log" >&2; exit 1; }

rm -rf "$out.new" && mkdir -p "$out.new"
cp "$obj/arch/arm64/boot/Image" "$out.new/Image"
cp "$obj/.config" "$out.new/config"
for t in $trees; do cp "$obj/arch/arm64/boot/dts/broadcom/$t.dtb" "$out.new/"; done
cp "$cache/linux-source/debs.txt" "$out.new/debs.txt"
make -s -C "$src" O="$obj" kernelrelease >"$out.new/version"
echo "$key" >"$out.new/key"
rm -rf "$out" && mv "$out.new" "$out"
say "kernel $(cat "$out/version"): $(stat -c %s "$out/Image") octets in $((SECONDS - started)) s"
