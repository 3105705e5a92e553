package sipua

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/netem"
	"sotto/net/signaling"
)

// answerCode stores the final status of a request.
func answerCode(code *int) func(*sip.Response, hop, signaling.Cause) {
	return func(res *sip.Response, _ hop, _ signaling.Cause) {
		if res != nil && res.StatusCode >= 200 {
			*code = res.StatusCode
		}
	}
}

// stranger is where forged messages come from.
var stranger = hop{proto: udp, addr: addrPort(mustAddr("192.0.2.66"), 5060)}

// forge makes a request that looks like one of the dialog but for what a stranger cannot know.
func forge(method, callID, from, to string) string {
	return method + " sip:alice@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.66;branch=z9hG4bKforged" + method +
		"\r\nFrom: " + from + "\r\nTo: " + to + "\r\nCall-ID: " + callID + "\r\nCSeq: 100 " + method +
		"\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
}

// An end, a change or an answer that is forged from outside the dialog changes nothing, even if its author knows the
// Call-ID and the peer's tag.
func TestForgedFromOutside(t *testing.T) {
	for _, method := range []string{"BYE", "CANCEL", "INVITE", "UPDATE", "ACK", "INFO", "NOTIFY", "OPTIONS"} {
		for _, toTag := range []string{"", ";tag=guess", ";tag="} {
			w, a, _ := connected(t)
			before := fmt.Sprint(a.state, a.remoteSeq, a.inviteSeq, a.target.String(), a.hop)
			raw := forge(method, a.callID, a.remoteURI+";tag="+a.remoteTag, a.localURI+toTag)
			w.alice().deliver(w, []byte(raw), stranger)
			w.run(time.Second)
			w.wantEvents(w.alice(), "")
			w.wantEvents(w.bob(), "")
			if after := fmt.Sprint(a.state, a.remoteSeq, a.inviteSeq, a.target.String(), a.hop); after != before {
				t.Errorf("%s%s changed the call: %s, before %s", method, toTag, after, before)
			}
		}
	}
}

// Who has learned our tag still has to know the peer's.
func TestForgedWithOurTag(t *testing.T) {
	for _, from := range []string{"", ";tag=guess"} {
		w, a, _ := connected(t)
		raw := forge("BYE", a.callID, a.remoteURI+from, a.localURI+";tag="+a.localTag)
		w.alice().deliver(w, []byte(raw), stranger)
		w.run(time.Second)
		w.wantEvents(w.alice(), "")
	}
}

func TestForgedResponses(t *testing.T) {
	w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
	id := w.dial()
	w.run(100 * time.Millisecond)
	a := w.alice().calls[id]
	for _, code := range []int{180, 200, 302, 401, 486, 500, 603} {
		raw := fmt.Sprintf("SIP/2.0 %d x\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKguess\r\nFrom: <sip:alice@10.0.0.1>;tag=%s\r\n"+
			"To: <sip:bob@10.0.0.2>;tag=x\r\nCall-ID: %s\r\nCSeq: %d INVITE\r\nContent-Length: 0\r\n\r\n", code, a.localTag, a.callID, a.localSeq)
		w.alice().deliver(w, []byte(raw), stranger)
	}
	w.run(time.Second)
	w.wantEvents(w.alice(), "Ringing")
}

// A CANCEL needs the branch of the INVITE, and to come from where the INVITE came from.
func TestForgedCancel(t *testing.T) {
	w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
	var invite string
	w.change = func(_ *node, data []byte) []byte {
		if summary(data) == "INVITE" {
			invite = string(data)
		}
		return data
	}
	w.dial()
	w.run(time.Second)
	head, _, _ := strings.Cut(invite, "\r\n\r\n")
	for _, change := range [][2]string{{"z9hG4bK", "z9hG4bKx"}, {"Call-ID: ", "Call-ID: x"}, {"", ""}} {
		cancel := strings.ReplaceAll(head, "INVITE", "CANCEL")
		cancel = strings.Replace(cancel, change[0], change[1], 1)
		lines := strings.Split(cancel, "\r\n")
		cancel = ""
		for _, l := range lines {
			if !strings.HasPrefix(l, "Content-") {
				cancel += l + "\r\n"
			}
		}
		w.bob().deliver(w, []byte(cancel+"Content-Length: 0\r\n\r\n"), stranger)
	}
	w.run(time.Second)
	w.wantEvents(w.bob(), "Incoming")
}

