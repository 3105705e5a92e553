package zrtp

import "bytes"

// maxPeers bounds how many different Hellos are kept while nobody has proved to be the peer.
const maxPeers = 16

// peer is a Hello that arrived, with what its sender showed since.
type peer struct {
	hello
	message   []byte // our copy; hello aliases it
	ssrc      uint32
	acked     bool // its SSRC also sent a HelloACK or a Commit: it hears us
	announced bool // its hash came with the signaling
}

// peers are the candidates. Strangers who only shout Hello come and go; one who hears us is never pushed out by them.
type peers struct {
	list    []*peer
	ackedBy uint32 // a HelloACK came from here before any Hello
	acked   bool
}

func (l *peers) find(ssrc uint32, message []byte) *peer {
	for _, p := range l.list {
		if p.ssrc == ssrc && bytes.Equal(p.message, message) {
			return p
		}
	}
	return nil
}

// fromSSRC is the first candidate of an SSRC.
func (l *peers) fromSSRC(ssrc uint32) *peer {
	for _, p := range l.list {
		if p.ssrc == ssrc {
			return p
		}
	}
	return nil
}

// committed is the candidate that a Commit with this H2 belongs to.
func (l *peers) committed(ssrc uint32, h2 []byte) (*peer, error) {
	err := ErrStranger
	for _, p := range l.list {
		if p.ssrc == ssrc {
			if isPreimage(h2, p.h3) {
				return p, nil
			}
			err = ErrPreimage
		}
	}
	return nil, err
}

// add keeps p, in place of the oldest that has not acknowledged when there is no room.
func (l *peers) add(p *peer) {
	if len(l.list) < maxPeers {
		l.list = append(l.list, p)
		return
	}
	for i, old := range l.list {
		if !old.acked {
			copy(l.list[i:], l.list[i+1:])
			l.list[len(l.list)-1] = p
			return
		}
	}
}

// ack marks the candidates of an SSRC and tells whether there are any.
func (l *peers) ack(ssrc uint32) (found bool) {
	for _, p := range l.list {
		if p.ssrc == ssrc {
			p.acked, found = true, true
		}
	}
	return found
}

// ready is the first candidate that hears us; nil when there is none.
func (l *peers) ready() *peer {
	for _, p := range l.list {
		if p.acked {
			return p
		}
	}
	return nil
}

// best is ready or else the first Hello; nil when there is none.
func (l *peers) best() *peer {
	if p := l.ready(); p != nil || len(l.list) == 0 {
		return p
	}
	return l.list[0]
}
