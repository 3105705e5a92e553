#!/bin/bash
# source.sh PACKAGE: build/cache/PACKAGE-source with bookworm's source package of that name, unpacked, with Debian's patches.
# It works on the private apt that tools/sysroot/debs.sh keeps (run that first), with a source list and lists of its own
# beside it; apt verifies what it fetches against Debian's keys.
set -euo pipefail

say() { echo "sotto: $*" >&2; }
die() { echo "sotto: $*" >&2; exit 1; }

package=${1:?source.sh PACKAGE}
cache=$PWD/build/cache
state=$cache/apt/bookworm
dest=$cache/$package-source
exec 7>"$dest.lock" # the builds of two architectures take turns
flock 7
if [ -f "$dest/.complete" ]; then exit 0; fi
[ -f "$state/apt.conf" ] || die "the private apt is not there: run tools/sysroot/debs.sh first"
tools/setup/ensure.sh patch xz-utils

lists=$state/source
log=$lists/$package.log
mkdir -p "$lists/lists/partial"
exec 6>"$lists.lock" # two packages at once take turns with apt
flock 6
sed -n 's/^deb /deb-src /p' "$state/sources.list" >"$lists/sources.list"
apt_() {
	APT_CONFIG=$state/apt.conf apt-get -qq -o "Dir::Etc::sourcelist=$lists/sources.list" \
		-o "Dir::State::lists=$lists/lists" "$@"
}
say "reading the list of source packages"
apt_ update >"$log" 2>&1 || { tail -3 "$log" >&2; die "apt-get update failed"; }
say "fetching the source package of $package"
rm -rf "$dest.new"
mkdir -p "$dest.new"
(cd "$dest.new" && apt_ source --download-only "$package") >"$log" 2>&1 ||
	{ tail -3 "$log" >&2; die "apt-get source $package failed"; }
flock -u 6
# Unpacked with tar and patch alone: dpkg-source would want dpkg-dev.
tar -xf "$(echo "$dest.new/$package"_*.orig.tar.*z)" -C "$dest.new"
tree=$(echo "$dest.new/$package"-*/)
if compgen -G "$dest.new/${package}_*.debian.tar.*" >/dev/null; then
	tar -xf "$(echo "$dest.new/$package"_*.debian.tar.*)" -C "$tree"
	sed -E 's/#.*//; /^\s*$/d' "$tree/debian/patches/series" 2>/dev/null | while read -r name _; do
		patch -s -d "$tree" -p1 <"$tree/debian/patches/$name" || die "Debian's patch $name of $package does not fit"
	done
fi
sed -n 's/^Version: //p' "$dest.new/$package"_*.dsc | head -1 >"$dest.new/.complete" # the signed file has one such line
rm -rf "$dest"
mv "$dest.new" "$dest"
say "$package $(cat "$dest/.complete") is in $dest"
