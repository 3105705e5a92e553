package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"sotto/zrtp"
)

// stream is what the JSON says of one media stream.
type stream struct {
	Secure   bool   `json:"secure"`
	Role     string `json:"role,omitempty"`
	Mode     string `json:"mode,omitempty"`
	KA       string `json:"ka,omitempty"`
	Hash     string `json:"hash,omitempty"`
	Cipher   string `json:"cipher,omitempty"`
	Auth     string `json:"auth,omitempty"`
	SelfKey  string `json:"selfkey,omitempty"`
	SelfSalt string `json:"selfsalt,omitempty"`
	PeerKey  string `json:"peerkey,omitempty"`
	PeerSalt string `json:"peersalt,omitempty"`
	Error    string `json:"error,omitempty"`
}

// result is the JSON object: the first stream, the call, and further streams.
type result struct {
	stream
	SAS           string   `json:"sas,omitempty"`
	CacheMismatch bool     `json:"cachemismatch"`
	AuxMismatch   bool     `json:"auxmismatch"`
	AuxMatch      bool     `json:"auxmatch"`
	PBXMatch      bool     `json:"pbxmatch"`
	Verified      bool     `json:"verified"`
	NewDevice     bool     `json:"newdevice"`
	Client        string   `json:"client,omitempty"`
	Alerts        []string `json:"alerts,omitempty"`
	GoClear       string   `json:"goclear,omitempty"`
	PingMS        float64  `json:"pingms,omitempty"`
	Milliseconds  float64  `json:"ms"` // from start to secure, first stream
	Channels      []stream `json:"channels,omitempty"`
}

// channel is a session on its socket.
type channel struct {
	*zrtp.Session
	conn *net.UDPConn
	peer *net.UDPAddr
	out  *stream
	over bool
}

type datagram struct {
	channel int
	data    []byte
}

// cat is the loop's state.
type cat struct {
	o        *options
	r        *result
	channels []*channel
	in       chan datagram
	start    time.Time
}

func run(ctx context.Context, o *options) (*result, error) {
	cache, zid, err := openCache(o.cacheFile)
	if err != nil {
		return nil, err
	}
	o.config.Cache, o.config.ZID = cache, zid
	c := &cat{o: o, r: &result{}, in: make(chan datagram, 64), start: time.Now()}
	defer c.close()
	c.r.Channels = make([]stream, o.channels-1)
	for i := range o.channels {
		if err := c.open(i); err != nil {
			return nil, err
		}
	}
	if o.ping {
		c.channels[0].Ping(c.start)
	}
	c.loop(ctx)
	c.r.Client = c.channels[0].PeerClientID()
	for _, s := range c.r.Channels {
		c.r.Secure = c.r.Secure && s.Secure
	}
	return c.r, nil
}

// open binds channel i, starts its session and its reader.
func (c *cat) open(i int) error {
	local, err := net.ResolveUDPAddr("udp", c.o.bind)
	if err != nil {
		return err
	}
	peer, err := net.ResolveUDPAddr("udp", c.o.peer)
	if err != nil {
		return err
	}
	local.Port, peer.Port = local.Port+2*i, peer.Port+2*i
	conn, err := net.ListenUDP("udp", local)
	if err != nil {
		return err
	}
	var ssrc [4]byte
	if _, err := rand.Read(ssrc[:]); err != nil {
		return err
	}
	ch := &channel{conn: conn, peer: peer, out: &c.r.stream}
	if i == 0 {
		c.o.config.SSRC = binary.BigEndian.Uint32(ssrc[:])
		ch.Session, err = zrtp.NewSession(&c.o.config, c.start)
	} else {
		ch.out = &c.r.Channels[i-1]
		ch.Session, err = c.channels[0].AddStream(zrtp.Stream{SSRC: binary.BigEndian.Uint32(ssrc[:])}, c.start)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "a=zrtp-hash:1.10 %x\n", ch.HelloHash())
	c.channels = append(c.channels, ch)
	ch.Start(c.start)
	go c.read(i, conn)
	return nil
}

