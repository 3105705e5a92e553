package phone

import (
	"context"
	"errors"

	"sotto/codec"
	"sotto/codec/tone"
	"sotto/firmware/call"
	"sotto/hal"
)

// selfTest tests the parts that can be tested without a person, and tells each result as it is there. During a call the
// sound card is not ours to try.
func (p *phone) selfTest() {
	online, busy := p.line != nil, p.voice != nil
	open := p.cfg.Devices.OpenPCM
	if open != nil {
		p.ringer.stop()
	}
	p.background(func(context.Context) func() {
		var results []call.TestResult
		add := func(part string, err error) {
			results = append(results, call.TestResult{Part: part, Done: true, OK: err == nil})
		}
		add("random", checkRandom())
		add("screen", checkScreen())
		if open != nil && !busy {
			speaker, microphone := trySound(open)
			add("speaker", speaker)
			add("microphone", microphone)
		}
		if online {
			add("network", nil)
		} else {
			add("network", errNoLine)
		}
		return func() { p.handle(call.TestChanged{Results: results}) }
	})
}

var (
	errNoLine = errors.New("phone: no line")
	errSilent = errors.New("phone: the microphone gives one value only")
)

// trySound plays a short tone and listens meanwhile. A microphone that is not soldered reads as one constant value.
func trySound(open func() (hal.PCM, error)) (speaker, microphone error) {
	pcm, err := open()
	if err != nil {
		return err, err
	}
	defer pcm.Close()
	var player tone.Player
	player.Start(tone.Secure)
	frame, heard := make([]int16, codec.FrameSamples(codec.DefaultPtime)), make([]int16, codec.FrameSamples(codec.DefaultPtime))
	microphone = errSilent
	for range 25 { // half a second
		clear(frame)
		player.Mix(frame)
		if err := pcm.WriteFrame(frame); err != nil {
			speaker = err
			break
		}
		if err := pcm.ReadFrame(heard); err != nil {
			microphone = err
			break
		}
		for _, s := range heard {
			if s != heard[0] {
				microphone = nil
			}
		}
	}
	return speaker, microphone
}
