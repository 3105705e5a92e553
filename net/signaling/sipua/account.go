package sipua

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// Account is one account at a registrar. Its String hides the password.
type Account struct {
	Name     string         // by which the phone calls it; unique
	URI      string         // address of record, "sip:alice@example.test", with ";transport=tls" and a port if wanted
	Display  string         // name shown to those who are called; may be empty
	AuthUser string         // user name of the digest; empty: the user of the URI
	Password string         // of the digest
	Realm    string         // the only realm that gets the password; empty: the host of the URI
	Roots    *x509.CertPool // who may sign the server's certificate; nil: the system's
	Pin      [32]byte       // SHA-256 of the server's public key (SubjectPublicKeyInfo); zero: not pinned
	Expires  time.Duration  // of the registration; 0: an hour
	Gateway  bool           // over TLS, calls may be encrypted to the server only (see served); off unless its owner wants it
	Mailbox  bool           // ask the server to tell of the voice mailbox; without it, only what it tells by itself is taken
}

// String hides the password.
func (a Account) String() string { return "sipua.Account{" + a.Name + "}" }

// GoString hides the password.
func (a Account) GoString() string { return a.String() }

// Format hides the password from every verb.
func (a Account) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.String()) }

// ErrAccount tells that an account is not usable as configured.
var ErrAccount = errors.New("sipua: bad account: want sip:user:password@host[:port][;transport=udp|tcp|tls][;mailbox][;gateway]")

// ParseAccount reads an account in one line: sip:user:password@host[:port][;transport=udp|tcp|tls][;mailbox][;gateway].
func ParseAccount(s string) (Account, error) {
	s, gateway := strings.CutSuffix(s, ";gateway")
	s, box := strings.CutSuffix(s, ";mailbox")
	scheme, rest, ok := strings.Cut(s, ":")
	at := strings.LastIndexByte(rest, '@')
	if !ok || at < 0 || scheme != "sip" && scheme != "sips" {
		return Account{}, ErrAccount
	}
	user, password, _ := strings.Cut(rest[:at], ":")
	a := Account{Name: user + rest[at:], URI: scheme + ":" + user + rest[at:], Password: password, Mailbox: box, Gateway: gateway}
	a.Name, _, _ = strings.Cut(a.Name, ";")
	if t, err := parseTarget(a.URI); err != nil || t.uri.User == "" {
		return Account{}, ErrAccount
	}
	return a, nil
}

// Of this implementation.
const (
	defaultExpires = time.Hour
	minExpires     = 60 * time.Second
	maxCorrections = 3 // of our address in a row: a server that sees us elsewhere each time is not followed for ever
	retryMin       = 2 * time.Second
	retryMax       = 5 * time.Minute
)

type accountState uint8

const (
	offline     accountState = iota
	registering              // a REGISTER runs
	registered
	refused // the server does not want us: no more tries until the configuration changes
)

// account is the registration of one Account.
type account struct {
	Account
	target   target
	user     string
	aor      string // without transport and port
	state    accountState
	told     bool            // the phone was told something
	lastTold signaling.Cause // what it was told
	hops     []hop
	hopIndex int
	hop      hop
	callID   string
	localTag string
	seq      uint32
	expires  time.Duration
	auth     *challenge
	bound    string         // the Contact that the registrar has
	tries    int            // challenges answered since the last success
	seenAs   netip.AddrPort // our address as the server sees it
	next     time.Time      // of whatever is next
	renew    time.Time      // of the registration
	retry    time.Duration

	corrections int // of the address, in a row
	alive
	limit limiter
	box   mailbox
}

