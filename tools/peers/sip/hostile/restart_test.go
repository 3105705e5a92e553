//go:build interop

package hostile

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"sotto/net/nat"
	"sotto/net/signaling"
	"sotto/tools/wire"
)

// answerSTUN tells whoever asks where he is seen: with a server to ask, a handset offers candidates.
func answerSTUN(t *testing.T, at netip.Addr) netip.AddrPort {
	t.Helper()
	c := listen(t, netip.AddrPortFrom(at, 0))
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			ask := &stun.Message{Raw: append([]byte(nil), buf[:n]...)}
			if ask.Decode() != nil || ask.Type != stun.BindingRequest {
				continue
			}
			seen := &stun.XORMappedAddress{IP: net.IP(from.Addr().Unmap().AsSlice()), Port: int(from.Port())}
			if m, err := stun.Build(ask, stun.BindingSuccess, seen, stun.Fingerprint); err == nil {
				c.WriteToUDPAddrPort(m.Raw, from)
			}
		}
	}()
	return addressOf(c)
}

// noICE takes all that is of ICE out of a description.
var noICE = put(`a=(ice-[a-z]+|candidate):[^\r]*\r\n`, "")

// elsewhere wants the media at an address, with a user fragment, a password and a candidate of its own.
func elsewhere(at netip.AddrPort) edit {
	candidate := "a=candidate:1 1 udp 2130706431 " + strings.Replace(at.String(), ":", " ", 1) + " typ host"
	return both(both(noICE, movedTo(at)), lines("a=ice-ufrag:elsewhere", "a=ice-pwd:elsewhereelsewhereelsewhere", candidate))
}

// restarts are the attacks on a call that has found its way by ICE.
func restarts(l *lab) {
	nowhere := newSink(l.t, l.addr.Addr())
	away := elsewhere(addressOf(nowhere.UDPConn))
	l.under("changes", func() { unchanged(l, changes[:5]) })
	l.under("changes with another way", func() {
		for _, c := range []change{{"SAVP with a=crypto", sdes, 488}, {"another zrtp-hash", lieHash, 488}, {"PCMU only", pcmu, 488},
			{"an address that is no candidate", movedTo(l.strangers), 488}} {
			for _, to := range []side{alice, bob} {
				if code := l.ask(to, "INVITE", c.body(away(l.told(to)))); code != c.code {
					l.t.Errorf("%s to %v: %d", c.name, to, code)
				}
			}
		}
		for _, to := range []side{alice, bob} { // RFC 3311, Section 5.2: it cannot be answered at once
			if code := l.ask(to, "UPDATE", away(l.told(to))); code != 504 {
				l.t.Errorf("another way by UPDATE to %v: %d", to, code)
			}
		}
		l.flows()
		l.steady()
	})
	l.under("to nowhere", func() { toNowhere(l, nowhere, away) })
	l.under("to the proxy", func() { toProxy(l) })
	l.phones[alice].Say("press end")
	l.ended(alice, "hung up")
	l.ended(bob, "peer hung up")
}

// toNowhere asks both for a way that does not answer. They look for it until they give up, and speak over the old one.
func toNowhere(l *lab, nowhere *sink, away edit) {
	for _, to := range []side{alice, bob} {
		if code := l.ask(to, "INVITE", away(l.told(to))); code != 200 {
			l.t.Fatalf("%v: %d", to, code)
		}
	}
	for _, to := range []side{alice, bob} {
		l.flows()
		l.alerted(to, noWay)
	}
	l.flows()
	if n := nowhere.media.Load(); n > 0 {
		l.t.Errorf("%d packets of media went nowhere", n)
	}
	if n := nowhere.checks.Load(); n == 0 {
		l.t.Error("nobody has looked for the other way: the test sees nothing")
	}
	l.steady(noWay)
}

const noWay = "nat: no way to the peer was found" // nothing of the call is different: no screen has it

// toProxy asks alice for a way that does answer: the proxy is a peer in ICE as good as any. It is told, and the proxy has nothing
// but ciphertext.
func toProxy(l *lab) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	agent, err := nat.New(nat.Config{Local: l.addr.Addr(), Loopback: true})
	if err != nil {
		l.t.Fatal(err)
	}
	defer agent.Close()
	ours, at, err := agent.Gather(ctx)
	if err != nil {
		l.t.Fatal(err)
	}
	more := []string{"a=ice-ufrag:" + ours.Ufrag, "a=ice-pwd:" + ours.Pwd}
	for _, c := range ours.Candidates {
		more = append(more, "a=candidate:"+c)
	}
	var answer string
	if code := l.ask(alice, "INVITE", both(both(noICE, movedTo(at)), lines(more...))(l.told(alice)), func(q *question) { q.reads = &answer }); code != 200 {
		l.t.Fatalf("another way to alice: %d", code)
	}
	theirs, err := signaling.Parse([]byte(answer))
	if err != nil || theirs.ICE == nil {
		l.t.Fatalf("%v in %q", err, answer)
	}
	if err := agent.Connect(ctx, *theirs.ICE); err != nil {
		l.t.Fatal(err)
	}
	l.alerted(alice, "media moved")
	if screen := l.screen(alice); !strings.HasPrefix(screen, "SECURE? ") || !strings.Contains(screen, "The call moved to another address") {
		l.t.Errorf("alice shows %q", screen)
	}
	buf := make([]byte, 2000)
	for media, end := 0, time.Now().Add(patience); media < 50; {
		n, err := agent.ReadPacket(buf)
		if err != nil || time.Now().After(end) {
			l.t.Fatalf("%d packets of media came: %v", media, err)
		}
		if wire.Kind(buf[:n]) == "RTP" {
			media++
		}
	}
	l.steady("media moved", "peer silent")
}
