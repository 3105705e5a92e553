package media

import (
	"sync/atomic"
	"time"

	"sotto/codec"
	"sotto/codec/jitter"
	"sotto/codec/ring"
	"sotto/codec/tone"
	"sotto/hal"
)

// playout is the loop that the speaker paces.
type playout struct {
	pcm      hal.PCM
	realtime bool
	free     *handsFree
	speech   *ring.Ring[speechPacket]
	player   *jitter.Player
	tones    tone.Player
	wanted   atomic.Pointer[tone.Pattern] // to begin; taken by the loop
	reports  *ring.Ring[jitter.Stats]     // to the control loop
	frame    [jitter.MaxPull]int16
	silent   int // samples since the last report
}

func newPlayout(c *Config, free *handsFree, speech *ring.Ring[speechPacket], p *jitter.Player) *playout {
	return &playout{pcm: c.PCM, free: free, realtime: c.Realtime, speech: speech, player: p, reports: ring.New[jitter.Stats](4)}
}

func (p *playout) play(t tone.Pattern) { p.wanted.Store(&t) }

func (p *playout) loop(done <-chan struct{}, broken chan<- error) {
	defer realtime(p.realtime, cardPriority)()
	for !closed(done) {
		if err := p.pcm.WriteFrame(p.fill(time.Now())); err != nil {
			broken <- err
			return
		}
	}
}

// fill makes the next piece of sound.
func (p *playout) fill(now time.Time) []int16 {
	for s := p.speech.Peek(); s != nil; s = p.speech.Peek() {
		if s.repeated {
			p.player.Repeat(s.seq, s.ts, s.payload[:s.n], s.arrival)
		} else {
			p.player.Put(s.seq, s.ts, s.payload[:s.n], s.arrival)
		}
		p.speech.Release()
	}
	piece := p.frame[:p.player.Pull(p.frame[:], now)]
	if t := p.wanted.Load(); t != nil && p.wanted.CompareAndSwap(t, nil) {
		p.tones.Start(*t)
	}
	if p.tones.Playing() {
		p.tones.Mix(piece)
	}
	p.free.played(piece)
	if p.silent += len(piece); p.silent >= reportEvery {
		if s := p.reports.Reserve(); s != nil {
			*s = p.player.Stats()
			p.reports.Commit()
		}
		p.silent = 0
	}
	return piece
}

// reportEvery is in samples: twice a second.
const reportEvery = codec.SampleRate / 2
