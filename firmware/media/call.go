package media

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"sotto/codec"
	"sotto/codec/echo"
	"sotto/codec/jitter"
	"sotto/codec/opus"
	"sotto/codec/ring"
	"sotto/codec/tone"
	"sotto/zrtp"
)

// ErrConfig is returned by Start for a Config with which no call is possible.
var ErrConfig = errors.New("media: incomplete or impossible configuration")

// Implementation constants.
const (
	period      = jitter.Period // samples: the step of the sound card, 5 ms
	maxDatagram = 2048          // octets; the longest honest packet is a ZRTP Commit of about 2,000
)

// Call is the voice of one call, from Start to Close.
type Call struct {
	config   Config
	free     *handsFree
	capture  *capture
	sender   *sender
	receiver *receiver
	playout  *playout
	control  *control

	done   chan struct{} // closed by Close
	once   sync.Once
	loops  sync.WaitGroup
	broken chan error // of the loops that touch the world; room for one each
	stats  atomic.Pointer[Stats]
}

// Start begins a call: the sound card runs, ZRTP begins, and nothing is heard or said until keys are agreed.
// Errors: ErrConfig, or those of the encoder and decoder.
func Start(c Config) (*Call, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	enc, err := opus.NewEncoder(opus.EncoderConfig{Bitrate: c.Bitrate})
	if err != nil {
		return nil, err
	}
	dec, err := opus.NewDecoder()
	if err != nil {
		return nil, err
	}
	m := &Call{config: c, done: make(chan struct{}), broken: make(chan error, 8)}
	speech := ring.New[speechPacket](speechSlots)
	m.free = newHandsFree()
	m.capture = newCapture(&m.config, m.free)
	if m.sender, err = newSender(&m.config, enc, m.capture); err != nil {
		return nil, err
	}
	m.receiver = newReceiver(&m.config, speech)
	player := jitter.NewPlayer(dec)
	player.Expect(c.Jitter)
	m.playout = newPlayout(&m.config, m.free, speech, player)
	if m.control, err = newControl(m); err != nil {
		return nil, err
	}
	m.stats.Store(&Stats{})
	if err := m.SetHandsFree(c.HandsFree); err != nil {
		return nil, err
	}
	if c.Realtime {
		hurry()
	}
	for _, loop := range []func(){
		func() { m.sender.loop(m.done, m.broken) },
		func() { m.receiver.loop(m.done, m.broken) },
		func() { m.playout.loop(m.done, m.broken) },
		func() { m.receiver.loopRTCP(m.done) },
		m.control.loop,
	} {
		m.loops.Add(1)
		go func() {
			defer m.loops.Done()
			loop()
		}()
	}
	return m, nil
}

// complete fills in defaults and refuses what cannot work.
func (c *Config) complete() error {
	if c.Ptime == 0 {
		c.Ptime = codec.DefaultPtime
	}
	if c.Bitrate == 0 {
		c.Bitrate = codec.DefaultBitrate
		if c.Ptime > codec.DefaultPtime { // long packets are for ways on which octets are dear
			c.Bitrate = codec.NarrowBitrate
		}
	}
	switch {
	case c.PCM == nil, c.RTP == nil, c.Session == nil, c.Protect == nil:
		return ErrConfig
	case c.PayloadType > 127, c.EventType > 127, c.EventType == c.PayloadType:
		return ErrConfig
	case c.Ptime != 10 && c.Ptime != 20 && c.Ptime != 40 && c.Ptime != 60:
		return ErrConfig
	}
	return nil
}

// Events is where the call reports. It is closed by Close.
func (m *Call) Events() <-chan Event { return m.control.events }

// SetMuted silences the microphone or opens it. A call begins muted; packets of silence have the length of any other.
func (m *Call) SetMuted(muted bool) { m.capture.open.Store(!muted) }

// SetVerified records that the user compared the SAS.
func (m *Call) SetVerified() {
	m.control.order(func(c *control) { c.report(c.session.SetVerified(time.Now())) })
}

// Unverify takes that back.
func (m *Call) Unverify() { m.control.order(func(c *control) { c.report(c.session.Unverify()) }) }

// RejectSAS records that the SAS differed: what this call left for the next is forgotten.
func (m *Call) RejectSAS() { m.control.order(func(c *control) { c.report(c.session.RejectSAS()) }) }

// Export gives a key for the application to then, on the control loop: n octets under a label of its own, as
// zrtp.Session.Export. Before the call is secure then is not called. The key is wiped when it returns.
func (m *Call) Export(label string, n int, then func(key zrtp.Secret)) {
	m.control.order(func(c *control) {
		if key, err := c.session.Export(label, n); err == nil {
			then(key)
			clear(key)
		}
	})
}

// SendDigit presses a key of RFC 4733 (0 to 9, 10 is *, 11 is #) for the peer. It reports whether it will be sent.
func (m *Call) SendDigit(event uint8) bool { return m.sender.press(event) }

// Play lets the user hear a tone over the voice; an empty pattern stops it.
func (m *Call) Play(p tone.Pattern) { m.playout.play(p) }

// SetHandsFree begins or ends the cancellation of the loudspeaker's echo, with suppression of noise and control of gain.
// It fails when libspeexdsp cannot start. Not for use after Close.
func (m *Call) SetHandsFree(on bool) error {
	if on == (m.free.canceller.Load() != nil) {
		return nil
	}
	var c *echo.Canceller
	if on {
		var err error
		if c, err = echo.New(echo.Options{Suppress: true, Gain: true}); err != nil {
			return err
		}
	}
	m.free.canceller.Store(c)
	return nil
}

// Stats is what is known of the call, at most a second old, and all of it after Close.
func (m *Call) Stats() Stats { return *m.stats.Load() }

// Close says goodbye to the peer, stops every loop and wipes the keys. It closes the transports if they are io.Closers,
// so that their blocked reads end, and leaves the sound card open. It is safe to call it more than once.
func (m *Call) Close() error {
	m.once.Do(func() {
		close(m.done)
		<-m.control.finished // the goodbye needs the transports
		for _, t := range []Transport{m.config.RTP, m.config.RTCP} {
			if c, ok := t.(io.Closer); ok {
				c.Close()
			}
		}
		m.loops.Wait()
		last := *m.stats.Load() // the loops are over: what they counted is nobody's
		last.Playout = m.playout.player.Stats()
		m.stats.Store(&last)
	})
	return nil
}
