#!/bin/bash
# build.sh ARCH: build/cache/wpa-ARCH (amd64 or arm64) with wpa_supplicant, static and stripped, and versions.txt (what is
# inside, for NOTICE). From Debian's source package with Debian's patches, configured by wpa_supplicant.config beside this.
# It takes about a minute, once; a stamp makes the next call free. Nothing but the compiler is installed.
set -euo pipefail

arch=${1:?build.sh amd64|arm64}
say() { echo "sotto: $*" >&2; }
die() { echo "sotto: $*" >&2; exit 1; }

case $arch in
amd64) triple=x86_64-linux-gnu ;;
arm64) triple=aarch64-linux-gnu ;;
*) die "no board has ARCH=$arch; use amd64 or arm64" ;;
esac
here=tools/wpa
cache=$PWD/build/cache
out=$cache/wpa-$arch
sysroot=$cache/sysroot-wpa-$arch
recipe=$(cat "$0" $here/wpa_supplicant.config tools/sysroot/source.sh | sha256sum | cut -c1-16)

mkdir -p "$cache"
exec 8>"$out.lock" # two makes at once take turns
flock 8
if [ "$(cat "$out/.recipe" 2>/dev/null)" = "$recipe" ]; then exit 0; fi

cc=gcc strip=strip needs=(make gcc libc6-dev)
if [ "$arch" != "$(dpkg --print-architecture)" ]; then
	cc=$triple-gcc strip=$triple-strip needs=(make "gcc-${triple//_/-}" "libc6-dev-$arch-cross")
fi
tools/setup/ensure.sh "${needs[@]}"
tools/sysroot/debs.sh bookworm "$arch" "$sysroot" libnl-3-dev libnl-3-200 libnl-genl-3-dev libnl-genl-3-200
tools/sysroot/source.sh wpa

work=$cache/wpa-build-$arch
rm -rf "$work"
cp -r "$cache/wpa-source"/wpa-*/ "$work"
cp $here/wpa_supplicant.config "$work/wpa_supplicant/.config"
say "building wpa_supplicant for $arch (log in $work/make.log)"
nice -n 19 make -C "$work/wpa_supplicant" -j2 CC=$cc LIBNL_INC="$sysroot/usr/include/libnl3" \
	EXTRA_CFLAGS="-fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -ffile-prefix-map=$work=. -I$sysroot/usr/include -I$sysroot/usr/include/$triple" \
	LDFLAGS="-static-pie -Wl,-z,relro,-z,now -L$sysroot/usr/lib/$triple -L$sysroot/lib/$triple" wpa_supplicant >"$work/make.log" 2>&1 ||
	{ grep -m3 -E 'error|undefined' "$work/make.log" >&2 || tail -3 "$work/make.log" >&2; die "make failed"; }

stage=$out.new
rm -rf "$stage"
mkdir -p "$stage"
$strip -o "$stage/wpa_supplicant" "$work/wpa_supplicant/wpa_supplicant"
cp "$work/COPYING" "$stage/"
{
	echo "wpa $(cat "$cache/wpa-source/.complete")"
	sed -nE 's/^(libnl-3-dev|libnl-genl-3-dev) ([^ ]+) .*/\1 \2/p' "$sysroot/debs.txt"
} >"$stage/versions.txt"
echo "$recipe" >"$stage/.recipe"
rm -rf "$out"
mv "$stage" "$out"
rm -rf "$work"
say "$out is ready: wpa_supplicant has $(stat -c %s "$out/wpa_supplicant") octets"
