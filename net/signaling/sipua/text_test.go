package sipua

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/netem"
	"sotto/net/signaling"
)

// textRequest is a MESSAGE of a stranger.
func textRequest(branch, kind, body string) string {
	return "MESSAGE sip:bob@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.66;branch=z9hG4bKtext" + branch +
		"\r\nFrom: \"Eve\" <sip:eve@192.0.2.66>;tag=e\r\nTo: <sip:bob@10.0.0.2>\r\nCall-ID: text" + branch +
		"\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nContent-Type: " + kind + "\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n" + body
}

// textWorld is two telephones that take plain text, of which bob answers with a cause.
func textWorld(t *testing.T, c netem.Config, verdict signaling.Cause) (*world, *[]signaling.TextReceived) {
	w := newWorld(t, c, 7)
	var read []signaling.TextReceived
	for _, n := range w.nodes {
		n.texts.types = []string{"text/plain"}
	}
	w.bob().react = func(e signaling.Event) {
		if e, ok := e.(signaling.TextReceived); ok {
			read = append(read, e)
			w.bob().answerText(e.Text, verdict)
		}
	}
	return w, &read
}

func (w *world) text(body string) signaling.TextID {
	return w.alice().sendText(signaling.Text{To: "sip:bob@" + w.bob().addr.String(), ContentType: "text/plain;charset=utf-8", Body: []byte(body)})
}

// sentTexts takes what became of alice's texts.
func (w *world) sentTexts() (s []signaling.TextSent) {
	for _, e := range w.alice().got {
		if e, ok := e.(signaling.TextSent); ok {
			s = append(s, e)
		}
	}
	w.alice().got = nil
	return s
}

// Each decision of the receiver comes to the sender as its cause; each text comes once, though the network loses and
// repeats, and no dialog and no transaction is left.
func TestText(t *testing.T) {
	for verdict, want := range map[signaling.Cause]signaling.Cause{signaling.NoCause: signaling.NoCause,
		signaling.NotAcceptable: signaling.NotAcceptable, signaling.NotAuthorized: signaling.NotAuthorized,
		signaling.Declined: signaling.Declined, signaling.Busy: signaling.Busy, signaling.NotFound: signaling.NotFound} {
		w, read := textWorld(t, netem.Config{Delay: 10 * time.Millisecond, Loss: 0.3, Duplicate: 0.3}, verdict)
		id := w.text("hello, world")
		w.run(40 * time.Second)
		if sent := w.sentTexts(); len(sent) != 1 || sent[0] != (signaling.TextSent{Text: id, Cause: want}) {
			t.Errorf("%v: sent %+v", verdict, sent)
		}
		if len(*read) != 1 || string((*read)[0].Body) != "hello, world" || (*read)[0].ContentType != "text/plain" ||
			(*read)[0].From.URI != "sip:alice@10.0.0.1" || (*read)[0].Account != "" || (*read)[0].Secure {
			t.Errorf("%v: read %+v", verdict, *read)
		}
		if len(w.alice().calls)+len(w.bob().calls) != 0 {
			t.Errorf("%v: a call was made", verdict)
		}
		w.wantEmpty()
	}
}

// Nobody decides: the sender is told after a few seconds, once.
func TestTextUnanswered(t *testing.T) {
	w, _ := textWorld(t, netem.Config{Delay: 10 * time.Millisecond}, signaling.NoCause)
	w.bob().react = nil
	w.text("hello")
	w.run(answerLimit - time.Second)
	if sent := w.sentTexts(); len(sent) != 0 {
		t.Fatalf("too early: %+v", sent)
	}
	w.run(2 * time.Second)
	if sent := w.sentTexts(); len(sent) != 1 || sent[0].Cause != signaling.NoAnswer {
		t.Errorf("sent %+v", sent)
	}
	w.wantEmpty()
}

