package sipua

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"sotto/net/netem"
	"sotto/net/signaling"
)

func (w *world) hold(k *call, n *node, d signaling.Direction) {
	m := w.media(n)
	m.Direction = d
	n.update(k.id, m)
}

func TestHoldAndResume(t *testing.T) {
	w, a, b := connected(t)
	w.hold(a, w.alice(), signaling.SendOnly)
	w.run(time.Second)
	w.wantLog("alice INVITE", "bob 200 INVITE", "alice ACK")
	w.wantEvents(w.bob(), "Held(true)")
	if b.local.Direction != signaling.RecvOnly || b.local.Version != 2 {
		t.Errorf("bob answered %+v", b.local)
	}
	// Bob holds as well: nobody sends. Then Alice resumes, and is still held by Bob.
	w.hold(b, w.bob(), signaling.SendOnly)
	w.run(time.Second)
	w.wantEvents(w.alice(), "Held(true)")
	w.hold(a, w.alice(), signaling.SendRecv)
	w.run(time.Second)
	w.wantEvents(w.bob(), "Held(false)")
	if a.remote.Direction.Hold() != true {
		t.Errorf("bob says %v", a.remote.Direction)
	}
	w.hold(b, w.bob(), signaling.SendRecv)
	w.run(time.Second)
	w.wantEvents(w.alice(), "Held(false)")
	w.alice().hangup(a.id, signaling.HungUp)
	w.run(time.Second)
	w.wantEvents(w.bob(), "Ended(peer hung up)")
	w.wantEmpty()
}

// RFC 3261, Section 14: both change the call at once; one waits, and both changes are made.
func TestGlare(t *testing.T) {
	w, a, b := connected(t)
	w.hold(a, w.alice(), signaling.SendOnly)
	w.hold(b, w.bob(), signaling.SendOnly)
	w.run(20 * time.Second)
	w.wantEvents(w.alice(), "Held(true)")
	w.wantEvents(w.bob(), "Held(true)")
	if !strings.Contains(strings.Join(w.log, "\n"), "491 INVITE") {
		t.Errorf("no collision: %v", w.log)
	}
}

func TestMoved(t *testing.T) {
	w, a, b := connected(t)
	d := w.media(w.bob())
	d.RTP = netip.MustParseAddrPort("192.0.2.7:6000")
	d.RTCP = netip.MustParseAddrPort("192.0.2.7:6001")
	w.bob().update(b.id, d)
	w.run(time.Second)
	w.wantEvents(w.alice(), "Moved")
	if a.remote.RTP != d.RTP {
		t.Errorf("alice believes in %v", a.remote.RTP)
	}
}

func TestLostReinvite(t *testing.T) {
	for _, lost := range []string{"INVITE", "200 INVITE", "ACK"} {
		w, a, _ := connected(t)
		w.change = lose(lost, 2)
		w.hold(a, w.alice(), signaling.SendOnly)
		w.run(10 * time.Second)
		w.wantEvents(w.bob(), "Held(true)")
		w.hold(a, w.alice(), signaling.SendRecv)
		w.run(10 * time.Second)
		w.wantEvents(w.bob(), "Held(false)")
		w.wantEvents(w.alice(), "")
	}
}

// An ACK that never comes does not keep us from changes of our own for the rest of the call, and the 200 is not repeated for good.
func TestNoACKToAChange(t *testing.T) {
	w, a, b := connected(t)
	w.change = lose("ACK", 1000)
	w.hold(b, w.bob(), signaling.SendOnly)
	w.run(5 * time.Second)
	w.wantEvents(w.alice(), "Held(true)")
	w.hold(a, w.alice(), signaling.SendOnly)
	w.run(timerB)
	w.wantEvents(w.bob(), "Held(true)")
	w.log = nil
	w.run(time.Minute)
	if n := strings.Count(strings.Join(w.log, "\n"), "alice 200 INVITE"); n > 0 {
		t.Errorf("the 200 is repeated %d times in the minute after", n)
	}
	w.wantEvents(w.alice(), "")
}

