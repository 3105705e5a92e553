package sipua

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// watching is a registered account that asks for its mailbox, and its SUBSCRIBE.
func watching(t *testing.T) (*desk, *sip.Request) {
	d := newDesk(t, "udp")
	d.accounts["work"].Mailbox = true
	d.register()
	return d, d.sent(sip.SUBSCRIBE)
}

// notify lets somebody send a NOTIFY of the subscription.
func (d *desk) notify(from hop, toTag, fromTag, state string, seq int, waiting int) (answer string) {
	d.t.Helper()
	d.packets = nil
	body := fmt.Sprintf("Messages-Waiting: yes\r\nVoice-Message: %d/0\r\n", waiting)
	raw := fmt.Sprintf("NOTIFY sip:alice@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.5;branch=z9hG4bKn%d\r\nFrom: <sip:alice@192.0.2.5>;tag=%s\r\n"+
		"To: <sip:alice@192.0.2.5>;tag=%s\r\nCall-ID: %s\r\nCSeq: %d NOTIFY\r\nEvent: message-summary\r\nSubscription-State: %s\r\n"+
		"Content-Length: %d\r\n\r\n%s", seq, fromTag, toTag, d.accounts["work"].box.callID, seq, state, len(body), body)
	m, f := parse([]byte(raw), from)
	if f != nil {
		d.t.Fatalf("%+v", f)
	}
	d.handle(m, d.now)
	_, rest, _ := strings.Cut(string(d.packets[0].data), " ")
	answer, _, _ = strings.Cut(rest, " ")
	d.packets = nil
	return answer
}

// The mailbox is asked for with the account's password, told by the server in the subscription, and asked for again in time.
func TestSubscribe(t *testing.T) {
	d, first := watching(t)
	if d.has("Event") != "message-summary" || d.has("Accept") != "application/simple-message-summary" || first.Recipient.String() != "sip:alice@192.0.2.5" {
		t.Errorf("sent %s", d.raw)
	}
	d.answer(first, "407 Proxy Authentication Required", proxyChallenge)
	second := d.sent(sip.SUBSCRIBE)
	if !strings.Contains(d.has("Proxy-Authorization"), `username="alice"`) || callIDOf(second) != callIDOf(first) {
		t.Errorf("sent %s", d.raw)
	}
	tag := tagOf(second.From().Params)
	if code := d.notify(d.server, tag, "server", "active;expires=600", 1, 3); code != "200" { // before the 200 of the SUBSCRIBE
		t.Errorf("an early NOTIFY is answered %s", code)
	}
	d.answer(second, "200 OK", "Expires: 600", "Contact: <sip:mwi@192.0.2.5:5070>", "Record-Route: <sip:192.0.2.5;lr>")
	if len(d.events) != 1 || d.events[0] != (signaling.Messages{Account: "work", Waiting: true, New: 3}) {
		t.Errorf("told %+v", d.events)
	}
	for name, n := range map[string]struct {
		from           hop
		toTag, fromTag string
		seq            int
		want           string
	}{
		"a stranger":     {stranger, tag, "server", 5, "481"},
		"a guessed tag":  {d.server, "guess", "server", 5, "481"},
		"another dialog": {d.server, tag, "other", 5, "481"},
		"an old one":     {d.server, tag, "server", 0, "500"},
		"a repeated one": {d.server, tag, "server", 1, "200"},
	} {
		d.events = nil
		if code := d.notify(n.from, n.toTag, n.fromTag, "active", n.seq, 9); code != n.want || len(d.events) != 0 {
			t.Errorf("%s is answered %s, told %+v", name, code, d.events)
		}
	}
	d.awake(9 * time.Minute)
	again := d.packets[len(d.packets)-1]
	d.packets = []packet{again}
	refresh := d.sent(sip.SUBSCRIBE)
	if refresh.Recipient.String() != "sip:mwi@192.0.2.5:5070" || len(values(refresh, "Route")) != 1 || tagOf(refresh.To().Params) != "server" {
		t.Errorf("refreshed by %s", d.raw)
	}
}

// A server that knows no mailboxes is not asked again, one that is away is, and who does not want it does not ask.
func TestSubscribeRefused(t *testing.T) {
	for status, again := range map[string]bool{"489 Bad Event": false, "404 Not Found": false, "405 x": false, "403 x": false,
		"503 x": true, "481 x": true} {
		d, first := watching(t)
		d.answer(first, status)
		d.awake(mailboxRetry + time.Minute)
		asked := false
		for _, p := range d.packets {
			asked = asked || strings.HasPrefix(string(p.data), "SUBSCRIBE ")
		}
		if asked != again {
			t.Errorf("%s: asked again %v", status, asked)
		}
	}
	for name, challenge := range map[string]string{"another realm": strings.Replace(proxyChallenge, "example.test", "evil.test", 1), "twice": proxyChallenge} {
		d, req := watching(t)
		if name == "twice" {
			d.answer(req, "407 x", challenge)
			req = d.sent(sip.SUBSCRIBE)
		}
		d.answer(req, "407 x", challenge)
		if len(d.packets) != 0 {
			t.Errorf("%s: sent %q", name, d.packets[0].data)
		}
	}
	d := newDesk(t, "udp")
	d.register()
	d.quiet()
}

// What the server says when it ends a subscription decides when it is asked again.
func TestSubscriptionEnds(t *testing.T) {
	for state, wait := range map[string]time.Duration{"terminated;reason=deactivated": retryMin, "terminated;reason=timeout": retryMin,
		"terminated;reason=giveup;retry-after=1": mailboxRetry, "Terminated": mailboxRetry, "terminated;reason=rejected": 0, "active": 0} {
		d, first := watching(t)
		d.answer(first, "200 OK", "Expires: 3600")
		d.notify(d.server, tagOf(first.From().Params), "server", state, 1, 1)
		b := &d.accounts["work"].box
		if asked := b.callID == ""; asked != (wait != 0) || asked && b.next != d.now.Add(wait) {
			t.Errorf("%s: again at %v", state, b.next.Sub(d.now))
		}
	}
}

func TestParseMailbox(t *testing.T) {
	a, err := ParseAccount("sip:alice:secret;mailbox@example.test;transport=tls;mailbox")
	if err != nil || !a.Mailbox || a.Password != "secret;mailbox" || a.URI != "sip:alice@example.test;transport=tls" || a.Name != "alice@example.test" {
		t.Errorf("%#v %q %q %v %v", a, a.URI, a.Name, a.Mailbox, err)
	}
	if a, err := ParseAccount("sip:alice:secret@example.test"); err != nil || a.Mailbox {
		t.Errorf("%v %v", a.Mailbox, err)
	}
}
