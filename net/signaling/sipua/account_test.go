package sipua

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// desk is one telephone with one account, and a server that the test plays.
type desk struct {
	*core
	t      *testing.T
	server hop
	raw    []byte // of the latest request
}

// has is a header of the latest request as it was written: the parser drops what we do not read ourselves.
func (d *desk) has(name string) string {
	for _, l := range strings.Split(string(d.raw), "\r\n") {
		if v, ok := strings.CutPrefix(l, name+": "); ok {
			return v
		}
	}
	return ""
}

func newDesk(t *testing.T, transport string) *desk {
	t.Helper()
	local := netip.MustParseAddrPort("10.0.0.1:5060")
	d := &desk{core: newCore("alice", rand.NewChaCha8([32]byte{1}), func(hop) netip.AddrPort { return local }), t: t}
	err := d.setAccounts([]Account{{Name: "work", URI: "sip:alice@192.0.2.5;transport=" + transport, Realm: "example.test", Password: "secret"}}, time.Unix(1_700_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	d.server = hop{addr: netip.MustParseAddrPort("192.0.2.5:5060")}
	if transport == "tcp" {
		d.server.proto, d.server.flow = tcp, 7
	}
	return d
}

// sent takes the next packet, which must be a request of a method.
func (d *desk) sent(method sip.RequestMethod) *sip.Request {
	d.t.Helper()
	if len(d.packets) == 0 {
		d.t.Fatalf("nothing is sent, want %s", method)
	}
	m, f := parse(d.packets[0].data, hop{})
	if f != nil || m.req == nil || m.req.Method != method {
		d.t.Fatalf("sent %q, want %s", d.packets[0].data, method)
	}
	d.raw, d.packets = d.packets[0].data, d.packets[1:]
	return m.req
}

// quiet asserts that nothing is sent.
func (d *desk) quiet() {
	d.t.Helper()
	if len(d.packets) != 0 {
		d.t.Fatalf("sent %q", d.packets[0].data)
	}
}

// answer lets the server answer a request.
func (d *desk) answer(req *sip.Request, status string, headers ...string) {
	d.t.Helper()
	d.answerFrom(d.server, req, status, headers...)
}

func (d *desk) answerFrom(from hop, req *sip.Request, status string, headers ...string) {
	d.t.Helper()
	raw := "SIP/2.0 " + status + "\r\nVia: " + req.Via().Value() + "\r\nFrom: " + req.From().Value() + "\r\nTo: " + req.To().Value() +
		";tag=server\r\nCall-ID: " + callIDOf(req) + "\r\nCSeq: " + req.CSeq().Value() + "\r\n"
	for _, h := range headers {
		raw += h + "\r\n"
	}
	m, f := parse([]byte(raw+"Content-Length: 0\r\n\r\n"), from)
	if f != nil {
		d.t.Fatalf("%+v in %q", f, raw)
	}
	d.handle(m, d.now)
}

func (d *desk) want(events string) {
	d.t.Helper()
	var got []string
	for _, e := range d.events {
		switch e := e.(type) {
		case signaling.Registration:
			got = append(got, fmt.Sprintf("%v(%v)", e.OK, e.Cause))
		default:
			got = append(got, fmt.Sprintf("%T", e))
		}
	}
	if s := strings.Join(got, " "); s != events {
		d.t.Fatalf("told %q, want %q", s, events)
	}
	d.events = nil
}

// later lets time pass.
func (d *desk) later(by time.Duration) {
	end := d.now.Add(by)
	for next := d.deadline(); !next.IsZero() && !next.After(end); next = d.deadline() {
		d.tick(next)
	}
	d.now = end
}

const challengeLine = `WWW-Authenticate: Digest realm="example.test", nonce="n1", algorithm=MD5, qop="auth"`

// register brings the account to the registered state.
func (d *desk) register() {
	d.t.Helper()
	d.answer(d.sent(sip.REGISTER), "401 Unauthorized", challengeLine)
	d.answer(d.sent(sip.REGISTER), "200 OK", "Expires: 600")
	d.want("true(none)")
}

func TestRegister(t *testing.T) {
	d := newDesk(t, "udp")
	first := d.sent(sip.REGISTER)
	if d.has("Authorization") != "" || first.Recipient.String() != "sip:192.0.2.5" || header(first, "Expires") != "3600" {
		t.Errorf("sent %s", first.String())
	}
	d.answer(first, "401 Unauthorized", challengeLine)
	second := d.sent(sip.REGISTER)
	if a := d.has("Authorization"); !strings.Contains(a, `username="alice"`) || !strings.Contains(a, `uri="sip:192.0.2.5"`) || strings.Contains(a, "secret") {
		t.Errorf("answered %s", a)
	}
	if first.CSeq().SeqNo+1 != second.CSeq().SeqNo || callIDOf(first) != callIDOf(second) {
		t.Error("not the same registration, one further")
	}
	d.answer(second, "200 OK", "Contact: "+header(second, "Contact")+";expires=600", "Expires: 9999")
	d.want("true(none)")
	d.quiet()
	// Kept alive twice a minute, renewed after nine tenths of the ten minutes that the server grants.
	if n := d.awake(9*time.Minute - time.Second); n < 9*60/29-1 || n > 9*60/24 {
		t.Errorf("kept alive %d times in nine minutes", n)
	}
	d.quiet()
	d.awake(time.Second)
	again := d.sent(sip.REGISTER)
	if !strings.Contains(d.has("Authorization"), "nc=00000002") {
		t.Errorf("the nonce is not used again: %s", d.raw)
	}
	d.answer(again, "200 OK", "Expires: 600")
	d.want("") // nothing new
}

func TestWrongPassword(t *testing.T) {
	d := newDesk(t, "udp")
	d.answer(d.sent(sip.REGISTER), "401 Unauthorized", challengeLine)
	d.answer(d.sent(sip.REGISTER), "401 Unauthorized", strings.Replace(challengeLine, "n1", "n2", 1))
	d.want("false(not authorized)")
	d.later(24 * time.Hour) // a server that is asked again and again locks the account
	d.quiet()
}

func TestStaleNonce(t *testing.T) {
	d := newDesk(t, "udp")
	d.register()
	d.awake(9*time.Minute + time.Second)
	d.answer(d.sent(sip.REGISTER), "401 Unauthorized", strings.Replace(challengeLine, "n1", "n2", 1))
	d.answer(d.sent(sip.REGISTER), "200 OK")
	d.want("")
}

// The password is for the account's own realm.
func TestAnotherRealm(t *testing.T) {
	d := newDesk(t, "udp")
	d.answer(d.sent(sip.REGISTER), "401 Unauthorized", strings.Replace(challengeLine, "example.test", "evil.test", 1))
	d.want("false(not authorized)")
	d.quiet()
}

func TestServerTrouble(t *testing.T) {
	d := newDesk(t, "udp")
	d.answer(d.sent(sip.REGISTER), "503 Service Unavailable")
	d.want("false(unreachable)")
	for _, wait := range []time.Duration{2, 4, 8, 16} { // and each time twice as long
		d.later(wait*time.Second - time.Millisecond)
		d.quiet()
		d.later(time.Millisecond)
		d.answer(d.sent(sip.REGISTER), "503 Service Unavailable")
	}
	d.want("") // told once
	d.later(time.Minute)
	d.answer(d.sent(sip.REGISTER), "200 OK")
	d.want("true(none)")
}

func TestServerIsSilent(t *testing.T) {
	d := newDesk(t, "udp")
	d.later(33 * time.Second)
	d.want("false(unreachable)")
}

func TestTooBrief(t *testing.T) {
	d := newDesk(t, "udp")
	d.answer(d.sent(sip.REGISTER), "423 Interval Too Brief", "Min-Expires: 7200")
	if got := header(d.sent(sip.REGISTER), "Expires"); got != "7200" {
		t.Errorf("asked for %s", got)
	}
}

// Behind a translator the Contact is what the server sees; an earlier one is taken away.
func TestBehindNAT(t *testing.T) {
	d := newDesk(t, "udp")
	first := d.sent(sip.REGISTER)
	via := strings.Replace(first.Via().Value(), "rport", "rport=30000;received=198.51.100.9", 1)
	first.RemoveHeader("Via")
	first.PrependHeader(sip.NewHeader("Via", via))
	d.answer(first, "200 OK")
	second := d.sent(sip.REGISTER)
	contacts := values(second, "Contact")
	if len(contacts) != 2 || contacts[0] != "<sip:alice@10.0.0.1:5060>;expires=0" || contacts[1] != "<sip:alice@198.51.100.9:30000>" {
		t.Errorf("contacts %q", contacts)
	}
}

func TestLeave(t *testing.T) {
	d := newDesk(t, "udp")
	d.register()
	d.stop(d.now)
	if req := d.sent(sip.REGISTER); header(req, "Expires") != "0" {
		t.Errorf("left with %s", req.String())
	}
}

// call dials through the account and returns the INVITE.
func (d *desk) call(to string) *sip.Request {
	d.t.Helper()
	rtp := netip.MustParseAddrPort("10.0.0.1:4000")
	d.dial(signaling.Dial{To: to, Account: "work", Offer: signaling.Description{RTP: rtp, PayloadType: 96}})
	return d.sent(sip.INVITE)
}

func TestNumbers(t *testing.T) {
	for to, want := range map[string]string{"100": "sip:100@192.0.2.5", "+49 30 1": "sip:+49301@192.0.2.5", "*21#": "sip:*21%23@192.0.2.5",
		"bob": "sip:bob@192.0.2.5", "sip:bob@other.test": "sip:bob@other.test"} {
		d := newDesk(t, "udp")
		d.register()
		if got := d.call(to).Recipient.String(); got != want {
			t.Errorf("%q calls %s, want %s", to, got, want)
		}
	}
	for _, to := range []string{"", "bob smith;x", "bob\r\nX: y", "10/0"} {
		d := newDesk(t, "udp")
		d.register()
		d.dial(signaling.Dial{To: to, Account: "work"})
		if e, ok := d.events[0].(signaling.Ended); !ok || e.Cause != signaling.BadAddress {
			t.Errorf("%q: %+v", to, d.events)
		}
		d.quiet()
	}
}

const proxyChallenge = `Proxy-Authenticate: Digest realm="example.test", nonce="p1", algorithm=SHA-256, qop="auth"`

// The INVITE is authenticated for the account's own server and realm, once, and for nobody else.
func TestWhoGetsThePassword(t *testing.T) {
	elsewhere := hop{addr: netip.MustParseAddrPort("192.0.2.66:5060")}
	d := newDesk(t, "udp")
	d.register()
	first := d.call("bob")
	d.answer(first, "407 Proxy Authentication Required", proxyChallenge)
	d.sent(sip.ACK)
	second := d.sent(sip.INVITE)
	if callIDOf(second) != callIDOf(first) || second.CSeq().SeqNo != first.CSeq().SeqNo+1 {
		t.Errorf("not the same call, one further: %s", second.String())
	}
	if d.raw == nil || !strings.Contains(string(d.raw), "Proxy-Authorization: Digest username=\"alice\"") || !strings.Contains(string(d.raw), "algorithm=SHA-256") {
		t.Errorf("sent %s", d.raw)
	}
	d.answer(second, "407 Proxy Authentication Required", strings.Replace(proxyChallenge, "p1", "p2", 1))
	d.sent(sip.ACK)
	d.quiet()
	d.want("signaling.Ended")
	for name, challenge := range map[string]func(req *sip.Request){
		"another realm": func(req *sip.Request) {
			d.answer(req, "407 x", strings.Replace(proxyChallenge, "example.test", "evil.test", 1))
		},
		"another server": func(req *sip.Request) { d.answerFrom(elsewhere, req, "407 x", proxyChallenge) },
		"Basic":          func(req *sip.Request) { d.answer(req, "407 x", `Proxy-Authenticate: Basic realm="example.test"`) },
	} {
		d = newDesk(t, "udp")
		d.register()
		challenge(d.call("bob"))
		d.sent(sip.ACK)
		if len(d.packets) != 0 {
			t.Errorf("%s got %q", name, d.packets[0].data)
		}
		d.want("signaling.Ended")
	}
}

// Who calls through the server learns our address when we answer, and not before.
func TestRingingTellsNoAddress(t *testing.T) {
	d := newDesk(t, "udp")
	d.register()
	body := string(wire(describe(6000)))
	raw := strings.Replace(forge("INVITE", "call-1", "<sip:bob@192.0.2.5>;tag=1", "<sip:alice@192.0.2.5>"), "Content-Length: 0\r\n\r\n",
		fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(body), body), 1)
	m, f := parse([]byte(raw), d.server)
	if f != nil {
		t.Fatalf("%+v", f)
	}
	d.events = nil
	d.handle(m, d.now)
	ringing := string(d.packets[0].data)
	if !strings.HasPrefix(ringing, "SIP/2.0 180 ") || strings.Contains(ringing, "10.0.0.1:5060") || !strings.Contains(ringing, "Contact: <sip:alice@192.0.2.5>") {
		t.Errorf("rings with %s", ringing)
	}
	d.packets = nil
	d.core.answer(d.events[0].(signaling.Incoming).Call, describe(4000))
	if answer := string(d.packets[0].data); !strings.HasPrefix(answer, "SIP/2.0 200 ") || !strings.Contains(answer, "Contact: <sip:alice@10.0.0.1:5060>") {
		t.Errorf("answers with %s", answer)
	}
}

// The mailbox's light is switched by the account's own server alone.
func TestMailbox(t *testing.T) {
	d := newDesk(t, "udp")
	d.register()
	body := "Messages-Waiting: yes\r\nMessage-Account: sip:alice@example.test\r\nVoice-Message: 2/8 (0/2)\r\n"
	raw := strings.Replace(forge("NOTIFY", "mwi-call-id", "<sip:alice@192.0.2.5>;tag=1", "<sip:alice@192.0.2.5>"), "Content-Length: 0\r\n\r\n",
		fmt.Sprintf("Event: message-summary\r\nSubscription-State: active\r\nContent-Length: %d\r\n\r\n%s", len(body), body), 1)
	for _, from := range []hop{stranger, d.server} {
		m, f := parse([]byte(raw), from)
		if f != nil {
			t.Fatalf("%+v", f)
		}
		d.handle(m, d.now)
	}
	if len(d.events) != 1 || d.events[0] != (signaling.Messages{Account: "work", Waiting: true, New: 2}) {
		t.Errorf("told %+v", d.events)
	}
}

func TestBadAccounts(t *testing.T) {
	for _, a := range []Account{{}, {Name: "x"}, {Name: "x", URI: "sip:example.test"}, {URI: "sip:a@example.test"},
		{Name: "x", URI: "sip:a@example.test", AuthUser: "a\"b"}, {Name: "x", URI: "sip:a@example.test", Realm: "a\r\nb"}} {
		c := newCore("alice", rand.NewChaCha8([32]byte{1}), func(hop) netip.AddrPort { return netip.AddrPort{} })
		if err := c.setAccounts([]Account{a}, time.Time{}); err == nil {
			t.Errorf("%+v was taken", a)
		}
	}
}
