package media

import (
	"sync/atomic"
	"time"

	"sotto/codec"
	"sotto/codec/ring"
	"sotto/hal"
)

// micFrame is one frame on its way from the microphone to the encoder.
type micFrame struct {
	at  uint32 // position of the first sample since the start of the call, lost ones included
	n   int
	pcm [codec.SampleRate / 1000 * codec.MaxPtime]int16
}

// micQueue joins the capture and the send loop.
type micQueue struct {
	*ring.Ring[micFrame]
	ready chan struct{} // one token: there is something in the ring
}

func newMicQueue() *micQueue {
	return &micQueue{ring.New[micFrame](8), make(chan struct{}, 1)}
}

// capture is the loop that the microphone paces.
type capture struct {
	pcm      hal.PCM
	realtime bool
	samples  int // of a frame
	queue    *micQueue
	open     atomic.Bool // false: every sample is silence
	dropped  atomic.Uint64

	begun time.Time
	read  int64 // samples, lost ones included
	xruns uint64
}

func newCapture(c *Config, q *micQueue) *capture {
	return &capture{pcm: c.PCM, realtime: c.Realtime, samples: codec.FrameSamples(c.Ptime), queue: q}
}

func (c *capture) loop(done <-chan struct{}, broken chan<- error) {
	defer realtime(c.realtime)()
	spare := new(micFrame)
	c.begun = time.Now()
	for !closed(done) {
		f := c.queue.Reserve()
		if f == nil { // the encoder is late: the newest frame is lost, the microphone goes on
			f = spare
		}
		f.at, f.n = uint32(c.read), c.samples
		if err := c.frame(f); err != nil {
			broken <- err
			return
		}
		if f == spare {
			c.dropped.Add(1)
			continue
		}
		c.queue.Commit()
		wake(c.queue.ready)
	}
}

// frame fills f in periods of the card.
func (c *capture) frame(f *micFrame) error {
	for i := 0; i < f.n; i += period {
		if err := c.pcm.ReadFrame(f.pcm[i : i+period]); err != nil {
			return err
		}
		c.read += period
		c.lost()
	}
	if !c.open.Load() {
		clear(f.pcm[:f.n])
	}
	return nil
}

// lost accounts for samples that an overrun dropped, so that timestamps keep the pace of time.
func (c *capture) lost() {
	x, ok := c.pcm.(hal.XrunCounter)
	if !ok {
		return
	}
	if n := x.Xruns().Overruns; n != c.xruns {
		c.xruns = n
		passed := int64(time.Since(c.begun) * codec.SampleRate / time.Second)
		if gap := passed - c.read; gap > 0 {
			c.read += gap
		}
	}
}

func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
