package sipua

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// awake lets time pass, in which the server answers what keeps the account alive, and counts that. All else that is sent stays.
func (d *desk) awake(by time.Duration) (answered int) {
	d.t.Helper()
	end := d.now.Add(by)
	for next := d.deadline(); !next.IsZero() && !next.After(end); next = d.deadline() {
		d.tick(next)
		packets := d.packets
		d.packets = nil
		for _, p := range packets {
			switch m, f := parse(p.data, hop{}); {
			case string(p.data) == crlfs:
				d.pong(d.server, d.now)
			case f == nil && m.req != nil && m.req.Method == sip.OPTIONS:
				d.answer(m.req, "404 Not Found")
			default:
				d.packets = append(d.packets, p)
				continue
			}
			answered++
		}
	}
	d.now = end
	return answered
}

// asked is the latest OPTIONS, and whatever else was sent before it is forgotten.
func (d *desk) asked() (req *sip.Request) {
	d.t.Helper()
	for _, p := range d.packets {
		if m, f := parse(p.data, hop{}); f == nil && m.req != nil && m.req.Method == sip.OPTIONS {
			req = m.req
		}
	}
	if req == nil {
		d.t.Fatalf("sent %v, want OPTIONS", d.packets)
	}
	d.packets = nil
	return req
}

const crlfs = "\r\n\r\n"

// knocked waits for the next keep-alive, which must be CRLFs.
func (d *desk) knocked() {
	d.t.Helper()
	d.later(keepAliveMax)
	if len(d.packets) != 1 || string(d.packets[0].data) != crlfs {
		d.t.Fatalf("sent %v, want two CRLFs", d.packets)
	}
	d.packets = nil
}

// seen is a request as the server sees it come, from behind a translator.
func seen(req *sip.Request, at string) *sip.Request {
	ip, port, _ := strings.Cut(at, ":")
	via := strings.Replace(req.Via().Value(), "rport", "rport="+port+";received="+ip, 1)
	req.RemoveHeader("Via")
	req.PrependHeader(sip.NewHeader("Via", via))
	return req
}

// Over a connection the keep-alive is answered; without an answer the connection is given up.
func TestKeepAliveOverTCP(t *testing.T) {
	d := newDesk(t, "tcp")
	d.register()
	d.knocked()
	d.pong(d.server, d.now.Add(time.Second))
	d.later(keepAliveMin - time.Second)
	d.quiet()
	d.later(keepAliveMax - keepAliveMin + time.Second)
	d.packets = nil
	d.later(pongLimit)
	d.want("false(unreachable)")
	d.later(2 * time.Second)
	d.answer(d.sent(sip.REGISTER), "200 OK")
	d.want("true(none) signaling.Rerouted")
	d.flowLost(d.server, d.now)
	d.want("false(unreachable)")
}

// A server that knows no pongs is asked by OPTIONS, and loses the connection only when it leaves these unanswered, too.
func TestServerWithoutPongs(t *testing.T) {
	d := newDesk(t, "tcp")
	d.register()
	d.knocked()
	d.later(pongLimit)
	d.answer(d.sent(sip.OPTIONS), "405 Method Not Allowed")
	for range 5 {
		d.later(keepAliveMax)
		d.answer(d.sent(sip.OPTIONS), "405 Method Not Allowed")
	}
	d.want("")
	d.later(keepAliveMax)
	d.sent(sip.OPTIONS)
	d.later(pongLimit)
	d.want("false(unreachable)")
	d.later(time.Second)
	d.answer(d.sent(sip.REGISTER), "200 OK")
	d.knocked() // another connection may lead to another server
}

// A translator forgets us: the answer to the next keep-alive shows it, and the server is told where we are now.
func TestForgottenByATranslator(t *testing.T) {
	d := newDesk(t, "udp")
	const first, then = "198.51.100.9:30000", "198.51.100.9:30007"
	d.answer(seen(d.sent(sip.REGISTER), first), "200 OK")
	d.answer(seen(d.sent(sip.REGISTER), first), "200 OK", "Expires: 600")
	d.want("true(none)")
	d.later(keepAliveMax)
	d.answer(seen(d.asked(), first), "200 OK")
	d.later(keepAliveMax)
	d.answer(seen(d.asked(), then), "404 Not Found")
	again := d.sent(sip.REGISTER)
	if c := values(again, "Contact"); len(c) != 2 || c[0] != "<sip:alice@"+first+">;expires=0" || c[1] != "<sip:alice@"+then+">" {
		t.Errorf("contacts %q", c)
	}
	d.want("")
	d.answer(seen(again, then), "200 OK", "Expires: 600")
	d.want("signaling.Rerouted")
	d.later(keepAliveMax)
	d.answer(seen(d.asked(), then), "404 Not Found")
	d.quiet()
	d.want("")
}

