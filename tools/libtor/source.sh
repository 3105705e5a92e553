#!/bin/bash
# source.sh: build/cache/tor-source with Debian's source package of Tor, unpacked. It works on the private apt that
# tools/sysroot/debs.sh keeps (run that first), with a source list and lists of its own beside it.
set -euo pipefail

say() { echo "sotto: $*" >&2; }
die() { echo "sotto: $*" >&2; exit 1; }

cache=$PWD/build/cache
state=$cache/apt/bookworm
dest=$cache/tor-source
exec 7>"$cache/tor-source.lock" # the builds of two architectures take turns
flock 7
if [ -f "$dest/.complete" ]; then exit 0; fi
[ -f "$state/apt.conf" ] || die "the private apt is not there: run tools/sysroot/debs.sh first"

mkdir -p "$state/source/lists/partial"
sed -n 's/^deb /deb-src /p' "$state/sources.list" >"$state/source/sources.list"
apt_() {
	APT_CONFIG=$state/apt.conf apt-get -qq -o "Dir::Etc::sourcelist=$state/source/sources.list" \
		-o "Dir::State::lists=$state/source/lists" "$@"
}
say "reading the list of source packages"
apt_ update >"$state/source/log" 2>&1 || { tail -3 "$state/source/log" >&2; die "apt-get update failed"; }
say "fetching Tor's source package, 11 MB"
rm -rf "$dest.new"
mkdir -p "$dest.new"
(cd "$dest.new" && apt_ source --download-only tor) >"$state/source/log" 2>&1 ||
	{ tail -3 "$state/source/log" >&2; die "apt-get source tor failed"; }
# Unpacked with tar alone: dpkg-source would want dpkg-dev, and Debian patches nothing outside debian/.
tar -xf "$(echo "$dest.new"/tor_*.orig.tar.gz)" -C "$dest.new"
touch "$dest.new/.complete"
rm -rf "$dest"
mv "$dest.new" "$dest"
say "Tor's source is in $dest: $(basename "$dest"/tor-*/)"
