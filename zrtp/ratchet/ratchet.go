package ratchet

import (
	"crypto/ecdh"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Sizes of a packet:
//
//	octets 0-11   random nonce of the header
//	octets 12-67  AES-256-GCM of: ratchet key (32), length of the chain before (4), number in this chain (4)
//	octets 68-    AES-256-GCM of the text; the header and the context are authenticated with it
const (
	nonceSize  = 12
	tagSize    = 16
	plainSize  = 32 + 4 + 4
	headerSize = nonceSize + plainSize + tagSize

	// Overhead is how much longer a packet is than its text, in octets.
	Overhead = headerSize + tagSize
	// MaxPacket is the longest packet that Open looks at, in octets.
	MaxPacket = 2048
	// SeedSize is the length of a seed in octets.
	SeedSize = 32
)

// Bounds of what is kept for messages that are late.
const (
	MaxSkipped = 100                 // keys of messages that did not come
	MaxAge     = 14 * 24 * time.Hour // after which such a key goes
)

// Errors of this package. They say nothing about the content.
var (
	ErrForged  = errors.New("ratchet: not a packet of this session, or one that came before")
	ErrSkipped = errors.New("ratchet: more messages are missing than keys are kept for")
	ErrSeed    = errors.New("ratchet: a seed of another length")
	ErrState   = errors.New("ratchet: not a state")
)

// Ratchet is one session between two devices. One goroutine owns it.
type Ratchet struct{ s state }

// String hides the state.
func (Ratchet) String() string { return "ratchet.Ratchet" }

// GoString hides the state.
func (r Ratchet) GoString() string { return r.String() }

// Format hides the state from every verb.
func (r Ratchet) Format(f fmt.State, _ rune) { fmt.Fprint(f, r.String()) }

// chain is one direction: with a chain key, messages can go; with a header key, headers are known.
type chain struct {
	Key    key    `json:"k,omitempty"`
	Header key    `json:"h,omitempty"`
	Next   key    `json:"n"` // the header key after the next step
	Number uint32 `json:"c"` // of the next message
}

// skipped is the key of a message that has not come yet.
type skipped struct {
	Header key    `json:"h"`
	Number uint32 `json:"c"`
	Key    key    `json:"k"`
	Since  int64  `json:"t"` // Unix time in seconds
}

// state is what must survive. Its secrets are wiped when they are of no use any more.
type state struct {
	Context []byte    `json:"x"`
	Root    key       `json:"r"`
	Private key       `json:"d"`           // our ratchet key
	Peer    []byte    `json:"p,omitempty"` // the peer's, nil before the first
	Send    chain     `json:"s"`
	Receive chain     `json:"v"`
	Before  uint32    `json:"b"` // length of our chain before this one
	Skipped []skipped `json:"o,omitempty"`
}

// New begins a session: seed is SeedSize secret octets that both have, context names the two ends and is the same at both.
// Both may send at once: the initiator's first ratchet key comes from the seed, so that the responder begins as if it had
// received it. The seed is the caller's to wipe.
func New(seed, context []byte, initiator bool, random io.Reader) (*Ratchet, error) {
	if len(seed) != SeedSize {
		return nil, ErrSeed
	}
	k, err := expand(seed, context, "sotto message seed 1", 6)
	if err != nil {
		return nil, err
	}
	root, first, headerA, nextA, headerB, private := k[0], k[1], k[2], k[3], k[4], k[5]
	s := state{Context: append([]byte(nil), context...), Root: root}
	if initiator {
		s.Private = private
		s.Send = chain{Key: first, Header: headerA, Next: nextA}
		s.Receive = chain{Next: headerB}
		return &Ratchet{s}, nil
	}
	defer private.wipe()
	a, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("ratchet: %w", err)
	}
	s.Peer = a.PublicKey().Bytes()
	s.Receive = chain{Key: first, Header: headerA, Next: nextA}
	s.Send = chain{Next: headerB}
	if err := s.turn(random); err != nil {
		return nil, err
	}
	return &Ratchet{s}, nil
}

// turn makes a ratchet key of ours and a sending chain with it.
func (s *state) turn(random io.Reader) error {
	// Not ecdh.GenerateKey: it reads an octet more now and then, and a test could not repeat itself.
	private := make(key, keySize)
	if _, err := io.ReadFull(random, private); err != nil {
		return fmt.Errorf("ratchet: %w", err)
	}
	p, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return fmt.Errorf("ratchet: %w", err)
	}
	root, send, next, err := stepRoot(s.Root, p, s.Peer)
	if err != nil {
		return err
	}
	s.Root.wipe()
	s.Private.wipe()
	s.Root, s.Private, s.Before = root, private, s.Send.Number
	s.Send = chain{Key: send, Header: s.Send.Next, Next: next}
	return nil
}

// Seal makes a packet of a text and moves the state on.
func (r *Ratchet) Seal(text []byte, random io.Reader) ([]byte, error) {
	s := &r.s
	own, err := ecdh.X25519().NewPrivateKey(s.Private)
	if err != nil {
		return nil, ErrState
	}
	nonce := make([]byte, nonceSize, Overhead+len(text))
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("ratchet: %w", err)
	}
	plain := append(make([]byte, 0, plainSize), own.PublicKey().Bytes()...)
	plain = binary.BigEndian.AppendUint32(plain, s.Before)
	plain = binary.BigEndian.AppendUint32(plain, s.Send.Number)
	packet := sealer(s.Send.Header).Seal(nonce, nonce, plain, s.Context)
	next, message := stepChain(s.Send.Key)
	defer message.wipe()
	body, iv, err := bodySealer(message, packet)
	if err != nil {
		return nil, err
	}
	s.Send.Key.wipe()
	s.Send.Key = next
	s.Send.Number++
	return body.Seal(packet, iv, text, s.context(packet)), nil
}

// context is what is authenticated with a text.
func (s *state) context(header []byte) []byte {
	return append(append([]byte(nil), s.Context...), header...)
}

// Wipe makes the state unreadable and the ratchet useless.
func (r *Ratchet) Wipe() { r.s.wipe() }

func (s *state) wipe() {
	for _, k := range []key{s.Root, s.Private, s.Send.Key, s.Send.Header, s.Send.Next, s.Receive.Key, s.Receive.Header, s.Receive.Next} {
		k.wipe()
	}
	for _, o := range s.Skipped {
		o.Header.wipe()
		o.Key.wipe()
	}
	*s = state{}
}

// clone shares no memory with s.
func (s *state) clone() state {
	c := *s
	c.Root, c.Private = s.Root.clone(), s.Private.clone()
	c.Send, c.Receive = s.Send.clone(), s.Receive.clone()
	c.Skipped = make([]skipped, 0, len(s.Skipped))
	for _, o := range s.Skipped {
		o.Header, o.Key = o.Header.clone(), o.Key.clone()
		c.Skipped = append(c.Skipped, o)
	}
	return c
}

func (c chain) clone() chain {
	c.Key, c.Header, c.Next = c.Key.clone(), c.Header.clone(), c.Next.clone()
	return c
}
