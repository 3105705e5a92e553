//go:build interop

package hostile

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// side is one of the two handsets.
type side int

const (
	alice side = iota
	bob
)

func (s side) other() side { return 1 - s }

func (s side) String() string { return [...]string{"alice", "bob"}[s] }

// meddler is the hand of the attacker in what goes from one side to the other; false keeps it back.
type meddler func(p *proxy, from side, m *message) bool

// proxy is the registrar of both and the only way from one to the other. It keeps no transactions: what is repeated is passed
// on again. At a second address sits a stranger, whom nobody has an account with.
type proxy struct {
	addr, strangers netip.AddrPort
	ends            [2]netip.AddrPort
	conn, stranger  *net.UDPConn

	mu       sync.Mutex
	meddle   meddler
	touched  int                         // messages that were changed or kept back
	strange  func(from side, m *message) // what the stranger does with a request
	heard    []heard                     // everything that the handsets said
	contacts [2]string                   // where requests to them go
	dialog   dialog                      // the newest
	asked    map[string]*question        // by branch
	ours     map[string]bool             // branches of requests that were answered here
	count    int                         // of branches
}

// heard is a message of a handset, as it came.
type heard struct {
	from     side
	stranger bool // who got it
	*message
}

// dialog is what the proxy knows of the call.
type dialog struct {
	id      string
	caller  side
	party   [2]string // From or To, without the tag
	tag     [2]string
	said    [2]string      // the newest description of each, as the other was told it
	numbers [2]map[int]int // CSeq of each, and as which it was passed on: what we put in between has numbers too
	top     [2]int         // the highest that went to each
	answer  *message       // of the called, as the caller got it
}

// question is a request of ours and its answers.
type question struct {
	*message
	conn  *net.UDPConn
	to    side
	late  string // description in the ACK
	done  chan int
	all   *[]int  // of a flood: every final status
	reads *string // the description of the answer
}

// open starts the proxy.
func open(t *testing.T, addr, stranger netip.Addr, ends [2]netip.AddrPort) *proxy {
	t.Helper()
	p := &proxy{addr: netip.AddrPortFrom(addr, sipPort), strangers: netip.AddrPortFrom(stranger, sipPort), ends: ends,
		asked: map[string]*question{}, ours: map[string]bool{}}
	p.conn, p.stranger = listen(t, p.addr), listen(t, p.strangers)
	go p.serve(p.conn)
	go p.serve(p.stranger)
	return p
}

