package wiretap

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"time"

	"sotto/net/protect"
	"sotto/net/rtpmux"
	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// thief is what an attacker keeps between calls: the identities that he borrows, and the secrets that his own calls left.
type thief struct {
	rand   io.Reader
	zids   [2]zrtp.ZID       // of the ends, as he found them in their Hellos or made them up
	known  [2]bool           // overheard
	used   bool              // he has shown these identities to somebody and must stay with them
	caches [2]zrtptest.Cache // shared with either end
}

func newThief(r io.Reader) (*thief, error) {
	t := &thief{rand: r, caches: [2]zrtptest.Cache{{}, {}}}
	for i := range t.zids {
		if err := randomID(r, t.zids[i][:]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Where a Hello carries the ZID (RFC 6189, Sections 5 and 5.2): after packet header, type, version, client and H3.
const (
	helloType = 16
	helloZID  = 12 + 4 + 8 + 4 + 16 + 32
)

// overhear takes an end's ZID out of a Hello that goes by in clear. Once he has shown himself he keeps what he showed.
func (t *thief) overhear(from int, packet []byte) {
	if t.used || t.known[from] || rtpmux.Classify(packet) != rtpmux.ZRTP || len(packet) < helloZID+len(zrtp.ZID{}) ||
		string(packet[helloType:helloType+8]) != "Hello   " {
		return
	}
	copy(t.zids[from][:], packet[helloZID:])
	t.known[from] = true
}

// leg is the attacker's call with one end, in which he plays the other one.
type leg struct {
	session *zrtp.Session
	ssrc    uint32 // that he sends under
	started bool
	back    ports // where his ZRTP packets go
	keys    *protect.Context
	secure  bool
	sas     zrtp.SASReady
}

// attack is one call with the attacker in it.
type attack struct {
	legs [2]leg // by the end that is deceived
	ear  *ear
}

func newAttack(t *thief, now time.Time) (*attack, error) {
	e, err := newEar()
	if err != nil {
		return nil, err
	}
	a := &attack{ear: e}
	t.used = true
	for i := range a.legs {
		var ssrc [4]byte
		if err := randomID(t.rand, ssrc[:]); err != nil {
			return nil, err
		}
		l := &a.legs[i]
		l.ssrc = binary.BigEndian.Uint32(ssrc[:])
		l.session, err = zrtp.NewSession(&zrtp.Config{ZID: t.zids[1-i], SSRC: l.ssrc, ClientID: "SOTTO", Rand: t.rand,
			Cache: t.caches[i]}, now)
		if err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *attack) close() {
	for i := range a.legs {
		a.legs[i].session.Close()
	}
}

func (a *attack) deadline() (next time.Time) {
	for i := range a.legs {
		if d := a.legs[i].session.Deadline(); next.IsZero() || !d.IsZero() && d.Before(next) {
			next = d
		}
	}
	return next
}

func (a *attack) tick(now time.Time) (out []outgoing) {
	for i := range a.legs {
		a.legs[i].session.Tick(now)
		out = append(out, a.drain(i)...)
	}
	return out
}

// handle takes a packet of media from an end and gives what goes on instead.
func (a *attack) handle(in arrival, now time.Time) (out []outgoing) {
	l, other := &a.legs[in.from], &a.legs[1-in.from]
	switch rtpmux.Classify(in.data) {
	case rtpmux.ZRTP:
		l.back = in.back()
		if !l.started {
			l.started = true
			l.session.Start(now)
		}
		// What is wrong with a packet does not matter to him: the victim will send it again.
		_ = l.session.Handle(in.data, now)
		return a.drain(in.from)
	case rtpmux.RTP:
		if l.keys == nil {
			return nil
		}
		plain, err := l.keys.UnprotectRTP(nil, in.data)
		if err != nil {
			return nil
		}
		l.session.PeerSentSRTP(now)
		out = a.drain(in.from)
		a.ear.hear(in.from, plain, now)
		if !other.secure {
			return out
		}
		binary.BigEndian.PutUint32(plain[8:], other.ssrc)
		if data, err := other.keys.ProtectRTP(nil, plain); err == nil {
			out = append(out, outgoing{in.from, in.ports, data})
		}
		return out
	case rtpmux.RTCP:
		return a.report(in)
	}
	return []outgoing{{in.from, in.ports, slices.Clone(in.data)}}
}

// report passes an RTCP packet on with the sources exchanged, so that both ends see sound statistics.
func (a *attack) report(in arrival) []outgoing {
	l, other := &a.legs[in.from], &a.legs[1-in.from]
	if l.keys == nil || !other.secure {
		return nil
	}
	plain, err := l.keys.UnprotectRTCP(nil, in.data)
	if err != nil {
		return nil
	}
	sender, _ := l.session.PeerSSRC()
	peer, _ := other.session.PeerSSRC()
	for at := 4; at+4 <= len(plain); at += 4 {
		switch binary.BigEndian.Uint32(plain[at:]) {
		case sender:
			binary.BigEndian.PutUint32(plain[at:], other.ssrc)
		case l.ssrc:
			binary.BigEndian.PutUint32(plain[at:], peer)
		}
	}
	data, err := other.keys.ProtectRTCP(nil, plain)
	if err != nil {
		return nil
	}
	return []outgoing{{in.from, in.ports, data}}
}

// drain collects what a leg's session says to its victim, in the name of the other end.
func (a *attack) drain(victim int) (out []outgoing) {
	l := &a.legs[victim]
	var buf [zrtp.MaxPacketSize]byte
	for n, ok := l.session.Outgoing(buf[:]); ok; n, ok = l.session.Outgoing(buf[:]) {
		out = append(out, outgoing{1 - victim, l.back, slices.Clone(buf[:n])})
	}
	for ev, ok := l.session.NextEvent(); ok; ev, ok = l.session.NextEvent() {
		switch ev := ev.(type) {
		case zrtp.KeysReady:
			l.keys, _ = l.contexts(ev) // a cipher that SRTP here does not have was not offered
		case zrtp.SASReady:
			l.sas = ev
		case zrtp.Secure:
			l.secure = l.keys != nil
		}
	}
	return out
}

// errCipher cannot happen with what is offered.
var errCipher = errors.New("wiretap: cipher or tag without SRTP")

// contexts makes the SRTP of a leg and wipes the keys.
func (l *leg) contexts(k zrtp.KeysReady) (*protect.Context, error) {
	defer func() {
		for _, s := range []zrtp.Secret{k.Send.Key, k.Send.Salt, k.Receive.Key, k.Receive.Salt} {
			s.Wipe()
		}
	}()
	name := k.Algorithms.Cipher.String() + "/" + k.Algorithms.AuthTag.String()
	peer, _ := l.session.PeerSSRC()
	for profile := protect.AES1HS80; profile <= protect.AES3HS32; profile++ {
		if profile.String() == name {
			return protect.New(protect.Keys{Profile: profile, SendKey: k.Send.Key, SendSalt: k.Send.Salt,
				RecvKey: k.Receive.Key, RecvSalt: k.Receive.Salt, RemoteSSRC: peer})
		}
	}
	return nil, errCipher
}
