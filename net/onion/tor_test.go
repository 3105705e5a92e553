package onion

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// script is a Tor of paper: it notes commands, answers them, and can be hung or killed.
type script struct {
	mu     sync.Mutex
	said   []string
	born   []time.Time
	alive  *paper
	refuse bool // to start
}

type paper struct {
	conn  net.Conn
	dead  chan struct{}
	once  sync.Once
	cause error
	mute  bool // answers nothing
}

func (p *paper) die(cause error) {
	p.once.Do(func() { p.cause = cause; p.conn.Close(); close(p.dead) })
}

var errNoStart = errors.New("no start")

// launch is for Config.Launch.
func (s *script) launch(string, io.Writer) (*Child, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.born = append(s.born, time.Now())
	if s.refuse {
		return nil, errNoStart
	}
	ours, theirs := net.Pipe()
	p := &paper{conn: theirs, dead: make(chan struct{})}
	s.alive = p
	go s.obey(p)
	return &Child{Control: ours, Interrupt: func() error { p.die(errors.New("killed")); return nil },
		Wait: func() error { <-p.dead; return p.cause }}, nil
}

func (s *script) obey(p *paper) {
	for in := bufio.NewScanner(p.conn); in.Scan(); {
		line := in.Text()
		s.mu.Lock()
		word, _, _ := strings.Cut(line, " ")
		if word != "GETINFO" || !strings.Contains(line, "bootstrap") {
			s.said = append(s.said, line)
		}
		mute := p.mute
		s.mu.Unlock()
		if mute {
			continue
		}
		switch {
		case line == "GETINFO version":
			fmt.Fprint(p.conn, "250-version=0.4.9.11\r\n250 OK\r\n")
		case strings.HasPrefix(line, "GETINFO status"):
			fmt.Fprint(p.conn, "250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY=\"Done\"\r\n250-status/circuit-established=1\r\n250 OK\r\n")
		case line == "GETINFO circuit-status":
			fmt.Fprintf(p.conn, "250+circuit-status=\r\n5 BUILT PURPOSE=HS_SERVICE_REND REND_QUERY=%s\r\n.\r\n250 OK\r\n", Seed{1}.Address().id())
		case word == "ADD_ONION":
			// An event may come before the answer.
			fmt.Fprintf(p.conn, "650 HS_DESC UPLOADED %s UNKNOWN $A~a\r\n250-ServiceID=x\r\n250 OK\r\n", Seed{2}.Address().id())
		case line == "SIGNAL HALT":
			p.die(nil)
			return
		default:
			fmt.Fprint(p.conn, "250 OK\r\n")
		}
	}
}

// log takes what was said since the last time. Keys of services are cut out.
func (s *script) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := strings.Join(s.said, "\n")
	s.said = nil
	said = strings.ReplaceAll(said, Seed{1}.blob(), "SECRET")
	return strings.ReplaceAll(said, Seed{1}.Address().id(), "ADDRESS")
}