func TestTextNotSent(t *testing.T) {
	w, read := textWorld(t, netem.Config{}, signaling.NoCause)
	for _, c := range []struct {
		text signaling.Text
		want signaling.Cause
	}{
		{signaling.Text{To: "sip:bob@10.0.0.2", ContentType: "text/plain", Body: make([]byte, signaling.MaxText+1)}, signaling.NotAcceptable},
		{signaling.Text{To: "sip:bob@10.0.0.2", ContentType: "text/plain\r\nX: y", Body: []byte("x")}, signaling.NotAcceptable},
		{signaling.Text{To: "sip:bob@10.0.0.2", Body: []byte("x")}, signaling.NotAcceptable},
		{signaling.Text{To: "", ContentType: "text/plain"}, signaling.BadAddress},
		{signaling.Text{To: "sip:bob@10.0.0.2?X=y", ContentType: "text/plain"}, signaling.BadAddress},
		{signaling.Text{To: "sip:alice@10.0.0.1:5060", ContentType: "text/plain"}, signaling.BadAddress},
		{signaling.Text{To: "bob", Account: "work", ContentType: "text/plain"}, signaling.NotRegistered},
	} {
		w.alice().sendText(c.text)
		w.run(time.Second)
		if sent := w.sentTexts(); len(sent) != 1 || sent[0].Cause != c.want {
			t.Errorf("%q: %+v, want %v", c.text.To, sent, c.want)
		}
	}
	if len(w.log) != 0 || len(*read) != 0 {
		t.Errorf("sent %q", w.log)
	}
}

// What a stranger sends is refused without a trace unless it is a text that can be shown.
func TestTextRefused(t *testing.T) {
	long := strings.Repeat("x", signaling.MaxText+1)
	for raw, want := range map[string]string{
		textRequest("1", "text/html", "hello"):                                                                                "415",
		strings.Replace(textRequest("1", "x", "hello"), "Content-Type: x\r\n", "", 1):                                         "415",
		textRequest("1", "text/plain\r\nContent-Encoding: gzip", "hello"):                                                     "415",
		textRequest("1", "text/plain\r\nRequire: x", "hello"):                                                                 "420",
		textRequest("1", "text/plain", long):                                                                                  "413",
		strings.Replace(textRequest("1", "text/plain", "hello"), "To: <sip:bob@10.0.0.2>", "To: <sip:bob@10.0.0.2>;tag=x", 1): "405",
	} {
		w, read := textWorld(t, netem.Config{}, signaling.NoCause)
		w.bob().deliver(w, []byte(raw), stranger)
		if p := w.bob().packets; len(p) != 1 || !strings.HasPrefix(string(p[0].data), "SIP/2.0 "+want+" ") {
			t.Errorf("%q is answered %v, want %s", raw[:60], p, want)
		}
		w.run(time.Second)
		if len(*read) != 0 {
			t.Errorf("%q was read", raw[:60])
		}
		w.wantEmpty()
	}
	w, _ := textWorld(t, netem.Config{}, signaling.NoCause)
	w.bob().texts.types = nil // a telephone that takes no texts
	w.bob().deliver(w, []byte(textRequest("1", "text/plain", "hello")), stranger)
	if p := string(w.bob().packets[0].data); !strings.HasPrefix(p, "SIP/2.0 405 ") || strings.Contains(p, "NOTIFY, MESSAGE") {
		t.Errorf("answered %q", p)
	}
}

// A source may send ten at once and one a second; another is not hindered; all together have a limit too, and the table of
// sources one of its own.
func TestTextFlood(t *testing.T) {
	w, read := textWorld(t, netem.Config{}, signaling.NoCause)
	other := hop{addr: netip.MustParseAddrPort("192.0.2.67:5060")}
	n := 0
	flood := func(from hop, count int) {
		for range count {
			n++
			w.bob().deliver(w, []byte(textRequest(fmt.Sprint(n), "text/plain", "spam")), from)
			w.settle()
		}
	}
	flood(stranger, 100)
	if len(*read) != textBurst {
		t.Errorf("%d of 100 were read, want %d", len(*read), textBurst)
	}
	flood(other, 1)
	if len(*read) != textBurst+1 {
		t.Error("another source was hindered")
	}
	w.run(5 * time.Second)
	flood(stranger, 100)
	if got := len(*read); got != textBurst+1+5 {
		t.Errorf("%d were read after 5 s, want 5 more than %d", got, textBurst+1)
	}
	*read = nil
	for i := range 1000 {
		flood(hop{addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 5060)}, 1)
	}
	if len(*read) > allTextBurst || len(w.bob().texts.sources) > maxTextSources {
		t.Errorf("%d sources had %d read, %d are remembered", 1000, len(*read), len(w.bob().texts.sources))
	}
	w.run(time.Minute)
	flood(other, 1)
	if len(w.bob().texts.waiting) != 0 {
		t.Error("texts are left")
	}
}

