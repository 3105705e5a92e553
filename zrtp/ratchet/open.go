package ratchet

import (
	"bytes"
	"crypto/ecdh"
	"encoding/binary"
	"encoding/json"
	"io"
	"slices"
	"time"
)

// header is what a packet says of itself.
type header struct {
	peer           []byte
	before, number uint32
}

// openHeader is nil when the header is not under that key.
func openHeader(k key, packet, context []byte) *header {
	if len(k) != keySize {
		return nil
	}
	plain, err := sealer(k).Open(nil, packet[:nonceSize], packet[nonceSize:headerSize], context)
	if err != nil {
		return nil
	}
	return &header{plain[:32], binary.BigEndian.Uint32(plain[32:]), binary.BigEndian.Uint32(plain[36:])}
}

// Open reads a packet. The state moves only when the packet is the peer's and new; with an error nothing has changed.
// Errors: ErrForged, ErrSkipped.
func (r *Ratchet) Open(packet []byte, random io.Reader, now time.Time) (text []byte, err error) {
	if len(packet) < Overhead || len(packet) > MaxPacket {
		return nil, ErrForged
	}
	s := r.s.clone() // house rule 8: state is committed after the MAC
	s.age(now)
	if text, err = s.open(packet, random, now); err != nil {
		s.wipe()
		return nil, err
	}
	r.s.wipe()
	r.s = s
	return text, nil
}

// open tries the keys in the order of Section 4.6: late messages, this chain, the next.
func (s *state) open(packet []byte, random io.Reader, now time.Time) ([]byte, error) {
	for i, o := range s.Skipped {
		if h := openHeader(o.Header, packet, s.Context); h != nil && h.number == o.Number {
			text, err := s.body(o.Key, packet)
			if err != nil {
				return nil, err
			}
			o.Key.wipe()
			o.Header.wipe()
			s.Skipped = slices.Delete(s.Skipped, i, i+1)
			return text, nil
		}
	}
	if h := openHeader(s.Receive.Header, packet, s.Context); h != nil {
		return s.inChain(h, packet, now)
	}
	h := openHeader(s.Receive.Next, packet, s.Context)
	if h == nil {
		return nil, ErrForged
	}
	if err := s.skip(h.before, now); err != nil {
		return nil, err
	}
	if err := s.follow(h.peer); err != nil {
		return nil, err
	}
	text, err := s.inChain(h, packet, now)
	if err != nil {
		return nil, err
	}
	return text, s.turn(random)
}

// follow begins the peer's next chain.
func (s *state) follow(peer []byte) error {
	own, err := ecdh.X25519().NewPrivateKey(s.Private)
	if err != nil {
		return ErrState
	}
	root, receive, next, err := stepRoot(s.Root, own, peer)
	if err != nil {
		return err
	}
	s.Root.wipe()
	s.Root, s.Peer = root, append([]byte(nil), peer...)
	s.Receive = chain{Key: receive, Header: s.Receive.Next, Next: next}
	return nil
}

// inChain reads a packet of the chain that is being received.
func (s *state) inChain(h *header, packet []byte, now time.Time) ([]byte, error) {
	if h.number < s.Receive.Number || !bytes.Equal(h.peer, s.Peer) {
		return nil, ErrForged // it came before, and its key is gone
	}
	if err := s.skip(h.number, now); err != nil {
		return nil, err
	}
	next, message := stepChain(s.Receive.Key)
	defer message.wipe()
	s.Receive.Key.wipe()
	s.Receive.Key = next
	s.Receive.Number++
	return s.body(message, packet)
}

// skip keeps the keys of the messages before number until.
func (s *state) skip(until uint32, now time.Time) error {
	if len(s.Receive.Key) == 0 || until <= s.Receive.Number {
		return nil
	}
	if until-s.Receive.Number > MaxSkipped { // before any work: a peer cannot make us count to four billion
		return ErrSkipped
	}
	for s.Receive.Number < until {
		next, message := stepChain(s.Receive.Key)
		s.Skipped = append(s.Skipped, skipped{s.Receive.Header.clone(), s.Receive.Number, message, now.Unix()})
		s.Receive.Key.wipe()
		s.Receive.Key = next
		s.Receive.Number++
	}
	for len(s.Skipped) > MaxSkipped {
		s.drop(0)
	}
	return nil
}

// age drops keys that nobody will want any more.
func (s *state) age(now time.Time) {
	for len(s.Skipped) > 0 && now.Sub(time.Unix(s.Skipped[0].Since, 0)) > MaxAge {
		s.drop(0)
	}
}

func (s *state) drop(i int) {
	s.Skipped[i].Key.wipe()
	s.Skipped[i].Header.wipe()
	s.Skipped = slices.Delete(s.Skipped, i, i+1)
}

func (s *state) body(message key, packet []byte) ([]byte, error) {
	header := packet[:headerSize]
	aead, iv, err := bodySealer(message, header)
	if err != nil {
		return nil, err
	}
	text, err := aead.Open(nil, iv, packet[headerSize:], s.context(header))
	if err != nil {
		return nil, ErrForged
	}
	return text, nil
}

// Marshal writes the state, with its secrets, for a sealed file.
func (r *Ratchet) Marshal() ([]byte, error) { return json.Marshal(r.s) }

// Unmarshal reads what Marshal wrote. Error: ErrState.
func Unmarshal(b []byte) (*Ratchet, error) {
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, ErrState
	}
	is := func(k key, must bool) bool { return len(k) == keySize || len(k) == 0 && !must }
	ok := is(s.Root, true) && is(s.Private, true) && is(s.Send.Key, true) && is(s.Send.Header, true) && is(s.Send.Next, true) &&
		is(s.Receive.Key, false) && is(s.Receive.Header, false) && is(s.Receive.Next, true) && is(s.Peer, false) &&
		len(s.Receive.Key) == len(s.Receive.Header) && len(s.Receive.Key) == len(s.Peer) && len(s.Skipped) <= MaxSkipped
	for _, o := range s.Skipped {
		ok = ok && is(o.Header, true) && is(o.Key, true)
	}
	if !ok {
		return nil, ErrState
	}
	return &Ratchet{s}, nil
}
