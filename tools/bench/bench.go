package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sotto/hal/haltest"
	"sotto/tools/bench/chirp"
	"sotto/tools/bench/path"
	"sotto/tools/bench/peers"
)

// figures is build/bench.json: one value for each program and measurement, in the unit that the name ends with.
type figures struct {
	Date     string                        `json:"date"`
	Machine  string                        `json:"machine"`
	Load     string                        `json:"load"`
	Programs map[string]map[string]float64 `json:"programs"`
	Missed   []string                      `json:"missed"`
}

func (f *figures) set(program, name string, value float64) {
	if f.Programs[program] == nil {
		f.Programs[program] = map[string]float64{}
	}
	f.Programs[program][name] = float64(int64(value*1000+0.5)) / 1000
	fmt.Fprintf(os.Stderr, "bench: %-12s %-28s %.3f\n", program, name, value)
}

// run is what all measurements need.
type run struct {
	options
	figures *figures
	path    *path.Path // nil without root: loopback only
	clicks  string
	voice   string
}

// program is a kind of telephone to measure.
type program struct {
	name string
	pair func() peers.Pair
}

// measurement is one row of the table, made for every program.
type measurement struct {
	name  string
	needs bool // a path with impairments
	ours  bool // for our own program only
	do    func(r *run, p program) error
}

var measurements = []measurement{
	{"delay", false, false, (*run).delay}, {"delay10", false, true, (*run).delay10}, {"stall", false, false, (*run).stall},
	{"step", true, false, (*run).step}, {"jitter", true, false, (*run).jitter}, {"loss", true, false, (*run).loss},
	{"cpu", false, false, (*run).cpu}, {"bare", false, true, (*run).bare}, {"handshake", true, false, (*run).handshake},
	{"virtual", false, true, (*run).virtual},
}

func bench(o options) int {
	r := &run{options: o, figures: &figures{Date: time.Now().UTC().Format(time.RFC3339), Machine: machine(), Load: load(),
		Programs: map[string]map[string]float64{}}}
	if err := r.prepare(); err != nil {
		return fail(err)
	}
	programs := []program{{"sotto", func() peers.Pair { return &peers.Sotto{Program: r.sim, Ptime: 20} }}}
	for _, name := range o.peers {
		kind, ok := kinds[name]
		if !ok {
			return fail(fmt.Errorf("no such peer: %s", name))
		}
		programs = append(programs, program{name, kind})
	}
	var err error
	if r.path, err = path.New("bench", 1); errors.Is(err, path.ErrRoot) {
		fmt.Fprintln(os.Stderr, "bench: not root: loopback only, without loss and jitter")
	} else if err != nil {
		return fail(err)
	} else {
		defer r.path.Close()
	}
	for _, m := range measurements {
		if len(o.only) > 0 && !slices.Contains(o.only, m.name) {
			continue
		}
		for _, p := range programs {
			if (m.needs && r.path == nil) || (m.ours && p.name != "sotto") {
				continue
			}
			if err := m.do(r, p); err != nil {
				return fail(fmt.Errorf("%s of %s: %w", m.name, p.name, err))
			}
		}
	}
	r.figures.judge()
	if err := r.write(); err != nil {
		return fail(err)
	}
	if len(r.figures.Missed) > 0 {
		fmt.Fprintln(os.Stderr, "bench: missed:", strings.Join(r.figures.Missed, "; "))
		return 1
	}
	return 0
}

// kinds are the peers that can be named.
var kinds = map[string]func() peers.Pair{
	"linphonec": func() peers.Pair { return &peers.Linphone{} },
	"baresip":   func() peers.Pair { return &peers.Baresip{} },
}

// fresh lets the kernel forget what it holds of a program's file. One that was just written would be mapped in pieces of
// up to 2 MB, whatever runs of it; an installed one is read from the disk.
func fresh(program string) {
	name, err := exec.LookPath(program)
	if err != nil {
		return // told when it is started
	}
	f, err := os.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	_ = f.Sync()
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// prepare makes the sounds that will be played.
func (r *run) prepare() error {
	if err := os.RemoveAll(r.work); err != nil {
		return err
	}
	if err := os.MkdirAll(r.work, 0o755); err != nil {
		return err
	}
	work, err := filepath.Abs(r.work)
	if err != nil {
		return err
	}
	if r.sim, err = filepath.Abs(r.sim); err != nil {
		return err
	}
	r.work = work
	r.clicks, r.voice = filepath.Join(work, "clicks.wav"), filepath.Join(work, "voice.wav")
	if err := haltest.WriteWAV(r.clicks, chirp.Track(75)); err != nil {
		return err
	}
	speech, err := r.clip()
	if err != nil {
		return err
	}
	return haltest.WriteWAV(r.voice, speech)
}

// clip is both clips of the simulated call, one after the other.
func (r *run) clip() ([]int16, error) {
	var all []int16
	for _, name := range []string{"alice.wav", "bob.wav"} {
		pcm, err := haltest.ReadWAV(filepath.Join(r.speech, name))
		if err != nil {
			return nil, err
		}
		all = append(all, pcm...)
	}
	return all, nil
}

func (r *run) write() error {
	b, err := json.MarshalIndent(r.figures, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.out, append(b, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(r.table, []byte(r.figures.markdown()), 0o644)
}

func machine() string {
	b, _ := os.ReadFile("/proc/cpuinfo") // no name is no harm
	name := "unknown processor"
	for _, line := range strings.Split(string(b), "\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			name = strings.TrimSpace(v)
			break
		}
	}
	return fmt.Sprintf("%s, %d processors, %s/%s", name, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}

func load() string {
	b, _ := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(b))
	return strings.Join(f[:min(3, len(f))], " ")
}
