package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// bound is what our own figure must hold (issue "voice").
type bound struct {
	name  string
	limit float64
	least bool // the figure must be at least the limit
}

var bounds = []bound{
	{"mouth_to_ear_p95_ms", 45, false}, {"mouth_to_ear_10ms_frames_p95_ms", 30, false},
	{"jitter_60ms_p50_ms", 120, false}, {"jitter_60ms_stoi", 0.98, true}, {"bursts_of_5_10_longest_hole_ms", 120, false}, {"loss_20_stoi", 0.96, true},
	{"loss_40_stoi", 0.85, true}, {"cpu_over_bare", 1.3, false}, {"peak_memory_mb", 20, false},
	{"handshake_loss_0_p50_ms", 60, false},
}

// lower are figures of which less is better; with a peer in the run ours must be below every peer's, and of those that
// end with stoi above.
var lower = []string{"mouth_to_ear_p50_ms", "mouth_to_ear_p95_ms", "jitter_60ms_p50_ms", "cpu_of_60s_call_s"}

// overBursts is by how much speech that is lost in bursts must be better understood than with any peer.
const overBursts = 0.03

// judge fills Missed.
func (f *figures) judge() {
	ours := f.Programs["sotto"]
	for _, b := range bounds {
		if v, ok := ours[b.name]; ok && (v > b.limit) != b.least && v != b.limit {
			f.Missed = append(f.Missed, fmt.Sprintf("%s is %.3f, bound %.3f", b.name, v, b.limit))
		}
	}
	for _, what := range []string{"stall_500ms", "step_150ms"} {
		if d := ours[what+"_after_ms"] - ours[what+"_before_ms"]; d > 10 {
			f.Missed = append(f.Missed, fmt.Sprintf("%s: the delay is still %.1f ms longer", what, d))
		}
	}
	for peer, theirs := range f.Programs {
		if peer == "sotto" {
			continue
		}
		for name, v := range theirs {
			mine, ok := ours[name]
			switch {
			case !ok:
			case strings.HasPrefix(name, "loss_") && strings.HasSuffix(name, "_stoi") && mine < v:
				f.Missed = append(f.Missed, fmt.Sprintf("%s is %.3f, %s has %.3f", name, mine, peer, v))
			case name == "bursts_of_5_10_stoi" && mine < v+overBursts:
				f.Missed = append(f.Missed, fmt.Sprintf("%s is %.3f, %s has %.3f, and it should be %.2f above", name, mine, peer, v, overBursts))
			case slices.Contains(lower, name) && mine > v:
				f.Missed = append(f.Missed, fmt.Sprintf("%s is %.3f, %s has %.3f", name, mine, peer, v))
			}
		}
	}
	slices.Sort(f.Missed)
}

// virtualPrefix begins the names of what was measured in virtual time.
const virtualPrefix = "virtual_"

// preface says how the figures came about.
const preface = `One harness for all programs (tools/bench), each pair on a path of its own between two namespaces. The unit ends the name;
stoi is intelligibility, 1 is the source itself. Figures hold for this machine and this run; compare within a row. linphonec and
baresip have no sound card in their delays, our simulator has one with two periods of 5 ms; baresip is heard at its decoder, where
every frame comes at the same distance. The stall, the step and the jitter are measured with all programs side by side, the rest one
program after the other.

Bare is libopus, SRTP and system calls alone, at the settings of a call (80 kbit/s, complexity 0, 20 ms, no loss reported): two
threads a telephone, the same sound card, the same path, at the pace of a call, without jitter buffer, key agreement and screen.
Call and bare telephone take turns three times; the cost over it is the median, without the program's start, which has a row of
its own; the processor time of a call has it in. Unpaced is the same work in one loop as fast as it goes, where it never leaves
the processor's caches. A call of our own encodes once: copies of earlier packets, when loss is reported, are copied bytes. Echo cancellation runs in hands-free mode only.

Programs send what they send as they come: linphonec at a varying rate, baresip about 32 kbit/s at complexity 10, ours 80 kbit/s where
nothing is lost, and 64, 40 or 32 with one, two or three copies where something is.

The long call is in [SOAK.md](SOAK.md); libopus 1.5, DRED and the settings of the encoder in [OPUS15.md](OPUS15.md).
`

// markdown is docs/BENCHMARKS.md.
func (f *figures) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmarks\n\nWritten by `make bench` on %s; %s; load average %s when it began.\n\n", f.Date, f.Machine, f.Load)
	b.WriteString(preface)
	if f.picture != "" {
		fmt.Fprintf(&b, "\n![delay, intelligibility, processor time, memory](%s)\n", filepath.Base(f.picture))
	}
	f.table(&b, func(name string) bool { return !strings.HasPrefix(name, virtualPrefix) })
	b.WriteString("\nIn virtual time, through the real codec and jitter buffer: ways to bear loss, each at the rate that a call has with it.\n")
	f.table(&b, func(name string) bool { return strings.HasPrefix(name, virtualPrefix) })
	if len(f.Missed) > 0 {
		b.WriteString("\nMissed in this run:\n")
		for _, m := range f.Missed {
			fmt.Fprintf(&b, "- %s\n", m)
		}
	}
	return b.String()
}

// table writes the rows that pick takes; programs without any are left out.
func (f *figures) table(b *strings.Builder, pick func(name string) bool) {
	var programs, names []string
	for p, values := range f.Programs {
		for name := range values {
			if pick(name) {
				programs, names = append(programs, p), append(names, name)
			}
		}
	}
	slices.Sort(programs)
	slices.Sort(names)
	programs, names = slices.Compact(programs), slices.Compact(names)
	b.WriteString("\n| |")
	for _, p := range programs {
		fmt.Fprintf(b, " %s |", p)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(programs)) + "\n")
	for _, name := range names {
		fmt.Fprintf(b, "| %s |", strings.ReplaceAll(strings.TrimPrefix(name, virtualPrefix), "_", " "))
		for _, p := range programs {
			if v, ok := f.Programs[p][name]; ok {
				fmt.Fprintf(b, " %.4g |", v)
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteString("\n")
	}
}
