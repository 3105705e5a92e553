package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"sotto/codec/repeat"
	"sotto/hal/haltest"
	"sotto/net/netem"
)

func TestVirtualTable(t *testing.T) {
	var src []int16
	for range 1 {
		for _, f := range []string{"alice", "bob"} {
			pcm, err := haltest.ReadWAV("../call/speech/" + f + ".wav")
			if err != nil {
				t.Fatal(err)
			}
			src = append(src, pcm...)
		}
	}
	ms := time.Millisecond
	step := func(l *netem.Link, at time.Duration) {
		d := 40 * ms
		if at > 15*time.Second && at < 25*time.Second {
			d = 190 * ms
		}
		l.SetConfig(netem.Config{Delay: d})
	}
	for _, v := range []virtual{
		{name: "clean"}, {name: "clean10", ptime: 10}, {name: "clean40", ptime: 40},
		{name: "jit30", network: netem.Config{Jitter: 30 * ms}},
		{name: "jit60", network: netem.Config{Jitter: 60 * ms}},
		{name: "jit100", network: netem.Config{Jitter: 100 * ms}},
		{name: "tun60", unordered: true, network: netem.Config{Delay: 2 * ms, Jitter: 88 * ms}},
		{name: "tun30", unordered: true, network: netem.Config{Jitter: 30 * ms}},
		{name: "loss5", loss: 5, network: netem.Config{Loss: .05}},
		{name: "loss10", loss: 10, network: netem.Config{Loss: .10}},
		{name: "loss20", loss: 20, network: netem.Config{Loss: .20}},
		{name: "loss40", loss: 40, network: netem.Config{Loss: .40}},
		{name: "burst10/5", loss: 10, network: netem.Config{Burst: netem.Gilbert(.1, 5)}},
		{name: "burst5/2", loss: 5, network: netem.Config{Burst: netem.Gilbert(.05, 2)}},
		{name: "loss5R1", plan: repeat.Plan{Copies: 1, Distance: 1}, network: netem.Config{Loss: .05}},
		{name: "loss10R1", plan: repeat.Plan{Copies: 1, Distance: 1}, network: netem.Config{Loss: .1}},
		{name: "loss20R1", plan: repeat.Plan{Copies: 1, Distance: 1}, network: netem.Config{Loss: .2}},
		{name: "loss20R2", plan: repeat.Plan{Copies: 2, Distance: 1}, network: netem.Config{Loss: .2}},
		{name: "loss40R3", plan: repeat.Plan{Copies: 3, Distance: 1}, network: netem.Config{Loss: .4}},
		{name: "burstR1/6", plan: repeat.Plan{Copies: 1, Distance: 6}, network: netem.Config{Burst: netem.Gilbert(.1, 5)}},
		{name: "burstR2/6", plan: repeat.Plan{Copies: 2, Distance: 6}, network: netem.Config{Burst: netem.Gilbert(.1, 5)}},
		{name: "burstR1/8", plan: repeat.Plan{Copies: 1, Distance: 8}, network: netem.Config{Burst: netem.Gilbert(.1, 5)}},
		{name: "step150", change: step},
		{name: "stall500", stall: [2]time.Duration{15 * time.Second, 15500 * ms}},
		{name: "drift+300", drift: 300}, {name: "drift-300", drift: -300},
	} {
		if v.ptime == 0 {
			v.ptime = 20
		}
		if v.bitrate == 0 {
			v.bitrate = 32000
		}
		v.seed = 1
		h, err := v.run(src)
		if err != nil {
			t.Fatal(err)
		}
		d := slices.Clone(h.Delays[len(h.Delays)/8:])
		slices.Sort(d)
		var lags []int
		for _, l := range h.Lags {
			lags = append(lags, int(l*1000+.5))
		}
		s := h.Stats
		fmt.Printf("%-10s STOI %.3f delay p50 %.1f p95 %.1f lags %v\n   fec %d late %d under %d conc %v hole %v short %v long %v disc %d target %v\n", v.name, h.STOI, d[len(d)/2], d[len(d)*95/100], lags,
			s.FEC, s.Late, s.Underruns, s.Concealed, s.LongestHole, s.Shortened, s.Lengthened, s.Discarded, s.Target)
	}
}
