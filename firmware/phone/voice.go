package phone

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"sotto/codec"
	"sotto/firmware/media"
	"sotto/firmware/phonebook"
	"sotto/hal"
	"sotto/net/nat"
	"sotto/net/onion/bundle"
	"sotto/net/protect"
	"sotto/net/signaling"
	"sotto/zrtp"
)

// voice is one call's media, from the moment its description is needed to the hang-up.
type voice struct {
	number    int // of the call
	ssrc      uint32
	session   *zrtp.Session
	rtp, rtcp *wire
	agent     *nat.Agent // the way by ICE; nil: the two wires are the way
	over      *over      // nil: not over Tor. Else there are no wires
	cards     *cards     // nil: none can be exchanged
	path      media.Transport
	remote    signaling.Description
	local     signaling.Description // what we said last
	pcm       hal.PCM
	call      *media.Call // nil until the media has started
	sas       zrtp.SASReady
	address   string // of the peer, as dialled or as it calls itself
	name      string // as a caller says it
	zid       zrtp.ZID
	judgement phonebook.Judgement // what the book knew of that device before this call
	secure    bool
	compared  bool        // the code, in this call or before
	seed      zrtp.Secret // of messages, while the code is to be compared; nil: none
	initiator bool        // in ZRTP
	travel
	served    served // what a call to the server only needs
	authentic bool   // the signaling went over TLS, and the Hello that came is the one it announced
	replaced  bool   // a Hello came that is not
}

// travel is what becomes of the addresses of a call.
type travel struct {
	rewritten bool      // somebody on the way changes those of descriptions
	searches  int       // for another way, so far
	moving    bool      // we have asked the peer for one
	silent    bool      // the screen says that the peer is
	lost      bool      // nothing comes over the way, not even a keep-alive
	rerouted  time.Time // when the account's server was last seen to reach us another way
}

// voiceEvent is a media event of the call with that number.
type voiceEvent struct {
	number int
	media.Event
}

// clientID is what our Hello says of the program: 16 octets, and no version that an attacker could look up.
const clientID = "SOTTO"

// prepare opens the ports and makes the ZRTP session, so that an offer or answer can be written. peer is what the caller
// offered, nil when we call.
func (p *phone) prepare(address string, peer *signaling.Description, o *over) (*voice, error) {
	v := &voice{number: p.calls, address: address, over: o}
	if o == nil {
		var err error
		if v.rtp, v.rtcp, err = openWires(p.line.Addr().Addr()); err != nil {
			return nil, err
		}
	}
	var b [4]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, err
	}
	v.ssrc = binary.BigEndian.Uint32(b[:])
	zid, cache, err := p.identity(rand.Read)
	if err != nil {
		v.close()
		return nil, err
	}
	cfg := zrtp.Config{ZID: zid, SSRC: v.ssrc, ClientID: clientID, Rand: rand.Reader, Cache: cache,
		AuxSecret: p.auxSecret(address)}
	if peer != nil {
		cfg.PeerHelloHash = helloHash(*peer)
	}
	if v.session, err = zrtp.NewSession(&cfg, now()); err != nil {
		v.close()
		return nil, err
	}
	if peer != nil {
		v.setRemote(*peer)
	}
	return v, nil
}

// helloHash is the digest that a description announces for the version that we speak, or nil.
func helloHash(d signaling.Description) []byte {
	for _, h := range d.Hashes {
		// RFC 6189, Section 4.1.1: only the first three characters of a version are compared.
		if h.Version[:3] == "1.1" {
			return h.Hash[:]
		}
	}
	return nil
}

// description is our side of the call.
func (v *voice) description(ptime int) signaling.Description {
	rtp, rtcp, token := nowhere, nowhere, bundle.Token{}
	if v.over != nil {
		token = v.over.token
	} else {
		rtp, rtcp = v.rtp.addr(), v.rtcp.addr()
	}
	return signaling.Description{
		RTP: rtp, RTCP: rtcp, Token: token, Mux: true, PayloadType: signaling.OpusType, DTMF: signaling.DTMFType,
		Ptime: v.ptime(ptime), FEC: true, CBR: true, Session: uint64(v.ssrc), Version: 1,
		Hashes: []signaling.ZRTPHash{{Version: "1.10", Hash: v.session.HelloHash()}},
	}
}

// setRemote aims the ports at the peer.
func (v *voice) setRemote(d signaling.Description) {
	v.remote = d
	v.rewritten = v.rewritten || nat.Mismatch(d)
	if v.over != nil {
		return
	}
	v.rtp.setRemote(d.RTP)
	if d.RTCP.IsValid() {
		v.rtcp.setRemote(d.RTCP)
	} else {
		v.rtcp.setRemote(netip.AddrPortFrom(d.RTP.Addr(), d.RTP.Port()+1))
	}
}

