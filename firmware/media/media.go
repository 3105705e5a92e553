// Package media is one call's voice: it joins the ear and the mouth (hal), what is said (codec), who we talk to (zrtp)
// and a wire that the phone hands in.
//
// It promises that no packet of speech ever leaves in clear, that clear RTP is never played, and that the microphone is
// silent until keys are agreed and the phone has unmuted it. Between the microphone and the wire there is no lock and, in
// steady state, no allocation of ours. Whatever a stranger sends costs bounded memory.
//
// It never decides what the phone does next: it reports through Events. It cannot hide how long a call lasts.
//
//	send loop:    PCM.ReadFrame -> Encode -> RTP -> ProtectRTP -> Transport
//	receive loop: Transport -> UnprotectRTP -> ring
//	playout loop: ring -> jitter, Decode -> PCM.WriteFrame
//	control loop: owns the zrtp.Session, RTCP, timers, events
package media

import (
	"fmt"
	"time"

	"sotto/hal"
	"sotto/zrtp"
)

// Transport carries datagrams to and from one peer.
type Transport interface {
	// ReadPacket blocks for the next datagram and returns its length; a longer one is cut. Only an error ends reading.
	ReadPacket(dst []byte) (int, error)
	// WritePacket sends one datagram, from any goroutine. An error loses that datagram and nothing else.
	WritePacket(packet []byte) error
}

// Waiter is a Transport whose ReadPacket waits in a system call of its own thread. Its reader gets that thread for itself:
// one that waits for another goroutine would only have one more thread to wake.
type Waiter interface{ WaitsInKernel() bool }

// Protector turns RTP and RTCP into SRTP and SRTCP and back, for one peer. dst is overwritten and returned, and must not
// overlap packet. An error of Unprotect means that the packet changed nothing.
type Protector interface {
	ProtectRTP(dst, packet []byte) ([]byte, error)
	UnprotectRTP(dst, packet []byte) ([]byte, error)
	ProtectRTCP(dst, packet []byte) ([]byte, error)
	UnprotectRTCP(dst, packet []byte) ([]byte, error)
}

// Keys is what ZRTP agreed for one stream. The Protector keeps none of these slices: they are wiped after the factory
// returns.
type Keys struct {
	Cipher        zrtp.Cipher
	AuthTag       zrtp.AuthTag
	Send, Receive zrtp.SRTPKey
	RemoteSSRC    uint32
}

// String hides the keys.
func (Keys) String() string { return "media.Keys" }

// GoString hides the keys.
func (k Keys) GoString() string { return k.String() }

// Format hides the keys from every verb.
func (k Keys) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// Config is what one call's voice needs. It is fixed for the call.
type Config struct {
	PCM     hal.PCM
	RTP     Transport     // ZRTP, SRTP and multiplexed SRTCP
	RTCP    Transport     // RTCP on its own port; nil when it shares RTP's (RFC 5761)
	Session *zrtp.Session // not yet started; the Call's alone from Start to the end of Close

	// Protect makes a Protector. It is called twice with the same keys: the contexts for RTP and for RTCP have different
	// owners, and what they share (RFC 3711, Section 4.3: different session keys) is nothing.
	Protect func(Keys) (Protector, error)
	Server  *Server // nil: nothing but ZRTP protects the call

	SSRC        uint32        // ours, the same as the Session's
	PayloadType uint8         // of Opus, as negotiated
	EventType   uint8         // of telephone events as negotiated (RFC 4733); 0 when there are none
	Ptime       int           // milliseconds of speech in a packet: 10, 20, 40 or 60; 0 means codec.DefaultPtime
	Bitrate     int           // bit/s at the start and at most; 0 means codec.DefaultBitrate, with long packets codec.NarrowBitrate
	Jitter      time.Duration // that the way is known to have before the first packet; 0 means that of a good network
	Fixed       bool          // never make a rate step
	Realtime    bool          // ask for SCHED_FIFO
	HandsFree   bool          // cancel the loudspeaker's echo from the start
	Kin         string        // client identifier (RFC 6189, Section 5.2) of those who understand codec/repeat; empty: nobody does
	CNAME       string        // of RTCP, random per call (RFC 7022); empty: made of the SSRC
}

// Event is one of the structures below. The channel must be read; nothing waits for it but its own queue.
type Event interface{ event() }

type (
	// Agreement passes on what the ZRTP session says; KeysReady, which bears keys, never is. SASReady comes before
	// Secure. After Failed or NoPeer nothing secure will come unless the peer begins again.
	Agreement struct{ zrtp.Event }

	// Hearing: the first authentic speech of the peer arrived.
	Hearing struct{}

	// PeerMissed: nothing that can be heard has come for two seconds, which may be the network and is no reason to bother a person.
	PeerMissed struct{}

	// PeerSilent: nothing that can be heard has come for that long, or since there are keys. It follows PeerMissed; both are
	// reported once until packets come again (PeerBack).
	PeerSilent struct{ For time.Duration }

	// PeerBack ends PeerMissed and PeerSilent.
	PeerBack struct{}

	// Digit: the peer pressed a key (RFC 4733, Section 3.2: 0 to 9, 10 is *, 11 is #).
	Digit struct{ Event uint8 }

	// PeerLeft: an authentic RTCP BYE.
	PeerLeft struct{}

	// Broken: the sound card or the transport failed; the call has no voice any more.
	Broken struct{ Err error }
)

func (Agreement) event()  {}
func (Hearing) event()    {}
func (PeerMissed) event() {}
func (PeerSilent) event() {}
func (PeerBack) event()   {}
func (Digit) event()      {}
func (PeerLeft) event()   {}
func (Broken) event()     {}
