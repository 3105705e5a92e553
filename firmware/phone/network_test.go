package phone

import (
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"sotto/firmware/call"
	"sotto/hal"
	"sotto/net/signaling"
)

// registrar is a server that takes everybody, and where everybody is busy. It tells whom each call was for, and whose it was.
type registrar struct {
	net.PacketConn
	name  string
	calls chan<- string
}

// newRegistrar gives the server's address.
func newRegistrar(t *testing.T, name string, calls chan<- string) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go (&registrar{c, name, calls}).serve()
	return c.LocalAddr().String()
}

func (r *registrar) serve() {
	whose := regexp.MustCompile(`(?m)^From: [^\r\n]*sip:(\w+)@`)
	seen := map[string]bool{}
	for b := make([]byte, 8192); ; {
		n, from, err := r.ReadFrom(b)
		if err != nil {
			return
		}
		head, _, _ := strings.Cut(string(b[:n]), "\r\n\r\n")
		lines := strings.Split(head, "\r\n")
		method, rest, _ := strings.Cut(lines[0], " ")
		answer := []string{"SIP/2.0 200 OK"}
		switch method {
		case "ACK":
			continue
		case "INVITE":
			answer[0] = "SIP/2.0 486 Busy Here"
			to, _, _ := strings.Cut(rest, " ")
			if !seen[head] { // not a repetition
				seen[head] = true
				r.calls <- r.name + ": " + strings.ReplaceAll(to, r.LocalAddr().String(), "SERVER") + " by " + whose.FindStringSubmatch(head)[1]
			}
		}
		for _, l := range lines[1:] {
			name, _, _ := strings.Cut(l, ":")
			switch name {
			case "Via", "From", "Call-ID", "CSeq", "Contact":
				answer = append(answer, l)
			case "To":
				answer = append(answer, l+";tag=1")
			}
		}
		r.WriteTo([]byte(strings.Join(append(answer, "Expires: 600", "Content-Length: 0", "", ""), "\r\n")), from)
	}
}

// TestANumberGoesThroughTheChosenAccount dials by keys: through the first account, through another one at the same server, through
// one at another server, and again from the log after the telephone was switched off and on.
func TestANumberGoesThroughTheChosenAccount(t *testing.T) {
	calls := make(chan string, 8)
	home, work := newRegistrar(t, "home", calls), newRegistrar(t, "work", calls)
	state := t.TempDir()
	account := func(user, server string) call.Account {
		return call.Account{Server: server, User: user, Password: "x", Transport: "udp"}
	}
	p := still(t, Config{State: state})
	p.saveSetup(call.Setup{Accounts: []call.Account{account("anna", home), account("bert", home), account("carl", work)}})
	p.stop()
	// on switches the telephone on and presses keys, each time until somebody is busy.
	on := func(t *testing.T, steps ...[2]string) {
		d := runIn(t, state, Config{Listen: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), freePort(t).Port())})
		for range 3 {
			d.await(t, "registered")
		}
		for _, step := range steps {
			for name := range strings.FieldsSeq(step[0]) {
				k, ok := hal.ParseKey(name)
				if !ok {
					t.Fatalf("%q is no key", name)
				}
				d.keys.Press(k)
			}
			d.wait(t, "Busy")
			if got := <-calls; got != step[1] {
				t.Errorf("%s: called %s, want %s", step[0], got, step[1])
			}
			d.keys.Press(hal.KeyEnd)
		}
	}
	t.Run("dialled", func(t *testing.T) {
		on(t, [2]string{"6 0 0 call", "home: sip:600@127.0.0.1 by anna"}, // what an account itself completes has no port
			[2]string{"6 0 # right right call", "work: sip:60%23@SERVER by carl"},
			[2]string{"6 0 1 right call", "home: sip:601@SERVER by bert"})
	})
	t.Run("from the log", func(t *testing.T) {
		on(t, [2]string{"call call", "home: sip:601@SERVER by bert"}) // the newest
	})
}

// TestWhichAccountsAreMissing: one that is registered does not speak for the others.
func TestWhichAccountsAreMissing(t *testing.T) {
	p := still(t, Config{State: t.TempDir()})
	defer p.stop()
	p.saveSetup(call.Setup{Accounts: []call.Account{{Server: "one.test", User: "anna", Transport: "udp"}, {Server: "two.test", User: "bert", Transport: "udp"}}})
	p.registration(signaling.Registration{Account: "anna@one.test", OK: true})
	n := p.machine.Snapshot().Network
	if !n.Registered || len(n.Missing) != 1 || n.Missing[0] != "bert@two.test" {
		t.Errorf("%+v", n)
	}
}

// TestTheOwnersFirstAccountTakesTheNumbers: beside accounts of the configuration, what the screen says is what happens.
func TestTheOwnersFirstAccountTakesTheNumbers(t *testing.T) {
	p := still(t, Config{State: t.TempDir()})
	defer p.stop()
	one, two := call.Account{Server: "one.test", User: "anna", Transport: "udp"}, call.Account{Server: "two.test", User: "bert", Transport: "udp"}
	given, _ := accountOf(call.Account{Server: "given.test", User: "gus", Transport: "udp"})
	p.given.accounts = append(p.given.accounts, given)
	for want, all := range map[string][]call.Account{"gus@given.test": nil, "anna@one.test": {one, two}, "bert@two.test": {two, one}} {
		p.saveSetup(call.Setup{Accounts: all})
		if got := p.accountFor("600"); got != want {
			t.Errorf("through %s, want %s", got, want)
		}
	}
}