// packetTime is how much speech a packet of ours has: what the peer wants, or more where our way wants more, and never more
// than the peer takes (RFC 8866, Sections 6.4 and 6.5); of the lengths that media can make.
func packetTime(ours int, peer signaling.Description) int {
	n := max(ours, peer.Ptime)
	if peer.MaxPtime > 0 {
		n = min(n, peer.MaxPtime)
	}
	for _, t := range []int{60, 40, 20} {
		if n >= t {
			return t
		}
	}
	return 10
}

// bitrate is the most that the peer takes, where that is less than we would send; 0 leaves it to media.
func bitrate(peer signaling.Description) int {
	if peer.Bitrate >= codec.DefaultBitrate {
		return 0
	}
	return peer.Bitrate
}

// start opens the sound card and begins ZRTP. Its events come to the phone's loop.
func (v *voice) start(p *phone) error {
	if hash := helloHash(v.remote); hash != nil && v.session.State() == zrtp.StateInitial {
		if err := v.session.SetPeerHelloHash(hash, false); err != nil {
			return err
		}
	}
	p.ringer.stop()
	pcm, err := p.card.sit(p.cfg.Devices.OpenPCM)
	if err != nil {
		return fmt.Errorf("phone: sound card: %w", err)
	}
	v.pcm = pcm
	cfg := media.Config{PCM: pcm, RTP: v.rtp, RTCP: v.rtcp, Session: v.session, Protect: protector, SSRC: v.ssrc,
		PayloadType: v.remote.PayloadType, EventType: v.remote.DTMF, Realtime: !p.cfg.Ordinary,
		Ptime: packetTime(v.ptime(p.cfg.Ptime), v.remote), Bitrate: bitrate(v.remote), Kin: clientID}
	if v.remote.Mux {
		cfg.RTCP = nil
	}
	if v.over != nil {
		cfg.RTP, cfg.RTCP = nil, nil // and without a way of its own there is no call
		if v.over.bundle != nil {
			cfg.RTP, cfg.Jitter = v.over.bundle, torJitter
		}
	}
	if v.agent != nil {
		cfg.RTP, cfg.RTCP = v.agent, nil
	}
	cfg.RTP = p.withCards(v, cfg.RTP)
	if cfg.Server, err = v.fallback(); err != nil {
		return err
	}
	v.call, err = media.Start(cfg)
	if err != nil {
		return err
	}
	go func(number int, c *media.Call) {
		for ev := range c.Events() {
			p.voices <- voiceEvent{number, ev}
		}
	}(v.number, v.call)
	return nil
}

// protector makes SRTP contexts from what ZRTP agreed.
func protector(k media.Keys) (media.Protector, error) {
	profile, err := profileOf(k.Cipher, k.AuthTag)
	if err != nil {
		return nil, err
	}
	return protect.New(protect.Keys{Profile: profile, SendKey: k.Send.Key, SendSalt: k.Send.Salt,
		RecvKey: k.Receive.Key, RecvSalt: k.Receive.Salt, RemoteSSRC: k.RemoteSSRC})
}

// errProfile cannot happen with what we offer; it is here so that nothing weaker can be taken by mistake.
var errProfile = errors.New("phone: cipher or tag that SRTP here does not have")

func profileOf(c zrtp.Cipher, t zrtp.AuthTag) (protect.Profile, error) {
	switch {
	case c == zrtp.CipherAES1 && t == zrtp.AuthTagHS80:
		return protect.AES1HS80, nil
	case c == zrtp.CipherAES1 && t == zrtp.AuthTagHS32:
		return protect.AES1HS32, nil
	case c == zrtp.CipherAES3 && t == zrtp.AuthTagHS80:
		return protect.AES3HS80, nil
	case c == zrtp.CipherAES3 && t == zrtp.AuthTagHS32:
		return protect.AES3HS32, nil
	}
	return 0, errProfile
}

// close ends whatever was begun and wipes the keys.
func (v *voice) close() {
	v.forgetServer()
	if v.call != nil {
		v.call.Close()
	} else if v.session != nil {
		v.session.Close()
	}
	if v.pcm != nil {
		v.pcm.Close()
	}
	if v.cards != nil {
		v.cards.close()
	}
	if v.over != nil {
		v.over.close()
	} else {
		v.rtp.Close()
		v.rtcp.Close()
	}
	if v.agent != nil {
		v.agent.Close()
	}
}
