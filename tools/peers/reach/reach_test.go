//go:build interop

package reach

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sotto/tools/bench/stoi"
	"sotto/tools/puppet"
	"sotto/tools/selfsigned"
	"sotto/tools/wire"
)

const root = "../../.."

// registrar is kamailio without a database: every user's password is "secret".
const registrar = `#!KAMAILIO
debug=0
log_stderror=yes
children=1
tcp_children=1
listen=udp:ADDRESS:PORT
listen=tcp:ADDRESS:PORT
alias="NAME"
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
request_route {
	if (is_method("REGISTER")) {
		if (!pv_www_authenticate("$td", "secret", "0")) { www_challenge("$td", "1"); exit; }
		save("location");
		exit;
	}
	if (has_totag()) { loose_route(); t_relay(); exit; }
	if (is_method("CANCEL|ACK")) { if (t_check_trans()) t_relay(); exit; }
	record_route();
	if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
	t_relay();
}
`

// Ports of the servers.
const sipPort, turnPort = 5060, 3478

// servers starts both; it returns the file of who signs for the relay.
func servers(t *testing.T) (ca string) {
	t.Helper()
	dir := t.TempDir()
	if err := selfsigned.Write(dir, turnName); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "kamailio.cfg")
	if err := os.WriteFile(conf, []byte(strings.NewReplacer("PORT", strconv.Itoa(sipPort), "ADDRESS", registrarsIP, "NAME", sipName).Replace(registrar)), 0o600); err != nil {
		t.Fatal(err)
	}
	serve(t, sipPort, "kamailio", "-DD", "-f", conf, "-Y", dir, "-w", dir, "-P", dir+"/pid", "-m", "32", "-M", "4")
	serve(t, turnPort, "turnserver", "-n", "--log-file=stdout", "--no-cli", "--no-dtls", "-L", registrarsIP,
		"-p", strconv.Itoa(turnPort), "--tls-listening-port", strconv.Itoa(turnTLSPort), "--cert", dir+"/cert.pem", "--pkey", dir+"/key.pem", "-E", registrarsIP, "--lt-cred-mech", "-u", "hs:secret", "-r", "test.local",
		"--userdb="+dir+"/turn.db", "--pidfile="+dir+"/turn.pid")
	return dir + "/cert.pem"
}

// scenario is one way that signaling and media can take.
type scenario struct{ name, way, route, transport string }

var scenarios = []scenario{
	{"plain", "", "direct", "udp"},
	{"direct by ICE", "direct", "direct", "udp"},
	{"relayed by TURN", "relay", "relay", "udp"},
	{"relayed, signaling by TCP", "relay", "relay", "tcp"},
	{"signaling by TCP", "direct", "direct", "tcp"},
}

// ring starts a handset in its place and waits until it is registered.
func (c scenario) ring(t *testing.T, h host, name, mic string, more ...string) *puppet.Handset {
	t.Helper()
	return c.ringIn(t, t.TempDir(), h, name, mic, more...)
}

// ringIn is ring with a memory that is kept in a folder.
func (c scenario) ringIn(t *testing.T, dir string, h host, name, mic string, more ...string) *puppet.Handset {
	t.Helper()
	args := append(more, "--account", fmt.Sprintf("sip:%s:secret@%s:%d;transport=%s", name, sipName, sipPort, c.transport), "--route", c.route)
	if c.way != "" {
		args = append(args, "--turn", fmt.Sprintf("turn:hs:secret@%s:%d", turnName, turnPort))
	}
	p, err := puppet.Start(simIn(t, h), dir, name, h.addr.String()+":5060", mic, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop() })
	must(t, p, "registered")
	return p
}

