#!/bin/sh
# check-static.sh BINARY...: fails unless each is an ELF file without interpreter (INTERP) and without needed libraries
# (NEEDED); the arm64 one also runs its self-check under qemu-user.
set -eu
for b in "$@"; do
	[ -s "$b" ] || { echo "check-static: $b is not there" >&2; exit 1; }
	readelf -h "$b" >/dev/null
	if readelf -lW "$b" | grep -q INTERP; then echo "check-static: $b asks for a loader" >&2; exit 1; fi
	if readelf -dW "$b" 2>/dev/null | grep -q NEEDED; then echo "check-static: $b needs libraries" >&2; exit 1; fi
	case $b in
	*arm64) qemu-aarch64-static "$b" --self-check ;;
	*) "$b" --self-check ;;
	esac
	echo "check-static: $b: no INTERP, no NEEDED, $(stat -c %s "$b") octets, self-check passed"
done
