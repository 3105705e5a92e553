package media

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"sotto/codec"
	"sotto/codec/repeat"
)

const (
	rtpHeaderLen = 12   // RFC 3550, Section 5.1, without contributing sources
	rtpVersion   = 0x80 // version 2, nothing else set
	rtpMarker    = 0x80
	maxTag       = 64   // octets by which a Protector may lengthen a packet
	maxPayload   = 1400 // octets: a payload with its copies, on any path
)

// sender is the loop from the microphone to the wire. Reading, encoding and encrypting are one loop: the sound card keeps
// 80 ms for it, an encoder takes a tenth of that, and every loop more is one more time to wake up. Without keys it encodes
// nothing and sends nothing.
type sender struct {
	mic      *capture
	realtime bool
	wire     Transport
	encoder  codec.Encoder
	ssrc     uint32
	pt       uint8

	keys    atomic.Pointer[Protector] // nil until the session is secure
	bitrate atomic.Int32              // wanted, in bit/s; 0: as it is
	loss    atomic.Int32              // percent that the encoder's redundancy is made for
	plan    atomic.Uint32             // copies and their distance, see setPlan
	packer  repeat.Packer
	digits  digits

	seq     uint16
	offset  uint32 // of the timestamps
	started bool
	now     struct {
		bitrate, loss int32
		plan          uint32
	}

	packets, octets atomic.Uint32 // sent, as RFC 3550, Section 6.4.1 counts
	stamp           atomic.Uint64 // newest timestamp in the high half, its time in the low: see mark
	begun           time.Time

	payload [codec.MaxPayload]byte
	packet  [rtpHeaderLen + maxPayload]byte
	secret  [rtpHeaderLen + maxPayload + maxTag]byte
}

func newSender(c *Config, e codec.Encoder, mic *capture) (*sender, error) {
	var b [6]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("media: random source: %w", err)
	}
	s := &sender{mic: mic, realtime: c.Realtime, wire: c.RTP, encoder: e, ssrc: c.SSRC, pt: c.PayloadType, begun: time.Now()}
	// RFC 3711, Section 3.3.1: a receiver guesses the rollover counter; it guesses right when the first numbers are low.
	s.seq = binary.BigEndian.Uint16(b[:]) >> 1
	s.offset = binary.BigEndian.Uint32(b[2:])
	s.bitrate.Store(int32(c.Bitrate))
	s.now.bitrate = int32(c.Bitrate)
	s.digits.init(c)
	return s, nil
}

func (s *sender) loop(done <-chan struct{}, broken chan<- error) {
	defer realtime(s.realtime, cardPriority)()
	f := new(micFrame)
	for !closed(done) {
		if err := s.mic.next(f); err != nil {
			broken <- err
			return
		}
		// "nothing leaves in clear": without keys the frame ends here.
		if keys := s.keys.Load(); keys != nil {
			s.frame(*keys, f)
		}
	}
}

// frame sends one frame. What fails is one packet less; the peer conceals it.
func (s *sender) frame(keys Protector, f *micFrame) {
	s.adapt()
	n, err := s.encoder.Encode(s.payload[:], f.pcm[:f.n])
	if err != nil {
		return
	}
	n = s.packer.Pack(s.packet[rtpHeaderLen:], s.payload[:n])
	ts := s.offset + f.at
	pt := s.pt
	if !s.started {
		pt |= rtpMarker // RFC 3551, Section 4.1: the first packet of a talkspurt
		s.started = true
	}
	first := byte(rtpVersion)
	if k := s.digits.next(s.packet[rtpHeaderLen:rtpHeaderLen+n], &pt, &ts, f.n); k > 0 {
		first |= rtpPadding
		n = k
	}
	s.header(first, pt, ts)
	out, err := keys.ProtectRTP(s.secret[:0], s.packet[:rtpHeaderLen+n])
	if err != nil {
		return
	}
	if s.wire.WritePacket(out) == nil {
		s.packets.Add(1)
		s.octets.Add(uint32(n))
		s.mark(s.offset + f.at + uint32(f.n))
	}
}

func (s *sender) header(first, pt byte, ts uint32) {
	h := s.packet[:rtpHeaderLen]
	h[0], h[1] = first, pt
	binary.BigEndian.PutUint16(h[2:], s.seq)
	binary.BigEndian.PutUint32(h[4:], ts)
	binary.BigEndian.PutUint32(h[8:], s.ssrc)
	s.seq++
}

// adapt makes the steps that the control loop asked for.
func (s *sender) adapt() {
	if b := s.bitrate.Load(); b != 0 && b != s.now.bitrate && s.encoder.SetBitrate(int(b)) == nil {
		s.now.bitrate = b
	}
	if l := s.loss.Load(); l != s.now.loss && s.encoder.SetLoss(int(l)) == nil {
		s.now.loss = l
	}
	if p := s.plan.Load(); p != s.now.plan {
		s.packer.SetPlan(repeat.Plan{Copies: int(p >> 8), Distance: int(p & 0xff)})
		s.now.plan = p
	}
}

// setPlan asks for copies of earlier payloads, from any goroutine.
func (s *sender) setPlan(p repeat.Plan) { s.plan.Store(uint32(p.Copies)<<8 | uint32(p.Distance)) }

// mark remembers which timestamp belongs to now, for sender reports: both in one word, so that a reader never sees
// halves. The time is in units of 1/16 ms since begun, enough for three days.
func (s *sender) mark(ts uint32) {
	s.stamp.Store(uint64(ts)<<32 | uint64(uint32(time.Since(s.begun)*16/time.Millisecond)))
}

// marked is the last mark; ok is false before the first packet.
func (s *sender) marked() (ts uint32, at time.Time, ok bool) {
	v := s.stamp.Load()
	return uint32(v >> 32), s.begun.Add(time.Duration(uint32(v)) * time.Millisecond / 16), v != 0
}

// press queues a digit.
func (s *sender) press(event uint8) bool { return s.digits.press(event) }
