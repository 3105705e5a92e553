//go:build interop

package servers

import (
	"context"
	"crypto/sha256"
	"net"
	"net/netip"
)

// local is the name server of the tests: it knows one name.
type local struct{}

func (local) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if host != domain {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func (local) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", nil, &net.DNSError{Err: "no such record", IsNotFound: true}
}

func sum(b []byte) [32]byte { return sha256.Sum256(b) }
