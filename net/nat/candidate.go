package nat

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/pion/ice/v4"

	"sotto/net/signaling"
)

// scrub takes the related address out of a candidate: it is for diagnosis only, and it is an address of ours. RFC 8839,
// Section 5.1: "If [the agent] does not want to disclose [...] 'raddr' value of '0.0.0.0' or '::' and 'rport' of '9'". And
// it drops pion's extensions, which say nothing: an offer should fit into one datagram.
func scrub(candidate string) string {
	fields := strings.Fields(candidate)
	for i := 0; i+1 < len(fields); i++ {
		switch fields[i] {
		case "ufrag", "generation":
			fields = slices.Delete(fields, i, i+2)
			i--
		case "raddr":
			if strings.Contains(fields[i+1], ":") {
				fields[i+1] = "::"
			} else {
				fields[i+1] = "0.0.0.0"
			}
		case "rport":
			fields[i+1] = "9"
		}
	}
	return strings.Join(fields, " ")
}

// readCandidate reads what a peer wrote. Host names are refused: to look one up would tell a name server of the call.
func readCandidate(s string) (c ice.Candidate, addr netip.Addr, ok bool) {
	c, err := ice.UnmarshalCandidate(s)
	if err != nil || c.NetworkType().IsTCP() || c.Component() != ice.ComponentRTP {
		return nil, addr, false
	}
	addr, err = netip.ParseAddr(c.Address())
	if err != nil || addr.Zone() != "" || c.Port() < 1 || c.Port() > 65535 {
		return nil, addr, false
	}
	return c, addr.Unmap(), true
}

// Mismatch reports whether somebody on the path changed the media address of a description without knowing ICE, as
// application-level gateways of routers do. RFC 8839, Section 4.2.5: the default destination must be among the
// candidates.
func Mismatch(d signaling.Description) bool {
	if d.ICE == nil || d.RTP.Addr().IsUnspecified() {
		return false
	}
	for _, s := range d.ICE.Candidates {
		if c, addr, ok := readCandidate(s); ok && addr == d.RTP.Addr() && c.Port() == int(d.RTP.Port()) {
			return false
		}
	}
	return true
}

// forbidden are the addresses to which nothing is ever sent, whoever asks for it.
func forbidden(a netip.Addr, loopback bool) bool {
	return a.IsMulticast() || a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) || a.IsLoopback() && !loopback
}
