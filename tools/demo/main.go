// Command demo puts two simulated handsets and the wire between them on one page of the browser, to be used by hand:
// build/demo --sim build/sim.
//
// It promises that both are the same program as in `make call`, each a process of its own with its own folder of state;
// that everything they send each other goes over tools/wiretap and is shown as it was; that nothing listens but loopback
// addresses; and that no other page of the browser can press a key (tools/loopback). It cannot hide who uses it: whoever
// sits at this computer is both handsets, the eavesdropper and the attacker.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sotto/tools/loopback"
	"sotto/tools/wiretap"
)

func main() {
	sim := flag.String("sim", "build/sim", "the simulator's program")
	listen := flag.String("http", "127.0.0.1:8080", "where the page is served; a loopback address")
	speech := flag.String("speech", "tools/call/speech", "folder with alice.wav and bob.wav")
	state := flag.String("state", "build/demo-state", "folder that the handsets keep their state in")
	flag.Parse()
	if err := run(*sim, *listen, *speech, *state); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(2)
	}
}

// run serves until a signal comes or a handset dies.
func run(sim, listen, speech, state string) error {
	l, err := loopback.Listen(listen)
	if err != nil {
		return fmt.Errorf("%w; choose another with --http 127.0.0.1:PORT", err)
	}
	defer l.Close()
	p, err := newPair(sim, speech, state)
	if err != nil {
		return err
	}
	path, err := wiretap.Open(p.ends)
	if err != nil {
		return err
	}
	defer path.Close()
	defer p.close()
	if err := p.start(); err != nil {
		return err
	}
	srv := &http.Server{Handler: loopback.Guard((&board{pair: p, path: path}).routes()), ReadHeaderTimeout: 5 * time.Second}
	go srv.Serve(l)
	defer srv.Close()
	fmt.Printf("Two handsets are at http://%s/  (Ctrl-C ends it)\n", l.Addr())
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt, syscall.SIGTERM)
	select {
	case <-interrupt:
		return nil
	case err := <-p.died:
		return err
	}
}

// freePort asks the kernel for a TCP port of an address that nobody uses now.
func freePort(ip string) (uint16, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort().Port(), nil
}
