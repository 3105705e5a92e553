package wire

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
)

// frame makes an Ethernet frame of an IPv4 packet.
func frame(protocol byte, src, dst netip.AddrPort, payload []byte) []byte {
	header := map[byte]int{17: 8, 6: 20}[protocol]
	f := make([]byte, 14+20+header+len(payload))
	ip := f[14:]
	ip[0], ip[9] = 0x45, protocol
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	copy(ip[12:], src.Addr().AsSlice())
	copy(ip[16:], dst.Addr().AsSlice())
	binary.BigEndian.PutUint16(ip[20:], src.Port())
	binary.BigEndian.PutUint16(ip[22:], dst.Port())
	if protocol == 17 {
		binary.BigEndian.PutUint16(ip[24:], uint16(8+len(payload)))
	} else {
		ip[32] = 5 << 4
	}
	copy(ip[20+header:], payload)
	return f
}

func pcap(frames ...[]byte) *bytes.Buffer {
	b := &bytes.Buffer{}
	head := make([]byte, 24)
	binary.LittleEndian.PutUint32(head, 0xa1b2c3d4)
	binary.LittleEndian.PutUint32(head[20:], linkEthernet)
	b.Write(head)
	for _, f := range frames {
		rec := make([]byte, 16)
		binary.LittleEndian.PutUint32(rec[8:], uint32(len(f)))
		b.Write(append(rec, f...))
	}
	return b
}

var (
	alice  = netip.MustParseAddrPort("10.0.0.1:5060")
	bob    = netip.MustParseAddrPort("10.0.0.2:5060")
	server = netip.MustParseAddrPort("10.0.0.9:53")
)

func TestAsked(t *testing.T) {
	dns := "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04Host\x07example\x04test\x00\x00\x01\x00\x01"
	mdns := server
	mdns = netip.AddrPortFrom(mdns.Addr(), 5353)
	all, err := ReadAll(pcap(frame(17, alice, server, []byte(dns)), frame(17, server, alice, []byte(dns)), frame(17, alice, bob, []byte(dns)),
		frame(17, alice, server, []byte(dns)), frame(17, alice, mdns, []byte("short")), frame(6, alice, server, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if got := Asked(all); !slices.Equal(got, []string{"host.example.test", "?"}) {
		t.Errorf("asked %q", got)
	}
}

func TestTells(t *testing.T) {
	hidden := binary.BigEndian.AppendUint32([]byte{1, 2, 3}, 0x0a000002^magicCookie)
	for name, c := range map[string]struct {
		frame []byte
		leaks int
	}{
		"from it":          {frame(17, bob, alice, []byte("x")), 1},
		"named":            {frame(17, server, alice, []byte("Contact: <sip:bob@10.0.0.2>")), 1},
		"named by TCP":     {frame(6, server, alice, []byte("c=IN IP4 10.0.0.2")), 1},
		"another":          {frame(17, server, alice, []byte("c=IN IP4 10.0.0.22\r\n")), 0},
		"in octets":        {frame(17, server, alice, []byte{7, 10, 0, 0, 2}), 1},
		"hidden in STUN":   {frame(17, server, alice, hidden), 1},
		"to somebody else": {frame(17, server, bob, []byte("10.0.0.2")), 0},
		"nothing":          {frame(17, server, alice, []byte("Contact: <sip:bob@relay>")), 0},
	} {
		all, err := ReadAll(pcap(c.frame))
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %d packets, %v", name, len(all), err)
		}
		if got := Tells(all, alice.Addr(), bob.Addr()); len(got) != c.leaks {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestUnwrap(t *testing.T) {
	stun := func(kind uint16, attributes ...byte) []byte {
		b := binary.BigEndian.AppendUint16(nil, kind)
		b = binary.BigEndian.AppendUint16(b, uint16(len(attributes)))
		b = binary.BigEndian.AppendUint32(b, magicCookie)
		return append(append(b, make([]byte, 12)...), attributes...)
	}
	for name, c := range map[string]struct{ in, out []byte }{
		"channel":         {[]byte{0x40, 1, 0, 3, 'a', 'b', 'c', 0}, []byte("abc")},
		"channel, short":  {[]byte{0x40, 1, 0, 9, 'a'}, []byte{0x40, 1, 0, 9, 'a'}},
		"send":            {stun(0x16, 0, 0x12, 0, 1, 9, 0, 0, 0, 0, 0x13, 0, 2, 'h', 'i', 0, 0), []byte("hi")},
		"data":            {stun(0x17, 0, 0x13, 0, 2, 'h', 'i', 0, 0), []byte("hi")},
		"binding":         {stun(1, 0, 0x13, 0, 2, 'h', 'i', 0, 0), stun(1, 0, 0x13, 0, 2, 'h', 'i', 0, 0)},
		"attribute, long": {stun(0x17, 0, 0x13, 0, 9, 'h'), stun(0x17, 0, 0x13, 0, 9, 'h')},
		"media":           {rtp(1, 2), rtp(1, 2)},
	} {
		got := Unwrap([]Datagram{{Src: alice, Dst: bob, Payload: c.in}, {Src: server, Dst: bob, Payload: c.in}})
		if len(got) != 1 || !bytes.Equal(got[0].Payload, c.out) {
			t.Errorf("%s: %d packets, %q", name, len(got), got[0].Payload)
		}
	}
}
