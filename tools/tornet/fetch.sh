#!/bin/sh
# fetch.sh: build/cache/tornet with Debian's own tor and tor-gencert and the libraries that they want, unpacked and not
# installed: no service starts, no user is made. They are the relays of the private network, and no part of the telephone.
set -eu
tools/sysroot/debs.sh bookworm "$(dpkg --print-architecture)" build/cache/tornet tor libevent-2.1-7 libssl3 libcap2 \
	libseccomp2 liblzma5 libzstd1 libsystemd0 libgcrypt20 libgpg-error0 liblz4-1 zlib1g
