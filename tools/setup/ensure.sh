#!/bin/sh
# ensure.sh PACKAGE...: makes sure that Debian packages are there. As root it installs what is missing, with progress;
# as anybody else it names the exact command and stops with status 2. Writes nothing when nothing is missing.
set -eu
missing=
for p in "$@"; do
	case $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true) in
	installed) ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "sotto: missing packages. Install them with:  sudo apt-get install -y --no-install-recommends$missing" >&2
	exit 2
fi
echo "sotto: installing$missing (once)" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { # one line of progress for each package that apt sets up
	# shellcheck disable=SC2086 # the list is words
	apt-get install -y --no-install-recommends $missing 2>&1 | tee "$log" |
		awk '/^(Unpacking|Setting up)/ { n++; if (n % 20 == 0) { printf "sotto:   %d steps, %s\n", n, $3; fflush() } }' >&2
	for p in $missing; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)" = installed ] || return 1
	done
}
install && exit 0
echo "sotto: refreshing the package lists" >&2
apt-get update -qq >&2 || true
install && exit 0
tail -5 "$log" >&2
echo "sotto: apt-get could not install:$missing" >&2
exit 2
