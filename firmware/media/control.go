package media

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"sotto/zrtp"
)

// Implementation constants.
const (
	missedAfter = 2 * time.Second
	silentAfter = 5 * time.Second
	ordersQueue = 16
	maxAlerts   = 64
)

// control is the loop that owns the ZRTP session, the reports, and the events.
type control struct {
	call     *Call
	session  *zrtp.Session
	events   chan Event
	orders   chan func(*control)
	pending  []Event       // not yet read by the phone
	finished chan struct{} // the goodbye is sent

	peerSSRC  uint32    // of the ZRTP packets that the session accepted
	keys      Protector // RTCP's own
	voiceKeys Protector // becomes the sender's when secure
	fallback  fallback
	hearing   bool
	opened    time.Time // when speech could begin; zero: not yet
	missed    bool
	silent    bool
	reports   reporter
	packet    [zrtp.MaxPacketSize]byte
}

func newControl(m *Call) (*control, error) {
	c := &control{call: m, session: m.config.Session, events: make(chan Event), finished: make(chan struct{}),
		orders: make(chan func(*control), ordersQueue)}
	var seed [8]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, fmt.Errorf("media: random source: %w", err)
	}
	c.reports.init(&m.config, binary.BigEndian.Uint64(seed[:]))
	return c, nil
}

// order lets the control loop do something. What was ordered before Close is done; what comes after it is forgotten.
func (c *control) order(do func(*control)) {
	select {
	case c.orders <- do:
	case <-c.call.done:
	}
}

func (c *control) loop() {
	defer close(c.events)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	now := time.Now()
	c.reports.start(now)
	c.session.Start(now)
	c.fallback.begin(c.call.config.Server, now)
	r := c.call.receiver
	for {
		c.drain(time.Now())
		out, first := c.offer()
		timer.Reset(time.Until(c.deadline()))
		select {
		case <-c.call.done:
			c.finish()
			return
		case out <- first:
			c.pending = c.pending[1:]
		case do := <-c.orders:
			do(c)
		case err := <-c.call.broken:
			c.tell(Broken{err})
		case event := <-r.digits:
			c.tell(Digit{event})
		case <-r.zrtp.ready:
			c.zrtp(time.Now())
		case <-r.rtcp.ready:
			c.rtcp(&r.rtcp)
		case <-r.rtcp2.ready:
			c.rtcp(&r.rtcp2)
		case <-timer.C:
			now := time.Now()
			c.session.Tick(now)
			c.serve(now)
			c.watch(now)
			c.reports.tick(c, now)
		}
	}
}

// offer is the channel and value of the oldest event, or a nil channel when there is none.
func (c *control) offer() (chan<- Event, Event) {
	if len(c.pending) == 0 {
		return nil, nil
	}
	return c.events, c.pending[0]
}

// tell queues an event. A stranger can cause alerts: when nobody reads, they are the ones that are lost.
func (c *control) tell(e Event) {
	if a, ok := e.(Agreement); ok && len(c.pending) >= maxAlerts {
		if _, alert := a.Event.(zrtp.Alert); alert {
			return
		}
	}
	c.pending = append(c.pending, e)
}

// report tells of a failure of the secret cache or of an order that came too early.
func (c *control) report(err error) {
	if err != nil {
		c.tell(Agreement{zrtp.CacheFailed{Err: err}})
	}
}

// deadline is the earlier of the session's and the reports'.
func (c *control) deadline() time.Time {
	due := c.reports.due
	if d := c.session.Deadline(); !d.IsZero() && d.Before(due) {
		due = d
	}
	if f := &c.fallback; f.server != nil && f.at.Before(due) {
		due = f.at
	}
	return due
}

// zrtp handles what the receive loop posted.
func (c *control) zrtp(now time.Time) {
	if c.fallback.used {
		c.served()
		return
	}
	r := c.call.receiver
	for d := r.zrtp.Peek(); d != nil; d = r.zrtp.Peek() {
		ssrc := binary.BigEndian.Uint32(d.data[8:])
		err := c.session.Handle(d.data[:d.n], d.arrival)
		r.zrtp.Release()
		if err == nil && c.keys == nil {
			c.peerSSRC = ssrc // before drain: the keys that this packet completed belong to its source
		}
		c.drain(now)
	}
	if !c.hearing && r.reception.received.Load() > 0 {
		c.hearing = true
		c.session.PeerSentSRTP(now)
		c.tell(Hearing{})
	}
}

// drain sends what the session has to send and passes on what it has to say.
func (c *control) drain(now time.Time) {
	for {
		n, ok := c.session.Outgoing(c.packet[:])
		if !ok {
			break
		}
		_ = c.call.config.RTP.WritePacket(c.packet[:n]) // lost as on the way: the session repeats it
	}
	for {
		e, ok := c.session.NextEvent()
		if !ok {
			return
		}
		switch e := e.(type) {
		case zrtp.PeerFound:
			c.fallback.forget()
		case zrtp.KeysReady:
			c.ready(e)
			continue
		case zrtp.Secure:
			c.secure()
		case zrtp.Failed, zrtp.Cleared:
			c.mute()
		}
		c.tell(Agreement{e})
	}
}

// ready takes over the keys: the peer may be heard from now on, and nothing may be sent yet (RFC 6189, Section 4).
func (c *control) ready(e zrtp.KeysReady) {
	k := Keys{Cipher: e.Algorithms.Cipher, AuthTag: e.Algorithms.AuthTag, Send: e.Send, Receive: e.Receive, RemoteSSRC: c.peerSSRC}
	voice, err := c.call.config.Protect(k)
	if err == nil {
		c.keys, err = c.call.config.Protect(k)
	}
	for _, secret := range []zrtp.Secret{k.Send.Key, k.Send.Salt, k.Receive.Key, k.Receive.Salt} {
		secret.Wipe()
	}
	if err != nil {
		c.tell(Broken{err})
		return
	}
	c.voiceKeys = voice
	c.reports.agreed(c, time.Now())
	c.call.receiver.keys.Store(&c.voiceKeys)
}

// secure opens the way out.
func (c *control) secure() {
	if c.voiceKeys != nil {
		c.call.sender.keys.Store(&c.voiceKeys)
		c.opened = time.Now()
	}
}

// mute closes both ways for ever: without an agreement there is no speech.
func (c *control) mute() {
	c.call.sender.keys.Store(nil)
	c.call.receiver.keys.Store(nil)
}

// watch notices a peer that is not heard, or not any more: because nothing comes, or nothing that could be played.
func (c *control) watch(now time.Time) {
	if c.opened.IsZero() {
		return
	}
	r := c.call.receiver
	quiet := min(now.Sub(c.opened), now.Sub(r.born.Add(time.Duration(r.spoke.Load()))))
	switch {
	case quiet >= silentAfter && !c.silent:
		c.silent = true
		c.tell(PeerSilent{quiet})
	case quiet >= missedAfter && !c.missed:
		c.missed = true
		c.tell(PeerMissed{})
	case quiet < missedAfter && c.missed:
		c.missed, c.silent = false, false
		c.tell(PeerBack{})
	}
}

// finish does what was still ordered, says goodbye and erases the keys. Who compares the code and hangs up at once has
// compared it: it must be kept, and a code that differed the more so.
func (c *control) finish() {
	for range len(c.orders) { // a select that finds both orders and the end takes either
		(<-c.orders)(c)
	}
	c.reports.bye(c, time.Now())
	c.mute()
	c.session.Close()
	close(c.finished)
}
