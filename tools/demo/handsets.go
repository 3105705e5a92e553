package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sotto/tools/wiretap"
)

// note is an event that a handset reports, with who it was.
type note struct {
	N        int     `json:"n"`
	Who      string  `json:"who"`
	T        float64 `json:"t"`
	Event    string  `json:"event"`
	SAS      string  `json:"sas,omitempty"`
	KA       string  `json:"ka,omitempty"`
	Role     string  `json:"role,omitempty"`
	Why      string  `json:"why,omitempty"`
	Cause    string  `json:"cause,omitempty"`
	Verified bool    `json:"verified,omitempty"`
}

// pair is the two simulators.
type pair struct {
	sim, state, run string // program; folder of both states; folder of the sockets
	ends            [2]wiretap.End
	http            [2]string
	mics            [2]string
	died            chan error

	busy sync.Mutex // one start or stop at a time
	sims [2]*simulator

	mu    sync.Mutex
	notes []note
	count int
}

// simulator is one process.
type simulator struct {
	cmd    *exec.Cmd
	ready  chan struct{}
	done   chan struct{}
	wanted atomic.Bool // it is to end
}

// newPair chooses addresses. Nothing runs yet.
func newPair(sim, speech, state string) (*pair, error) {
	p := &pair{sim: sim, state: state, died: make(chan error, 2)}
	// An address that stays lets the phone books keep their meaning from one run to the next.
	sip := [2]uint16{5060, 5060}
	for i, e := range wiretap.Ends([2]string{}, sip) {
		if vacant(e) {
			continue
		}
		var err error
		if sip[i], err = freePort(e.Real.Addr().String()); err != nil {
			return nil, err
		}
	}
	for i := range p.ends {
		web, err := freePort("127.0.0.1")
		if err != nil {
			return nil, err
		}
		p.http[i] = fmt.Sprintf("127.0.0.1:%d", web)
	}
	p.ends = wiretap.Ends([2]string{"Alice", "Bob"}, sip)
	for i, e := range p.ends {
		p.mics[i] = filepath.Join(speech, strings.ToLower(e.Name)+".wav")
	}
	var err error
	p.run, err = os.MkdirTemp("", "sotto-demo") // a socket's name must be short
	return p, err
}

// vacant tells whether nobody has an end's addresses.
func vacant(e wiretap.End) bool {
	for network, at := range map[string]string{"udp": e.Real.String(), "udp4": e.Face.String()} {
		c, err := net.ListenPacket(network, at)
		if err != nil {
			return false
		}
		c.Close()
	}
	l, err := net.Listen("tcp", e.Real.String())
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// start runs both simulators and waits until their pages can be shown.
func (p *pair) start() error {
	p.busy.Lock()
	defer p.busy.Unlock()
	return p.startAll()
}

func (p *pair) startAll() error {
	for i := range p.ends {
		s, err := p.startOne(i)
		if err != nil {
			return err
		}
		p.sims[i] = s
	}
	for i, s := range p.sims {
		select {
		case <-s.ready:
		case <-s.done:
			return errors.New(p.ends[i].Name + "'s handset did not start")
		case <-time.After(20 * time.Second):
			return errors.New(p.ends[i].Name + "'s handset is not ready after 20 s")
		}
	}
	return nil
}

func (p *pair) startOne(i int) (*simulator, error) {
	me, peer := p.ends[i], p.ends[1-i]
	dir := filepath.Join(p.state, me.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &simulator{ready: make(chan struct{}), done: make(chan struct{})}
	contact := fmt.Sprintf("%s=sip:%s@%v", peer.Name, strings.ToLower(peer.Name), peer.Face)
	s.cmd = exec.Command(p.sim, "--name", me.Name, "--sip", me.Real.String(), "--state", dir, "--mic", p.mics[i], "--mic-loop",
		"--speaker", filepath.Join(p.run, me.Name+".wav"), "--contact", contact, "--http", p.http[i], "--sound", p.socket(me.Name))
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; build it with: make sim", err)
	}
	go func() {
		p.listen(me.Name, out, s.ready)
		err := s.cmd.Wait()
		close(s.done)
		if !s.wanted.Load() {
			p.died <- fmt.Errorf("%s's handset stopped: %v", me.Name, err)
		}
	}()
	return s, nil
}

// socket is where a handset's live sound is.
func (p *pair) socket(name string) string { return filepath.Join(p.run, name) }

// mostNotes is how many events are kept.
const mostNotes = 200

// listen keeps what a handset reports.
func (p *pair) listen(name string, r io.Reader, ready chan struct{}) {
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		var n note
		if json.Unmarshal(sc.Bytes(), &n) != nil || n.Event == "" {
			continue
		}
		if n.Event == "ready" && ready != nil {
			close(ready)
			ready = nil
		}
		p.mu.Lock()
		p.count++
		n.N, n.Who = p.count, name
		p.notes = append(p.notes, n)
		if len(p.notes) > mostNotes {
			p.notes = p.notes[1:]
		}
		p.mu.Unlock()
	}
}

// since gives the events after number n.
func (p *pair) since(n int) []note {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []note{}
	for _, e := range p.notes {
		if e.N > n {
			out = append(out, e)
		}
	}
	return out
}

// renew makes the handsets as new from the factory: their state is erased, and nobody has met anybody.
func (p *pair) renew() error {
	p.busy.Lock()
	defer p.busy.Unlock()
	p.stop()
	for _, e := range p.ends {
		if err := os.RemoveAll(filepath.Join(p.state, e.Name)); err != nil {
			return err
		}
	}
	return p.startAll()
}

// stop ends both processes and waits, not for ever.
func (p *pair) stop() {
	for _, s := range p.sims {
		if s != nil {
			s.wanted.Store(true)
			s.cmd.Process.Signal(syscall.SIGTERM)
		}
	}
	for i, s := range p.sims {
		if s == nil {
			continue
		}
		select {
		case <-s.done:
		case <-time.After(5 * time.Second):
			s.cmd.Process.Kill()
			<-s.done
		}
		p.sims[i] = nil
	}
}

// close ends everything.
func (p *pair) close() {
	p.busy.Lock()
	defer p.busy.Unlock()
	p.stop()
	os.RemoveAll(p.run)
}
