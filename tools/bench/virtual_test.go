package main

import (
	"slices"
	"testing"
	"time"

	"sotto/codec/repeat"
	"sotto/hal/haltest"
	"sotto/net/netem"
)

// run5 loses five packets in a row out of fifty, always.
func run5(l *netem.Link, at time.Duration) {
	c := netem.Config{}
	if n := int(at / (20 * time.Millisecond)); n%50 >= 45 {
		c.Loss = 1
	}
	l.SetConfig(c)
}

// The bounds of the issue that do not need a clock: intelligibility and delay of one direction in virtual time.
func TestVirtualCallsHoldTheBounds(t *testing.T) {
	const ms = time.Millisecond
	source, err := haltest.ReadWAV("../call/speech/alice.wav")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		virtual
		stoi  float64 // at least
		delay float64 // p50 over the fastest packet, ms, at most
		hole  time.Duration
	}{
		{virtual{name: "clean"}, 0.985, 7, 0},
		{virtual{name: "jitter of 88 ms that overtakes", unordered: true, network: netem.Config{Delay: 2 * ms, Jitter: 88 * ms}}, 0.98, 92, 60 * ms},
		{virtual{name: "20 %", network: netem.Config{Loss: .20}, plan: repeat.Plan{Copies: 2, Distance: 1}}, 0.97, 47, 60 * ms},
		{virtual{name: "40 %", network: netem.Config{Loss: .40}, plan: repeat.Plan{Copies: 3, Distance: 1}}, 0.95, 67, 100 * ms},
		{virtual{name: "10 % in runs of 5", change: run5, plan: repeat.Plan{Copies: 1, Distance: 6}}, 0.95, 130, 120 * ms},
		{virtual{name: "drift", drift: -300}, 0.97, 7, 20 * ms},
	} {
		v := c.virtual
		v.ptime, v.bitrate, v.seed = 20, repeat.Bitrates[v.plan.Copies], 1
		h, err := v.run(source)
		if err != nil {
			t.Fatal(err)
		}
		d := slices.Sorted(slices.Values(h.Delays[len(h.Delays)/4:]))
		p50 := d[len(d)/2]
		t.Logf("%s: STOI %.3f, delay %.1f ms, hole %v, %d octets", v.name, h.STOI, p50, h.Stats.LongestHole, h.Bytes)
		if h.STOI < c.stoi || p50 > c.delay || h.Stats.LongestHole > c.hole {
			t.Errorf("%s: STOI %.3f, delay %.1f ms, hole %v; want %.3f, %.0f ms, %v", v.name, h.STOI, p50, h.Stats.LongestHole, c.stoi, c.delay, c.hole)
		}
	}
}

func TestJudge(t *testing.T) {
	f := &figures{Programs: map[string]map[string]float64{
		"sotto":     {"mouth_to_ear_p95_ms": 50, "loss_5_stoi": 0.97, "stall_500ms_before_ms": 40, "stall_500ms_after_ms": 60, "peak_memory_mb": 15},
		"linphonec": {"mouth_to_ear_p95_ms": 49, "loss_5_stoi": 0.98, "peak_memory_mb": 60},
	}}
	f.judge()
	if len(f.Missed) != 4 {
		t.Errorf("missed %q, want the bound of 45 ms, the peer's 49 ms and 0.98, and the stall", f.Missed)
	}
}
