#!/bin/sh
# fetch.sh ARCH: build/cache/sysroot-ARCH with the C libraries that the handset links in statically (libopus, libspeexdsp).
# For amd64 the system's own packages are used, so there is nothing to fetch.
set -eu
arch=${1:?fetch.sh arm64}
case $arch in
amd64) exit 0 ;;
arm64) ;;
*) echo "sotto: no board has ARCH=$arch; use amd64 or arm64" >&2; exit 2 ;;
esac
exec tools/sysroot/debs.sh bookworm "$arch" "build/cache/sysroot-$arch" libopus-dev libopus0 libspeexdsp-dev libspeexdsp1