func (s *script) set(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

func start(t *testing.T, s *script, c Config) *Tor {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	c.Launch = s.launch
	tor, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	return tor
}

const greeting = "AUTHENTICATE\nSETEVENTS HS_DESC STATUS_GENERAL STATUS_CLIENT\nGETINFO version"

// TestCommands: what a Tor is told, in which order, and what an event changes.
func TestCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		tor := start(t, s, Config{})
		tell := func(what, want string) {
			t.Helper()
			synctest.Wait()
			if got := s.log(); got != want {
				t.Errorf("%s: Tor was told\n%s\nwant\n%s", what, got, want)
			}
		}
		tell("start", greeting)
		if st := tor.Status(); !st.Ready() || st.Version != "0.4.9.11" || st.Services != 0 {
			t.Errorf("status %+v", st)
		}
		svc, err := tor.Listen(t.Context(), ServiceConfig{Seed: Seed{1}, Ports: []uint16{5060}})
		if err != nil {
			t.Fatal(err)
		}
		tell("a service without clients", "")
		a, b := ClientKey{0, 1}.ID(), ClientKey{0, 2}.ID()
		if a.String() > b.String() {
			a, b = b, a
		}
		target := svc.Listener(5060).Addr().String()
		add := func(clients ...ClientID) string {
			c := "ADD_ONION ED25519-V3:SECRET Flags=DiscardPK,MaxStreamsCloseCircuit,V3Auth MaxStreams=16 Port=5060,unix:" + target
			for _, id := range clients {
				c += " ClientAuthV3=" + id.String()
			}
			return c
		}
		set := func(clients ...ClientID) {
			t.Helper()
			if err := svc.SetClients(t.Context(), clients); err != nil {
				t.Error(err)
			}
		}
		set(a)
		tell("a first client", add(a))
		if st := tor.Status(); st.Services != 1 || st.Published != 0 || st.Reachable() {
			t.Errorf("before the upload: %+v", st)
		}
		s.set(func() { fmt.Fprintf(s.alive.conn, "650 HS_DESC UPLOADED %s UNKNOWN $A~a\r\n", svc.Address().id()) })
		synctest.Wait()
		if st := tor.Status(); !st.Reachable() {
			t.Errorf("after the upload: %+v", st)
		}
		set(a, a)
		tell("the same client", "")
		set(b, a)
		tell("one more: nobody is cut off", "DEL_ONION ADDRESS\n"+add(a, b))
		if st := tor.Status(); st.Published != 0 {
			t.Errorf("before the new upload: %+v", st)
		}
		set(b)
		tell("one less: all are cut off", "DEL_ONION ADDRESS\nGETINFO circuit-status\nCLOSECIRCUIT 5\n"+add(b))
		set()
		tell("no more clients: no service", "DEL_ONION ADDRESS\nGETINFO circuit-status\nCLOSECIRCUIT 5")
		set(a)
		tell("again one", add(a))
		s.set(func() { s.alive.die(errors.New("killed")) })
		time.Sleep(time.Second)
		tell("a new Tor", greeting+"\n"+add(a))
		if st := tor.Status(); st.Restarts != 1 || st.Published != 0 || !st.Ready() {
			t.Errorf("after a death: %+v", st)
		}
		if err := svc.Close(); err != nil {
			t.Error(err)
		}
		tell("the end of the service", "DEL_ONION ADDRESS")
		tor.Close()
		tell("the end", "SIGNAL HALT")
		if err := svc.SetClients(t.Context(), nil); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
		if _, err := tor.Dial(t.Context(), Target{Address: Seed{1}.Address(), Port: 1}); !errors.Is(err, ErrNotReady) && !errors.Is(err, ErrClosed) {
			t.Errorf("dial after the end: %v", err)
		}
	})
}

// TestRestarts: a Tor that does not start is tried less and less often, one that hangs is killed, one that was well is
// started again at once.
func TestRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{refuse: true}
		began := time.Now()
		tor := start(t, s, Config{})
		time.Sleep(2 * time.Minute)
		s.set(func() {
			var gaps []time.Duration
			for i, b := range s.born[1:] {
				gaps = append(gaps, b.Sub(s.born[i]))
			}
			if fmt.Sprint(gaps) != "[100ms 200ms 400ms 800ms 1.6s 3.2s 6.4s 12.8s 25.6s 30s 30s]" {
				t.Errorf("pauses %v", gaps)
			}
			s.refuse = false
		})
		_, err := tor.Dial(t.Context(), Target{Address: Seed{1}.Address(), Port: 1})
		if !errors.Is(err, ErrNotReady) {
			t.Errorf("dial without Tor: %v", err)
		}
		time.Sleep(longPause)
		if !tor.Status().Ready() {
			t.Fatalf("after %v: %+v", time.Since(began), tor.Status())
		}
		n := tor.Status().Restarts
		s.set(func() { s.alive.mute = true })
		time.Sleep(calmPoll + askLimit + haltLimit + firstPause + time.Second)
		if st := tor.Status(); !st.Ready() || st.Restarts != n+1 {
			t.Errorf("after it was killed: %+v", st)
		}
		var last Status
		for range len(tor.Changes()) {
			last = <-tor.Changes()
		}
		if last != tor.Status() {
			t.Errorf("the last change is %+v, the status %+v", last, tor.Status())
		}
		s.set(func() { s.alive.mute = true })
		began = time.Now()
		tor.Close()
		if took := time.Since(began); took > haltLimit+askLimit {
			t.Errorf("closing a Tor that hangs took %v", took)
		}
		if _, open := <-tor.Changes(); open {
			<-tor.Changes()
		}
	})
}