// A server that sees us at another place each time is told so a few times, and then left alone until the next keep-alive.
func TestSeenElsewhereEachTime(t *testing.T) {
	d := newDesk(t, "udp")
	told := 0
	for port := 1000; len(d.packets) > 0; port++ {
		d.answer(seen(d.sent(sip.REGISTER), fmt.Sprint("198.51.100.9:", port)), "200 OK", "Expires: 600")
		if told++; told > 10 {
			t.Fatal("it is told again and again")
		}
	}
	if told != 1+maxCorrections {
		t.Errorf("told %d times", told)
	}
	d.want("true(none) signaling.Rerouted")
}

// A server that answers no OPTIONS is registered with more often, and the way to it held open by CRLFs.
func TestShyServer(t *testing.T) {
	d := newDesk(t, "udp")
	d.register()
	for len(d.packets) == 0 || !strings.HasPrefix(string(d.packets[0].data), "REGISTER ") {
		d.packets = nil
		d.later(time.Second)
	}
	if after := d.now.Sub(time.Unix(1_700_000_000, 0)); after < keepAliveMin+pongLimit || after > keepAliveMax+pongLimit+time.Second {
		t.Errorf("registered again after %v", after)
	}
	d.answer(d.sent(sip.REGISTER), "200 OK", "Expires: 600")
	d.packets = nil // it may have been sent again meanwhile
	d.want("")
	knocks := 0
	for began := d.now; d.now.Before(began.Add(shyExpires*9/10 - time.Second)); {
		d.later(time.Second)
		for _, p := range d.packets {
			if string(p.data) == crlfs {
				knocks++
			} else if !strings.HasPrefix(string(p.data), "OPTIONS ") { // the one that is given up after 32 s
				t.Fatalf("sent %q", p.data)
			}
		}
		d.packets = nil
	}
	if knocks < 3 {
		t.Errorf("%d keep-alives", knocks)
	}
	d.awake(time.Second)
	d.answer(d.sent(sip.REGISTER), "200 OK", "Expires: 600")
	d.want("")
}

// A server that is gone is noticed within a minute and a half, and told of.
func TestServerGoes(t *testing.T) {
	d := newDesk(t, "udp")
	d.register()
	d.later(keepAliveMax + pongLimit + timerB)
	d.want("false(unreachable)")
}

// A call hears nothing: the server is asked at once, once, and a connection that is dead is replaced at once.
func TestCheck(t *testing.T) {
	d := newDesk(t, "udp")
	d.check("work") // not registered: that is under way
	d.register()
	d.check("nobody")
	d.quiet()
	d.check("work")
	d.check("work")
	d.answer(seen(d.sent(sip.OPTIONS), "198.51.100.9:4"), "200 OK")
	d.answer(seen(d.sent(sip.REGISTER), "198.51.100.9:4"), "200 OK")
	d.want("") // before we did not know where we are seen
	d.check("work")
	d.answer(seen(d.sent(sip.OPTIONS), "198.51.100.9:5"), "200 OK")
	d.answer(seen(d.sent(sip.REGISTER), "198.51.100.9:5"), "200 OK")
	d.want("signaling.Rerouted")

	d = newDesk(t, "tcp")
	d.register()
	d.check("work")
	d.pong(d.server, d.now)
	d.packets = nil
	d.want("")
	d.check("work")
	d.packets = nil
	d.later(checkLimit + lostPauseCall)
	d.want("false(unreachable)")
	d.answer(d.sent(sip.REGISTER), "200 OK")
	d.want("true(none) signaling.Rerouted")
}

// Rerouted is the event of an account.
var _ signaling.Event = signaling.Rerouted{}
