package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"sotto/hal/haltest"
	"sotto/net/netem"
	"sotto/tools/bench/chirp"
	"sotto/tools/bench/peers"
	"sotto/tools/bench/stoi"
)

// call lets two of a kind talk for a while. during runs while they do.
func (r *run) call(name string, pair peers.Pair, mic string, talk time.Duration, during func(pair peers.Pair)) ([2]peers.Heard, error) {
	a := peers.Party{Address: "127.0.0.1", Folder: filepath.Join(r.work, name, "a"), Mic: mic}
	b := peers.Party{Address: "127.0.0.1", Folder: filepath.Join(r.work, name, "b"), Mic: mic}
	if r.path != nil {
		a.Namespace, a.Address = r.path.A.Namespace, r.path.A.Address
		b.Namespace, b.Address = r.path.B.Namespace, r.path.B.Address
	}
	fmt.Fprintf(os.Stderr, "bench: %s, %v\n", name, talk)
	err := pair.Start(a, b)
	if err == nil {
		err = pair.Call()
	}
	if err != nil {
		pair.Stop()
		return [2]peers.Heard{}, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if during != nil {
			during(pair)
		}
	}()
	time.Sleep(talk)
	<-done
	return pair.Stop()
}

// stampError is by how much a delay may come out too small, in seconds.
const stampError = 0.05

