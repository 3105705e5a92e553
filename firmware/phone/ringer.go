package phone

import (
	"context"
	"math"
	"time"

	"sotto/codec"
	"sotto/codec/tone"
	"sotto/firmware/call"
	"sotto/firmware/spoken"
	"sotto/hal"
)

// ringer lets tones be heard while no call has the sound card. Its goroutine owns the card; a message changes the pattern.
type ringer struct {
	open     func() (hal.PCM, error) // nil: this board rings by other means, or the simulator
	patterns chan melody
	done     chan struct{} // closed when the goroutine has given the card back
}

// melody is a pattern and how loud it begins.
type melody struct {
	tone.Pattern
	rising bool
}

// play starts or changes the tone; an empty pattern ends it and gives the card back.
func (r *ringer) play(p tone.Pattern) { r.start(melody{Pattern: p}) }

func (r *ringer) start(p melody) {
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
	r.patterns, r.done = make(chan melody), make(chan struct{})
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
func sound(pcm hal.PCM, p melody, patterns <-chan melody, done chan<- struct{}) {
	defer close(done)
	defer pcm.Close()
	var player tone.Player
	player.Start(p.Pattern)
	played := 0
	frame := make([]int16, codec.FrameSamples(codec.DefaultPtime))
	for player.Playing() {
		clear(frame)
		player.Mix(frame)
		if p.rising {
			soften(frame, played)
			played += len(frame)
		}
		if pcm.WriteFrame(frame) != nil {
			return
		}
		select {
		case next, ok := <-patterns:
			if !ok {
				return
			}
			p, played = next, 0
			player.Start(next.Pattern)
		default:
		}
	}
}

// A rising ring begins at a thirtieth of its strength and is whole after riseTime.
const (
	riseTime  = 12 * time.Second
	riseStart = 1.0 / 30
)

// soften takes down a frame that begins after that many samples of a rising ring.
func soften(frame []int16, played int) {
	gain := math.Pow(riseStart, max(0, 1-float64(played)/(riseTime.Seconds()*hal.SampleRate)))
	for i, s := range frame {
		frame[i] = int16(float64(s) * gain)
	}
}

const ms = time.Millisecond

// tunes are the ring tones that one can choose.
var tunes = [call.Tunes]tone.Pattern{
	tone.Ring,
	{Steps: []tone.Step{{Low: 392, High: 494, For: 1000 * ms}, {For: 4000 * ms}}, Repeat: true},
	{Steps: []tone.Step{{Low: 523, For: 150 * ms}, {Low: 659, For: 150 * ms}, {Low: 784, For: 150 * ms}, {Low: 1047, For: 300 * ms},
		{For: 1500 * ms}}, Repeat: true},
	{Steps: []tone.Step{{Low: 1319, High: 1568, For: 60 * ms}, {For: 60 * ms}, {Low: 1319, High: 1568, For: 60 * ms}, {For: 60 * ms},
		{Low: 1319, High: 1568, For: 60 * ms}, {For: 1200 * ms}}, Repeat: true},
	{Steps: []tone.Step{{Low: 220, High: 277, For: 600 * ms}, {Low: 196, High: 247, For: 600 * ms}, {For: 2200 * ms}}, Repeat: true},
}

// tones are how the machine's words sound.
var tones = [...]tone.Pattern{call.ToneNone: {}, call.ToneRingback: tone.Ringback, call.ToneProgress: tone.Securing,
	call.ToneSecure: tone.Secure, call.ToneGood: tone.Secure, call.ToneWrong: tone.Failed, call.ToneAlarm: tone.Alarm,
	call.ToneEnded: tone.HangUp, call.ToneKey: tone.KeyClick,
	call.ToneWaiting: {Steps: []tone.Step{{Low: 425, For: 200 * ms}, {For: 200 * ms}, {Low: 425, For: 200 * ms}, {For: 4400 * ms}}, Repeat: true},
	call.ToneServer:  {Steps: []tone.Step{{Low: 330, For: 150 * ms}, {For: 100 * ms}, {Low: 262, For: 300 * ms}}},
	call.ToneIntercom: {Steps: []tone.Step{{Low: 660, For: 500 * ms}, {Low: 880, For: 500 * ms}, {Low: 660, For: 500 * ms},
		{Low: 880, For: 500 * ms}, {Low: 660, For: 500 * ms}, {Low: 880, For: 500 * ms}}},
}

// tone is heard in the call when there is one, else by the ringer.
func (p *phone) tone(k call.ToneKind) {
	if c := p.talking(); c != nil {
		c.Play(tones[k])
		return
	}
	if k == call.ToneKey || p.ringing {
		return // a key's click is not worth opening the card for, and a ring is not to be interrupted
	}
	p.ringer.play(tones[k])
}

func (p *phone) ring(r call.Ring) {
	p.ringing = r.Kind != call.RingNone
	if !p.ringing {
		p.ringer.stop()
		return
	}
	p.ringer.start(melody{tunes[max(r.Tune, 0)%len(tunes)], r.Kind == call.RingRising})
}

// say lets our half of the code be heard in the ear. To make the sound of it takes a moment.
func (p *phone) say(a call.Say) {
	p.background(func(context.Context) func() {
		sound, err := spoken.Say(a.Language, a.Code)
		return func() {
			if err != nil {
				p.note(Note{Event: "alert", Why: err.Error()})
			} else if p.talking() != nil {
				p.card.say(sound)
			}
		}
	})
}
