package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// What an eavesdropper learns besides speech: which names are asked for, and whose addresses are told.

// Ports of name services: DNS, multicast DNS and LLMNR.
var namePorts = []uint16{53, 5353, 5355}

const magicCookie = 0x2112a442 // RFC 8489, Section 5

// ReadAll returns the UDP datagrams and the TCP segments with a payload of a capture, in order. Datagram.Payload of a
// segment is its payload: messages that are cut into several segments are in several.
func ReadAll(r io.Reader) ([]Datagram, error) {
	return read(r, func(frame []byte, skip int) (Datagram, bool) {
		if d, ok := udp(frame, skip); ok {
			return d, true
		}
		return segment(frame, skip)
	})
}

// ReadFile is ReadAll of a file.
func ReadFile(path string) ([]Datagram, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(f)
}

// segment takes a TCP segment with a payload out of a frame.
func segment(frame []byte, skip int) (d Datagram, ok bool) {
	if len(frame) < skip+40 {
		return d, false
	}
	ip := frame[skip:]
	header, total := int(ip[0]&15)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if ip[0]>>4 != 4 || ip[9] != 6 || header < 20 || total > len(ip) || total < header+20 {
		return d, false
	}
	s := ip[header:total]
	n := int(s[12]>>4) * 4
	if n < 20 || n >= len(s) {
		return d, false
	}
	d.Src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:16])), binary.BigEndian.Uint16(s))
	d.Dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[16:20])), binary.BigEndian.Uint16(s[2:]))
	d.Payload = s[n:]
	return d, true
}

// Asked returns the names that anybody asked a name service for, each once, in order. What goes to a port of one and cannot
// be read stands as "?".
func Asked(all []Datagram) (names []string) {
	for _, d := range all {
		if !slices.Contains(namePorts, d.Dst.Port()) {
			continue
		}
		if name := question(d.Payload); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// question is the name of the first question of a DNS message. RFC 1035, Section 4.1.
func question(p []byte) string {
	if len(p) < 13 {
		return "?"
	}
	var labels []string
	for p = p[12:]; len(p) > 0 && p[0] != 0; {
		n := int(p[0])
		if n > 63 || n >= len(p) {
			return "?"
		}
		labels = append(labels, strings.ToLower(string(p[1:1+n])))
		p = p[1+n:]
	}
	return strings.Join(labels, ".")
}

// Tells returns, in words, the packets for the reader that tell it an address: by coming from there, by naming it in text
// as SIP and SDP do, or as four octets, plain or as STUN writes them.
func Tells(all []Datagram, reader, address netip.Addr) (leaks []string) {
	octets := address.As4()
	hidden := binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(octets[:])^magicCookie)
	for _, d := range all {
		if d.Dst.Addr() != reader {
			continue
		}
		how := ""
		switch {
		case d.Src.Addr() == address:
			how = "comes from it"
		case names(d.Payload, address.String()):
			how = "names it"
		case bytes.Contains(d.Payload, octets[:]), bytes.Contains(d.Payload, hidden):
			how = "has it in octets"
		}
		if how != "" {
			leaks = append(leaks, fmt.Sprintf("%s to %v %s", Kind(d.Payload), d.Dst, how))
		}
	}
	return leaks
}

// names reports whether a text has an address that is not part of a longer one.
func names(text []byte, address string) bool {
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(address))
		if i < 0 {
			return false
		}
		from += i + len(address)
		if from == len(text) || text[from] < '0' || text[from] > '9' {
			return true
		}
	}
}

// From RFC 8656, Sections 12 and 18.
const (
	sendIndication = 0x0016
	dataIndication = 0x0017
	dataAttribute  = 0x0013
)

// Unwrap returns the datagrams with what TURN carries taken out of its wrapping, so that media by a relay can be judged as
// other media. What goes to a name server or comes from one is left out: its first octets are random.
func Unwrap(all []Datagram) (out []Datagram) {
	for _, d := range all {
		if slices.Contains(namePorts, d.Dst.Port()) || slices.Contains(namePorts, d.Src.Port()) {
			continue
		}
		if inner := relayed(d.Payload); inner != nil {
			d.Payload = inner
		}
		out = append(out, d)
	}
	return out
}

// relayed is what a ChannelData message or an indication carries, nil for none.
func relayed(p []byte) []byte {
	if len(p) < 4 {
		return nil
	}
	n := int(binary.BigEndian.Uint16(p[2:]))
	if p[0]>>6 == 1 && 4+n <= len(p) {
		return p[4 : 4+n]
	}
	kind := binary.BigEndian.Uint16(p)
	if kind != sendIndication && kind != dataIndication || len(p) < 20 || binary.BigEndian.Uint32(p[4:]) != magicCookie {
		return nil
	}
	for a := p[20:]; len(a) >= 4; {
		length := int(binary.BigEndian.Uint16(a[2:]))
		if 4+length > len(a) {
			return nil
		}
		if binary.BigEndian.Uint16(a) == dataAttribute {
			return a[4 : 4+length]
		}
		a = a[min(len(a), 4+(length+3)&^3):]
	}
	return nil
}
