package wire

import (
	"math/rand/v2"
	"testing"
)

func TestKindNamesWhatAnEavesdropperSees(t *testing.T) {
	stun := make([]byte, 20)
	copy(stun[4:], "\x21\x12\xa4\x42")
	for _, c := range []struct {
		packet []byte
		want   string
	}{
		{[]byte("INVITE sip:bob@127.2.0.2 SIP/2.0\r\nVia: x\r\n\r\n"), "SIP INVITE"},
		{[]byte("SIP/2.0 200 OK\r\n\r\n"), "SIP 200 OK"},
		{confirm1(), "ZRTP Confirm1"},
		{rtp(1, 2), "RTP"},
		{append([]byte{0x81, 201}, make([]byte, 20)...), "RTCP"},
		{stun, "STUN"},
		{[]byte("GET / HTTP/1.1\r\n\r\n"), "unknown"},
		{[]byte("\x1b[2J\r\n"), "unknown"},
		{nil, "unknown"},
	} {
		if got := Kind(c.packet); got != c.want {
			t.Errorf("%q: %q, want %q", c.packet, got, c.want)
		}
	}
	if got := Kind([]byte("SIP/2.0 200 \x1b[31m\r\n")); got != "SIP 200 ?[31m" {
		t.Errorf("control characters reach the page: %q", got)
	}
}

func TestMeterJudgesWhileTheCallGoesOn(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var m Meter
	if got := m.Read(); got.Verdict != TooEarly {
		t.Errorf("nothing seen: %+v", got)
	}
	m.Add(Datagram{Src: a, Dst: b, Payload: confirm1()})
	for i := range 300 {
		m.Add(Datagram{Src: a, Dst: b, Payload: rtp(i, byte(r.Uint32()))})
		m.Add(Datagram{Src: b, Dst: a, Payload: rtp(i, byte(r.Uint32()))})
	}
	if got := m.Read(); got.Verdict != Unreadable || got.Packets != meterWindow || got.Distinct < 60 {
		t.Errorf("ciphertext: %+v", got)
	}
	for i := range 100 { // one direction loses its protection in the middle of the call
		m.Add(Datagram{Src: b, Dst: a, Payload: rtp(i, 0x78|byte(i&1))})
	}
	if got := m.Read(); got.Verdict != Readable || got.Distinct > 2 {
		t.Errorf("clear Opus in one direction: %+v", got)
	}
	confirm2 := confirm1()
	copy(confirm2[16:], "Confirm2")
	for _, key := range [][]byte{confirm1(), confirm2} { // beside a man in the middle only one of them goes by
		var m Meter
		m.Add(Datagram{Src: a, Dst: b, Payload: key})
		m.Add(Datagram{Src: a, Dst: b, Payload: rtp(1, 9)})
		if got := m.Read(); got.Verdict != TooEarly {
			t.Errorf("one packet after %s: %+v", key[16:24], got)
		}
	}
	var early Meter
	early.Add(Datagram{Src: a, Dst: b, Payload: rtp(1, 9)})
	if got := early.Read(); got.Verdict != Readable {
		t.Errorf("RTP before a key: %+v", got)
	}
}
