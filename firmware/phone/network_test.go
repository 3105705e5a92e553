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
	calls chan string
}

func newRegistrar(t *testing.T) *registrar {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	r := &registrar{c, make(chan string, 8)}
	go r.serve()
	return r
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
				r.calls <- to + " by " + whose.FindStringSubmatch(head)[1]
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

func (r *registrar) host() string { return r.LocalAddr().String() }

// TestANumberGoesThroughTheChosenAccount dials by keys: through the first account, through another one at the same server, through
// one at another server, and again from the log after the telephone was switched off and on.
func TestANumberGoesThroughTheChosenAccount(t *testing.T) {
	home, work := newRegistrar(t), newRegistrar(t)
	state := t.TempDir()
	account := func(user, server string) call.Account {
		return call.Account{Server: server, User: user, Password: "x", Transport: "udp"}
	}
	p := still(t, Config{State: state})
	p.saveSetup(call.Setup{Accounts: []call.Account{account("anna", home.host()), account("bert", home.host()), account("carl", work.host())}})
	p.stop()
	try := func(t *testing.T, do func(press func(keys string), at func(r *registrar, want string))) {
		d := runIn(t, state, Config{Listen: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), freePort(t).Port())})
		for range 3 {
			d.await(t, "registered")
		}
		press := func(keys string) {
			for name := range strings.FieldsSeq(keys) {
				k, ok := hal.ParseKey(name)
				if !ok {
					t.Fatalf("%q is no key", name)
				}
				d.keys.Press(k)
			}
		}
		do(press, func(r *registrar, want string) {
			t.Helper()
			d.wait(t, "Busy")
			if got := strings.ReplaceAll(<-r.calls, r.host(), "SERVER"); got != want {
				t.Errorf("called %s, want %s", got, want)
			}
			press("end")
		})
	}
	t.Run("dialled", func(t *testing.T) {
		try(t, func(press func(string), at func(*registrar, string)) {
			press("6 0 0 call")
			at(home, "sip:600@127.0.0.1 by anna") // the account itself names no port
			press("6 0 # right right call")
			at(work, "sip:60%23@SERVER by carl")
			press("6 0 1 right call")
			at(home, "sip:601@SERVER by bert")
		})
	})
	t.Run("from the log", func(t *testing.T) {
		try(t, func(press func(string), at func(*registrar, string)) {
			press("call call") // the newest
			at(home, "sip:601@SERVER by bert")
		})
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
