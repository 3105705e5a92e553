package media

import (
	"sync/atomic"
	"time"

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
	frame    [period]int16
	ticks    int
}

func newPlayout(c *Config, free *handsFree, speech *ring.Ring[speechPacket], p *jitter.Player) *playout {
	return &playout{pcm: c.PCM, free: free, realtime: c.Realtime, speech: speech, player: p, reports: ring.New[jitter.Stats](4)}
}

func (p *playout) play(t tone.Pattern) { p.wanted.Store(&t) }

func (p *playout) loop(done <-chan struct{}, broken chan<- error) {
	defer realtime(p.realtime)()
	for !closed(done) {
		p.fill(time.Now())
		if err := p.pcm.WriteFrame(p.frame[:]); err != nil {
			broken <- err
			return
		}
	}
}

// fill makes the next period of sound.
func (p *playout) fill(now time.Time) {
	for s := p.speech.Peek(); s != nil; s = p.speech.Peek() {
		if s.repeated {
			p.player.Repeat(s.seq, s.ts, s.payload[:s.n], s.arrival)
		} else {
			p.player.Put(s.seq, s.ts, s.payload[:s.n], s.arrival)
		}
		p.speech.Release()
	}
	p.player.Pull(p.frame[:], now)
	if t := p.wanted.Load(); t != nil && p.wanted.CompareAndSwap(t, nil) {
		p.tones.Start(*t)
	}
	if p.tones.Playing() {
		p.tones.Mix(p.frame[:])
	}
	p.free.played(&p.frame)
	if p.ticks++; p.ticks%(reportEvery) == 0 {
		if s := p.reports.Reserve(); s != nil {
			*s = p.player.Stats()
			p.reports.Commit()
		}
	}
}

// reportEvery is in periods: twice a second.
const reportEvery = 100
