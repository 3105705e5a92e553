package wiretap

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sotto/codec"
	"sotto/codec/opus"
	"sotto/net/protect"
	"sotto/net/rtpmux"
	"sotto/net/signaling"
	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// victim is the least telephone that can be deceived: two sockets, a session, SRTP.
type victim struct {
	t          *testing.T
	end, other End
	sip, media *net.UDPConn
	peer       netip.AddrPort // where the other's sound is, as the signaling said
	zid        zrtp.ZID
	cache      zrtptest.Cache
	session    *zrtp.Session
	ssrc       uint32
	keys       *protect.Context
	sas        zrtp.SASReady
	secure     bool
	payloads   []string // of authentic RTP
	rejected   int
}

// lay opens a path with a victim at either end.
func lay(t *testing.T) (*Path, [2]*victim) {
	t.Helper()
	var victims [2]*victim
	var ports [2]uint16
	for i := range victims {
		v := &victim{t: t, cache: zrtptest.Cache{}, zid: zrtp.ZID{'v', byte(i)}}
		v.sip = socket(t, byte(i+1))
		ports[i] = portOf(v.sip)
		victims[i] = v
	}
	ends := Ends([2]string{"Alice", "Bob"}, ports)
	p, err := Open(ends)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	for i, v := range victims {
		v.end, v.other = ends[i], ends[1-i]
	}
	return p, victims
}

func socket(t *testing.T, host byte) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 1, 0, host)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func portOf(c *net.UDPConn) uint16 { return c.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

// prepare makes ready for a call.
func (v *victim) prepare() {
	v.t.Helper()
	v.media = socket(v.t, v.end.Real.Addr().As4()[3])
	v.ssrc = uint32(portOf(v.media))
	v.keys, v.secure, v.sas, v.payloads, v.rejected = nil, false, zrtp.SASReady{}, nil, 0
	var err error
	if v.session, err = zrtp.NewSession(&zrtp.Config{ZID: v.zid, SSRC: v.ssrc, ClientID: "victim", Rand: rand.Reader,
		Cache: v.cache, KeyAgreements: []zrtp.KeyAgreement{zrtp.KeyAgreementX255}}, time.Now()); err != nil {
		v.t.Fatal(err)
	}
}

// message is a SIP message of v with its session description.
func (v *victim) message(first, id string) []byte {
	d := signaling.Description{RTP: netip.AddrPortFrom(v.end.Real.Addr(), portOf(v.media)), Mux: true,
		PayloadType: signaling.OpusType, Ptime: 20, Session: 1, Version: 1,
		Hashes: []signaling.ZRTPHash{{Version: "1.10", Hash: v.session.HelloHash()}}}
	d.RTCP = d.RTP
	body, err := d.Marshal()
	if err != nil {
		v.t.Fatal(err)
	}
	return fmt.Appendf(nil, "%s\r\nVia: SIP/2.0/UDP %v;branch=z9hG4bK1\r\nCall-ID: %s\r\nContact: <sip:%v>\r\nContent-Length: %d\r\n\r\n%s",
		first, v.end.Real, id, v.end.Real, len(body), body)
}

// learn reads a SIP message and takes from it what a telephone takes.
func (v *victim) learn() string {
	v.t.Helper()
	buf := make([]byte, 4096)
	v.sip.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, from, err := v.sip.ReadFromUDPAddrPort(buf)
	if err != nil {
		v.t.Fatal(err)
	}
	if from != v.other.Face {
		v.t.Errorf("a message from %v, want the face %v", from, v.other.Face)
	}
	_, body, _ := strings.Cut(string(buf[:n]), "\r\n\r\n")
	d, err := signaling.Parse([]byte(body))
	if err != nil {
		v.t.Fatalf("%v in %s", err, buf[:n])
	}
	v.peer = d.RTP
	if err := v.session.SetPeerHelloHash(d.Hashes[0].Hash[:], false); err != nil {
		v.t.Fatal(err)
	}
	return string(buf[:n])
}

// call lets a call b and both exchange keys; it gives the messages as they arrived.
func call(t *testing.T, a, b *victim, id string) (offer, answer string) {
	t.Helper()
	a.prepare()
	b.prepare()
	a.sip.WriteToUDPAddrPort(a.message("INVITE sip:b@"+b.end.Face.String()+" SIP/2.0", id), b.end.Face)
	offer = b.learn()
	b.sip.WriteToUDPAddrPort(b.message("SIP/2.0 200 OK", id), a.end.Face)
	answer = a.learn()
	a.session.Start(time.Now())
	b.session.Start(time.Now())
	if !pump(10*time.Second, func() bool { return a.secure && b.secure }, a, b) {
		t.Fatalf("not secure: %v %v", a.session.State(), b.session.State())
	}
	return offer, answer
}

// pump moves packets until done or the limit.
func pump(limit time.Duration, done func() bool, victims ...*victim) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); {
		for _, v := range victims {
			v.turn()
		}
		if done() {
			return true
		}
	}
	return false
}

