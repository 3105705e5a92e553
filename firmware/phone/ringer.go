package phone

import (
	"sotto/codec"
	"sotto/codec/tone"
	"sotto/firmware/call"
	"sotto/hal"
)

// ringer lets tones be heard while no call has the sound card. Its goroutine owns the card; a message changes the pattern.
type ringer struct {
	open     func() (hal.PCM, error) // nil: this board rings by other means, or the simulator
	patterns chan tone.Pattern
	done     chan struct{} // closed when the goroutine has given the card back
}

// play starts or changes the tone; an empty pattern ends it and gives the card back.
func (r *ringer) play(p tone.Pattern) {
	if r.open == nil {
		return
	}
	if len(p.Steps) == 0 {
		r.stop()
		return
	}
	if r.patterns != nil {
		select {
		case r.patterns <- p:
			return
		case <-r.done: // the last pattern had come to its end
		}
	}
	pcm, err := r.open()
	if err != nil {
		return // a telephone without a card still shows who calls
	}
	r.patterns, r.done = make(chan tone.Pattern), make(chan struct{})
	go sound(pcm, p, r.patterns, r.done)
}

// stop gives the card back before a call takes it.
func (r *ringer) stop() {
	if r.patterns == nil {
		return
	}
	close(r.patterns)
	<-r.done
	r.patterns = nil
}

// sound plays until its channel closes or a pattern that does not repeat ends.
func sound(pcm hal.PCM, p tone.Pattern, patterns <-chan tone.Pattern, done chan<- struct{}) {
	defer close(done)
	defer pcm.Close()
	var player tone.Player
	player.Start(p)
	frame := make([]int16, codec.FrameSamples(codec.DefaultPtime))
	for player.Playing() {
		clear(frame)
		player.Mix(frame)
		if pcm.WriteFrame(frame) != nil {
			return
		}
		select {
		case next, ok := <-patterns:
			if !ok {
				return
			}
			player.Start(next)
		default:
		}
	}
}

// rings and tones are how the machine's words sound.
var rings = [...]tone.Pattern{call.RingNone: {}, call.RingNormal: tone.Ring, call.RingRising: tone.Ring}

var tones = [...]tone.Pattern{call.ToneNone: {}, call.ToneRingback: tone.Ringback, call.ToneProgress: tone.Securing,
	call.ToneSecure: tone.Secure, call.ToneGood: tone.Secure, call.ToneWrong: tone.Failed, call.ToneAlarm: tone.Alarm,
	call.ToneEnded: tone.HangUp, call.ToneKey: tone.KeyClick}

// tone is heard in the call when there is one, else by the ringer.
func (p *phone) tone(k call.ToneKind) {
	if c := p.talking(); c != nil {
		c.Play(tones[k])
		return
	}
	if k == call.ToneKey || k == call.ToneNone && p.ringing {
		return // a key's click is not worth opening the card for
	}
	p.ringer.play(tones[k])
}

func (p *phone) ring(k call.RingKind) {
	p.ringing = k != call.RingNone
	p.ringer.play(rings[k])
}
