// Package linphone calls a stranger's softphone and is called by it: Debian's linphonec against build/sim, each in a
// network namespace of its own, with everything on the wire recorded. Debian's baresip, which has no ZRTP, is the gateway
// behind a server.
//
// The tests stand behind the build tag `interop`: they want root, linphone-cli, baresip-core, kamailio, iproute2 and
// tcpdump, all of which `make test-packages` installs. It never skips: what is missing is a failure. It cannot test the
// peers' own security.
package linphone