// TestHandsetsThroughServers registers two handsets, and lets them talk over each way that media can take.
func TestHandsetsThroughServers(t *testing.T) {
	lab(t)
	servers(t)
	speech, err := filepath.Abs(root + "/tools/call/speech")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range scenarios {
		t.Run(c.name, func(t *testing.T) {
			atAlice, atBob := watch(t, alices), watch(t, bobs)
			bob := c.ring(t, bobs, "bob", speech+"/bob.wav")
			alice := c.ring(t, alices, "alice", speech+"/alice.wav", "--contact", fmt.Sprintf("Bob=sip:bob@%s:%d", sipName, sipPort))
			alice.Say("hold 2")
			must(t, bob, "ringing")
			time.Sleep(500 * time.Millisecond) // what would be said before the answer can be said now
			bob.Say("press call")
			answered, a, b := must(t, alice, "answered"), must(t, alice, "secure"), must(t, bob, "secure")
			if a.SAS != b.SAS || a.SAS == "" {
				t.Errorf("codes %q and %q", a.SAS, b.SAS)
			}
			if c.way != "" {
				way := must(t, alice, "way")
				if way.Text != c.way {
					t.Errorf("media goes %s, want %s", way.Text, c.way)
				}
				limit := map[string]float64{"direct": 0.5, "relay": 1.5}[c.way]
				t.Logf("from answer to keys %.3f s", a.T-answered.T)
				if a.T-answered.T > limit {
					t.Errorf("from answer to keys %.3f s, want %.1f", a.T-answered.T, limit)
				}
			}
			time.Sleep(10 * time.Second)
			alice.Say("press end")
			must(t, bob, "ended")
			for said, h := range map[string]*puppet.Handset{"alice.wav": bob, "bob.wav": alice} {
				if v, err := stoi.Files(speech+"/"+said, h.Speaker); err != nil || v < 0.9 {
					t.Errorf("%s heard %s with STOI %.3f, %v", h.Name, said, v, err)
				}
			}
			c.judge(t, atAlice.all(), atBob.all())
		})
	}
}

// judge says what the wires of a call through the servers must not show.
func (c scenario) judge(t *testing.T, atAlice, atBob []wire.Datagram) {
	t.Helper()
	for who, all := range map[host][]wire.Datagram{alices: atAlice, bobs: atBob} {
		if r := wire.Judge(wire.Unwrap(all)); r.Media < 500 || len(r.Leaks) > 0 {
			t.Errorf("%s: %d packets of media, leaks %v", who.dev, r.Media, r.Leaks)
		}
		for _, name := range wire.Asked(all) {
			if configured := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(name, "_sip."), "_udp."), "_tcp."); configured != sipName && configured != turnName {
				t.Errorf("%s: a name server was asked for %q", who.dev, name)
			}
		}
		if c.way != "" && len(wire.Asked(all)) < 2 {
			t.Errorf("%s: names asked for: %q; the test sees nothing", who.dev, wire.Asked(all))
		}
		for _, d := range all {
			if there := d.Dst.Addr(); there != alices.addr && there != bobs.addr && there.String() != registrarsIP {
				t.Errorf("%s: a packet to %v, whom nobody configured", who.dev, d.Dst)
			}
		}
	}
	// The called: whoever calls through a server learns no address of it before it answers.
	answer := slices.IndexFunc(atAlice, func(d wire.Datagram) bool {
		return d.Dst.Addr() == alices.addr && strings.HasPrefix(wire.Kind(d.Payload), "SIP 200") && bytes.Contains(d.Payload, []byte(" INVITE\r\n"))
	})
	if answer < 0 {
		t.Fatal("no answer is in the recording")
	}
	if tells := wire.Tells(atAlice[:answer], alices.addr, bobs.addr); len(tells) > 0 {
		t.Errorf("before the answer: %q", tells)
	}
	told := wire.Tells(atAlice, alices.addr, bobs.addr)
	if c.route != "relay" {
		if len(told) == 0 {
			t.Error("the called is never told of, not even as the sender of media: the test sees nothing")
		}
		return
	}
	// And with the relay alone, no media and no description of it ever tells one to the other. Via and Contact do: they are
	// how SIP finds back through a proxy.
	for reader, all := range map[host][]wire.Datagram{alices: atAlice, bobs: atBob} {
		address := map[host]host{alices: bobs, bobs: alices}[reader].addr
		for i := range all {
			if kind := wire.Kind(all[i].Payload); strings.HasPrefix(kind, "SIP ") {
				_, all[i].Payload, _ = bytes.Cut(all[i].Payload, []byte("\r\n\r\n"))
			}
		}
		if tells := wire.Tells(all, reader.addr, address); len(tells) > 0 {
			t.Errorf("%s was told the other's address, relay only: %q", reader.dev, tells[:min(5, len(tells))])
		}
	}
}

func must(t *testing.T, h *puppet.Handset, kinds ...string) puppet.Event {
	t.Helper()
	e, err := h.Await(15*time.Second, kinds...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
