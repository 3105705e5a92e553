package zrtp

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// Session is the ZRTP exchange of one media stream. It has no goroutine and no lock: one owner calls it. After each
// call of Start, Handle, Tick, PeerSentSRTP or a user's act, drain Outgoing and NextEvent until empty, then sleep until
// Deadline.
//
//	Start -> Hello <-> Hello, HelloACK -> Commit -> DHPart1 -> DHPart2 -> Confirm1 -> Confirm2 -> Conf2ACK
//	         discovery.go                 initiator.go, responder.go      confirm.go               secure.go
type Session struct {
	cfg   Config
	call  *call // shared by the streams of a call
	first bool  // this stream makes ZRTPSess and the SAS; the others are Multistream
	state State

	chain  hashChain
	ours   hello  // our Hello taken apart
	hello  resend // our Hello and its schedule
	peers  peers  // Hellos received
	peer   *peer  // the one we exchange keys with, nil before
	ex     exchange
	repeat resend    // the message in flight after Hello
	quiet  time.Time // when to give up on a silent peer; zero: never

	rtt    time.Duration
	seq    uint16
	out    queue
	events []Event
	pings  pings
	close  closing
}

// MaxPacketSize is the longest packet that Outgoing writes, in octets: a Confirm with the longest signature.
const MaxPacketSize = headerSize + confirmCipher + confirmPlainSize + maxSigWords*wordSize + crcSize

// NewSession prepares a session; HelloHash is valid at once. It fails with ErrConfig or an error of c.Rand.
func NewSession(c *Config, now time.Time) (*Session, error) {
	cfg, err := c.complete()
	if err != nil {
		return nil, err
	}
	return newSession(cfg, &call{}, true)
}

func newSession(cfg Config, c *call, first bool) (*Session, error) {
	s := &Session{cfg: cfg, call: c, first: first, rtt: cfg.RTT}
	var err error
	if s.chain, err = newHashChain(cfg.Rand); err != nil {
		return nil, fmt.Errorf("zrtp: random source: %w", err)
	}
	// "The count is initialized to a random value." Peers that take a wrap for a replay are spared by a small one.
	var seq [2]byte
	if err = s.random(seq[:]); err != nil {
		return nil, err
	}
	s.seq = binary.BigEndian.Uint16(seq[:]) >> 4
	s.hello.message = createHello(&s.cfg, &s.chain)
	s.ours, err = consumeHello(s.hello.message)
	return s, err
}

func (s *Session) random(b []byte) error {
	if _, err := io.ReadFull(s.cfg.Rand, b); err != nil {
		return fmt.Errorf("zrtp: random source: %w", err)
	}
	return nil
}

// Start begins discovery: sends Hello.
func (s *Session) Start(now time.Time) {
	if s.state != StateInitial {
		return
	}
	s.state = StateDetect
	s.hello.startHello(s.rtt, now)
	if len(s.cfg.PeerHelloHash) != 0 {
		s.hello.extend()
	}
	s.send(s.hello.message)
}

// Outgoing copies the next packet to send into dst, which should hold MaxPacketSize octets. A packet that does not fit
// stays queued and ok is false.
func (s *Session) Outgoing(dst []byte) (n int, ok bool) {
	m, ok := s.out.peek()
	if !ok || len(dst) < headerSize+len(m)+crcSize {
		return 0, false
	}
	s.out.pop()
	n = createPacket(dst, m, s.seq, s.cfg.SSRC)
	s.seq++
	return n, true
}

// NextEvent takes the next event.
func (s *Session) NextEvent() (Event, bool) {
	if len(s.events) == 0 {
		return nil, false
	}
	e := s.events[0]
	s.events[0] = nil
	s.events = s.events[1:]
	return e, true
}

func (s *Session) send(m []byte) { s.out.push(m) }

// maxEvents bounds what an owner that never drains can accumulate.
const maxEvents = 64

func (s *Session) emit(e Event) {
	if len(s.events) < maxEvents {
		s.events = append(s.events, e)
	}
}

// alert is emitted once a reason: an attacker must not flood the user.
func (s *Session) alert(r AlertReason) {
	if s.close.alerted&(1<<r) == 0 {
		s.close.alerted |= 1 << r
		s.emit(Alert{r})
	}
}

// HelloHash is the SHA-256 of our Hello message, for a=zrtp-hash:1.10 (Section 8.1).
func (s *Session) HelloHash() [32]byte { return sha256.Sum256(s.hello.message) }

// State is where the exchange stands, for diagnosis.
func (s *Session) State() State { return s.state }

// PeerZID is the peer's ZID; false before its Hello.
func (s *Session) PeerZID() (ZID, bool) {
	if p := s.anyPeer(); p != nil {
		return p.zid, true
	}
	return ZID{}, false
}

// PeerClientID is the peer's client identifier, printable characters only; empty before its Hello.
func (s *Session) PeerClientID() string {
	if p := s.anyPeer(); p != nil {
		return printable(p.clientID)
	}
	return ""
}

func (s *Session) anyPeer() *peer {
	if s.peer != nil {
		return s.peer
	}
	return s.peers.best()
}

// printable keeps an attacker's control characters from a display.
func printable(id []byte) string {
	out := bytes.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, id)
	return string(bytes.TrimRight(out, " "))
}

// SetRTT gives a round-trip time measured outside; timers start no lower (Section 6).
func (s *Session) SetRTT(rtt time.Duration) { s.rtt = min(max(rtt, 0), maxRTT) }

// Close erases every secret of this stream, and those of the call when its first stream closes. The session does
// nothing afterwards.
func (s *Session) Close() {
	s.state = StateClosed
	s.forget()
	s.hello.stop()
	s.repeat.stop()
	s.quiet = time.Time{}
	clear(s.chain[0][:])
	s.cfg.AuxSecret.Wipe()
	s.cfg.SDES.Key.Wipe()
	s.cfg.PBX.Secret.Wipe()
	s.out, s.events = queue{}, nil
	if s.first {
		s.call.wipe()
	}
}
