// Package wire reads what tcpdump recorded and says whether speech was in it.
//
// It promises two judgements: RTP before the first ZRTP Confirm1 is a leak, and so is any longer stream whose payloads
// begin as Opus does (RFC 6716, Section 3.1: one TOC octet per configuration) instead of like random octets.
// It cannot prove that a cipher is strong: zrtp and net/protect are tested for that.
package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// Datagram is one UDP datagram over IPv4.
type Datagram struct {
	Time     time.Time
	Src, Dst netip.AddrPort
	Payload  []byte
}

// ErrFormat says that a file is not a capture that this package reads (pcap, Ethernet or Linux cooked).
var ErrFormat = errors.New("wire: not a pcap file of Ethernet or Linux cooked frames")

// Link types of the pcap format.
const (
	linkEthernet = 1
	linkCooked   = 113
	linkCooked2  = 276
)

// linkHeader is the length of the frame header before the IP packet.
var linkHeader = map[uint32]int{linkEthernet: 14, linkCooked: 16, linkCooked2: 20}

// Read returns the UDP datagrams of a capture in order; other packets are passed over.
func Read(r io.Reader) ([]Datagram, error) { return read(r, udp) }

// read returns what pick takes out of the frames of a capture.
func read(r io.Reader, pick func(frame []byte, skip int) (Datagram, bool)) ([]Datagram, error) {
	br := bufio.NewReader(r)
	var head [24]byte
	if _, err := io.ReadFull(br, head[:]); err != nil || binary.LittleEndian.Uint32(head[:]) != 0xa1b2c3d4 {
		return nil, ErrFormat
	}
	skip, ok := linkHeader[binary.LittleEndian.Uint32(head[20:])]
	if !ok {
		return nil, ErrFormat
	}
	var all []Datagram
	for {
		var rec [16]byte
		if _, err := io.ReadFull(br, rec[:]); err != nil {
			return all, nil // a capture that was cut off ends here
		}
		n := binary.LittleEndian.Uint32(rec[8:])
		if n > 1<<18 {
			return nil, ErrFormat
		}
		frame := make([]byte, n)
		if _, err := io.ReadFull(br, frame); err != nil {
			return all, nil
		}
		at := time.Unix(int64(binary.LittleEndian.Uint32(rec[:])), int64(binary.LittleEndian.Uint32(rec[4:]))*1000)
		if d, ok := pick(frame, skip); ok {
			d.Time = at
			all = append(all, d)
		}
	}
}

// udp takes a datagram out of a frame.
func udp(frame []byte, skip int) (d Datagram, ok bool) {
	if len(frame) < skip+28 {
		return d, false
	}
	ip := frame[skip:]
	header := int(ip[0]&15) * 4
	if ip[0]>>4 != 4 || ip[9] != 17 || header < 20 || len(ip) < header+8 {
		return d, false
	}
	u := ip[header:]
	n := int(binary.BigEndian.Uint16(u[4:]))
	if n < 8 || n > len(u) {
		return d, false
	}
	d.Src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:16])), binary.BigEndian.Uint16(u))
	d.Dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[16:20])), binary.BigEndian.Uint16(u[2:]))
	d.Payload = u[8:n]
	return d, true
}

// zrtpType is the message type of a ZRTP packet, or nothing.
func zrtpType(p []byte) string {
	if len(p) < 28 || p[0]>>4 != 1 || string(p[4:8]) != "ZRTP" {
		return ""
	}
	return string(p[16:24])
}

// rtpPayload returns the payload of an RTP packet (RFC 3550, Section 5.1).
func rtpPayload(p []byte) (payload []byte, ok bool) {
	if len(p) < 13 || p[0]>>6 != 2 || (p[1]&0x7f >= 64 && p[1]&0x7f < 96) { // RFC 5761: 64 to 95 is RTCP
		return nil, false
	}
	n := 12 + 4*int(p[0]&15)
	if p[0]&0x10 != 0 && len(p) >= n+4 {
		n += 4 + 4*int(binary.BigEndian.Uint16(p[n+2:]))
	}
	if len(p) <= n {
		return nil, false
	}
	return p[n:], true
}

// stream is one direction of media.
type stream struct {
	src, dst netip.AddrPort
	ssrc     uint32
}

// Report is what Judge found.
type Report struct {
	Media   int              // RTP packets
	Streams map[string]int   // RTP packets by stream
	Sizes   map[string][]int // the different packet sizes of each stream, in order of appearance
	Leaks   []string         // speech in the clear, in words
}

// minPackets is how long a stream must be before its first octets are judged.
const minPackets = 24

// Judge looks for speech in the clear.
func Judge(all []Datagram) Report {
	r := Report{Streams: map[string]int{}, Sizes: map[string][]int{}}
	secured := false
	first := map[stream]map[byte]int{}
	for _, d := range all {
		if zrtpType(d.Payload) == "Confirm1" {
			secured = true
		}
		payload, ok := rtpPayload(d.Payload)
		if !ok {
			continue
		}
		s := stream{d.Src, d.Dst, binary.BigEndian.Uint32(d.Payload[8:])}
		r.Media++
		if !secured {
			r.Leaks = append(r.Leaks, fmt.Sprintf("RTP from %v before any key was confirmed", d.Src))
		}
		if first[s] == nil {
			first[s] = map[byte]int{}
		}
		first[s][payload[0]]++
		name := fmt.Sprintf("%v>%v/%08x", s.src, s.dst, s.ssrc)
		r.Streams[name]++
		if sizes := r.Sizes[name]; !contains(sizes, len(d.Payload)) {
			r.Sizes[name] = append(sizes, len(d.Payload))
		}
	}
	for s, values := range first {
		n := 0
		for _, c := range values {
			n += c
		}
		if looksClear(len(values), n) {
			r.Leaks = append(r.Leaks, fmt.Sprintf("stream from %v: %d packets begin with only %d different octets", s.src, n, len(values)))
		}
	}
	return r
}

func contains(s []int, v int) bool {
	for _, x := range s {
		if x == v {
			return true
		}
	}
	return false
}
