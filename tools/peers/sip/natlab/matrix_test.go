//go:build interop

package natlab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"sotto/net/nat"
	"sotto/net/signaling"
)

// startTURN runs coturn in the server's namespace.
func startTURN(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("ip", "netns", "exec", "ntlabs", "turnserver", "-n", "--log-file=stdout", "--no-cli", "--no-tls", "--no-dtls",
		"-L", serverAddr.String(), "-p", "3478", "-E", serverAddr.String(), "--min-port", "49200", "--max-port", "49999",
		"--lt-cred-mech", "-u", "hs:secret", "-r", "example.test", "--userdb="+dir+"/turndb", "--pidfile="+dir+"/turn.pid")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if exec.Command("ip", "netns", "exec", "ntlabs", "bash", "-c", "exec 3<>/dev/tcp/"+serverAddr.String()+"/3478").Run() == nil {
			return
		}
	}
	t.Fatalf("no coturn: %s", log.String())
}

// All 55 pairs connect, directly wherever a direct way exists.
func TestMatrix(t *testing.T) {
	l := newLab(t)
	startTURN(t)
	pairs, relayed := 0, 0
	var directTimes, relayTimes []time.Duration
	for i, a := range kinds {
		for _, b := range kinds[i:] {
			pairs++
			for _, swap := range []bool{false, true} {
				x, y := a, b
				if swap {
					x, y = b, a
				}
				r := l.meet(t, x, y)
				if r.Err != "" {
					t.Errorf("%s and %s: %s", x, y, r.Err)
					continue
				}
				if r.Relayed == direct(x, y) {
					t.Errorf("%s and %s: relayed %v", x, y, r.Relayed)
				}
				if r.Relayed {
					relayTimes = append(relayTimes, r.Took)
				} else {
					directTimes = append(directTimes, r.Took)
				}
				if r.Relayed && !swap {
					relayed++
				}
			}
		}
	}
	p95 := func(d []time.Duration) time.Duration {
		slices.Sort(d)
		return d[len(d)*95/100]
	}
	t.Logf("%d pairs, %d direct, %d relayed; from answer to media at p95: direct %v, relayed %v (worst %v, %v)", pairs,
		pairs-relayed, relayed, p95(directTimes), p95(relayTimes), directTimes[len(directTimes)-1], relayTimes[len(relayTimes)-1])
	if pairs != 55 || relayed != 17 {
		t.Errorf("%d pairs, %d relayed", pairs, relayed)
	}
	if d, r := p95(directTimes), p95(relayTimes); d > 500*time.Millisecond || r > 1500*time.Millisecond {
		t.Errorf("p95 direct %v, relayed %v", d, r)
	}
}

// meet lets two telephones find each other.
func (l *lab) meet(t *testing.T, kindA, kindB string) result {
	t.Helper()
	l.set(kindA, kindB)
	a, b := l.start("a", true), l.start("b", false)
	defer a.stop()
	defer b.stop()
	var atA, atB signaling.ICE
	a.read(t, &atA)
	b.read(t, &atB)
	b.write(t, atA)
	a.write(t, atB)
	var ra, rb result
	a.read(t, &ra)
	b.read(t, &rb)
	if ra.Err == "" {
		ra.Err = rb.Err
	}
	ra.Took = max(ra.Took, rb.Took)
	return ra
}

// TestMain is one telephone, in a namespace, when lab.start runs this binary again.
func TestMain(m *testing.M) {
	role := os.Getenv("NATLAB_AGENT")
	if role == "" {
		os.Exit(m.Run())
	}
	r := result{}
	if err := search(role == "true", &r); err != nil {
		r.Err = err.Error()
	}
	json.NewEncoder(os.Stdout).Encode(r)
	io.Copy(io.Discard, os.Stdin) // until the lab closes it
}

func search(controlling bool, r *result) error {
	server := nat.Server{Host: serverAddr.String(), Port: 3478, Transport: "udp"}
	turn := server
	turn.Relay, turn.User, turn.Password = true, "hs", "secret"
	stream := turn
	stream.Transport = "tcp"
	a, err := nat.New(nat.Config{Servers: []nat.Server{server, turn, stream}, Controlling: controlling})
	if err != nil {
		return err
	}
	defer a.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	local, _, err := a.Gather(ctx)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(local); err != nil {
		return err
	}
	var remote signaling.ICE
	if err := json.NewDecoder(os.Stdin).Decode(&remote); err != nil {
		return err
	}
	began := time.Now()
	if err := a.Connect(ctx, remote); err != nil {
		return err
	}
	// Media both ways: each sends until it has heard the other.
	heard := make(chan error, 1)
	go func() {
		buf := make([]byte, 1500)
		n, err := a.ReadPacket(buf)
		if err == nil && string(buf[:n]) != "\x80media" {
			err = fmt.Errorf("heard %q", buf[:n])
		}
		heard <- err
	}()
	for {
		if err := a.WritePacket([]byte("\x80media")); err != nil {
			return err
		}
		select {
		case err := <-heard:
			if err != nil {
				return err
			}
			r.Took = time.Since(began)
			time.Sleep(100 * time.Millisecond)
			a.WritePacket([]byte("\x80media"))
			w, _ := a.Way()
			r.Relayed = w.Relayed
			time.Sleep(200 * time.Millisecond)
			return nil
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("connected, and no media")
		}
	}
}
