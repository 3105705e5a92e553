package main

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"sotto/codec"
	"sotto/hal/haltest"
	"sotto/net/netem"
	"sotto/tools/bench/chirp"
	"sotto/tools/bench/path"
	"sotto/tools/bench/peers"
)

// What a long call has to bear (issue "voice"), and by how much its last quarter may differ from the second.
var soakPath = netem.Config{Delay: 5 * time.Millisecond, Jitter: 30 * time.Millisecond, Loss: 0.03}

const (
	soakDrift       = 100  // ppm between the two sound cards
	soakDelayGrowth = 10.0 // ms of the median delay
	soakMemory      = 1024 // kB of the mean
)

// sample is one look at a long call.
type sample struct {
	Minute float64         `json:"minute"`
	Sides  [2]peers.Health `json:"sides"`
	Load   string          `json:"load"`
}

// soaked is build/soak.json.
type soaked struct {
	Date    string      `json:"date"`
	Machine string      `json:"machine"`
	Minutes float64     `json:"minutes"`
	Samples []sample    `json:"samples"`
	Delay   [2][]window `json:"delay"` // by direction: from the first side, from the second
	Missed  []string    `json:"missed"`
}

// window is the delay in one minute of the recording: the chirps that were found, and their median and 95th percentile.
type window struct {
	Chirps   int     `json:"chirps"`
	P50, P95 float64 // ms
}

// soak lets two simulators talk for a long time over a bad path: bench soak --for 1h.
func soak(args []string) int {
	fs := flag.NewFlagSet("soak", flag.ExitOnError)
	sim := fs.String("sim", "build/sim", "the simulator's `program`")
	work := fs.String("work", "build/soak-run", "`folder` for recordings and states; emptied first")
	out := fs.String("out", "build/soak.json", "`file` for the figures")
	table := fs.String("table", "docs/SOAK.md", "`file` for the table")
	long := fs.Duration("for", time.Hour, "`length` of the call")
	_ = fs.Parse(args)
	r := &run{options: options{sim: *sim, work: *work, speech: "tools/call/speech"}}
	if err := r.prepare(); err != nil {
		return fail(err)
	}
	p, err := path.New("soak", 7)
	if err != nil {
		return fail(err)
	}
	defer p.Close()
	s, err := r.soak(p, *long)
	if err != nil {
		return fail(err)
	}
	b, err := json.MarshalIndent(s, "", " ")
	if err == nil {
		err = os.WriteFile(*out, b, 0o644)
	}
	if err == nil {
		err = os.WriteFile(*table, []byte(s.markdown()), 0o644)
	}
	if err != nil {
		return fail(err)
	}
	fmt.Print(s.markdown())
	if len(s.Missed) > 0 {
		return 1
	}
	return 0
}