// A redirect is told and not followed.
func TestRedirect(t *testing.T) {
	for _, code := range []string{"300", "301", "302", "305", "380"} {
		w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
		w.change = func(n *node, data []byte) []byte {
			if n == w.bob() && summary(data) == "180 INVITE" {
				return []byte(strings.Replace(string(data), "180 Ringing\r\n", code+" Moved\r\nContact: <sip:eve@192.0.2.66>\r\n", 1))
			}
			return data
		}
		w.dial()
		w.run(time.Second)
		w.wantEvents(w.alice(), "Ended(redirected)")
		for _, l := range w.log {
			if l != "alice INVITE" && l != "alice ACK" && !strings.HasPrefix(l, "bob ") {
				t.Errorf("%s: sent %s", code, l)
			}
		}
	}
}

// A stranger asks for a password: there is none for strangers.
func TestChallengedByAStranger(t *testing.T) {
	for _, code := range []string{"401", "407"} {
		w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
		w.change = func(n *node, data []byte) []byte {
			if n == w.bob() && summary(data) == "180 INVITE" {
				return []byte(strings.Replace(string(data), "180 Ringing\r\n", code+" x\r\n"+
					`WWW-Authenticate: Digest realm="example.test", nonce="x"`+"\r\n"+`Proxy-Authenticate: Digest realm="example.test", nonce="x"`+"\r\n", 1))
			}
			return data
		}
		w.dial()
		w.run(time.Second)
		w.wantEvents(w.alice(), "Ended(not authorized)")
		w.wantLog("alice INVITE", "bob "+code+" INVITE", "alice ACK")
	}
}

// A proxy forks, and two telephones answer: the second is told that it came late.
func TestForked(t *testing.T) {
	w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
	w.autoAnswer(w.bob())
	var other []byte
	w.change = func(n *node, data []byte) []byte {
		if n == w.bob() && summary(data) == "200 INVITE" {
			_, to, _ := strings.Cut(string(data), "To: ")
			to, _, _ = strings.Cut(to, "\r\n")
			other = []byte(strings.Replace(string(data), to, to+"other", 1))
		}
		return data
	}
	id := w.dial()
	w.run(time.Second)
	w.alice().deliver(w, other, w.hop(w.bob()))
	w.run(time.Second)
	w.wantEvents(w.alice(), "Ringing Answered")
	w.wantEvents(w.bob(), "Incoming Answered")
	w.wantLog("alice INVITE", "bob 180 INVITE", "bob 200 INVITE", "alice ACK", "alice ACK", "alice BYE", "bob 481 BYE")
	w.alice().hangup(id, signaling.HungUp)
	w.run(time.Second)
	w.wantEvents(w.bob(), "Ended(peer hung up)")
}

// A peer that answers with what it may not: the call ends, it is told why, and the peer gets its BYE.
func TestBadAnswers(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"RTP/AVP", "RTP/SAVP", "peer cannot encrypt"},
		{"opus/48000/2", "PCMU/8000", "not acceptable"},
		{"m=audio 4000", "m=audio 0", "not acceptable"},
		{"v=0", "v=x", "protocol error"},
		{"IN IP4 10.0.0.2\r\nt=", "IN IP4 224.0.0.1\r\nt=", "protocol error"},
	} {
		w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
		w.autoAnswer(w.bob())
		w.change = func(n *node, data []byte) []byte {
			if n != w.bob() || summary(data) != "200 INVITE" {
				return data
			}
			head, body, _ := strings.Cut(string(data), "\r\n\r\n")
			if !strings.Contains(body, tt.old) {
				t.Fatalf("no %q in %q", tt.old, body)
			}
			body = strings.Replace(body, tt.old, tt.new, 1)
			head, _, _ = strings.Cut(head, "\r\nContent-Length")
			return []byte(head + fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n", len(body)) + body)
		}
		w.dial()
		w.run(time.Second)
		w.wantEvents(w.alice(), "Ringing Ended("+tt.want+")")
		w.wantEvents(w.bob(), "Incoming Answered Ended(peer hung up)")
		w.wantEmpty()
	}
}

