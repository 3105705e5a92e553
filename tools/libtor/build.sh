#!/bin/bash
# build.sh ARCH: build/cache/libtor-ARCH (amd64 or arm64) with libtor.a, its header, the static libraries that it needs and
# what to link: flags.txt (cgo's -I and -L), versions.txt (what is inside, for NOTICE and for `onion.Version`).
#
# Tor comes from Debian's source package, verified by apt against Debian's keys, built without relay, directory authority,
# GPL parts, lzma, zstd, systemd and capabilities, and with Tor's own seccomp sandbox. It takes about three minutes a
# CPU, once; a stamp makes the next call free. Nothing but the compiler is installed.
set -euo pipefail

arch=${1:?build.sh amd64|arm64}
say() { echo "sotto: $*" >&2; }
die() { echo "sotto: $*" >&2; exit 1; }

case $arch in
amd64) triple=x86_64-linux-gnu cross= ;;
arm64) triple=aarch64-linux-gnu cross=--host=aarch64-linux-gnu ;;
*) die "no board has ARCH=$arch; use amd64 or arm64" ;;
esac
root=$PWD
cache=$root/build/cache
out=$cache/libtor-$arch
sysroot=$cache/sysroot-tor-$arch
recipe=$(sha256sum "$0" tools/sysroot/source.sh | sha256sum | cut -c1-16)

mkdir -p "$cache"
exec 8>"$cache/libtor-$arch.lock" # two makes at once take turns
flock 8
if [ "$(cat "$out/.recipe" 2>/dev/null)" = "$recipe" ]; then exit 0; fi

cc=gcc needs=(make gcc libc6-dev)
if [ "$arch" != "$(dpkg --print-architecture)" ]; then cc=$triple-gcc needs=(make "gcc-${triple//_/-}" "libc6-dev-$arch-cross"); fi
tools/setup/ensure.sh "${needs[@]}"

tools/sysroot/debs.sh bookworm "$arch" "$sysroot" libssl-dev libssl3 libevent-dev zlib1g-dev zlib1g libseccomp-dev libseccomp2
tools/sysroot/source.sh tor
source=$(echo "$cache"/tor-source/tor-*/)
[ -x "${source}configure" ] || die "Tor's source has no configure: remove $cache/tor-source and try again"

work=$cache/libtor-build-$arch
rm -rf "$work"
mkdir -p "$work"
say "configuring Tor for $arch (log in $work/configure.log)"
# The cached answers keep out what a machine happens to have: libcap, and libraries that only a system Tor wants.
(cd "$work" && nice -n 19 "${source}configure" $cross CC=$cc ac_cv_lib_cap_cap_init=no \
	--disable-asciidoc --disable-manpage --disable-html-manual --disable-unittests --disable-system-torrc \
	--disable-systemd --disable-lzma --disable-zstd --disable-tool-name-check --enable-pic --disable-dependency-tracking \
	--disable-module-relay --disable-module-dirauth --disable-gpl --enable-seccomp --enable-fatal-warnings=no \
	CPPFLAGS="-I$sysroot/usr/include -I$sysroot/usr/include/$triple" CFLAGS="-O2 -g0 -ffile-prefix-map=$root=." \
	LDFLAGS="-L$sysroot/usr/lib/$triple -static" >configure.log 2>&1) ||
	{ tail -5 "$work/configure.log" >&2; die "configure failed"; }
say "building libtor.a for $arch, about three minutes (log in $work/make.log)"
(cd "$work" && nice -n 19 make -j2 libtor.a >make.log 2>&1) & job=$!
while kill -0 $job 2>/dev/null; do
	for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 $job 2>/dev/null && sleep 2; done
	say "  $(grep -c '^  CC ' "$work/make.log" || true) of about 400 files compiled"
done
wait $job || { grep -m3 -E 'error|Error' "$work/make.log" >&2 || tail -3 "$work/make.log" >&2; die "make failed"; }

stage=$out.new
rm -rf "$stage"
mkdir -p "$stage/include" "$stage/lib"
cp "$work/libtor.a" "$stage/lib/"
cp "${source}src/feature/api/tor_api.h" "$stage/include/"
for lib in crypto ssl event z seccomp; do cp "$sysroot/usr/lib/$triple/lib$lib.a" "$stage/lib/"; done
{
	echo "tor $(sed -n 's/^AC_INIT(\[tor\],\[\(.*\)\])/\1/p' "${source}configure.ac")"
	sed -nE 's/^(libssl-dev|libevent-dev|zlib1g-dev|libseccomp-dev) ([^ ]+) .*/\1 \2/p' "$sysroot/debs.txt"
} >"$stage/versions.txt"
echo "$recipe" >"$stage/.recipe"
rm -rf "$out"
mv "$stage" "$out"
rm -rf "$work"
say "$out is ready: libtor.a has $(stat -c %s "$out/lib/libtor.a") octets"