// turn sends and receives once.
func (v *victim) turn() {
	now := time.Now()
	v.session.Tick(now)
	v.drain()
	buf := make([]byte, 2048)
	v.media.SetReadDeadline(now.Add(time.Millisecond))
	n, _, err := v.media.ReadFromUDPAddrPort(buf)
	if err != nil {
		return
	}
	switch rtpmux.Classify(buf[:n]) {
	case rtpmux.ZRTP:
		v.session.Handle(buf[:n], now)
		v.drain()
	case rtpmux.RTP:
		plain, err := v.keys.UnprotectRTP(nil, buf[:n])
		if err != nil {
			v.rejected++
			return
		}
		v.session.PeerSentSRTP(now)
		v.payloads = append(v.payloads, string(plain[12:]))
	}
}

func (v *victim) drain() {
	var buf [zrtp.MaxPacketSize]byte
	for n, ok := v.session.Outgoing(buf[:]); ok; n, ok = v.session.Outgoing(buf[:]) {
		v.media.WriteToUDPAddrPort(buf[:n], v.peer)
	}
	for ev, ok := v.session.NextEvent(); ok; ev, ok = v.session.NextEvent() {
		switch ev := ev.(type) {
		case zrtp.KeysReady:
			l := leg{session: v.session}
			v.keys, _ = l.contexts(ev)
		case zrtp.SASReady:
			v.sas = ev
		case zrtp.Secure:
			v.secure = true
		}
	}
}

// speak sends n packets of a 440 Hz tone, protected or not, and returns their payloads.
func (v *victim) speak(n int, clear bool) (payloads []string) {
	v.t.Helper()
	enc, err := opus.NewEncoder(opus.DefaultEncoder())
	if err != nil {
		v.t.Fatal(err)
	}
	pcm, dst := make([]int16, codec.FrameSamples(20)), make([]byte, codec.MaxPayload)
	for k := range n {
		for i := range pcm {
			pcm[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(k*len(pcm)+i)/codec.SampleRate))
		}
		size, err := enc.Encode(dst, pcm)
		if err != nil {
			v.t.Fatal(err)
		}
		packet := append(make([]byte, 12), dst[:size]...)
		packet[0], packet[1] = 0x80, signaling.OpusType
		binary.BigEndian.PutUint16(packet[2:], uint16(k+1))
		binary.BigEndian.PutUint32(packet[4:], uint32(k*len(pcm)))
		binary.BigEndian.PutUint32(packet[8:], v.ssrc)
		if !clear {
			if packet, err = v.keys.ProtectRTP(nil, packet); err != nil {
				v.t.Fatal(err)
			}
		}
		v.media.WriteToUDPAddrPort(packet, v.peer)
		payloads = append(payloads, string(dst[:size]))
	}
	return payloads
}
