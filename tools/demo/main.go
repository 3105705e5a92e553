// Command demo puts two simulated handsets on one page of the browser, to be used by hand: build/demo --sim build/sim.
//
// It promises that both are the same program as in `make call`, each a process of its own with its own folder of state,
// and that nothing listens but 127.0.0.1. It cannot carry the browser's microphone: the handsets speak recorded clips.
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

//go:embed demo.html
var demoHTML []byte

// handset is one simulated telephone of the demo.
type handset struct{ name, peer, sip, http, mic string }

func main() {
	sim := flag.String("sim", "build/sim", "the simulator's program")
	listen := flag.String("http", "127.0.0.1:8080", "where the page is served")
	speech := flag.String("speech", "tools/call/speech", "folder with alice.wav and bob.wav")
	state := flag.String("state", "build/demo-state", "folder that the handsets keep their state in")
	flag.Parse()
	if err := run(*sim, *listen, *speech, *state); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(2)
	}
}

func run(sim, listen, speech, state string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("%w; choose another with --http 127.0.0.1:PORT", err)
	}
	ports, err := freePorts(4)
	if err != nil {
		return err
	}
	at := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", ports[i]) }
	pair := []handset{
		{"Alice", fmt.Sprintf("Bob=sip:bob@%s", at(1)), at(0), at(2), filepath.Join(speech, "alice.wav")},
		{"Bob", fmt.Sprintf("Alice=sip:alice@%s", at(0)), at(1), at(3), filepath.Join(speech, "bob.wav")},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(demoHTML)
	})
	died := make(chan error, len(pair))
	for _, h := range pair {
		stop, err := h.start(sim, state, died)
		if err != nil {
			return err
		}
		defer stop()
		prefix := "/" + h.name + "/"
		mux.Handle(prefix, http.StripPrefix("/"+h.name, h.proxy()))
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go srv.Serve(l)
	fmt.Printf("Two handsets are at http://%s/  (Ctrl-C ends it)\n", l.Addr())
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt, syscall.SIGTERM)
	select {
	case <-interrupt:
		return nil
	case err := <-died:
		return err
	}
}

// start runs the simulator; stop ends it and waits.
func (h handset) start(sim, state string, died chan<- error) (stop func(), err error) {
	dir := filepath.Join(state, h.name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	cmd := exec.Command(sim, "--name", h.name, "--sip", h.sip, "--state", dir, "--mic", h.mic, "--mic-loop",
		"--speaker", filepath.Join(dir, "heard.wav"), "--contact", h.peer, "--http", h.http)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; build it with: make sim", err)
	}
	done := make(chan struct{})
	go func() {
		err := cmd.Wait()
		close(done)
		died <- fmt.Errorf("%s's handset stopped: %v", h.name, err)
	}()
	return func() { cmd.Process.Signal(syscall.SIGTERM); <-done }, nil
}

// proxy hands the browser's requests to the handset's own page, so that one origin shows both.
func (h handset) proxy() http.Handler {
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: h.http})
	p.FlushInterval = -1 // server-sent events are to be seen at once
	return p
}

// freePorts asks the kernel for ports that nobody uses now.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