// Without an answer from the phone no more than a few texts wait.
func TestTextsWaiting(t *testing.T) {
	w, _ := textWorld(t, netem.Config{}, signaling.NoCause)
	w.bob().react = nil
	for i := range 20 {
		from := hop{addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 5060)}
		w.bob().deliver(w, []byte(textRequest(fmt.Sprint(i), "text/plain", "x")), from)
	}
	if len(w.bob().texts.waiting) != maxTexts || len(w.bob().servers) != maxTexts {
		t.Errorf("%d wait", len(w.bob().texts.waiting))
	}
	w.wantEmpty()
}

// Through an account the password goes to the account's own server for its own realm, once, as for a call.
func TestTextPassword(t *testing.T) {
	elsewhere := hop{addr: netip.MustParseAddrPort("192.0.2.66:5060")}
	send := func() (*desk, *sip.Request) {
		d := newDesk(t, "udp")
		d.register()
		d.events = nil
		d.sendText(signaling.Text{To: "bob", Account: "work", ContentType: "text/plain", Body: []byte("hi")})
		return d, d.sent(sip.MESSAGE)
	}
	d, first := send()
	if first.Recipient.String() != "sip:bob@192.0.2.5" || d.has("Contact") != "" || string(first.Body()) != "hi" {
		t.Errorf("sent %s", d.raw)
	}
	d.answer(first, "407 Proxy Authentication Required", proxyChallenge)
	second := d.sent(sip.MESSAGE)
	if !strings.Contains(d.has("Proxy-Authorization"), `username="alice"`) || second.CSeq().SeqNo != first.CSeq().SeqNo+1 {
		t.Errorf("sent %s", d.raw)
	}
	d.answer(second, "202 Accepted")
	if len(d.events) != 1 || !d.events[0].(signaling.TextSent).Stored {
		t.Errorf("told %+v", d.events)
	}
	for name, challenge := range map[string]func(d *desk, req *sip.Request){
		"another realm": func(d *desk, req *sip.Request) {
			d.answer(req, "407 x", strings.Replace(proxyChallenge, "example.test", "evil.test", 1))
		},
		"another server": func(d *desk, req *sip.Request) { d.answerFrom(elsewhere, req, "407 x", proxyChallenge) },
		"twice": func(d *desk, req *sip.Request) {
			d.answer(req, "407 x", proxyChallenge)
			d.answer(d.sent(sip.MESSAGE), "407 x", proxyChallenge)
		},
	} {
		d, req := send()
		challenge(d, req)
		if len(d.packets) != 0 {
			t.Errorf("%s got %q", name, d.packets[0].data)
		}
		if len(d.events) != 1 || d.events[0].(signaling.TextSent).Cause != signaling.NotAuthorized {
			t.Errorf("%s: told %+v", name, d.events)
		}
	}
}

// Over real sockets, and over an onion's stream.
func TestTextOverStreams(t *testing.T) {
	alice, bob := newPhone(t, "alice"), newPhone(t, "bob")
	near, far := net.Pipe()
	a, b := onionPhone(t, "alice", aliceOnion), onionPhone(t, "bob", bobOnion)
	a.Inject(near, bobOnion)
	b.Inject(far, "")
	for _, c := range []struct {
		from, to phone
		uri      string
	}{{alice, bob, bob.uri()}, {alice, bob, bob.uri() + ";transport=tcp"}, {a, b, "sip:bob@" + bobOnion + ";transport=tcp"}} {
		c.to.ask(func() { c.to.core.texts.types = []string{"application/x-test"} })
		body := bytes.Repeat([]byte{0, '\r', '\n', 0xff}, signaling.MaxText/4)
		id := c.from.SendText(signaling.Text{To: c.uri, ContentType: "application/x-test", Body: body})
		got := want[signaling.TextReceived](c.to)
		if !bytes.Equal(got.Body, body) {
			t.Errorf("%s: %d bytes came, want %d", c.uri, len(got.Body), len(body))
		}
		c.to.AnswerText(got.Text, signaling.NoCause)
		if e := want[signaling.TextSent](c.from); e != (signaling.TextSent{Text: id}) {
			t.Errorf("%s: %+v", c.uri, e)
		}
	}
}