// delays are the mouth to ear delays of the chirps that arrived, in milliseconds, by the second of the track at which
// they were said.
func delays(from, to peers.Heard) (map[int]float64, error) {
	pcm, err := haltest.ReadWAV(to.Recording)
	if err != nil {
		return nil, err
	}
	found := map[int]float64{}
	for _, at := range chirp.Find(pcm) {
		wall := to.SpeakerStart + at - from.MicStart
		// The delay is below a second: the chirp is the last one before. A peer's stamps may be wrong by some milliseconds.
		if k := math.Floor(wall + stampError); k >= 1 {
			found[int(k)] = (wall - k) * 1000
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no chirp in %s", to.Recording)
	}
	return found, nil
}

// percentile of values, 0 to 100.
func percentile(values []float64, p float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return v[min(len(v)-1, int(p/100*float64(len(v))))]
}

// between are the values of the seconds from..to.
func between(d map[int]float64, from, to float64) (v []float64) {
	for k, ms := range d {
		if float64(k) >= from && float64(k) <= to {
			v = append(v, ms)
		}
	}
	return v
}

// settle is when figures begin to count: the buffers have found their size, in seconds of the track.
const settle = 6

func (r *run) delay(p program) error { return r.delayOf(p.name, p.pair(), "") }

func (r *run) delay10(p program) error {
	return r.delayOf(p.name, &peers.Sotto{Program: r.sim, Ptime: 10}, "_10ms_frames")
}

func (r *run) delayOf(name string, pair peers.Pair, suffix string) error {
	heard, err := r.call("delay"+suffix+"-"+name, pair, r.clicks, 28*time.Second, nil)
	if err != nil {
		return err
	}
	var all []float64
	for i := range heard {
		d, err := delays(heard[i], heard[1-i])
		if err != nil {
			return err
		}
		all = append(all, between(d, settle, 1e9)...)
	}
	r.figures.set(name, "mouth_to_ear"+suffix+"_p50_ms", percentile(all, 50))
	r.figures.set(name, "mouth_to_ear"+suffix+"_p95_ms", percentile(all, 95))
	return nil
}

// stall stops the whole receiving process for 500 ms.
func (r *run) stall(p program) error {
	var from time.Time
	heard, err := r.call("stall-"+p.name, p.pair(), r.clicks, 28*time.Second, func(pair peers.Pair) {
		time.Sleep(14300 * time.Millisecond)
		from = time.Now()
		syscall.Kill(pair.Processes()[1], syscall.SIGSTOP)
		time.Sleep(500 * time.Millisecond)
		syscall.Kill(pair.Processes()[1], syscall.SIGCONT)
	})
	if err != nil {
		return err
	}
	return r.beforeAndAfter(p.name, "stall_500ms", heard[0], heard[1], from, from.Add(2500*time.Millisecond))
}

// step makes the path 150 ms longer for ten seconds.
func (r *run) step(p program) error {
	defer r.path.Set(netem.Config{}, false)
	var from, to time.Time
	heard, err := r.call("step-"+p.name, p.pair(), r.clicks, 36*time.Second, func(peers.Pair) {
		time.Sleep(12 * time.Second)
		from = time.Now()
		r.path.Set(netem.Config{Delay: 150 * time.Millisecond}, false)
		time.Sleep(10 * time.Second)
		to = time.Now()
		r.path.Set(netem.Config{}, false)
	})
	if err != nil {
		return err
	}
	return r.beforeAndAfter(p.name, "step_150ms", heard[0], heard[1], from, to.Add(3*time.Second))
}

// beforeAndAfter compares the delay before an event with that of the first seconds from again on.
func (r *run) beforeAndAfter(name, what string, from, to peers.Heard, event, again time.Time) error {
	d, err := delays(from, to)
	if err != nil {
		return err
	}
	second := func(t time.Time) float64 { return float64(t.UnixMicro())/1e6 - from.MicStart }
	before, after := between(d, settle, second(event)-1), between(d, second(again), second(again)+5)
	if len(before) == 0 || len(after) == 0 {
		return fmt.Errorf("too few chirps: %v", d)
	}
	r.figures.set(name, what+"_before_ms", percentile(before, 50))
	r.figures.set(name, what+"_after_ms", percentile(after, 50))
	return nil
}

// spread is the path of the jitter figures: 46 ms in the middle, 86 ms for the slowest twentieth.
var spread = netem.Config{Delay: 2 * time.Millisecond, Jitter: 88 * time.Millisecond}

func (r *run) jitter(p program) error {
	r.path.Set(spread, true)
	defer r.path.Set(netem.Config{}, false)
	heard, err := r.call("jitter-clicks-"+p.name, p.pair(), r.clicks, 30*time.Second, nil)
	if err != nil {
		return err
	}
	d, err := delays(heard[0], heard[1])
	if err != nil {
		return err
	}
	r.figures.set(p.name, "jitter_60ms_p50_ms", percentile(between(d, settle, 1e9), 50))
	return r.speak(p, "jitter_60ms")
}

// speak measures intelligibility over the path as it is, from the first moment at which both could speak: the mean of both
// directions.
func (r *run) speak(p program, name string) error {
	heard, err := r.call(name+"-"+p.name, p.pair(), r.voice, 36*time.Second, nil)
	if err != nil {
		return err
	}
	ref, err := haltest.ReadWAV(r.voice)
	if err != nil {
		return err
	}
	sum := 0.0
	for i := range heard {
		pcm, err := haltest.ReadWAV(heard[1-i].Recording)
		if err != nil {
			return err
		}
		start := heard[1-i].SpeakerStart
		wait := -max(0, max(heard[0].Secure, heard[1].Secure)-start) // the agreement has a row of its own
		s, err := stoi.Measure(shifted(ref, heard[i].MicStart-start+wait), shifted(pcm, wait))
		if err != nil {
			return err
		}
		sum += s.Mean / 2
	}
	r.figures.set(p.name, name+"_stoi", sum)
	if hole := max(heard[0].Hole, heard[1].Hole); hole > 0 {
		r.figures.set(p.name, name+"_longest_hole_ms", hole)
	}
	return nil
}

// shifted is pcm later by seconds, earlier when that is negative, so that source and recording have one clock.
func shifted(pcm []int16, seconds float64) []int16 {
	n := int(seconds * 48000)
	if n < 0 {
		return pcm[min(-n, len(pcm)):]
	}
	return append(make([]int16, n), pcm...)
}

func (r *run) loss(p program) error {
	defer r.path.Set(netem.Config{}, false)
	for _, l := range []struct {
		name   string
		config netem.Config
	}{
		{"loss_0", netem.Config{}}, {"loss_5", netem.Config{Loss: 0.05}}, {"loss_10", netem.Config{Loss: 0.10}},
		{"loss_20", netem.Config{Loss: 0.20}}, {"loss_40", netem.Config{Loss: 0.40}},
		{"bursts_of_5_10", netem.Config{Burst: netem.Gilbert(0.10, 5)}},
	} {
		r.path.Set(netem.Config{}, false)
		if l.name == "loss_40" && p.name != "sotto" {
			continue
		}
		r.path.Set(l.config, false)
		if err := r.speak(p, l.name); err != nil {
			return err
		}
	}
	return nil
}

// cpu is a call of a minute.
func (r *run) cpu(p program) error {
	if p.name == "sotto" {
		fresh(r.sim)
	} else {
		fresh(p.name)
	}
	heard, err := r.call("cpu-"+p.name, p.pair(), r.voice, time.Minute, nil)
	if err != nil {
		return err
	}
	r.figures.set(p.name, "cpu_of_60s_call_s", (heard[0].CPU+heard[1].CPU).Seconds()/2)
	r.figures.set(p.name, "peak_memory_mb", float64(max(heard[0].MemoryKB, heard[1].MemoryKB))/1024)
	return nil
}

// handshakes is the number of calls at each loss.
const handshakes = 7

// handshake is from the answer to the agreement. Peers do not tell when they were answered.
func (r *run) handshake(p program) error {
	defer r.path.Set(netem.Config{}, false)
	for _, percent := range []int{0, 5, 20} {
		r.path.Set(netem.Config{Loss: float64(percent) / 100}, false)
		var all []float64
		for i := range handshakes {
			heard, err := r.call(fmt.Sprintf("handshake-%d-%d-%s", percent, i, p.name), p.pair(), r.clicks, 300*time.Millisecond, nil)
			if err != nil {
				return err
			}
			all = append(all, 1000*max(heard[0].Handshake, heard[1].Handshake).Seconds())
		}
		r.figures.set(p.name, fmt.Sprintf("handshake_loss_%d_p50_ms", percent), percentile(all, 50))
		r.figures.set(p.name, fmt.Sprintf("handshake_loss_%d_max_ms", percent), percentile(all, 100))
	}
	return nil
}
