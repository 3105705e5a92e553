package peers

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// Sotto is two of our own simulators.
type Sotto struct {
	Program string
	Ptime   int
	Args    [2][]string // further arguments of either side
	sides   [2]*simulator
}

// simulator is one running build/sim.
type simulator struct {
	party  Party
	cmd    *exec.Cmd
	script io.WriteCloser
	mu     sync.Mutex
	notes  []note
	ended  chan struct{}
}

type note struct {
	T     float64 `json:"t"`
	Event string  `json:"event"`
	Wall  float64 `json:"wall"`
	Cause string  `json:"cause"`

	Stats struct {
		Hole float64 `json:"longest_hole_ms"`
	} `json:"stats"`

	Goroutines int `json:"goroutines"`
}

const sipPort = 5060

// Start implements Pair.
func (s *Sotto) Start(a, b Party) error {
	for i, p := range []Party{a, b} {
		other := b
		if i == 1 {
			other = a
		}
		if err := p.fresh(); err != nil {
			return err
		}
		sim := &simulator{party: p, ended: make(chan struct{})}
		sim.cmd = p.Command(s.Program, "--name", []string{"Alice", "Bob"}[i], "--sip", fmt.Sprintf("%s:%d", p.Address, sipPort+2*i),
			"--state", p.path("state"), "--mic", p.Mic, "--speaker", p.path("speaker.wav"), "--script", "-",
			"--ptime", strconv.Itoa(s.Ptime), "--contact", fmt.Sprintf("Peer=sip:peer@%s:%d", other.Address, sipPort+2*(1-i)))
		sim.cmd.Args = append(sim.cmd.Args, s.Args[i]...)
		if err := os.Mkdir(p.path("state"), 0o700); err != nil {
			return err
		}
		if err := sim.run(); err != nil {
			return err
		}
		s.sides[i] = sim
	}
	for _, sim := range s.sides {
		if _, err := sim.await("ready", 10*time.Second); err != nil {
			return err
		}
	}
	return nil
}

func (s *simulator) run() (err error) {
	if s.script, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	log, err := os.Create(s.party.path("log"))
	if err != nil {
		return err
	}
	s.cmd.Stderr = log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(s.ended)
		defer log.Close()
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Fprintln(log, lines.Text())
			var n note
			if json.Unmarshal(lines.Bytes(), &n) == nil {
				s.mu.Lock()
				s.notes = append(s.notes, n)
				s.mu.Unlock()
			}
		}
	}()
	return nil
}

// await waits for an event.
func (s *simulator) await(event string, limit time.Duration) (note, error) {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if n, ok := s.noted(event); ok {
			return n, nil
		}
		select {
		case <-s.ended:
			return note{}, fmt.Errorf("peers: the simulator ended before %s: see %s", event, s.party.path("log"))
		default:
		}
	}
	return note{}, fmt.Errorf("peers: no %s within %v: see %s", event, limit, s.party.path("log"))
}

func (s *simulator) noted(event string) (note, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.notes {
		if n.Event == event {
			return n, true
		}
	}
	return note{}, false
}

// Call implements Pair.
func (s *Sotto) Call() error {
	fmt.Fprintln(s.sides[0].script, "hold 2")
	if _, err := s.sides[1].await("ringing", 20*time.Second); err != nil {
		return err
	}
	fmt.Fprintln(s.sides[1].script, "press call")
	for _, side := range s.sides {
		if _, err := side.await("secure", 30*time.Second); err != nil {
			return err
		}
	}
	return nil
}

// Processes implements Pair.
func (s *Sotto) Processes() (p [2]int) {
	for i, side := range s.sides {
		p[i] = side.cmd.Process.Pid // ip netns exec becomes the program
	}
	return p
}

// Health is what one side uses now.
type Health struct{ Goroutines, Descriptors, Threads, MemoryKB int }

// Health asks both sides.
func (s *Sotto) Health() (h [2]Health, err error) {
	for i, side := range s.sides {
		before := side.count("health")
		fmt.Fprintln(side.script, "health")
		for end := time.Now().Add(5 * time.Second); side.count("health") == before; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				return h, fmt.Errorf("peers: no answer: see %s", side.party.path("log"))
			}
		}
		pid := side.cmd.Process.Pid
		files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			return h, err
		}
		h[i] = Health{side.last("health").Goroutines, len(files), int(status(pid, "Threads:")), int(status(pid, "VmRSS:"))}
	}
	return h, nil
}

func (s *simulator) count(event string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.notes {
		if e.Event == event {
			n++
		}
	}
	return n
}

func (s *simulator) last(event string) (last note) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.notes {
		if n.Event == event {
			last = n
		}
	}
	return last
}

// Stop implements Pair.
func (s *Sotto) Stop() (heard [2]Heard, err error) {
	if s.sides[0] != nil && s.sides[1] != nil {
		fmt.Fprintln(s.sides[0].script, "press end")
		for _, side := range s.sides {
			if _, e := side.await("ended", 5*time.Second); e != nil && err == nil {
				err = e
			}
		}
	}
	for i, side := range s.sides {
		if side == nil {
			continue
		}
		memory := peak(side.cmd.Process.Pid)
		fmt.Fprintln(side.script, "quit")
		side.script.Close()
		stop(side.cmd, side.ended)
		heard[i] = side.heard()
		heard[i].MemoryKB = memory
	}
	answered, _ := s.sides[0].noted("answered")
	for i, side := range s.sides {
		if secure, ok := side.noted("secure"); ok && answered.T > 0 {
			heard[i].Secure = secure.T
			heard[i].Handshake = time.Duration((secure.T - answered.T) * float64(time.Second))
		}
	}
	return heard, err
}

func (s *simulator) heard() Heard {
	mic, _ := s.noted("mic-start")
	speaker, _ := s.noted("speaker-start")
	h := Heard{Recording: s.party.path("speaker.wav"), MicStart: mic.Wall, SpeakerStart: speaker.Wall, Process: s.cmd.Process.Pid, Hole: s.last("stats").Stats.Hole}
	h.usage(s.cmd)
	return h
}

// usage reads what the kernel counted of an ended program.
func (h *Heard) usage(cmd *exec.Cmd) {
	if st := cmd.ProcessState; st != nil {
		h.CPU = st.UserTime() + st.SystemTime()
	}
}

// stop waits for a program that was told to end, and kills it when it does not.
func stop(cmd *exec.Cmd, drained <-chan struct{}) {
	timer := time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
	defer timer.Stop()
	if drained != nil {
		<-drained
	}
	_ = cmd.Wait() // how it ended is no figure
}
