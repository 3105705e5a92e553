package sipua

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sotto/net/netem"
	"sotto/net/signaling"
)

// way is media with candidates; n tells one search from another.
func (w *world) way(of *node, n int) signaling.Description {
	d := w.media(of)
	d.RTCP = d.RTP
	d.Hashes = []signaling.ZRTPHash{{Version: "1.10", Hash: [32]byte{of.addr.Addr().As4()[3]}}}
	d.ICE = &signaling.ICE{Ufrag: fmt.Sprintf("%s%d", of.name, n), Pwd: fmt.Sprintf("%s%022d", of.name, n),
		Candidates: []string{fmt.Sprintf("1 1 udp 99 %s 4000 typ host", of.addr.Addr())}}
	return d
}

// byICE is a call whose media has candidates. Bob answers a restart with the search number 2, if he is willing.
func byICE(t *testing.T, willing bool) (w *world, a, b *call) {
	t.Helper()
	w = newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
	for _, n := range w.nodes {
		n.react = func(e signaling.Event) {
			switch e := e.(type) {
			case signaling.Incoming:
				n.answer(e.Call, w.way(n, 1))
			case signaling.Restart:
				if willing {
					n.answer(e.Call, w.way(n, 2))
				}
			}
		}
	}
	id := w.alice().dial(signaling.Dial{To: "sip:bob@10.0.0.2", Offer: w.way(w.alice(), 1)})
	w.run(time.Second)
	w.wantEvents(w.alice(), "Ringing Answered")
	w.wantEvents(w.bob(), "Incoming Answered")
	w.log = nil
	for _, k := range w.bob().calls {
		b = k
	}
	return w, w.alice().calls[id], b
}

func TestRestart(t *testing.T) {
	w, a, b := byICE(t, true)
	w.alice().update(a.id, w.way(w.alice(), 2))
	w.run(time.Second)
	w.wantLog("alice INVITE", "bob 100 INVITE", "bob 200 INVITE", "alice ACK")
	w.wantEvents(w.bob(), "Restart")
	w.wantEvents(w.alice(), "Moved")
	if a.remote.ICE.Ufrag != "bob2" || b.remote.ICE.Ufrag != "alice2" || b.local.Version != 2 {
		t.Errorf("alice knows %v, bob knows %v", a.remote.ICE, b.remote.ICE)
	}
	// The same once more is no restart (RFC 8445, Section 9): it is answered at once, as every hold is.
	d := w.way(w.alice(), 2)
	d.Direction = signaling.SendOnly
	w.alice().update(a.id, d)
	w.run(time.Second)
	w.wantLog("alice INVITE", "bob 200 INVITE", "alice ACK")
	w.wantEvents(w.bob(), "Held(true)")
	w.bob().hangup(b.id, signaling.HungUp)
	w.run(time.Second)
	w.wantEvents(w.alice(), "Ended(peer hung up)")
	w.wantEmpty()
}

// A telephone that has no candidates in time refuses, and the call goes on as it was; so does one that has no new ones.
func TestRestartRefused(t *testing.T) {
	for _, answer := range []func(w *world) signaling.Description{nil,
		func(w *world) signaling.Description { return w.way(w.bob(), 1) },
		func(w *world) signaling.Description { return w.media(w.bob()) }} {
		w, a, b := byICE(t, false)
		if answer != nil {
			w.bob().react = func(e signaling.Event) {
				if r, ok := e.(signaling.Restart); ok {
					w.bob().answer(r.Call, answer(w))
				}
			}
		}
		w.alice().update(a.id, w.way(w.alice(), 2))
		w.run(10 * time.Second)
		w.wantLog("alice INVITE", "bob 100 INVITE", "bob 488 INVITE", "alice ACK")
		w.wantEvents(w.alice(), "")
		if b.remote.ICE.Ufrag != "alice1" || b.local.ICE.Ufrag != "bob1" || a.state != up || b.state != up {
			t.Errorf("bob knows %v and says %v", b.remote.ICE, b.local.ICE)
		}
		w.alice().hangup(a.id, signaling.HungUp)
		w.run(time.Second)
		w.wantEvents(w.bob(), "Restart Ended(peer hung up)")
		w.wantEmpty()
	}
}

// Both restart at once, and agree on one search.
func TestRestartGlare(t *testing.T) {
	w, a, b := byICE(t, true)
	w.alice().update(a.id, w.way(w.alice(), 3))
	w.bob().update(b.id, w.way(w.bob(), 3))
	w.run(20 * time.Second)
	if !strings.Contains(strings.Join(w.log, "\n"), "491 INVITE") {
		t.Errorf("no collision: %v", w.log)
	}
	if a.local.ICE.Ufrag != b.remote.ICE.Ufrag || b.local.ICE.Ufrag != a.remote.ICE.Ufrag || a.local.ICE.Ufrag == "alice1" {
		t.Errorf("alice %v %v, bob %v %v", a.local.ICE, a.remote.ICE, b.local.ICE, b.remote.ICE)
	}
}

// The peer withdraws its restart, or hangs up meanwhile.
func TestRestartWithdrawn(t *testing.T) {
	w, a, b := byICE(t, false)
	w.alice().update(a.id, w.way(w.alice(), 2))
	w.run(100 * time.Millisecond)
	a.client.cancel(w.alice().core)
	w.run(time.Second)
	w.wantLog("alice INVITE", "bob 100 INVITE", "alice CANCEL", "bob 200 CANCEL", "bob 487 INVITE", "alice ACK")
	w.bob().answer(b.id, w.way(w.bob(), 2))
	w.run(time.Second)
	w.wantLog("")
	w.alice().update(a.id, w.way(w.alice(), 3))
	w.run(100 * time.Millisecond)
	w.alice().hangup(a.id, signaling.HungUp)
	w.run(time.Second)
	w.wantEvents(w.bob(), "Restart Restart Ended(peer hung up)")
	w.wantEmpty()
}

