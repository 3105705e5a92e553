package media

import (
	"sync/atomic"
	"time"

	"sotto/codec"
	"sotto/codec/echo"
	"sotto/hal"
)

// micFrame is one frame on its way from the microphone to the encoder.
type micFrame struct {
	at  uint32 // position of the first sample since the start of the call, lost ones included
	n   int
	pcm [codec.SampleRate / 1000 * codec.MaxPtime]int16
}

// mostRead is the most that one exchange with the sound card holds, in samples: 20 ms.
const mostRead = codec.SampleRate / 50

// capture reads the microphone.
type capture struct {
	pcm     hal.PCM
	free    *handsFree
	samples int         // of a frame
	open    atomic.Bool // false: every sample is silence

	begun time.Time
	read  int64 // samples, lost ones included
	xruns uint64
}

func newCapture(c *Config, free *handsFree) *capture {
	return &capture{pcm: c.PCM, free: free, samples: codec.FrameSamples(c.Ptime), begun: time.Now()}
}

// next waits for the next frame.
func (c *capture) next(f *micFrame) error {
	f.at, f.n = uint32(c.read), c.samples
	// One wake-up a packet: reading less at a time would not make it come earlier.
	for i := 0; i < f.n; i += mostRead {
		piece := f.pcm[i:min(i+mostRead, f.n)]
		if err := c.pcm.ReadFrame(piece); err != nil {
			return err
		}
		c.read += int64(len(piece))
		c.lost()
		for ; len(piece) >= echo.Frame; piece = piece[echo.Frame:] {
			c.free.clean(piece[:echo.Frame])
		}
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
