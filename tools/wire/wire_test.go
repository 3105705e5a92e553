package wire

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// rtp builds a packet whose payload begins with toc.
func rtp(seq int, toc byte) []byte {
	p := make([]byte, 92)
	p[0], p[1] = 0x80, 96
	binary.BigEndian.PutUint16(p[2:], uint16(seq))
	p[12] = toc
	return p
}

var a, b = netip.MustParseAddrPort("10.0.0.1:7078"), netip.MustParseAddrPort("10.0.0.2:7078")

func confirm1() []byte {
	p := make([]byte, 92)
	p[0] = 0x10
	copy(p[4:], "ZRTP")
	copy(p[16:], "Confirm1")
	return p
}

func TestJudgeSeesClearOpusAndPassesCiphertext(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	secret, clear := []Datagram{{Src: a, Dst: b, Payload: confirm1()}}, []Datagram{{Src: a, Dst: b, Payload: confirm1()}}
	for i := range 300 {
		secret = append(secret, Datagram{Src: a, Dst: b, Payload: rtp(i, byte(r.Uint32()))})
		clear = append(clear, Datagram{Src: a, Dst: b, Payload: rtp(i, 0x78|byte(i&1))})
	}
	if got := Judge(secret); len(got.Leaks) != 0 || got.Media != 300 {
		t.Errorf("ciphertext: %+v", got)
	}
	if got := Judge(clear); len(got.Leaks) != 1 {
		t.Errorf("clear Opus was not seen: %+v", got.Leaks)
	}
	if got := Judge(secret[1:]); len(got.Leaks) == 0 {
		t.Error("RTP without a key exchange was not seen")
	}
}

func TestReadTakesWhatTcpdumpWrites(t *testing.T) {
	payload := rtp(7, 1)
	frame := make([]byte, 14+28)
	binary.BigEndian.PutUint16(frame[12:], 0x0800)
	ip := frame[14:]
	ip[0], ip[9] = 0x45, 17
	copy(ip[12:], a.Addr().AsSlice())
	copy(ip[16:], b.Addr().AsSlice())
	binary.BigEndian.PutUint16(ip[20:], a.Port())
	binary.BigEndian.PutUint16(ip[22:], b.Port())
	binary.BigEndian.PutUint16(ip[24:], uint16(8+len(payload)))
	frame = append(frame, payload...)
	file := make([]byte, 24+16)
	binary.LittleEndian.PutUint32(file, 0xa1b2c3d4)
	binary.LittleEndian.PutUint32(file[20:], linkEthernet)
	binary.LittleEndian.PutUint32(file[24:], 1700000000)
	binary.LittleEndian.PutUint32(file[32:], uint32(len(frame)))
	file = append(file, frame...)
	got, err := Read(bytes.NewReader(file))
	if err != nil || len(got) != 1 || got[0].Src != a || got[0].Dst != b || !bytes.Equal(got[0].Payload, payload) {
		t.Fatalf("%v %+v", err, got)
	}
	if got, err := Read(bytes.NewReader(file[:len(file)-3])); err != nil || len(got) != 0 {
		t.Errorf("a cut capture: %v %v", got, err)
	}
	if _, err := Read(bytes.NewReader([]byte("not a capture, but long enough to be one"))); err == nil {
		t.Error("nonsense was read")
	}
}