func (c *cat) read(i int, conn *net.UDPConn) {
	buf := make([]byte, 4096)
	for {
		n, _, err := conn.ReadFromUDP(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // ICMP says that the peer is not there yet
		}
		select {
		case c.in <- datagram{i, append([]byte(nil), buf[:n]...)}:
		default: // a flood: the sessions resend
		}
	}
}

// loop runs until every channel is over and has lingered, or ctx ends.
func (c *cat) loop(ctx context.Context) {
	var done time.Time
	for {
		for _, ch := range c.channels {
			c.drain(ch)
		}
		wait := time.Second
		if c.over() {
			if done.IsZero() {
				done = time.Now()
			}
			if wait = c.o.linger - time.Since(done); wait <= 0 {
				return
			}
		}
		for _, ch := range c.channels {
			if d := ch.Deadline(); !d.IsZero() {
				wait = min(wait, max(time.Until(d), 0))
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case d := <-c.in:
			_ = c.channels[d.channel].Handle(d.data, time.Now()) // what matters is in the events
		}
		timer.Stop()
		for _, ch := range c.channels {
			ch.Tick(time.Now())
		}
	}
}

func (c *cat) over() bool {
	for _, ch := range c.channels {
		if !ch.over {
			return false
		}
	}
	return !c.o.goClear || c.r.GoClear != "" || c.r.Error != ""
}

func (c *cat) drain(ch *channel) {
	for {
		e, ok := ch.NextEvent()
		if !ok {
			break
		}
		c.event(ch, e)
	}
	buf := make([]byte, zrtp.MaxPacketSize)
	for {
		n, ok := ch.Outgoing(buf)
		if !ok {
			return
		}
		_, _ = ch.conn.WriteToUDP(buf[:n], ch.peer) // lost is lost: the session resends
	}
}

func (c *cat) event(ch *channel, e zrtp.Event) {
	switch e := e.(type) {
	case zrtp.KeysReady:
		a := e.Algorithms
		*ch.out = stream{Role: e.Role.String(), Mode: e.Mode.String(), KA: a.KeyAgreement.String(), Hash: a.Hash.String(),
			Cipher: a.Cipher.String(), Auth: a.AuthTag.String(),
			SelfKey: hex.EncodeToString(e.Send.Key), SelfSalt: hex.EncodeToString(e.Send.Salt),
			PeerKey: hex.EncodeToString(e.Receive.Key), PeerSalt: hex.EncodeToString(e.Receive.Salt)}
	case zrtp.SASReady:
		c.r.SAS, c.r.Verified, c.r.NewDevice, c.r.CacheMismatch = e.SAS, e.Verified, e.NewDevice, e.CacheMismatch
	case zrtp.Secure:
		ch.out.Secure, ch.over = true, true
		c.secure(ch, e)
	case zrtp.AuxMismatch:
		c.r.AuxMismatch = true
	case zrtp.Alert:
		c.r.Alerts = append(c.r.Alerts, e.Reason.String())
	case zrtp.Failed:
		ch.out.Error, ch.out.Secure, ch.over = fmt.Sprintf("0x%x", uint32(e.Err.Code)), false, true
		fmt.Fprintln(os.Stderr, e.Err)
	case zrtp.ClearRefused:
		c.r.GoClear = "refused"
	case zrtp.Cleared:
		c.r.GoClear = "cleared"
	case zrtp.PingAnswered:
		c.r.PingMS = float64(e.RTT) / float64(time.Millisecond)
	}
}

// secure notes the first channel's facts and does what was asked for once secure.
func (c *cat) secure(ch *channel, e zrtp.Secure) {
	if ch != c.channels[0] {
		return
	}
	now := time.Now()
	c.r.AuxMatch, c.r.PBXMatch = e.AuxMatch, e.PBXMatch
	c.r.Milliseconds = float64(now.Sub(c.start)) / float64(time.Millisecond)
	if c.o.verify {
		if err := ch.SetVerified(now); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	if c.o.goClear {
		if err := ch.RequestClear(now); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

func (c *cat) close() {
	for _, ch := range c.channels {
		ch.Close()
		_ = ch.conn.Close() // the process ends anyway
	}
}
