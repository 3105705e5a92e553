package media

import (
	"time"

	"sotto/zrtp"
)

// serverAfter is how long ZRTP is tried alone: nine Hellos of ours (RFC 6189, Section 6). A gateway never answers one.
const serverAfter = 1500 * time.Millisecond

// Server protects a call in which nobody answers in ZRTP, with keys that the servers on the way have: nobody but the phone can
// allow that, and only for a peer that has not announced ZRTP. The two have different owners, as in Config.Protect.
type Server struct{ Voice, Reports Protector }

// ServerOnly: nobody has answered in ZRTP, and the call goes on with the keys of Config.Server. ZRTP is over.
type ServerOnly struct{}

func (ServerOnly) event() {}

// fallback is the Server of a call until it is used or forgotten.
type fallback struct {
	server *Server
	at     time.Time // when it is used
	used   bool
}

func (f *fallback) begin(s *Server, now time.Time) {
	if f.server = s; s != nil {
		f.at = now.Add(serverAfter)
	}
}

// forget makes sure that the call never falls back: somebody has answered in ZRTP.
func (f *fallback) forget() { f.server = nil }

// serve takes the keys that the server has, if it is time.
func (c *control) serve(now time.Time) {
	f := &c.fallback
	if f.server == nil || now.Before(f.at) {
		return
	}
	c.zrtp(now) // who has answered in time is not to be missed
	if c.session.State() > zrtp.StateDetect || c.keys != nil {
		f.forget()
	}
	if f.server == nil {
		return
	}
	c.session.Close()
	c.keys, c.voiceKeys = f.server.Reports, f.server.Voice
	f.server, f.used = nil, true
	c.call.receiver.keys.Store(&c.voiceKeys)
	c.secure()
	c.tell(ServerOnly{})
}

// served is what the control loop does with what the receive loop posted, when ZRTP is over: nothing of ZRTP is heard any more.
func (c *control) served() {
	r := c.call.receiver
	for d := r.zrtp.Peek(); d != nil; d = r.zrtp.Peek() {
		r.zrtp.Release()
	}
	if !c.hearing && r.reception.received.Load() > 0 {
		c.hearing = true
		c.peerSSRC = r.source.Load()
		c.tell(Hearing{})
	}
}