// Ten thousand messages a second from outside for ten seconds: the call stays, and what they leave is bounded.
func TestFlood(t *testing.T) {
	w, a, _ := connected(t)
	invite := string(wire(w.media(w.bob())))
	sent, answered := 0, 0
	count := func() {
		for _, p := range w.alice().packets {
			if p.to.addr.Addr() == stranger.addr.Addr() {
				answered++
			}
		}
		w.alice().packets = nil
	}
	for second := range 10 {
		for i := range 10_000 {
			w.now = w.now.Add(100 * time.Microsecond)
			w.alice().now = w.now
			raw := strings.Replace(forge("OPTIONS", fmt.Sprintf("flood%d-%d", second, i), "<sip:x@192.0.2.66>;tag=1", "<sip:alice@10.0.0.1>"), "forged", fmt.Sprintf("%d-%d", second, i), 1)
			if i%2 == 0 {
				raw = strings.ReplaceAll(raw, "OPTIONS", "INVITE")
				raw = strings.Replace(raw, "Content-Length: 0\r\n\r\n", fmt.Sprintf("Contact: <sip:x@192.0.2.66>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(invite), invite), 1)
			}
			w.alice().deliver(w, []byte(raw), stranger)
			sent++
			count()
		}
	}
	if len(w.alice().calls) > maxCalls || len(w.alice().servers) > maxCalls || len(w.alice().clients) > 1 {
		t.Errorf("%d calls, %d server transactions left", len(w.alice().calls), len(w.alice().servers))
	}
	if limit := strangerBurst + 11*strangerRate + 200; answered == 0 || answered > limit {
		t.Errorf("%d of %d were answered, at most %d may be", answered, sent, limit)
	}
	rang := strings.Count(w.alice().names()+" "+eventNames(w.alice().events), "Incoming")
	if rang > maxRinging {
		t.Errorf("it rang for %d strangers", rang)
	}
	// Still in the flood, the call ends as it should.
	w.alice().events = nil
	for i := range 100 {
		w.alice().deliver(w, []byte(forge("OPTIONS", fmt.Sprint("more", i), "<sip:x@192.0.2.66>;tag=1", "<sip:alice@10.0.0.1>")), stranger)
	}
	w.alice().packets = nil
	for id, b := range w.bob().calls {
		_ = b
		w.bob().hangup(id, signaling.HungUp)
	}
	w.run(time.Second)
	if !strings.Contains(w.alice().names(), "Ended(peer hung up)") || a.state != closing {
		t.Errorf("alice saw %s", w.alice().names())
	}
}

func eventNames(events []signaling.Event) string {
	n := node{got: events}
	return n.names()
}

// A peer in a call may flood it too: then its own messages are lost, and nothing grows.
func TestFloodWithinTheDialog(t *testing.T) {
	w, a, b := connected(t)
	for i := range 10_000 {
		w.now = w.now.Add(100 * time.Microsecond)
		b.localSeq++
		req := b.request(sip.INVITE, b.localSeq)
		w.bob().via(req, b.hop, fmt.Sprint("z9hG4bKflood", i))
		add(req, "Contact", "<sip:bob@10.0.0.2>")
		setSDP(req, wire(w.media(w.bob())))
		w.alice().deliver(w, []byte(req.String()), w.hop(w.bob()))
		w.alice().packets = nil
	}
	if n := len(w.alice().servers); n > 4 {
		t.Errorf("%d server transactions", n)
	}
	if len(w.alice().events) > maxPending+maxCalls {
		t.Errorf("%d events wait", len(w.alice().events))
	}
	if a.state != up {
		t.Error("the call ended")
	}
}

// Every event of a call that the phone does not read is bounded too.
func TestUnreadEvents(t *testing.T) {
	w := newWorld(t, netem.Config{}, 1)
	for i := range 1000 {
		w.now = w.now.Add(2 * time.Second)
		raw := strings.Replace(forge("INVITE", fmt.Sprint("unread", i), "<sip:x@192.0.2.66>;tag=1", "<sip:alice@10.0.0.1>"), "forged", fmt.Sprint(i), 1)
		sdp := string(wire(w.media(w.bob())))
		raw = strings.Replace(raw, "Content-Length: 0\r\n\r\n", fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(sdp), sdp), 1)
		w.alice().deliver(w, []byte(raw), stranger)
		w.alice().tick(w.now)
	}
	if n := len(w.alice().events); n > maxPending+2*maxCalls {
		t.Errorf("%d events wait", n)
	}
}

// An INVITE without an offer asks us for one, which would tell a stranger our address: it is refused, and nothing rings.
func TestInviteWithoutOffer(t *testing.T) {
	w := newWorld(t, netem.Config{}, 1)
	w.alice().deliver(w, []byte(forge("INVITE", "no-offer", "<sip:eve@192.0.2.66>;tag=e", "<sip:alice@10.0.0.1>")), stranger)
	if p := w.alice().packets; len(p) != 1 || !strings.HasPrefix(string(p[0].data), "SIP/2.0 488 ") || strings.Contains(string(p[0].data), "Contact") {
		t.Errorf("answered %v", p)
	}
	w.wantEvents(w.alice(), "")
	w.wantEmpty()
}
