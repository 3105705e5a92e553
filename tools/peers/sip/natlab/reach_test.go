//go:build interop && reach

package natlab

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestReach measures ours and linphonec beside each other: the same lab, the same servers, a call of these and one of those
// in turn. It stands behind a tag of its own (make reach-bench); SOTTO_REACH is how many calls of each on each way. The table goes to
// build/reach.md, ready for docs/REACH.md. On a quiet machine only: the bars are p95 here.
func TestReach(t *testing.T) {
	calls, err := strconv.Atoi(os.Getenv("SOTTO_REACH"))
	if err != nil || calls < 1 {
		t.Fatal("run: make reach-bench")
	}
	l := newLab(t)
	l.widen(t)
	startTURN(t)
	ca := startRegistrar(t)
	var rows strings.Builder
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			l.set(w.a, w.b)
			least, most := load(t), load(t)
			ours, theirs := series{name: "Sotto"}, series{name: "linphonec"}
			sotto := l.sottos(t, w, ca)
			other, err := l.linphones(t, w)
			theirs.failed(err)
			for range calls {
				f, err := l.measure(sotto)
				if err != nil {
					t.Error(err)
				} else {
					proper(t, w, f)
				}
				ours.add(f, err)
				if other != nil {
					theirs.add(l.measure(other))
				}
				least, most = min(least, load(t)), max(most, load(t))
			}
			if p95 := quantile(ours.of(media), 0.95); p95 > w.bar() {
				t.Errorf("from answer to media at p95 %v, want %v at most", p95, w.bar())
			}
			name := fmt.Sprintf("%s (load %.1f to %.1f)", w.name, least, most)
			rows.WriteString(ours.row(name, calls) + theirs.row(name, calls))
		})
	}
	version, _ := exec.Command("dpkg-query", "-W", "-f", "${Version}", "linphone-cli").Output()
	table := fmt.Sprintf("Measured on %s, linphonec %s, %d cores, seconds, the parts as medians:\n\n", time.Now().Format(time.DateOnly), version, runtime.NumCPU()) +
		"| way | telephone | calls | median | fastest | slowest | p95 | of it the search | of it ZRTP | from the key to the answer | media goes |\n" +
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n" + rows.String()
	if err := os.WriteFile(filepath.Join(root, "build/reach.md"), []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table)
}

// linphones starts two linphonec on a way. linphonec knows one relay, by one transport: it is told the one that works there.
func (l *lab) linphones(t *testing.T, w way) (pair, error) {
	t.Helper()
	a, err := l.linphonec(t, "a", "carol", w.transport)
	if err != nil {
		return nil, err
	}
	b, err := l.linphonec(t, "b", "dave", "udp")
	if err != nil {
		return nil, err
	}
	return linphones{a, b, fmt.Sprintf("sip:dave@%v", serverAddr)}, nil
}

// load is the machine's, of the last minute.
func load(t *testing.T) (one float64) {
	t.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Sscan(string(text), &one)
	return one
}

// series are the calls of one kind of telephone on one way.
type series struct {
	name    string
	figures []figure
	causes  []string // of calls that were none
}

func (s *series) add(f figure, err error) {
	if err == nil {
		s.figures = append(s.figures, f)
	}
	s.failed(err)
}

func (s *series) failed(err error) {
	if err != nil && !slices.Contains(s.causes, err.Error()) {
		s.causes = append(s.causes, err.Error())
	}
}

func media(f figure) time.Duration   { return f.media }
func looking(f figure) time.Duration { return f.search }
func keys(f figure) time.Duration    { return f.keys }
func pickup(f figure) time.Duration  { return f.pickup }

// of is one of the figures of all calls, sorted.
func (s *series) of(what func(figure) time.Duration) (all []time.Duration) {
	for _, f := range s.figures {
		all = append(all, what(f))
	}
	slices.Sort(all)
	return all
}

// quantile of sorted durations, by the nearest rank; 0 of none.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// median of sorted durations: between the two in the middle where there are two.
func median(sorted []time.Duration) time.Duration {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// row is a line of the table.
func (s *series) row(way string, calls int) string {
	if len(s.figures) == 0 {
		return fmt.Sprintf("| %s | %s | 0 of %d | | | | | | | | %s |\n", way, s.name, calls, strings.Join(s.causes, "; "))
	}
	goes := map[string]int{}
	for _, f := range s.figures {
		goes[route(f)]++
	}
	var said []string
	for how, n := range goes {
		if n < len(s.figures) {
			how += fmt.Sprintf(" (%d)", n)
		}
		said = append(said, how)
	}
	slices.Sort(said)
	all := s.of(media)
	return fmt.Sprintf("| %s | %s | %d of %d | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %s |\n", way, s.name, len(all), calls, median(all).Seconds(),
		all[0].Seconds(), all[len(all)-1].Seconds(), quantile(all, 0.95).Seconds(), median(s.of(looking)).Seconds(), median(s.of(keys)).Seconds(),
		median(s.of(pickup)).Seconds(), strings.Join(append(said, s.causes...), "; "))
}

// route is how the media of a call went.
func route(f figure) string {
	switch {
	case f.first && !f.relayed:
		return "relayed at first, then direct"
	case f.relayed:
		return "relayed"
	}
	return "direct"
}
