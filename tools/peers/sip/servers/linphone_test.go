//go:build interop

package servers

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"sotto/net/signaling"
	"sotto/tools/peers/console"
)

// linphone is a running linphonec that is registered at the server.
type linphone struct {
	*console.Console
	t *testing.T
}

// startLinphone runs linphonec as a user of the server. Plain RTP is allowed: this test is about signaling alone.
func startLinphone(t *testing.T, s *server, user string) *linphone {
	t.Helper()
	dir := t.TempDir()
	conf := fmt.Sprintf(`[sip]
sip_port=%d
sip_tcp_port=0
sip_tls_port=0
bind_address=127.0.0.1
default_proxy=0
guess_hostname=0
use_ipv6=0
media_encryption=zrtp
media_encryption_mandatory=0
register_only_when_network_is_up=0
[proxy_0]
reg_proxy=<sip:127.0.0.1:%d>
reg_route=<sip:127.0.0.1:%d;lr>
reg_identity=sip:%s@%s
reg_expires=600
reg_sendregister=1
[auth_info_0]
username=%s
passwd=secret
realm=%s
domain=%s
[rtp]
audio_rtp_port=7078
[net]
firewall_policy=0
[video]
enabled=0
capture=0
display=0
`, freePort(t), s.port, s.port, user, domain, user, domain, domain)
	c, err := console.Linphonec(dir, conf+console.OpusAlone(), nil, "-d", "6", "-l", dir+"/log")
	if err != nil {
		t.Fatal(err)
	}
	l := &linphone{c, t}
	t.Cleanup(func() {
		l.End()
		if t.Failed() {
			log, _ := os.ReadFile(dir + "/log")
			t.Logf("linphonec said:\n%s\nand logged:\n%s", l.All(), log[max(0, len(log)-20000):])
		}
	})
	waitFor(t, "registration of linphonec", func() bool {
		log, _ := os.ReadFile(dir + "/log")
		return bytes.Contains(log, []byte("[LinphoneRegistrationOk]"))
	})
	l.Say("soundcard use files")
	return l
}

// await waits until linphonec has said something.
func (l *linphone) await(words string) {
	l.t.Helper()
	if _, err := l.Await(10*time.Second, words); err != nil {
		l.t.Fatal(err)
	}
}

// pause is linphonec's time to do what it was told and to read the next line.
const pause = 150 * time.Millisecond

// TestLinphoneThroughKamailio lets linphonec and us call each other in turn through kamailio, with and without a password and
// TLS, ended by either side: a hundred calls in a row in two of the four ways. Linphonec is asked at the end whether
// it thinks of any call as going on.
func TestLinphoneThroughKamailio(t *testing.T) {
	for _, c := range []struct {
		transport string
		open      bool
		rounds    int // of two calls
	}{{"udp", false, 50}, {"tls", true, 50}, {"udp", true, 2}, {"tls", false, 2}} {
		t.Run(fmt.Sprintf("%s, without password=%v", c.transport, c.open), func(t *testing.T) {
			s := startKamailio(t, serverOptions{open: c.open})
			bob := startLinphone(t, s, "bob")
			alice := newPhone(t, "alice", s.account("alice", c.transport))
			alice.wantRegistered()
			bob.Say("autoanswer enable")
			for i := range c.rounds {
				weCall(t, alice, bob, i%2 == 0)
				time.Sleep(pause)
				bob.Say("call sip:alice@" + domain)
				in := want[signaling.Incoming](alice)
				if in.Account != "work" || len(in.Offer.Hashes) != 1 {
					t.Errorf("linphonec offers %+v", in)
				}
				alice.Answer(in.Call, describe(4000))
				want[signaling.Answered](alice)
				time.Sleep(pause)
				bob.end(alice, in.Call, i%2 == 0)
				time.Sleep(pause)
			}
			alice.quiet()
			bob.Say("calls")
			bob.await("No active call")
		})
	}
}

// weCall is one call of ours, which linphonec takes by itself.
func weCall(t *testing.T, alice *phone, bob *linphone, weEnd bool) {
	t.Helper()
	a := alice.Dial(signaling.Dial{To: "bob", Account: "work", Offer: describe(4000)})
	for {
		e := want[signaling.Event](alice)
		if _, ok := e.(signaling.Ringing); ok {
			continue
		}
		got, ok := e.(signaling.Answered)
		if !ok {
			t.Fatalf("alice: %T %+v", e, e)
		}
		if got.Remote.Mux || len(got.Remote.Hashes) != 1 || got.Remote.RTP.Port() != 7078 {
			t.Errorf("linphonec answers %+v", got.Remote)
		}
		break
	}
	time.Sleep(pause)
	bob.end(alice, a, !weEnd)
}

// end ends a call, at linphonec's side or at ours.
func (l *linphone) end(alice *phone, id signaling.CallID, there bool) {
	l.t.Helper()
	if there {
		l.Say("terminate")
		alice.wantEnd(signaling.PeerHungUp)
		return
	}
	alice.Hangup(id, signaling.HungUp)
	alice.wantEnd(signaling.HungUp)
}

// Hold and resume, asked by either side.
func TestHoldWithLinphone(t *testing.T) {
	s := startKamailio(t, serverOptions{})
	bob := startLinphone(t, s, "bob")
	alice := newPhone(t, "alice", s.account("alice", "udp"))
	alice.wantRegistered()
	bob.Say("call sip:alice@" + domain)
	in := want[signaling.Incoming](alice)
	alice.Answer(in.Call, describe(4000))
	want[signaling.Answered](alice)
	time.Sleep(500 * time.Millisecond)
	bob.Say("pause")
	if e := want[signaling.Held](alice); !e.Hold {
		t.Error("paused, and not held")
	}
	time.Sleep(300 * time.Millisecond)
	bob.Say("resume")
	if e := want[signaling.Held](alice); e.Hold {
		t.Error("resumed, and still held")
	}
	time.Sleep(300 * time.Millisecond)
	d := describe(4000)
	d.Direction = signaling.SendOnly
	alice.Update(in.Call, d)
	bob.await("has been paused by sip:alice@example.test")
	time.Sleep(time.Second)
	d.Direction = signaling.SendRecv
	alice.Update(in.Call, d)
	time.Sleep(time.Second)
	alice.Hangup(in.Call, signaling.HungUp)
	alice.wantEnd(signaling.HungUp)
}