func (r *run) soak(p *path.Path, long time.Duration) (*soaked, error) {
	loop := []string{"--mic-loop"}
	pair := &peers.Sotto{Program: r.sim, Ptime: 20, Args: [2][]string{append([]string{"--drift", fmt.Sprint(soakDrift)}, loop...), loop}}
	s := &soaked{Date: time.Now().UTC().Format(time.RFC3339), Machine: machine(), Minutes: long.Minutes()}
	p.Set(soakPath, false)
	r.path = p
	heard, err := r.call("soak", pair, r.clicks, long, func(peers.Pair) {
		for begin := time.Now(); ; time.Sleep(30 * time.Second) {
			h, err := pair.Health()
			if err != nil || time.Since(begin) > long-10*time.Second {
				return
			}
			s.Samples = append(s.Samples, sample{time.Since(begin).Minutes(), h, load()})
			fmt.Fprintf(os.Stderr, "soak: %.1f min %+v load %s\n", time.Since(begin).Minutes(), h, load())
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range s.Delay {
		rates := [2]float64{1 + soakDrift*1e-6, 1}
		if s.Delay[i], err = soakDelays(heard[i], heard[1-i], rates[i], rates[1-i]); err != nil {
			return nil, err
		}
	}
	s.judge()
	return s, nil
}

// soakDelays measures a recording minute by minute. The rates are those of the two crystals: by their own clocks a second
// of the track is shorter than a second.
func soakDelays(from, to peers.Heard, micRate, speakerRate float64) (all []window, err error) {
	f, err := os.Open(to.Recording)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw := make([]byte, 2*60*codec.SampleRate)
	for minute := 0; ; minute++ {
		n, _ := f.ReadAt(raw, haltest.WAVHeaderLen+int64(minute)*int64(len(raw))) // at the end: what is there
		if n < len(raw) {
			return all, nil
		}
		pcm := make([]int16, n/2)
		for i := range pcm {
			pcm[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
		}
		var ms []float64
		for _, at := range chirp.Find(pcm) {
			wall := to.SpeakerStart + (float64(minute)*60+at)/speakerRate - from.MicStart
			if said := math.Floor(wall * micRate); said >= 1 {
				ms = append(ms, 1000*(wall-said/micRate))
			}
		}
		w := window{Chirps: len(ms)}
		if len(ms) > 0 {
			w.P50, w.P95 = percentile(ms, 50), percentile(ms, 95)
		}
		all = append(all, w)
	}
}

// judge compares the last quarter with the second: the first is for buffers to find their size.
func (s *soaked) judge() {
	miss := func(format string, a ...any) { s.Missed = append(s.Missed, fmt.Sprintf(format, a...)) }
	for i, d := range s.Delay {
		early, late := quarter(d, 1, func(w window) float64 { return w.P50 }), quarter(d, 3, func(w window) float64 { return w.P50 })
		if math.IsNaN(late) || late-early > soakDelayGrowth {
			miss("delay from side %d: %.1f ms, later %.1f ms", i, early, late)
		}
	}
	for i := range 2 {
		for _, g := range []struct {
			name  string
			limit float64
			of    func(peers.Health) int
		}{
			{"goroutines", 0.5, func(h peers.Health) int { return h.Goroutines }},
			{"descriptors", 0.5, func(h peers.Health) int { return h.Descriptors }},
			{"kB of memory", soakMemory, func(h peers.Health) int { return h.MemoryKB }},
		} {
			of := func(x sample) float64 { return float64(g.of(x.Sides[i])) }
			early, late := quarter(s.Samples, 1, of), quarter(s.Samples, 3, of)
			if math.IsNaN(late) || late-early > g.limit {
				miss("%s of side %d: %.1f, later %.1f", g.name, i, early, late)
			}
		}
	}
}

// quarter is the mean over one quarter of all, 0 to 3.
func quarter[T any](all []T, q int, of func(T) float64) float64 {
	sum, part := 0.0, all[len(all)*q/4:len(all)*(q+1)/4]
	for _, v := range part {
		sum += of(v)
	}
	return sum / float64(len(part)) // of nothing: not a number, which no bound passes
}

func (s *soaked) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# A long call\n\nWritten by `make soak`: begun %s, %.0f minutes, two simulators on %s, over jitter of %v, loss of %.0f %% and sound cards that are %d ppm apart. Delay is mouth to ear, path included; the load average is that of the machine, with other work on it.\n\n",
		s.Date, s.Minutes, s.Machine, soakPath.Jitter, 100*soakPath.Loss, soakDrift)
	b.WriteString("| minute | delay p50/p95 ms, A to B | B to A | memory kB, A and B | goroutines | descriptors | threads | load |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n")
	step := max(1, len(s.Samples)/24)
	for i := 0; i < len(s.Samples); i += step {
		x := s.Samples[i]
		at := func(d []window) string {
			if m := int(x.Minute); m < len(d) {
				return fmt.Sprintf("%.1f/%.1f", d[m].P50, d[m].P95)
			}
			return ""
		}
		h := x.Sides
		fmt.Fprintf(&b, "| %.0f | %s | %s | %d, %d | %d, %d | %d, %d | %d, %d | %s |\n", x.Minute, at(s.Delay[0]), at(s.Delay[1]), h[0].MemoryKB, h[1].MemoryKB,
			h[0].Goroutines, h[1].Goroutines, h[0].Descriptors, h[1].Descriptors, h[0].Threads, h[1].Threads, x.Load)
	}
	if len(s.Missed) == 0 {
		b.WriteString("\nNothing grew: the last quarter against the second, within " + fmt.Sprintf("%.0f ms of delay, %d kB of memory, no goroutine and no descriptor.\n", soakDelayGrowth, soakMemory))
	}
	for _, m := range s.Missed {
		fmt.Fprintf(&b, "\nGrew: %s.\n", m)
	}
	return b.String()
}