func listen(t *testing.T, at netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (p *proxy) serve(c *net.UDPConn) {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m, ok := read(string(buf[:n]))
		at := slices.Index(p.ends[:], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		if !ok || at < 0 {
			continue
		}
		p.mu.Lock()
		p.take(c, side(at), m)
		p.mu.Unlock()
	}
}

// take looks what a message is.
func (p *proxy) take(c *net.UDPConn, from side, m *message) {
	p.heard = append(p.heard, heard{from, c == p.stranger, m.copy()})
	_, method := m.cseq()
	switch {
	case !m.request() && p.asked[m.branch()] != nil:
		p.answered(p.asked[m.branch()], m)
	case c == p.stranger:
		if p.strange != nil && m.request() {
			p.strange(from, m)
		}
	case method == "REGISTER":
		p.register(from, m)
	case method == "ACK" && p.ours[m.branch()]:
	default:
		p.pass(from, m)
	}
}

// register wants the password, whatever it is.
func (p *proxy) register(from side, m *message) {
	if m.get("Authorization") == "" {
		p.reply(p.conn, from, m, "401 Unauthorized", header{"WWW-Authenticate", challenge(p.addr.Addr().String())})
		return
	}
	p.contacts[from] = uri(m.get("Contact"))
	p.reply(p.conn, from, m, "200 OK", header{"Contact", m.get("Contact")}, header{"Expires", "3600"})
}

func challenge(realm string) string {
	return `Digest realm="` + realm + `", nonce="4f6e6c79206f6e6365", algorithm=MD5, qop="auth"`
}

// pass sends a message on, after the attacker has had it in his hands.
func (p *proxy) pass(from side, m *message) {
	if p.meddle != nil {
		before := m.String()
		keep := p.meddle(p, from, m)
		if !keep || m.String() != before {
			p.touched++
		}
		if !keep {
			return
		}
	}
	p.learn(from, m)
	n, method := m.cseq()
	if m.request() {
		m.push("Via", p.via(p.addr, strings.TrimPrefix(m.branch(), cookie)))
		m.start = method + " " + p.contacts[from.other()] + " SIP/2.0"
		n = p.dialog.number(from, n)
	} else {
		m.pop("Via")
		n = p.dialog.numberOf(from.other(), n)
	}
	m.set("CSeq", fmt.Sprint(n, " ", method))
	if m.is("INVITE", 200) && p.dialog.answer == nil {
		p.dialog.answer = m.copy()
	}
	p.send(p.conn, from.other(), m.String())
}

const cookie = "z9hG4bK" // RFC 3261, Section 8.1.1.7

func (p *proxy) via(at netip.AddrPort, branch string) string {
	return "SIP/2.0/UDP " + at.String() + ";branch=" + cookie + branch
}

func (p *proxy) send(c *net.UDPConn, to side, text string) {
	c.WriteToUDPAddrPort([]byte(text), p.ends[to])
}

// learn follows the call.
func (p *proxy) learn(from side, m *message) {
	d, tag := &p.dialog, parameter(m.get("To"), "tag")
	if m.request() && m.is("INVITE", 0) && tag == "" && d.id != m.get("Call-ID") {
		*d = dialog{id: m.get("Call-ID"), caller: from, numbers: [2]map[int]int{{}, {}}}
		d.party[from], d.party[from.other()] = withoutTag(m.get("From")), withoutTag(m.get("To"))
		d.tag[from] = parameter(m.get("From"), "tag")
	}
	_, method := m.cseq()
	if m.get("Call-ID") != d.id || method != "INVITE" || m.code() != 0 && m.code() != 200 {
		return
	}
	if m.code() == 200 && from != d.caller && d.tag[from] == "" {
		d.tag[from] = tag
	}
	if c := uri(m.get("Contact")); c != "" {
		p.contacts[from] = c
	}
	if m.body != "" {
		d.said[from] = m.body
	}
}

// number is the CSeq under which a request is passed on.
func (d *dialog) number(from side, n int) int {
	if d.numbers[from] == nil {
		return n
	}
	as, known := d.numbers[from][n]
	if !known {
		as = max(n, d.top[from.other()]+1)
		d.numbers[from][n], d.top[from.other()] = as, as
	}
	return as
}

// numberOf is the CSeq that a request of a side had, whose answer has n.
func (d *dialog) numberOf(from side, n int) int {
	for was, as := range d.numbers[from] {
		if as == n {
			return was
		}
	}
	return n
}

// reply answers a request here.
func (p *proxy) reply(c *net.UDPConn, to side, m *message, status string, more ...header) {
	p.ours[m.branch()] = true
	r := &message{start: "SIP/2.0 " + status}
	for _, h := range m.head {
		switch h.name {
		case "Via", "From", "Call-ID", "CSeq":
			r.head = append(r.head, h)
		case "To":
			r.head = append(r.head, header{"To", withoutTag(h.value) + ";tag=hostile"})
		}
	}
	r.head = append(r.head, more...)
	p.send(c, to, r.String())
}

// request makes one of the dialog, in the name of the other side.
func (p *proxy) request(c *net.UDPConn, to side, method, body string) *question {
	d, at := &p.dialog, p.addr
	if c == p.stranger {
		at = p.strangers
	}
	p.count++
	d.top[to]++
	m := &message{start: method + " " + p.contacts[to] + " SIP/2.0", body: body, head: []header{
		{"Via", p.via(at, fmt.Sprint("hostile", p.count))}, {"Max-Forwards", "70"},
		{"From", d.party[to.other()] + ";tag=" + d.tag[to.other()]}, {"To", d.party[to] + ";tag=" + d.tag[to]},
		{"Call-ID", d.id}, {"CSeq", fmt.Sprint(d.top[to], " ", method)}, {"Contact", "<" + p.contacts[to.other()] + ">"}}}
	if body != "" {
		m.head = append(m.head, header{"Content-Type", "application/sdp"})
	}
	q := &question{message: m, conn: c, to: to, done: make(chan int, 1)}
	p.asked[m.branch()] = q
	return q
}

// answered takes the answer to a request of ours.
func (p *proxy) answered(q *question, m *message) {
	code := m.code()
	if code < 200 {
		return
	}
	if n, method := m.cseq(); method == "INVITE" {
		ack := q.copy()
		ack.start, ack.body, ack.claim = strings.Replace(q.start, "INVITE", "ACK", 1), q.late, ""
		ack.set("CSeq", fmt.Sprint(n, " ACK"))
		ack.set("To", m.get("To"))
		if code < 300 {
			p.count++
			ack.set("Via", p.via(p.addr, fmt.Sprint("hostile", p.count)))
		}
		p.send(q.conn, q.to, ack.String())
	}
	if q.reads != nil {
		*q.reads = m.body
	}
	if q.all != nil {
		*q.all = append(*q.all, code)
	}
	select {
	case q.done <- code:
	default:
	}
}

// ask puts a request into the dialog and returns its final status, 0 when there is none. It is repeated as RFC 3261 has it:
// the other side takes only so many messages a second.
func (p *proxy) ask(to side, method, body string, spoil ...func(*question)) int {
	return p.askFrom(p.conn, to, method, body, spoil...)
}

func (p *proxy) askFrom(c *net.UDPConn, to side, method, body string, spoil ...func(*question)) int {
	p.mu.Lock()
	q := p.request(c, to, method, body)
	for _, f := range spoil {
		f(q)
	}
	text := q.String()
	p.mu.Unlock()
	for range 20 {
		p.mu.Lock()
		p.send(c, to, text)
		p.mu.Unlock()
		select {
		case code := <-q.done:
			return code
		case <-time.After(500 * time.Millisecond):
		}
	}
	return 0
}

// flood sends n requests to a side, at so many a second, and returns the final answers that have come, and how long it took.
func (p *proxy) flood(to side, n, rate int, body string) ([]int, time.Duration) {
	var all []int
	began := time.Now()
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for range n {
		<-tick.C
		p.mu.Lock()
		q := p.request(p.conn, to, "INVITE", body)
		q.all = &all
		p.send(p.conn, to, q.String())
		p.mu.Unlock()
	}
	p.ask(to, "OPTIONS", "") // what was sent before has been taken or lost
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(all), time.Since(began)
}

// locked lets f use what the proxy's own goroutines use.
func (p *proxy) locked(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// attack lets the attacker begin, or rest.
func (p *proxy) attack(m meddler) { p.locked(func() { p.meddle, p.touched = m, 0 }) }

// changed is how many messages the attacker has changed or kept back.
func (p *proxy) changed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.touched
}

// told is what a side was told of the other's media.
func (p *proxy) told(to side) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dialog.said[to.other()]
}

// messages are those of the handsets that pass.
func (p *proxy) messages(want func(heard) bool) (all []heard) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.heard {
		if want(h) {
			all = append(all, h)
		}
	}
	return all
}
