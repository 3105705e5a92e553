package media

import (
	"sync/atomic"

	"sotto/codec/echo"
	"sotto/codec/ring"
)

// loudSlots are periods of loudspeaker sound between the playout and the send loop.
const loudSlots = 64

// mostLoud is how many of them may wait: a packet of 60 ms on either side.
const mostLoud = 24

// handsFree takes the loudspeaker's echo out of the microphone's sound. The playout loop says what it plays, the send
// loop cancels: one card's two directions tick together, so one period played belongs to one period heard, and the
// constant distance between them is well within the canceller's tail.
type handsFree struct {
	canceller atomic.Pointer[echo.Canceller] // nil: handset, no echo to cancel
	loud      *ring.Ring[[period]int16]
	far       [echo.Frame]int16
}

func newHandsFree() *handsFree {
	return &handsFree{loud: ring.New[[period]int16](loudSlots)}
}

// played notes what the loudspeaker gets, whole periods.
func (h *handsFree) played(pcm []int16) {
	if h.canceller.Load() == nil {
		return
	}
	for ; len(pcm) >= period; pcm = pcm[period:] {
		if slot := h.loud.Reserve(); slot != nil {
			copy(slot[:], pcm)
			h.loud.Commit()
		}
	}
}

// clean replaces 10 ms of the microphone's sound by what the near side says.
func (h *handsFree) clean(mic []int16) {
	c := h.canceller.Load()
	if c == nil {
		return
	}
	for h.loud.Len() > mostLoud && h.loud.Peek() != nil { // the send loop was late: older sound has passed unheard
		h.loud.Release()
	}
	for i := 0; i < len(h.far); i += period {
		slot := h.loud.Peek()
		if slot == nil {
			clear(h.far[i : i+period])
			continue
		}
		copy(h.far[i:], slot[:])
		h.loud.Release()
	}
	c.Process(mic, h.far[:])
}
