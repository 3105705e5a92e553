//go:build interop

package natlab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sotto/tools/puppet"
	"sotto/tools/selfsigned"
	"sotto/tools/wire"
)

const root = "../../../.."

// startRegistrar runs kamailio in the server's namespace, for UDP and TLS; it returns the authority's file. It asks for no
// password: with one the offer would not fit into a datagram, would go by TCP, and no ALG would see it.
func startRegistrar(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := selfsigned.Write(dir, serverAddr.String()); err != nil {
		t.Fatal(err)
	}
	conf, err := os.ReadFile("../servers/kamailio.cfg")
	if err != nil {
		t.Fatal(err)
	}
	at := serverAddr.String()
	text := strings.NewReplacer("127.0.0.1:SIPPORT", at+":5060", "127.0.0.1:TLSPORT", at+":5061", "ALGORITHM", "SHA-256", "example.test", at,
		"CERTFILE", dir+"/cert.pem", "KEYFILE", dir+"/key.pem").Replace(string(conf))
	if err := os.WriteFile(dir+"/kamailio.cfg", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", "ntlabs", "kamailio", "-DD", "-E", "-f", dir+"/kamailio.cfg", "-P", dir+"/pid",
		"-Y", dir, "-w", dir, "-m", "32", "-M", "4")
	log, err := os.Create(dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() })
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if exec.Command("ip", "netns", "exec", "ntlabs", "bash", "-c", "exec 3<>/dev/tcp/"+at+"/5061").Run() == nil {
			return dir + "/cert.pem"
		}
	}
	said, _ := os.ReadFile(log.Name())
	t.Fatalf("no kamailio: %s", said)
	return ""
}

// handset starts a whole telephone in a namespace, and waits until it is registered.
func (l *lab) handset(t *testing.T, n, name, transport, ca string, more ...string) *puppet.Handset {
	t.Helper()
	sim, err := filepath.Abs(root + "/build/sim")
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "sim")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec ip netns exec ntlab"+n+" "+sim+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	port := map[string]int{"udp": 5060, "tcp": 5060, "tls": 5061}[transport]
	args := append(more, "--account", fmt.Sprintf("sip:%s:secret@%v:%d;transport=%s", name, serverAddr, port, transport), "--ca", ca,
		"--turn", fmt.Sprintf("turn:hs:secret@%v:3478", serverAddr))
	h, err := puppet.Start(script, t.TempDir(), name, l.addr[n].String()+":5060", root+"/tools/call/speech/"+name+".wav", args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Stop() })
	await(t, h, "registered")
	return h
}

func await(t *testing.T, h *puppet.Handset, kinds ...string) puppet.Event {
	t.Helper()
	e, err := h.Await(20*time.Second, kinds...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A router that rewrites SIP leaves an account with TLS alone. With UDP a call that cannot be is one that ends, at both
// telephones, with words that name the reason, and without speech on the wire.
func TestBehindALG(t *testing.T) {
	l := newLab(t)
	startTURN(t)
	ca := startRegistrar(t)
	for _, c := range []struct {
		transport string
		weCall    bool // the one behind the ALG calls
	}{{"tls", true}, {"tls", false}, {"udp", true}, {"udp", false}} {
		t.Run(fmt.Sprintf("%s, calling=%v", c.transport, c.weCall), func(t *testing.T) {
			l.set("SIP ALG", "public")
			l.record()
			port := map[string]int{"udp": 5060, "tls": 5061}[c.transport]
			book := func(name string) string { return fmt.Sprintf("P=sip:%s@%v:%d", name, serverAddr, port) }
			inside := l.handset(t, "a", "alice", c.transport, ca, "--contact", book("bob"))
			outside := l.handset(t, "b", "bob", c.transport, ca, "--contact", book("alice"))
			from, to := inside, outside
			if !c.weCall {
				from, to = outside, inside
			}
			from.Say("hold 2")
			await(t, to, "ringing")
			to.Say("press call")
			if c.transport == "tls" {
				if a, b := await(t, inside, "secure"), await(t, outside, "secure"); a.SAS != b.SAS || a.SAS == "" {
					t.Errorf("codes %q and %q", a.SAS, b.SAS)
				}
				if way := await(t, from, "way"); way.Text != "direct" {
					t.Errorf("media goes %s", way.Text)
				}
				from.Say("press end")
				await(t, to, "ended")
				return
			}
			named := false
			for _, h := range []*puppet.Handset{inside, outside} {
				what := await(t, h, "ended", "secure")
				for _, e := range h.Said() {
					t.Logf("%s: %s %s%s", h.Name, e.Kind, e.Why, e.Cause)
					named = named || strings.Contains(e.Why, "use TLS") && what.Cause == "addresses rewritten"
				}
				if what.Kind == "secure" {
					t.Errorf("%s is secure: the ALG does nothing, and the test sees nothing", h.Name)
				}
			}
			if !named {
				t.Error("nobody says that the network rewrites calls")
			}
			if r := wire.Judge(wire.Unwrap(l.recorded())); len(r.Leaks) > 0 || len(l.recorded()) == 0 {
				t.Errorf("%d packets, leaks %v", len(l.recorded()), r.Leaks)
			}
		})
	}
}
