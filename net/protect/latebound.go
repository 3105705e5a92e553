package protect

import (
	"encoding/binary"
	"fmt"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// Of this implementation.
const (
	maxSources = 8  // of one peer in one call; the next are not heard
	maxTrials  = 64 // sources that a trial remembers before it is made anew
)

// sources lets a stream be joined whose sources nobody has named: keys that come by a description do not name them (RFC 4568,
// Section 6.4: "late binding"). The state of a source begins with its first authentic packet: what a stranger sends makes
// nothing grow. A source that was heard keeps its replay list, so nothing of it can be played again later.
type sources struct {
	known  [maxSources]uint32
	n      int
	fresh  func() (*srtp.Context, error) // a receiver that has heard nobody
	trial  *srtp.Context
	trials int
	rtp    rtp.Header
	rtcp   rtcp.Header
}

// newSources keeps copies of the receiving keys, for trials.
func newSources(k Keys) *sources {
	key, salt := append([]byte(nil), k.RecvKey...), append([]byte(nil), k.RecvSalt...)
	return &sources{fresh: func() (c *srtp.Context, err error) {
		erasing(func() { c, err = srtp.CreateContext(key, salt, profiles[k.Profile].pion) })
		if err != nil {
			return nil, fmt.Errorf("protect: receive context: %w", err)
		}
		return c, nil
	}}
}

// knows reports whether a packet's source was heard before.
func (s *sources) knows(ssrc uint32) bool {
	for _, known := range s.known[:s.n] {
		if known == ssrc {
			return true
		}
	}
	return false
}

// admit takes the source of a packet that a receiver without a past finds authentic. ErrSSRC: too many sources; ErrRejected.
func (s *sources) admit(packet []byte, ssrc uint32, control bool) error {
	if s.n == maxSources {
		return ErrSSRC
	}
	if s.trial == nil || s.trials == maxTrials {
		var err error
		if s.trial, err = s.fresh(); err != nil {
			return ErrRejected
		}
		s.trials = 0
	}
	s.trials++
	var err error
	if control {
		_, err = s.trial.DecryptRTCP(nil, packet, &s.rtcp)
	} else {
		_, err = s.trial.DecryptRTP(nil, packet, &s.rtp)
	}
	if err != nil {
		return ErrRejected
	}
	s.known[s.n] = ssrc
	s.n++
	return nil
}

// source checks whose packet it is before any state is looked up: a stranger's SSRC must not make the receiver remember it.
func (c *Context) source(packet []byte, at int, control bool) error {
	ssrc := binary.BigEndian.Uint32(packet[at:])
	switch {
	case c.sources == nil && ssrc == c.remoteSSRC:
		return nil
	case c.sources == nil:
		return ErrSSRC
	case c.sources.knows(ssrc):
		return nil
	}
	return c.sources.admit(packet, ssrc, control)
}
