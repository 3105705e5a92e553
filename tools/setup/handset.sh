#!/bin/sh
# handset.sh ARCH: build/handset-ARCH (amd64 or arm64), one static file, the same bits from any clone. TOR=1 links Tor in.
# OUT=FILE is another place for it.
set -eu
arch=${1:?handset.sh amd64|arm64}
export CGO_ENABLED=1 GOOS=linux GOARCH="$arch"
case $arch in
amd64) export CC=gcc ;;
arm64)
	tools/setup/ensure.sh gcc-aarch64-linux-gnu libc6-dev-arm64-cross
	tools/sysroot/fetch.sh arm64
	root=$PWD/build/cache/sysroot-arm64
	export CC=aarch64-linux-gnu-gcc PKG_CONFIG_SYSROOT_DIR="$root" \
		PKG_CONFIG_LIBDIR="$root/usr/lib/aarch64-linux-gnu/pkgconfig:$root/usr/share/pkgconfig"
	;;
*) echo "handset: no board has ARCH=$arch; use amd64 or arm64" >&2; exit 2 ;;
esac
# Go's cache does not know where pkg-config looked: the folder is named here, too, or a clone that is gone would be searched.
export CGO_LDFLAGS="${root:+-L$root/usr/lib/aarch64-linux-gnu }-lm" CGO_CFLAGS="-O2 -g0"
case ${TOR:-0} in
0) ;;
1)
	tools/libtor/build.sh "$arch"
	export GOFLAGS="${GOFLAGS:--tags=nolibopusfile,netgo,osusergo},tor"
	;;
*) echo "handset: TOR=$TOR is neither 0 nor 1" >&2; exit 2 ;;
esac
# The clock of a board that has none starts at the time of the last change, and so do all clones of it.
built=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1767225600)}
version=$(sed -n 's/^## \[\([^]]*\)\].*/\1/p' CHANGELOG.md | head -1)
# libopus wants the mathematical library after it, so it stands last.
mkdir -p build
echo "sotto: building build/handset-$arch" >&2
go build -trimpath -buildvcs=false -ldflags '-s -w -buildid= -X main.built='"$built"' -X main.version='"$version"' -linkmode external -extldflags "-static -lm"' \
	-o "${OUT:-build/handset-$arch}" ./firmware/handset
