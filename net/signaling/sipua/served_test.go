package sipua

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

const (
	theirKey  = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
	otherKey  = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:XVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
	announced = "a=zrtp-hash:1.10 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n"
)

// plainPeer is what a gateway says of its media.
func plainPeer(proto, more string) string {
	return "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 6000 " + proto + " 96\r\na=rtpmap:96 opus/48000/2\r\n" + more
}

// newGateway is a desk whose account may reach gateways or not, over a connection that is good for it or not.
func newGateway(t *testing.T, transport string, wanted, proved bool) *desk {
	t.Helper()
	local := netip.MustParseAddrPort("10.0.0.1:5060")
	d := &desk{core: newCore("alice", rand.NewChaCha8([32]byte{1}), func(hop) netip.AddrPort { return local }), t: t}
	d.server = hop{addr: netip.MustParseAddrPort("192.0.2.5:5060")}
	switch transport {
	case "tcp":
		d.server.proto, d.server.flow = tcp, 7
	case "tls":
		d.server.proto, d.server.flow = tlsProto, 7
	}
	d.proved = func(f flowID) bool { return proved && f == 7 }
	err := d.setAccounts([]Account{{Name: "work", URI: "sip:alice@192.0.2.5:5060;transport=" + transport, Realm: "example.test", Password: "secret",
		Gateway: wanted}}, time.Unix(1_700_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	d.register()
	return d
}

// callServed dials, with the phone's word or without it.
func (d *desk) callServed(allowed bool) *sip.Request {
	d.t.Helper()
	d.dial(signaling.Dial{To: "100", Account: "work", ServerOnly: allowed,
		Offer: signaling.Description{RTP: netip.MustParseAddrPort("10.0.0.1:4000"), PayloadType: 96, DTMF: 101}})
	return d.sent(sip.INVITE)
}

// say answers a request with a description.
func (d *desk) say(req *sip.Request, status, body string) {
	d.t.Helper()
	raw := "SIP/2.0 " + status + "\r\nVia: " + req.Via().Value() + "\r\nFrom: " + req.From().Value() + "\r\nTo: " + req.To().Value()
	if tagOf(req.To().Params) == "" {
		raw += ";tag=server"
	}
	raw += "\r\nCall-ID: " + callIDOf(req) + "\r\nCSeq: " + req.CSeq().Value() + "\r\nContact: <sip:gw@192.0.2.5>\r\nContent-Type: application/sdp\r\n" +
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	m, f := parse([]byte(raw), d.server)
	if f != nil {
		d.t.Fatalf("%+v in %q", f, raw)
	}
	d.handle(m, d.now)
}

// ask lets the server send an INVITE or an ACK; tag is ours, empty for a new call. It returns what was answered.
func (d *desk) ask(method, tag string, seq int, body string) *sip.Response {
	d.t.Helper()
	if tag != "" {
		tag = ";tag=" + tag
	}
	raw := fmt.Sprintf("%s sip:alice@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/%s 192.0.2.5;branch=z9hG4bK%s%d\r\nFrom: <sip:gw@192.0.2.5>;tag=server\r\nTo: <sip:alice@192.0.2.5>%s\r\n"+
		"Call-ID: call-1\r\nCSeq: %d %s\r\nContact: <sip:gw@192.0.2.5>\r\nMax-Forwards: 70\r\n", method, d.server.proto, method, seq, tag, seq, method)
	if body != "" {
		raw += "Content-Type: application/sdp\r\n"
	}
	raw += fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	m, f := parse([]byte(raw), d.server)
	if f != nil {
		d.t.Fatalf("%+v in %q", f, raw)
	}
	d.packets = nil
	d.handle(m, d.now)
	return d.last()
}

// last is the latest response; nil: there is none.
func (d *desk) last() *sip.Response {
	d.t.Helper()
	if len(d.packets) == 0 {
		return nil
	}
	m, f := parse(d.packets[len(d.packets)-1].data, hop{})
	if f != nil || m.res == nil {
		d.t.Fatalf("sent %q", d.packets[len(d.packets)-1].data)
	}
	d.packets = nil
	return m.res
}

// answered is the only event, which must be Answered.
func (d *desk) answered() signaling.Answered {
	d.t.Helper()
	for i, e := range d.events {
		if a, ok := e.(signaling.Answered); ok && i == len(d.events)-1 {
			d.events = nil
			return a
		}
	}
	d.t.Fatalf("told %+v", d.events)
	return signaling.Answered{}
}

func keysIn(body []byte) int { return bytes.Count(body, []byte("a=crypto:")) }

// Keys are told through an account that may reach gateways, over the connection that has proved its server, where the phone allows
// it: all of it. Otherwise no key leaves, and none that comes counts. A refusal for the connection's sake says so.
func TestKeysNeedEverything(t *testing.T) {
	for _, tt := range []struct {
		transport               string
		wanted, proved, allowed bool
		keys                    int
		cause                   signaling.Cause
	}{
		{"tls", true, true, true, 2, signaling.NotAcceptable},
		{"tls", true, true, false, 0, signaling.NotAcceptable},
		{"tls", false, true, true, 0, signaling.NotAcceptable},
		{"tls", true, false, true, 0, signaling.NeedsTLS},
		{"tcp", true, true, true, 0, signaling.NeedsTLS},
		{"udp", true, true, true, 0, signaling.NeedsTLS},
		{"udp", false, true, true, 0, signaling.NotAcceptable},
	} {
		t.Run(fmt.Sprintf("%+v", tt), func(t *testing.T) {
			d := newGateway(t, tt.transport, tt.wanted, tt.proved)
			first := d.callServed(tt.allowed)
			if got := keysIn(first.Body()); got != tt.keys || bytes.Contains(first.Body(), []byte("SAVP")) {
				t.Fatalf("%d keys in\n%s", got, first.Body())
			}
			d.say(first, "200 OK", plainPeer("RTP/AVP", theirKey))
			if a := d.answered(); (a.Keys != nil) != (tt.keys > 0) {
				t.Errorf("keys %v", a.Keys)
			}
			d = newGateway(t, tt.transport, tt.wanted, tt.proved)
			for req := d.callServed(tt.allowed); ; req = d.sent(sip.INVITE) {
				d.answer(req, "488 Not Acceptable Here")
				if d.sent(sip.ACK); len(d.packets) == 0 {
					break
				}
			}
			if e := d.events[len(d.events)-1].(signaling.Ended); e.Cause != tt.cause {
				t.Errorf("ended: %v", e.Cause)
			}
			d = newGateway(t, tt.transport, tt.wanted, tt.proved)
			if code := d.ask("INVITE", "", 1, plainPeer("RTP/SAVP", theirKey)).StatusCode; (code == 180) != (tt.wanted && tt.proved && tt.transport == "tls") {
				t.Errorf("RTP/SAVP gets %d", code)
			}
		})
	}
}

// A gateway that takes nothing but RTP/SAVP gets it after ZRTP was refused, once, with keys of their own and the password again.
func TestInsist(t *testing.T) {
	d := newGateway(t, "tls", true, true)
	first := d.callServed(true)
	d.answer(first, "407 Proxy Authentication Required", proxyChallenge)
	d.sent(sip.ACK)
	second := d.sent(sip.INVITE)
	d.answer(second, "488 Not Acceptable Here")
	d.sent(sip.ACK)
	third := d.sent(sip.INVITE)
	if b := string(third.Body()); !strings.Contains(b, "RTP/SAVP 96") || keysIn(third.Body()) != 2 || inlineOf(first.Body()) == inlineOf(third.Body()) {
		t.Errorf("offers\n%s", b)
	}
	d.answer(third, "407 Proxy Authentication Required", proxyChallenge)
	d.sent(sip.ACK)
	fourth := d.sent(sip.INVITE)
	d.say(fourth, "200 OK", plainPeer("RTP/SAVP", theirKey))
	d.sent(sip.ACK)
	if a := d.answered(); a.Keys == nil {
		t.Error("no keys")
	}
	for _, body := range []string{plainPeer("RTP/AVP", ""), plainPeer("RTP/AVP", theirKey), plainPeer("RTP/SAVP", "")} {
		d := newGateway(t, "tls", true, true)
		d.answer(d.callServed(true), "488 Not Acceptable Here")
		d.sent(sip.ACK)
		d.say(d.sent(sip.INVITE), "200 OK", body)
		if e, ok := d.events[len(d.events)-1].(signaling.Ended); !ok {
			t.Errorf("after RTP/SAVP, %s is %+v", body, e)
		}
	}
}

func inlineOf(body []byte) string {
	_, key, _ := strings.Cut(string(body), "inline:")
	return strings.Fields(key)[0]
}

// Who announces ZRTP keeps to it: there are no keys for such a call, in neither direction, nor can a later description bring any.
func TestAnnouncedZRTPIsKept(t *testing.T) {
	d := newGateway(t, "tls", true, true)
	d.say(d.callServed(true), "200 OK", plainPeer("RTP/AVP", announced+theirKey))
	a := d.answered()
	if a.Keys != nil {
		t.Error("keys beside ZRTP")
	}
	k := d.calls[a.Call]
	d.packets = nil
	d.update(a.Call, k.local)
	if hold := d.sent(sip.INVITE); keysIn(hold.Body()) != 0 {
		t.Errorf("tells\n%s", hold.Body())
	}

	d = newGateway(t, "tls", true, true)
	d.events = nil
	d.ask("INVITE", "", 1, plainPeer("RTP/AVP", announced+theirKey))
	d.permit().answer(d.events[0].(signaling.Incoming).Call, describe(4000))
	ok := d.last()
	if ok.StatusCode != 200 || keysIn(ok.Body()) != 0 {
		t.Fatalf("answers %s", ok)
	}
	d.ask("ACK", tagOf(ok.To().Params), 1, "")
	if a := d.answered(); a.Keys != nil {
		t.Error("keys beside ZRTP")
	}
	for seq, body := range []string{plainPeer("RTP/SAVP", announced+theirKey), plainPeer("RTP/SAVP", theirKey)} {
		if code := d.ask("INVITE", tagOf(ok.To().Params), 2+seq, body).StatusCode; code != 488 {
			t.Errorf("%s gets %d", body, code)
		}
	}
	again := d.ask("INVITE", tagOf(ok.To().Params), 9, plainPeer("RTP/AVP", theirKey))
	if again.StatusCode != 200 || keysIn(again.Body()) != 0 || len(d.events) != 0 {
		t.Errorf("%s, %+v", again, d.events)
	}
}

// permit is the phone's word for all calls that ring.
func (d *desk) permit() *core {
	for _, k := range d.calls {
		k.served.allowed = true
	}
	return d.core
}

// A call from a gateway: taken with the phone's word, refused without it; and with it, keys that were agreed stay.
func TestCalledByAGateway(t *testing.T) {
	for _, proto := range []string{"RTP/SAVP", "RTP/AVP"} {
		for _, allowed := range []bool{true, false} {
			t.Run(fmt.Sprint(proto, allowed), func(t *testing.T) {
				d := newGateway(t, "tls", true, true)
				d.events = nil
				d.ask("INVITE", "", 1, plainPeer(proto, theirKey))
				in := d.events[0].(signaling.Incoming)
				if in.ServerOnly != (proto == "RTP/SAVP") {
					t.Errorf("%+v", in)
				}
				if d.events = nil; allowed {
					d.permit()
				}
				d.core.answer(in.Call, describe(4000))
				ok := d.last()
				if !allowed {
					if proto == "RTP/SAVP" && ok.StatusCode != 488 || proto == "RTP/AVP" && (ok.StatusCode != 200 || keysIn(ok.Body()) != 0) {
						t.Errorf("answers %s", ok)
					}
					return
				}
				if ok.StatusCode != 200 || keysIn(ok.Body()) != 1 || !strings.Contains(string(ok.Body()), " "+proto+" ") {
					t.Fatalf("answers %s", ok)
				}
				tag := tagOf(ok.To().Params)
				d.ask("ACK", tag, 1, "")
				if a := d.answered(); a.Keys == nil {
					t.Fatal("no keys")
				}
				hostileChanges(t, d, tag, proto, inlineOf(ok.Body()))
			})
		}
	}
}

// hostileChanges are later descriptions of a gateway: none brings other keys, or takes them away.
func hostileChanges(t *testing.T, d *desk, tag, proto, key string) {
	t.Helper()
	seq := 2
	for body, want := range map[string]int{
		plainPeer(proto, theirKey+"a=sendonly\r\n"): 200,
		plainPeer(proto, otherKey):                  488,
		plainPeer(proto, ""):                        488,
		plainPeer(proto, theirKey+announced):        488,
		plainPeer(map[string]string{"RTP/SAVP": "RTP/AVP", "RTP/AVP": "RTP/SAVP"}[proto], theirKey): 488,
	} {
		res := d.ask("INVITE", tag, seq, body)
		if res.StatusCode != want || want == 200 && inlineOf(res.Body()) != key {
			t.Errorf("%s gets %s", body, res)
		}
		if want == 200 {
			d.ask("ACK", tag, seq, "")
		}
		seq++
	}
	var id signaling.CallID
	for id = range d.calls {
	}
	d.packets, d.events = nil, nil
	d.update(id, d.calls[id].local)
	hold := d.sent(sip.INVITE)
	if inlineOf(hold.Body()) != key || keysIn(hold.Body()) != 1 || !strings.Contains(string(hold.Body()), " "+proto+" ") {
		t.Errorf("changes by\n%s", hold.Body())
	}
	before := string(d.calls[id].wire(d.calls[id].remote))
	d.say(hold, "200 OK", plainPeer(proto, otherKey))
	if string(d.calls[id].wire(d.calls[id].remote)) != before {
		t.Error("another key was taken")
	}
}

// A change of a running call waits until the account is registered again, and goes over that connection; over one that has not
// proved its server it never goes.
func TestServedKeysFollowTheAccount(t *testing.T) {
	for _, good := range []bool{true, false} {
		d := newGateway(t, "tls", true, true)
		d.say(d.callServed(true), "200 OK", plainPeer("RTP/AVP", theirKey))
		id := d.answered().Call
		d.packets = nil
		d.flowLost(d.server, d.now)
		moved := describe(4000)
		moved.RTP = netip.MustParseAddrPort("10.0.0.9:4000")
		d.update(id, moved)
		d.quiet()
		d.later(lostPause)
		d.proved = func(f flowID) bool { return good && f == 8 }
		d.server.flow = 8
		d.answer(d.sent(sip.REGISTER), "200 OK", "Expires: 600")
		d.later(registerWait)
		if !good {
			d.later(time.Second)
			d.quiet()
			continue
		}
		if to := d.packets[0].to; to.flow != 8 || to.proto != tlsProto {
			t.Errorf("sent over %+v", to)
		}
		if again := d.sent(sip.INVITE); keysIn(again.Body()) != 1 || !bytes.Contains(again.Body(), []byte("10.0.0.9")) {
			t.Errorf("changes by\n%s", again.Body())
		}
	}
}

// What is over has no keys left.
func TestServedKeysAreWiped(t *testing.T) {
	d := newGateway(t, "tls", true, true)
	d.say(d.callServed(true), "200 OK", plainPeer("RTP/AVP", theirKey))
	a := d.answered()
	k := d.calls[a.Call]
	ours := k.served.ours
	d.hangup(a.Call, signaling.HungUp)
	if k.served != (served{}) || strings.Contains(string(wireWith(ours)), "inline:") {
		t.Error("keys are left")
	}
}

func wireWith(c *signaling.Crypto) []byte {
	b, _ := describe(4000).MarshalServer(c, false)
	return b
}
