#!/bin/bash
# debs.sh [--with-depends] SUITE ARCH DEST PACKAGE...
# Unpacks Debian packages of another suite or architecture into the folder DEST. The system stays as it is: apt works on
# a state of its own below build/cache/apt, nothing is installed, no maintainer script runs, root is not needed.
# The mirror is the one that this machine already uses; every package is verified by apt against Debian's keys.
# A stamp in DEST makes the second call free. DEST/debs.txt lists name, version, architecture, bytes and SHA-256.
set -euo pipefail

depends=no
if [ "${1:-}" = --with-depends ]; then depends=yes; shift; fi
[ $# -ge 4 ] || { echo "usage: debs.sh [--with-depends] SUITE ARCH DEST PACKAGE..." >&2; exit 2; }
suite=$1 arch=$2 dest=$3; shift 3
cache=$PWD/build/cache

say() { echo "sotto: $*" >&2; }
die() { echo "sotto: $*" >&2; exit 1; }

stamp="$suite $arch $depends $*"
if [ -f "$dest/.debs" ] && [ "$(cat "$dest/.debs")" = "$stamp" ]; then exit 0; fi

command -v apt-get >/dev/null || die "apt-get is missing: this step needs Debian or one of its children"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -s "$keyring" ] || die "Debian's keys are missing: apt-get install debian-archive-keyring"

mirror() { # FOLDER: the first Debian archive of this machine's sources whose address ends so
	{ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
		sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb +(\[[^]]*\] +)?([^ ]+) .*/\2/p' |
		sed 's|/*$||' | grep "/$1\$" | head -1
}

state=$cache/apt/$suite
prepare() { # a private apt: own sources, lists and archive folder; proxies of the machine stay in force
	local uri
	uri=$(mirror debian)
	[ -n "$uri" ] || die "no Debian mirror found in /etc/apt/sources.list*"
	mkdir -p "$state"/{parts,preferences,lists/partial,archives/partial,empty/partial,dpkg}
	: >"$state/dpkg/status"
	echo "deb [signed-by=$keyring] $uri $suite main contrib non-free non-free-firmware" >"$state/sources.new"
	uri=$(mirror debian-security || true)
	if [ -n "$uri" ]; then # what was mended since the last release of the suite
		echo "deb [signed-by=$keyring] $uri $suite-security main contrib non-free non-free-firmware" >>"$state/sources.new"
	fi
	if ! cmp -s "$state/sources.new" "$state/sources.list"; then rm -f "$state"/lists/*Packages*; fi
	mv "$state/sources.new" "$state/sources.list"
	cat >"$state/apt.conf" <<-X
		Dir::Etc::sourcelist "$state/sources.list";
		Dir::Etc::sourceparts "$state/parts";
		Dir::Etc::preferences "$state/none";
		Dir::Etc::preferencesparts "$state/preferences";
		Dir::State "$state/dpkg";
		Dir::State::lists "$state/lists";
		Dir::State::status "$state/dpkg/status";
		Dir::Cache "$state";
		Dir::Cache::archives "$state/archives";
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; "arm64"; };
		APT::Sandbox::User "root";
		APT::Keep-Downloaded-Packages "true";
		Acquire::Languages "none";
		Acquire::Retries "3";
		#clear DPkg::Post-Invoke;
		#clear APT::Update::Post-Invoke;
	X
}

apt_() { APT_CONFIG=$state/apt.conf "$@"; }

refresh() { # package lists at most a day old
	if [ -n "$(find "$state/lists" -maxdepth 1 -name '*Packages*' -mmin -1440 2>/dev/null | head -1)" ]; then return; fi
	say "reading the package lists of $suite"
	apt_ apt-get update -qq >"$state/update.log" 2>&1 || { tail -3 "$state/update.log" >&2; die "apt-get update of $suite failed"; }
}

uris() { # what to fetch: lines of URI FILE SIZE HASH
	local names=()
	for p in "$@"; do names+=("$p:$arch"); done
	if [ "$depends" = yes ]; then
		# An empty archive folder, or apt leaves out what it has already.
		apt_ apt-get -o "Dir::Cache::archives=$state/empty" install --print-uris -qq -y --no-install-recommends "${names[@]}" 2>"$state/solve.log" |
			grep "^'" || { tail -3 "$state/solve.log" >&2; die "apt cannot resolve $* in $suite/$arch"; }
	else
		apt_ apt-get download --print-uris -qq "${names[@]}" 2>"$state/solve.log" | grep "^'" ||
			{ tail -3 "$state/solve.log" >&2; die "apt does not know $* in $suite/$arch"; }
	fi
}

fetch() { # into the archive folder; apt checks the hashes of its lists
	local names=()
	for p in "$@"; do names+=("$p:$arch"); done
	if [ "$depends" = yes ]; then
		apt_ apt-get install -qq -y --no-install-recommends --download-only "${names[@]}" >"$state/fetch.log" 2>&1
	else
		(cd "$state/archives" && apt_ apt-get download -qq "${names[@]}") >"$state/fetch.log" 2>&1
	fi
}

mkdir -p "$cache/apt" "$(dirname "$dest")"
exec 9>"$state.lock" # two makes at once take turns
flock 9
prepare
refresh
list=$(uris "$@")
count=$(wc -l <<<"$list")
total=$(awk '{ s += $3 } END { printf "%.1f", s / 1e6 }' <<<"$list")
say "fetching $count packages of $suite/$arch, $total MB"
fetch "$@" || { tail -3 "$state/fetch.log" >&2; die "the download from $suite failed; run the same command again"; }

rm -rf "$dest.new"
mkdir -p "$dest.new"
n=0
while read -r _ file size _; do
	deb=$state/archives/$file
	[ -f "$deb" ] || deb=$state/archives/${file//%3a/:}
	[ -f "$deb" ] || die "$file was not downloaded"
	[ "$(stat -c %s "$deb")" = "$size" ] || die "$file has not the $size bytes that Debian announces; remove it and try again"
	dpkg-deb -x "$deb" "$dest.new"
	echo "$(dpkg-deb -W --showformat='${Package} ${Version} ${Architecture}' "$deb") $size $(sha256sum "$deb" | cut -d' ' -f1)"
	n=$((n + 1))
	if [ $((n % 25)) = 0 ]; then say "  unpacked $n of $count"; fi
done <<<"$list" >"$dest.new/debs.txt"
echo "$stamp" >"$dest.new/.debs"
rm -rf "$dest"
mv "$dest.new" "$dest"
say "$dest is ready ($n packages)"
