package media

import (
	"sync/atomic"

	"sotto/codec/echo"
	"sotto/codec/ring"
)

// loudSlots are periods of loudspeaker sound between the playout and the send loop.
const loudSlots = 16

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

// played notes what the loudspeaker gets.
func (h *handsFree) played(frame *[period]int16) {
	if h.canceller.Load() == nil {
		return
	}
	if slot := h.loud.Reserve(); slot != nil {
		*slot = *frame
		h.loud.Commit()
	}
}

// clean replaces 10 ms of the microphone's sound by what the near side says.
func (h *handsFree) clean(mic []int16) {
	c := h.canceller.Load()
	if c == nil {
		return
	}
	for h.loud.Len() > loudSlots/2 && h.loud.Peek() != nil { // the send loop was late: older sound has passed unheard
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