// Who is not in the dialog, or wants more than another way, changes nothing; and who is can ask only now and then.
func TestHostileRestart(t *testing.T) {
	for name, spoil := range map[string]func(s string) string{
		"another tag":          func(s string) string { return strings.Replace(s, ";tag=", ";tag=1", 1) },
		"another zrtp-hash":    func(s string) string { return strings.Replace(s, "zrtp-hash:1.10 02", "zrtp-hash:1.10 03", 1) },
		"another codec":        func(s string) string { return strings.Replace(s, "opus/48000/2", "PCMU/8000/2", 1) },
		"DTLS":                 func(s string) string { return strings.Replace(s, "RTP/AVP", "UDP/TLS/RTP/SAVPF", 1) },
		"another payload type": func(s string) string { return strings.ReplaceAll(s, "96", "98") },
		"an UPDATE":            func(s string) string { return strings.ReplaceAll(s, "INVITE", "UPDATE") },
	} {
		w, a, b := byICE(t, true)
		before := fmt.Sprintf("%+v", a.remote)
		b.localSeq++
		req := b.request("INVITE", b.localSeq)
		w.bob().via(req, b.hop, "z9hG4bKhostile")
		add(req, "Contact", "<sip:bob@10.0.0.66>")
		setSDP(req, wire(w.way(w.bob(), 2)))
		raw := spoil(req.String())
		if raw == req.String() {
			t.Fatalf("%s: nothing is spoiled", name)
		}
		w.alice().deliver(w, []byte(raw), hop{addr: netip.MustParseAddrPort("10.0.0.66:5060")})
		w.run(time.Second)
		w.wantEvents(w.alice(), "")
		if after := fmt.Sprintf("%+v", a.remote); after != before || a.hop.addr != w.bob().addr || a.target.Host == "10.0.0.66" {
			t.Errorf("%s: the call is changed: %s", name, after)
		}
	}
	w, a, b := byICE(t, true)
	for i := range 20 {
		w.bob().update(b.id, w.way(w.bob(), 10+i))
		w.run(50 * time.Millisecond)
	}
	if n := len(w.alice().got); n > 3 || a.state != up {
		t.Errorf("%d restarts in a second", n)
	}
}

// Alice has another address: her requests come from there, and what Bob sends goes there.
func TestRebound(t *testing.T) {
	w, a, b := byICE(t, true)
	w.alice().addr = netip.MustParseAddrPort("10.0.9.1:5060")
	w.alice().rebound(true, w.now)
	w.alice().update(a.id, w.way(w.alice(), 2))
	w.run(time.Second)
	w.wantEvents(w.alice(), "Moved")
	if b.hop.addr != w.alice().addr || b.target.Host != "10.0.9.1" {
		t.Errorf("bob believes in %v and %v", b.hop.addr, b.target.Host)
	}
	w.bob().hangup(b.id, signaling.HungUp)
	w.run(time.Second)
	w.wantEvents(w.alice(), "Ended(peer hung up)")
	w.wantEmpty()
}

// What was only beginning ends with a clear word, and what was under way in a call does not come back later.
func TestReboundEnds(t *testing.T) {
	w, a, _ := byICE(t, true)
	w.change = func(*node, []byte) []byte { return nil }
	w.hold(a, w.alice(), signaling.SendOnly)
	w.run(100 * time.Millisecond)
	w.alice().dial(signaling.Dial{To: "sip:carol@10.0.0.3", Offer: w.way(w.alice(), 1)})
	w.run(100 * time.Millisecond)
	w.alice().addr = netip.MustParseAddrPort("10.0.9.1:5060")
	w.alice().rebound(true, w.now)
	w.run(time.Minute)
	w.wantEvents(w.alice(), "Ended(no network)")
	if a.state != up || a.change.busy {
		t.Error("the hold that was lost has ended the call")
	}
}

// An account is registered again: from a new address with the old one taken away, and a running call waits for that.
func TestReboundAccount(t *testing.T) {
	for _, changed := range []bool{false, true} {
		d := newDesk(t, "udp")
		d.answer(d.sent("REGISTER"), "200 OK", "Expires: 600")
		d.want("true(none)")
		local := netip.MustParseAddrPort("10.0.0.1:5060")
		if changed {
			local = netip.MustParseAddrPort("10.0.9.1:5060")
			d.local = func(hop) netip.AddrPort { return local }
		}
		d.later(time.Minute)
		d.packets = nil
		k := d.newCall(up, "call")
		k.account, k.hop = d.accounts["work"], d.server
		k.target, k.localURI, k.remoteURI, k.localTag, k.remoteTag = k.account.target.uri, "<sip:alice@a>", "<sip:bob@a>", "a", "b"
		k.local = signaling.Description{RTP: local, PayloadType: signaling.OpusType}
		d.rebound(changed, d.now)
		d.update(k.id, k.local)
		r := d.sent("REGISTER")
		if got := strings.Count(string(d.raw), "Contact: "); changed != (got == 2) || changed != strings.Contains(string(d.raw), "<sip:alice@10.0.0.1:5060>;expires=0") {
			t.Errorf("changed %v: registers with %q", changed, d.raw)
		}
		d.quiet()
		d.answer(r, "200 OK", "Expires: 600")
		d.want("true(none)")
		d.later(time.Second)
		d.sent("INVITE")
		if got := d.has("Contact"); got != "<sip:alice@"+local.String()+">" {
			t.Errorf("the call says %s", got)
		}
	}
}
