package main

import (
	"time"

	"sotto/codec/repeat"
	"sotto/net/netem"
)

// lossy are the paths of the table of redundancy.
var lossy = []struct {
	name    string
	percent int
	network netem.Config
	runs    int // packets that are lost in one run
}{
	{"none", 0, netem.Config{}, 1},
	{"5_percent", 5, netem.Config{Loss: 0.05}, 1},
	{"10_percent", 10, netem.Config{Loss: 0.10}, 1},
	{"20_percent", 20, netem.Config{Loss: 0.20}, 1},
	{"40_percent", 40, netem.Config{Loss: 0.40}, 1},
	{"10_percent_in_bursts", 10, netem.Config{Burst: netem.Gilbert(0.10, 5)}, 5},
}

// redundancies are the ways to bear loss, each at the settings that a call chooses for it.
var redundancies = []struct {
	name string
	set  func(v *virtual, percent, runs int)
}{
	{"concealment", func(v *virtual, percent, runs int) {}},
	{"libopus_fec", func(v *virtual, percent, runs int) { v.loss = percent }},
	{"copies", func(v *virtual, percent, runs int) {
		switch {
		case runs > 1:
			v.plan = repeat.Plan{Copies: 1, Distance: runs + 1}
		case percent >= 30:
			v.plan = repeat.Plan{Copies: 3, Distance: 1}
		case percent >= 14:
			v.plan = repeat.Plan{Copies: 2, Distance: 1}
		case percent > 0:
			v.plan = repeat.Plan{Copies: 1, Distance: 1}
		}
	}},
}

// virtual compares ways to bear loss, in virtual time: the machine's load does not count.
func (r *run) virtual(p program) error {
	source, err := r.clip()
	if err != nil {
		return err
	}
	for _, w := range redundancies {
		for _, l := range lossy {
			v := virtual{ptime: 20, network: l.network, seed: 1}
			w.set(&v, l.percent, l.runs)
			v.bitrate = repeat.Bitrates[v.plan.Copies]
			if v.loss > 0 {
				v.bitrate = 64000 // as a stranger gets it
			}
			h, err := v.run(source)
			if err != nil {
				return err
			}
			r.figures.set(w.name, "virtual_loss_"+l.name+"_stoi", h.STOI)
			r.figures.set(w.name, "virtual_loss_"+l.name+"_payload_bytes", float64(h.Bytes))
			r.figures.set(w.name, "virtual_loss_"+l.name+"_hole_ms", float64(h.Stats.LongestHole/time.Millisecond))
		}
	}
	return nil
}
