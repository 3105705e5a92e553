package wire

import (
	"encoding/binary"
	"strings"
)

// Kind says what a datagram is, as far as an eavesdropper can tell: "SIP INVITE", "SIP 200 OK", "ZRTP Commit", "RTP" (or
// SRTP: the headers are the same), "RTCP", "STUN", else "unknown".
func Kind(p []byte) string {
	if t := zrtpType(p); t != "" {
		return "ZRTP " + printable(strings.TrimRight(t, " "))
	}
	if len(p) >= 12 && p[0]>>6 == 2 {
		if p[1] >= 192 && p[1] <= 223 { // RFC 5761, Section 4
			return "RTCP"
		}
		return "RTP"
	}
	if len(p) >= 20 && p[0] <= 3 && binary.BigEndian.Uint32(p[4:]) == 0x2112A442 {
		return "STUN"
	}
	line, _, ok := strings.Cut(string(p[:min(len(p), 256)]), "\r\n")
	if !ok {
		return "unknown"
	}
	if status, found := strings.CutPrefix(line, "SIP/2.0 "); found {
		return "SIP " + printable(status)
	}
	if verb, _, found := strings.Cut(line, " "); found && strings.HasSuffix(line, " SIP/2.0") {
		return "SIP " + printable(verb)
	}
	return "unknown"
}

// printable keeps what a stranger chose short and free of control characters.
func printable(s string) string {
	const longest = 24
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s[:min(len(s), longest)])
}

// Verdict is what a Meter thinks of a call.
type Verdict string

// The verdicts.
const (
	TooEarly   Verdict = "too early" // not enough packets to judge by
	Unreadable Verdict = "none"      // as random octets look
	Readable   Verdict = "readable"  // RTP before a key was confirmed, or payloads that begin as Opus does
)

// meterWindow is how many packets of a stream a Meter looks back.
const meterWindow = 100

// Meter is Judge for a call that goes on: it looks at the last meterWindow packets of each stream. The zero value is
// ready, and one serves one call. It judges by the same two signs as Judge and can do no more.
type Meter struct {
	secured bool
	early   int // RTP before the first Confirm1 or Confirm2
	streams map[stream]*firsts
}

// firsts are the first payload octets of a stream's newest packets.
type firsts struct {
	ring   [meterWindow]byte
	n      int // packets in all
	counts [256]int
}

// Confirmed tells a Meter that looks at packets after their decryption that no Confirm is to be waited for.
func (m *Meter) Confirmed() { m.secured = true }

// Add looks at one datagram.
func (m *Meter) Add(d Datagram) {
	// Beside a man in the middle only one side of each of his exchanges goes by: that may be the one with Confirm2.
	if t := zrtpType(d.Payload); t == "Confirm1" || t == "Confirm2" {
		m.secured = true
	}
	payload, ok := rtpPayload(d.Payload)
	if !ok {
		return
	}
	if !m.secured {
		m.early++
	}
	s := stream{d.Src, d.Dst, binary.BigEndian.Uint32(d.Payload[8:])}
	if m.streams == nil {
		m.streams = map[stream]*firsts{}
	}
	f := m.streams[s]
	if f == nil {
		if len(m.streams) >= 16 { // a stranger may make up sources
			return
		}
		f = &firsts{}
		m.streams[s] = f
	}
	f.add(payload[0])
}

func (f *firsts) add(octet byte) {
	at := f.n % meterWindow
	if f.n >= meterWindow {
		f.counts[f.ring[at]]--
	}
	f.ring[at] = octet
	f.counts[octet]++
	f.n++
}

// distinct is how many different octets the last n packets began with.
func (f *firsts) distinct() (values, n int) {
	for _, c := range f.counts {
		if c > 0 {
			values++
		}
	}
	return values, min(f.n, meterWindow)
}

// Reading is what a Meter found, with the figures it was found by.
type Reading struct {
	Verdict  Verdict `json:"verdict"`
	Packets  int     `json:"packets"`  // looked at, of the stream that is judged
	Distinct int     `json:"distinct"` // different first octets among them
}

// Read judges the stream that looks most like speech; every stream must look random for Unreadable.
func (m *Meter) Read() Reading {
	r := Reading{Verdict: TooEarly}
	for _, f := range m.streams {
		values, n := f.distinct()
		if n < minPackets {
			continue
		}
		if r.Verdict == TooEarly || values*r.Packets < r.Distinct*n {
			r.Packets, r.Distinct = n, values
		}
		if looksClear(values, n) {
			r.Verdict = Readable
		} else if r.Verdict == TooEarly {
			r.Verdict = Unreadable
		}
	}
	if m.early > 0 {
		r.Verdict = Readable
	}
	return r
}

// looksClear tells whether n payloads with so many different first octets can hardly be ciphertext: n random octets show
// about 256*(1-e^(-n/256)) values; Opus shows one or two.
func looksClear(values, n int) bool { return n >= minPackets && values < min(n, 128)/3 }
