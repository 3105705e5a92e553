//go:build interop

package reach

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sotto/tools/bench/stoi"
	"sotto/tools/puppet"
	"sotto/tools/selfsigned"
	"sotto/tools/wire"
)

const turnTLSPort = 5349

// Where no datagram passes, the relay is reached by TCP or TLS. Nothing but names is asked for by UDP, nobody but the servers is spoken
// to, and by TLS not even the relay's own protocol is readable. A relay that cannot prove its name is not used.
func TestRelayOverStreams(t *testing.T) {
	lab(t)
	ca := servers(t)
	speech, err := filepath.Abs(root + "/tools/call/speech")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		transport string
		port      int
	}{{"tcp", turnPort}, {"tls", turnTLSPort}} {
		t.Run(c.transport, func(t *testing.T) {
			s := scenario{"relayed by " + c.transport, "", "relay", "tcp"}
			relay := []string{"--turn", fmt.Sprintf("turn:hs:secret@%s:%d?transport=%s", turnName, c.port, c.transport), "--ca", ca}
			atAlice, atBob := watch(t, alices), watch(t, bobs)
			bob := s.ring(t, bobs, "bob", speech+"/bob.wav", relay...)
			alice := s.ring(t, alices, "alice", speech+"/alice.wav", append(relay, "--contact", fmt.Sprintf("Bob=sip:bob@%s:%d", sipName, sipPort))...)
			alice.Say("hold 2")
			must(t, bob, "ringing")
			bob.Say("press call")
			answered, a, b := must(t, alice, "answered"), must(t, alice, "secure"), must(t, bob, "secure")
			if a.SAS != b.SAS || a.SAS == "" {
				t.Errorf("codes %q and %q", a.SAS, b.SAS)
			}
			if way := must(t, alice, "way"); way.Text != "relay" {
				t.Errorf("media goes %s", way.Text)
			}
			if took := a.T - answered.T; took > 1.5 {
				t.Errorf("from answer to keys %.3f s", took)
			} else {
				t.Logf("from answer to keys %.3f s", took)
			}
			time.Sleep(10 * time.Second)
			alice.Say("press end")
			must(t, bob, "ended")
			for said, h := range map[string]*puppet.Handset{"alice.wav": bob, "bob.wav": alice} {
				if v, err := stoi.Files(speech+"/"+said, h.Speaker); err != nil || v < 0.9 {
					t.Errorf("%s heard %s with STOI %.3f, %v", h.Name, said, v, err)
				}
			}
			judgeStream(t, alices, atAlice, c.port)
			judgeStream(t, bobs, atBob, c.port)
		})
	}
	t.Run("tls, another authority", func(t *testing.T) {
		other := t.TempDir()
		if err := selfsigned.Write(other, turnName); err != nil {
			t.Fatal(err)
		}
		s := scenario{"relayed by nobody", "", "relay", "tcp"}
		alice := s.ring(t, alices, "alice", speech+"/alice.wav", "--turn", fmt.Sprintf("turn:hs:secret@%s:%d?transport=tls", turnName, turnTLSPort),
			"--ca", other+"/cert.pem", "--contact", fmt.Sprintf("Bob=sip:bob@%s:%d", sipName, sipPort))
		alice.Say("hold 2")
		if e := must(t, alice, "ended"); e.Cause != "no relay" {
			t.Errorf("ended: %s", e.Cause)
		}
	})
}

// judgeStream says what the wire of a call by a relay without datagrams must not show.
func judgeStream(t *testing.T, who host, w *witness, port int) {
	t.Helper()
	f, err := os.Open(w.stop())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	datagrams, err := wire.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range datagrams {
		if d.Dst.Port() != 53 && d.Src.Port() != 53 {
			t.Fatalf("%s: a datagram from %v to %v", who.dev, d.Src, d.Dst)
		}
	}
	media, sealed := 0, 0
	var all []wire.Datagram
	flows := map[[2]netip.AddrPort]*wire.Stream{}
	for _, d := range w.read() {
		if there := d.Dst.Addr(); there != who.addr && there.String() != registrarsIP {
			t.Errorf("%s: a packet to %v, whom nobody configured", who.dev, d.Dst)
		}
		if d.Dst.Port() == turnTLSPort {
			sealed++
		}
		if d.Src.Port() != turnPort && d.Dst.Port() != turnPort {
			all = append(all, d)
			continue
		}
		flow := [2]netip.AddrPort{d.Src, d.Dst}
		if flows[flow] == nil {
			flows[flow] = &wire.Stream{}
		}
		for _, d.Payload = range flows[flow].Add(d.Payload) {
			all = append(all, d)
		}
	}
	r := wire.Judge(wire.Unwrap(all))
	if media = r.Media; len(r.Leaks) > 0 {
		t.Errorf("%s: leaks %v", who.dev, r.Leaks)
	}
	t.Logf("%s: %d packets of media can be told, %d pieces of TLS", who.dev, media, sealed)
	if port == turnTLSPort && (media != 0 || sealed < 300) || port == turnPort && media < 500 {
		t.Errorf("%s: %d packets of media, %d pieces of TLS", who.dev, media, sealed)
	}
}