// TestDialKeys: Tor learns a client key before the dial, and forgets the old one.
func TestDialKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		tor := start(t, s, Config{})
		synctest.Wait()
		s.log()
		one, two := ClientKey{1}, ClientKey{2}
		for _, step := range []struct {
			key  *ClientKey
			want string
		}{
			{nil, ""},
			{&one, "ONION_CLIENT_AUTH_ADD ADDRESS x25519:" + one.blob()},
			{&one, ""},
			{&two, "ONION_CLIENT_AUTH_REMOVE ADDRESS\nONION_CLIENT_AUTH_ADD ADDRESS x25519:" + two.blob()},
			{nil, "ONION_CLIENT_AUTH_REMOVE ADDRESS"},
			{nil, ""},
		} {
			// There is no socket: the dial gets no further, and there is no other way.
			_, err := tor.Dial(t.Context(), Target{Address: Seed{1}.Address(), Port: 5060, Key: step.key})
			if !errors.Is(err, ErrNotReady) {
				t.Errorf("dial without a socket: %v", err)
			}
			if got := s.log(); got != step.want {
				t.Errorf("Tor was told %q, want %q", got, step.want)
			}
		}
		tor.Close()
	})
}

func TestNotBuilt(t *testing.T) {
	if Linked() != "" {
		return // with the tag "tor" the interop tests start a real one
	}
	if _, err := Start(Config{Dir: t.TempDir()}); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("Start without Tor: %v", err)
	}
}

func TestSecondService(t *testing.T) {
	s := &script{}
	tor := start(t, s, Config{})
	defer tor.Close()
	ctx := context.Background()
	one, err := tor.Listen(ctx, ServiceConfig{Seed: Seed{1}, Ports: []uint16{1, 2}, Open: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tor.Listen(ctx, ServiceConfig{Seed: Seed{1}, Ports: []uint16{3}}); !errors.Is(err, ErrConfig) {
		t.Errorf("the same service twice: %v", err)
	}
	if _, err := tor.Listen(ctx, ServiceConfig{Seed: Seed{2}}); !errors.Is(err, ErrConfig) {
		t.Errorf("no ports: %v", err)
	}
	two, err := tor.Listen(ctx, ServiceConfig{Seed: Seed{2}, Ports: []uint16{1}, Open: true})
	if err != nil {
		t.Fatal(err)
	}
	if one.Listener(3) != nil || one.Listener(1) == nil {
		t.Error("listeners are not those of the ports")
	}
	for _, svc := range []*Service{one, two} {
		c, err := net.Dial("unix", svc.Listener(1).Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		in, err := svc.Listener(1).Accept()
		if err != nil {
			t.Fatal(err)
		}
		want := svc.Address().String() + ":1"
		if in.LocalAddr().String() != want || in.RemoteAddr().String() != "unknown" || in.RemoteAddr().Network() != "onion" {
			t.Errorf("a stream from %v at %v, want %v", in.RemoteAddr(), in.LocalAddr(), want)
		}
		in.Close()
		c.Close()
	}
	tor.Close()
	if _, err := one.Listener(1).Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept after the end: %v", err)
	}
}
