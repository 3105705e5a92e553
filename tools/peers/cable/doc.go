// Package cable joins two whole handsets by a cable and nothing else: two network namespaces, one link, link-local addresses
// (RFC 3927), no server, no router, no DHCP. It is where two people who meet pair their telephones.
//
// The test stands behind the build tag `interop` and needs root.
package cable
