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
	"sync"
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

	mu      sync.Mutex
	picture string // file of the plot
}

func (f *figures) set(program, name string, value float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
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
	name     string
	needs    bool // a path with impairments
	ours     bool // for our own program only
	together bool // all programs at once, each on a path of its own: what counts there is far above the machine's own delays
	do       func(r *run, p program) error
}

var measurements = []measurement{
	{"delay", false, false, false, (*run).delay}, {"delay10", false, true, false, (*run).delay10},
	{"cpu", false, false, false, (*run).cpu}, {"bare", false, true, false, (*run).bare},
	{"stall", false, false, true, (*run).stall}, {"step", true, false, true, (*run).step}, {"jitter", true, false, true, (*run).jitter},
	{"loss", true, false, false, (*run).loss}, {"handshake", true, true, false, (*run).handshake}, {"virtual", false, true, false, (*run).virtual},
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
	runs, err := r.paths(programs)
	for _, one := range runs {
		if one.path != nil {
			defer one.path.Close()
		}
	}
	if err != nil {
		return fail(err)
	}
	for i, m := range measurements {
		if (len(o.only) > 0 && !slices.Contains(o.only, m.name)) || (m.needs && runs[0].path == nil) {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: %s, %d of %d, load %s\n", m.name, i+1, len(measurements), load())
		if err := m.all(runs, programs); err != nil { // a program that fails must not cost the others their figures
			fmt.Fprintln(os.Stderr, "bench:", err)
			r.figures.Missed = append(r.figures.Missed, "not measured: "+strings.ReplaceAll(err.Error(), "\n", "; "))
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

// paths gives each program a path of its own; none without root.
func (r *run) paths(programs []program) (runs []*run, err error) {
	for i, p := range programs {
		one := *r
		if one.path, err = path.New("bench-"+p.name, uint64(i+1)); err != nil && !errors.Is(err, path.ErrRoot) {
			return runs, err
		}
		runs = append(runs, &one)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: not root: loopback only, without loss and jitter")
	}
	return runs, nil
}

// all makes the measurement for every program that it is for. Without paths all share a port: then it is one by one.
func (m measurement) all(runs []*run, programs []program) error {
	if m.ours {
		programs = programs[:1]
	}
	results := make([]error, len(programs))
	var wait sync.WaitGroup
	for i, p := range programs {
		wait.Add(1)
		go func() {
			defer wait.Done()
			if err := m.do(runs[i], p); err != nil {
				results[i] = fmt.Errorf("%s of %s: %w", m.name, p.name, err)
			}
		}()
		if !m.together || runs[0].path == nil {
			wait.Wait()
		}
	}
	wait.Wait()
	return errors.Join(results...)
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
	r.figures.picture = strings.TrimSuffix(r.table, ".md") + ".png"
	if err := r.figures.plot(r.figures.picture); err != nil {
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
