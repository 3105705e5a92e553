// Package firewall is the handset's packet filter: nftables by netlink, without any other program.
//
// It promises that whatever is not allowed here is dropped without an answer, for IPv4 and IPv6, in both directions of
// forwarding and for everything that comes in; and that the old rules stay until the new ones are all in force.
//
// It never opens a port by itself and asks no router to (no UPnP, no NAT-PMP). Voice needs no open port: the handset sends first, and
// what answers is let in. It does not filter what the handset sends.
package firewall

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

const tableName = "sotto"

// Policy is what may pass besides answers to what we sent.
type Policy struct {
	// Direct lets calls in that need no server: new UDP packets to this port, at most DirectRate a second. 0 is no port.
	Direct uint16
	// From narrows Direct to one network; the zero Prefix is every network.
	From netip.Prefix
	// DHCP lets the answers of a DHCP server in: they come from an address that we have not asked.
	DHCP bool
}

// DirectRate bounds new packets to the direct port: a flood costs the filter, not the telephone.
const DirectRate = 50

// Set puts the policy in force, in one transaction.
func Set(p Policy) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("firewall: %w", err)
	}
	if err := build(c, p); err != nil {
		return err
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("firewall: %w", err)
	}
	return nil
}

// build queues the whole table. Adding it before deleting it makes the deletion succeed on the first start too.
func build(c *nftables.Conn, p Policy) error {
	t := &nftables.Table{Name: tableName, Family: nftables.TableFamilyINet}
	c.AddTable(t)
	c.DelTable(t)
	t = c.AddTable(t)
	drop := nftables.ChainPolicyDrop
	c.AddChain(&nftables.Chain{Name: "forward", Table: t, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter, Policy: &drop})
	in := c.AddChain(&nftables.Chain{Name: "input", Table: t, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter, Policy: &drop})
	for _, exprs := range rules(p) {
		c.AddRule(&nftables.Rule{Table: t, Chain: in, Exprs: exprs})
	}
	return nil
}

// rules are the rules of the input chain, in order.
func rules(p Policy) [][]expr.Any {
	accept := &expr.Verdict{Kind: expr.VerdictAccept}
	r := [][]expr.Any{
		{meta(expr.MetaKeyIIFNAME), equal(interfaceName("lo")), accept},
		append(state(expr.CtStateBitINVALID), &expr.Verdict{Kind: expr.VerdictDrop}),
		append(state(expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED), accept),
		// Neighbour discovery, or nobody on the link finds us (RFC 4861); hop limit 255 proves that it comes from the link.
		{meta(expr.MetaKeyL4PROTO), equal([]byte{unix.IPPROTO_ICMPV6}),
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 7, Len: 1}, equal([]byte{255}),
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
			&expr.Range{Op: expr.CmpOpEq, Register: 1, FromData: []byte{134}, ToData: []byte{136}}, accept},
	}
	if p.DHCP {
		r = append(r, append(udp(67, 68), accept))
	}
	if p.Direct != 0 {
		rule := udp(0, p.Direct)
		if p.From.IsValid() {
			rule = append(rule, source(p.From)...)
		}
		r = append(r, append(rule, &expr.Limit{Type: expr.LimitTypePkts, Rate: DirectRate, Unit: expr.LimitTimeSecond,
			Burst: DirectRate}, accept))
	}
	return r
}

func meta(k expr.MetaKey) expr.Any { return &expr.Meta{Key: k, Register: 1} }
func equal(b []byte) expr.Any      { return &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: b} }

// interfaceName is a name as the kernel compares it: 16 octets, padded.
func interfaceName(n string) []byte {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b, n)
	return b
}

// state matches connections of the tracker's states.
func state(bits uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Register: 1, Key: expr.CtKeySTATE},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(bits),
			Xor: binaryutil.NativeEndian.PutUint32(0)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{0, 0, 0, 0}},
	}
}

// udp matches UDP over IPv4 between two ports; 0 is any.
func udp(from, to uint16) []expr.Any {
	m := []expr.Any{meta(expr.MetaKeyNFPROTO), equal([]byte{unix.NFPROTO_IPV4}),
		meta(expr.MetaKeyL4PROTO), equal([]byte{unix.IPPROTO_UDP})}
	for i, port := range []uint16{from, to} {
		if port != 0 {
			m = append(m, &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: uint32(2 * i), Len: 2},
				equal(binary.BigEndian.AppendUint16(nil, port)))
		}
	}
	return m
}

// source matches the sender's IPv4 network.
func source(p netip.Prefix) []expr.Any {
	mask := binary.BigEndian.AppendUint32(nil, ^uint32(0)<<(32-p.Bits()))
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: []byte{0, 0, 0, 0}},
		equal(p.Masked().Addr().AsSlice()),
	}
}