// setAccounts takes the configuration and starts to register.
func (c *core) setAccounts(list []Account, now time.Time) error {
	c.now = now
	for _, conf := range list {
		t, err := parseTarget(conf.URI)
		if err != nil || t.uri.User == "" || conf.Name == "" || c.accounts[conf.Name] != nil ||
			strings.ContainsAny(conf.AuthUser+conf.Realm, "\"\r\n\\") {
			return ErrAccount
		}
		a := &account{Account: conf, target: t, user: t.uri.User,
			aor: plainURI(&t.uri), callID: token(c.rand), localTag: token(c.rand), expires: conf.Expires,
			retry: retryMin, limit: newLimiter(callRate, callBurst)}
		if a.AuthUser == "" {
			a.AuthUser = a.user
		}
		if a.Realm == "" {
			a.Realm = strings.Trim(t.uri.Host, "[]")
		}
		if a.expires == 0 {
			a.expires = defaultExpires
		}
		c.accounts[conf.Name] = a
		a.start(c)
	}
	return nil
}

// start finds the server and registers.
func (a *account) start(c *core) {
	a.next = time.Time{}
	a.state = registering
	if h, ok := a.target.hop(); ok {
		a.hops = []hop{h}
	}
	if len(a.hops) == 0 {
		c.questions = append(c.questions, question{account: a.Name, target: a.target})
		return
	}
	a.hop = a.hops[a.hopIndex%len(a.hops)]
	a.register(c)
}

func (c *core) accountResolved(name string, hops []hop) {
	a := c.accounts[name]
	if a == nil || a.state != registering {
		return
	}
	if len(hops) == 0 {
		a.failed(c, signaling.Unreachable)
		return
	}
	a.hops = hops
	a.start(c)
}

// register sends a REGISTER. RFC 3261, Section 10.2.
func (a *account) register(c *core) {
	a.send(c, a.expires, func(res *sip.Response, from hop, cause signaling.Cause) { a.answer(c, res, from, cause) })
}

func (a *account) send(c *core, expires time.Duration, done func(*sip.Response, hop, signaling.Cause)) {
	host := sip.Uri{Scheme: a.target.uri.Scheme, Host: a.target.uri.Host}
	req := sip.NewRequest(sip.REGISTER, host)
	a.seq++
	add(req, "Max-Forwards", "70")
	add(req, "From", nameAddr(a.Display, a.aor)+";tag="+a.localTag)
	add(req, "To", nameAddr(a.Display, a.aor))
	add(req, "Call-ID", a.callID)
	add(req, "CSeq", strconv.FormatUint(uint64(a.seq), 10)+" REGISTER")
	contact := c.contact(a, a.hop)
	if a.bound != "" && a.bound != contact { // the connection or our address changed: take the old one away
		add(req, "Contact", a.bound+";expires=0")
	}
	add(req, "Contact", contact)
	add(req, "Expires", seconds(expires))
	if a.auth != nil {
		name, value := a.auth.answer("REGISTER", req.Recipient.String(), a.AuthUser, a.Password, c.rand)
		add(req, name, value)
	}
	req.SetBody(nil)
	c.send(req, a.hop, done)
}

// answer takes the response to a REGISTER.
func (a *account) answer(c *core, res *sip.Response, from hop, cause signaling.Cause) {
	switch {
	case res == nil:
		a.failed(c, cause)
	case res.StatusCode < 200:
	case res.StatusCode < 300:
		a.accepted(c, res, from)
	case res.StatusCode == 401 || res.StatusCode == 407:
		ch := challengeFor(res, a.Realm)
		if ch == nil || a.tries > 0 && !ch.stale || a.tries > 2 { // a second challenge means a wrong password
			a.refuse(c, signaling.NotAuthorized)
			return
		}
		a.tries++
		a.auth = ch
		a.notice(res)
		a.register(c)
	case res.StatusCode == 423:
		least, err := strconv.Atoi(header(res, "Min-Expires"))
		if d := time.Duration(least) * time.Second; err == nil && d > a.expires && d <= 24*time.Hour {
			a.expires = d
			a.register(c)
			return
		}
		a.failed(c, signaling.ServerError)
	case res.StatusCode == 403 || res.StatusCode == 404:
		a.refuse(c, causeOf(res.StatusCode))
	default:
		a.failed(c, causeOf(res.StatusCode))
	}
}

