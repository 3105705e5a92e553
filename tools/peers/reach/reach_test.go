//go:build interop

package reach

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sotto/tools/bench/stoi"
	"sotto/tools/puppet"
)

const root = "../../.."

// registrar is kamailio without a database: every user's password is "secret".
const registrar = `#!KAMAILIO
debug=0
log_stderror=yes
children=1
tcp_children=1
listen=udp:127.0.0.1:PORT
listen=tcp:127.0.0.1:PORT
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

// serve starts a server and waits until something listens on its TCP port.
func serve(t *testing.T, port int, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; run: make test-packages", err)
	}
	t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() })
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("%s does not listen on %d:\n%s", args[0], port, text)
		}
	}
}

// servers starts both and returns their ports.
func servers(t *testing.T) (sip, turn int) {
	t.Helper()
	ports, err := puppet.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	sip, turn = ports[0], ports[1]
	dir := t.TempDir()
	conf := filepath.Join(dir, "kamailio.cfg")
	if err := os.WriteFile(conf, []byte(strings.ReplaceAll(registrar, "PORT", strconv.Itoa(sip))), 0o600); err != nil {
		t.Fatal(err)
	}
	serve(t, sip, "kamailio", "-DD", "-f", conf, "-Y", dir, "-w", dir, "-P", dir+"/pid", "-m", "32", "-M", "4")
	serve(t, turn, "turnserver", "-n", "--log-file=stdout", "--no-cli", "--no-tls", "--no-dtls", "-L", "127.0.0.1",
		"-p", strconv.Itoa(turn), "-E", "127.0.0.1", "--lt-cred-mech", "-u", "hs:secret", "-r", "test.local",
		"--allow-loopback-peers", "--userdb="+dir+"/turn.db", "--pidfile="+dir+"/turn.pid")
	return sip, turn
}

// TestHandsetsThroughServers registers two handsets, and lets them talk over each way that media can take.
func TestHandsetsThroughServers(t *testing.T) {
	sip, turn := servers(t)
	for _, c := range []struct{ name, way, route, transport string }{
		{"plain", "", "direct", "udp"}, {"direct by ICE", "direct", "direct", "udp"},
		{"relayed by TURN", "relay", "relay", "udp"}, {"signaling by TCP", "direct", "direct", "tcp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := t.TempDir()
			ports, err := puppet.FreePorts(2)
			if err != nil {
				t.Fatal(err)
			}
			speech := root + "/tools/call/speech/"
			ring := func(i int, name, mic string, more ...string) *puppet.Handset {
				args := append(more, "--account", fmt.Sprintf("sip:%s:secret@127.0.0.1:%d;transport=%s", name, sip, c.transport), "--route", c.route)
				if c.way != "" {
					args = append(args, "--turn", fmt.Sprintf("turn:hs:secret@127.0.0.1:%d", turn))
				}
				h, err := puppet.Start(root+"/build/sim", out, name, fmt.Sprintf("127.0.0.1:%d", ports[i]), speech+mic, args...)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { h.Stop() })
				must(t, h, "registered")
				return h
			}
			bob := ring(1, "bob", "bob.wav")
			alice := ring(0, "alice", "alice.wav", "--contact", fmt.Sprintf("Bob=sip:bob@127.0.0.1:%d", sip))
			alice.Say("hold 2")
			must(t, bob, "ringing")
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
				if v, err := stoi.Files(speech+said, h.Speaker); err != nil || v < 0.9 {
					t.Errorf("%s heard %s with STOI %.3f, %v", h.Name, said, v, err)
				}
			}
		})
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