// What a hostile proxy can write into a running call changes neither codec nor profile nor hash, and does not end it.
func TestNoDowngrade(t *testing.T) {
	for name, spoil := range map[string]func(sdp string) string{
		"SDES instead of ZRTP": func(s string) string {
			return strings.Replace(s, "RTP/AVP", "RTP/SAVP", 1) + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
		},
		"DTLS instead of ZRTP": func(s string) string { return strings.Replace(s, "RTP/AVP", "UDP/TLS/RTP/SAVPF", 1) },
		"another codec":        func(s string) string { return strings.Replace(s, "opus/48000/2", "PCMU/8000", 1) },
		"another payload type": func(s string) string { return strings.ReplaceAll(s, "96", "110") },
		"another zrtp-hash": func(s string) string {
			return s + "a=zrtp-hash:1.10 " + strings.Repeat("ab", 32) + "\r\n"
		},
		"a host name":   func(s string) string { return strings.ReplaceAll(s, "IN IP4 10.0.0.2", "IN IP4 tracker.example") },
		"no audio":      func(s string) string { return strings.Replace(s, "m=audio", "m=video", 1) },
		"nonsense":      func(string) string { return "v=0\r\nnonsense" },
		"a closed port": func(s string) string { return strings.Replace(s, "m=audio 4000", "m=audio 0", 1) },
	} {
		for _, method := range []string{"INVITE", "UPDATE"} {
			t.Run(method+" "+name, func(t *testing.T) {
				w, a, b := connected(t)
				before := a.remote
				body := spoil(string(wire(w.media(w.bob()))))
				b.localSeq++
				req := b.request("INVITE", b.localSeq)
				if method == "UPDATE" {
					req = b.request("UPDATE", b.localSeq)
				}
				add(req, "Contact", "<sip:bob@10.0.0.2>")
				setSDP(req, []byte(body))
				code := 0
				w.bob().send(req, b.hop, answerCode(&code))
				w.run(5 * time.Second)
				if code != 488 {
					t.Errorf("answered %d", code)
				}
				w.wantEvents(w.alice(), "")
				if a.state != up || string(wire(a.remote)) != string(wire(before)) {
					t.Errorf("the call is changed: %+v", a.remote)
				}
				w.alice().hangup(a.id, signaling.HungUp)
				w.run(time.Second)
				w.wantEvents(w.bob(), "Ended(peer hung up)")
			})
		}
	}
}

// A hash that was said once stays: leaving it out later takes nothing back.
func TestHashStays(t *testing.T) {
	w := newWorld(t, netem.Config{}, 1)
	d := w.media(w.alice())
	d.Hashes = []signaling.ZRTPHash{{Version: "1.10", Hash: [32]byte{1, 2, 3}}}
	w.autoAnswer(w.bob())
	id := w.alice().dial(signaling.Dial{To: "sip:bob@10.0.0.2", Offer: d})
	w.run(time.Second)
	a := w.alice().calls[id]
	a.local.Hashes = nil
	w.hold(a, w.alice(), signaling.SendOnly)
	w.run(time.Second)
	for _, b := range w.bob().calls {
		if len(b.remote.Hashes) != 1 || b.remote.Hashes[0].Hash[0] != 1 {
			t.Errorf("the hash is now %v", b.remote.Hashes)
		}
	}
	w.wantEvents(w.bob(), "Incoming Answered Held(true)")
}

func TestRefreshWithoutOffer(t *testing.T) {
	for _, method := range []string{"UPDATE", "INVITE"} {
		w, _, b := connected(t)
		b.localSeq++
		req := b.request("UPDATE", b.localSeq)
		if method == "INVITE" {
			req = b.request("INVITE", b.localSeq)
		}
		add(req, "Contact", "<sip:bob@10.0.0.2>")
		req.SetBody(nil)
		code := 0
		w.bob().send(req, b.hop, answerCode(&code))
		w.run(time.Second)
		if code != 200 {
			t.Errorf("%s answered %d", method, code)
		}
		w.wantEvents(w.alice(), "")
	}
}

func TestSessionTimer(t *testing.T) {
	t.Run("refreshed", func(t *testing.T) {
		w, _, _ := connected(t)
		w.run(3 * time.Hour)
		w.wantEvents(w.alice(), "")
		w.wantEvents(w.bob(), "")
		if n := strings.Count(strings.Join(w.log, "\n"), "alice UPDATE"); n != 11 && n != 12 {
			t.Errorf("%d refreshes in three hours of sessions of half an hour", n)
		}
	})
	t.Run("peer is gone", func(t *testing.T) {
		w, _, _ := connected(t)
		w.change = func(*node, []byte) []byte { return nil }
		w.run(31 * time.Minute)
		w.wantEvents(w.alice(), "Ended(connection lost)")
		w.wantEvents(w.bob(), "Ended(connection lost)")
		w.wantEmpty()
	})
	t.Run("peer forgot the call", func(t *testing.T) {
		w, _, b := connected(t)
		w.bob().forget(b)
		w.run(31 * time.Minute)
		w.wantEvents(w.alice(), "Ended(connection lost)")
		w.wantEmpty()
	})
	t.Run("peer knows no UPDATE", func(t *testing.T) {
		w, a, _ := connected(t)
		a.session.update = false
		w.run(20 * time.Minute)
		w.wantLog("alice INVITE", "bob 200 INVITE", "alice ACK")
		w.wantEvents(w.bob(), "")
	})
}
