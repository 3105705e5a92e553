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
}{
	{"none", 0, netem.Config{}},
	{"5_percent", 5, netem.Config{Loss: 0.05}},
	{"10_percent", 10, netem.Config{Loss: 0.10}},
	{"20_percent", 20, netem.Config{Loss: 0.20}},
	{"40_percent", 40, netem.Config{Loss: 0.40}},
	{"10_percent_in_bursts", 10, netem.Config{Burst: netem.Gilbert(0.10, 5)}},
}

// redundancies are the ways to bear loss, each at the settings that a call chooses for it.
var redundancies = []struct {
	name string
	set  func(v *virtual, percent int)
}{
	{"concealment", func(v *virtual, percent int) {}},
	{"libopus_fec", func(v *virtual, percent int) { v.loss = percent }},
	{"copies", func(v *virtual, percent int) { v.plan = chosen(v.network, v.seed+100) }},
}

// chosen is the plan of a call that has seen twenty seconds of the network.
func chosen(network netem.Config, seed uint64) repeat.Plan {
	l, now := netem.New(network, seed), time.Unix(0, 0)
	lost := make([]bool, 1000)
	for i := range lost {
		l.Send([]byte{0}, now)
		_, came := l.Receive(now)
		lost[i] = !came
	}
	return repeat.Best(lost, repeat.Plan{})
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
			w.set(&v, l.percent)
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