// accepted takes a 200 and plans what is next.
func (a *account) accepted(c *core, res *sip.Response, from hop) {
	if from.flow != 0 {
		a.hop.flow = from.flow
	}
	a.tries = 0
	a.bound = c.contact(a, a.hop)
	lifetime := a.lifetime(c, res)
	if a.notice(res) && a.corrections < maxCorrections {
		a.corrections++
		a.register(c)
		return
	}
	a.corrections = 0
	a.state = registered
	a.retry = retryMin
	a.tell(c, true, signaling.NoCause)
	a.reached(c, lifetime)
	a.watchMailbox(c)
}

// lifetime is how long the server keeps our address. RFC 3261, Section 10.2.4.
func (a *account) lifetime(c *core, res *sip.Response) time.Duration {
	ours := strings.Trim(c.contact(a, a.hop), "<>")
	parse := func(s string) (time.Duration, bool) {
		n, err := strconv.ParseUint(s, 10, 31)
		return min(max(time.Duration(n)*time.Second, minExpires), 24*time.Hour), err == nil
	}
	for _, v := range values(res, "Contact") {
		uri, tail, _ := strings.Cut(v, ">")
		if _, uri, _ = strings.Cut(uri, "<"); uri != ours {
			continue
		}
		for p := range strings.SplitSeq(tail, ";") {
			if k, v, _ := strings.Cut(p, "="); strings.EqualFold(k, "expires") {
				if d, ok := parse(v); ok {
					return d
				}
			}
		}
	}
	if d, ok := parse(header(res, "Expires")); ok {
		return d
	}
	return a.expires
}

// notice takes the address under which the server sees us, and reports whether it is a new one. Calls must come to that
// address: behind a NAT it is the only one that works, and over TCP and TLS it names the connection that exists.
func (a *account) notice(res *sip.Response) bool {
	seen := seenAs(res)
	if !seen.IsValid() || seen == a.seenAs {
		return false
	}
	a.moved = a.moved || a.seenAs.IsValid()
	a.seenAs = seen
	return true
}

// seenAs is where the server saw our request come from. RFC 3581.
func seenAs(res *sip.Response) netip.AddrPort {
	via := res.Via()
	received, _ := via.Params.Get("received")
	rport, _ := via.Params.Get("rport")
	addr, err := netip.ParseAddr(strings.Trim(received, "[]"))
	port, err2 := strconv.ParseUint(rport, 10, 16)
	if err != nil || err2 != nil || port == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port))
}

// failed plans another try, at the next server if there are several.
func (a *account) failed(c *core, cause signaling.Cause) {
	a.state = offline
	a.hopIndex++
	a.hop.flow = 0
	a.alive = alive{moved: a.moved, urgent: a.urgent}
	if len(a.hops) > 0 && a.hopIndex%len(a.hops) == 0 && !a.literal() {
		a.hops = nil // ask the name server again
	}
	a.next = c.now.Add(a.retry)
	a.retry = min(2*a.retry, retryMax)
	a.tell(c, false, cause)
}

func (a *account) literal() bool { _, ok := a.target.hop(); return ok }

// refuse gives up: a server that was shown a wrong password again and again locks the account.
func (a *account) refuse(c *core, cause signaling.Cause) {
	a.state = refused
	a.auth = nil
	a.next = time.Time{}
	a.tell(c, false, cause)
}

func (a *account) tell(c *core, ok bool, cause signaling.Cause) {
	if a.told && cause == a.lastTold {
		return
	}
	a.told, a.lastTold = true, cause
	c.tell(signaling.Registration{Account: a.Name, OK: ok, Cause: cause})
}

func (a *account) ready() bool { return a.state == registered }

func (a *account) tick(c *core) {
	if !due(a.next, c.now) {
		return
	}
	switch {
	case a.state == offline:
		a.start(c)
	case a.state != registered:
		a.next = time.Time{}
	case !a.ping.IsZero():
		a.unanswered(c)
	case due(a.renew, c.now):
		a.next = time.Time{}
		a.register(c)
	default:
		a.knock(c)
	}
}

// leave takes our address away from the registrar.
func (a *account) leave(c *core) {
	if a.state == registered {
		a.send(c, 0, func(*sip.Response, hop, signaling.Cause) {})
	}
	a.state = refused
	a.next, a.box.next = time.Time{}, time.Time{}
}
