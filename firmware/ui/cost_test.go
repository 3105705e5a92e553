package ui

import (
	"image"
	"testing"

	"sotto/firmware/call"
)

// BenchmarkRender draws the busiest screen of a call over itself: what a tick of the clock costs.
func BenchmarkRender(b *testing.B) {
	m := call.New(call.Config{Name: "Alice"})
	s := m.Snapshot()
	s.State, s.Call = call.Talking, call.View{Peer: call.Party{Name: "Bob", Address: "sip:bob@10.0.0.2"}, Trust: call.First,
		Code: call.Code{Own: "yb", OwnFirst: true, Length: 2}}
	for _, d := range displays {
		b.Run(d.name, func(b *testing.B) {
			frame := image.NewRGBA(image.Rectangle{Max: d.size})
			var r Renderer
			for b.Loop() {
				r.Render(frame, s)
			}
		})
	}
}
