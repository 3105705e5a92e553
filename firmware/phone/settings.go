package phone

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the device has no zone files

	"sotto/firmware/call"
	"sotto/firmware/phonebook"
	"sotto/net/nat"
	"sotto/net/signaling/sipua"
)

// stored is what the book keeps for the phone.
type stored struct {
	call.Settings
	Setup call.Setup
	Taken taken // the last set-up file
}

// load reads what the book keeps; the defaults before there is anything.
func (p *phone) load() (found bool) {
	p.own = stored{Settings: call.DefaultSettings()}
	if p.book != nil {
		if b := p.book.Settings(); b != nil {
			found = json.Unmarshal(b, &p.own) == nil
		}
	}
	p.heed()
	return found
}

// heed does what settings ask of the phone itself.
func (p *phone) heed() {
	zone, err := time.LoadLocation(p.own.Zone)
	if err != nil {
		zone = time.UTC
	}
	p.zone = zone
	p.forgetCalls()
}

// now is the time in the owner's zone.
func (p *phone) now() time.Time {
	if p.zone == nil {
		return time.Now()
	}
	return time.Now().In(p.zone)
}

// forgetCalls drops what is older than the owner wants it to be.
func (p *phone) forgetCalls() {
	if days := p.own.Forget; days > 0 {
		before := time.Now().AddDate(0, 0, -days)
		p.remember(func(b *phonebook.Book) error { return b.ForgetCalls(before) })
	}
}

// saveSettings keeps the settings and heeds them.
func (p *phone) saveSettings(s call.Settings) {
	p.own.Settings = s
	p.store()
	p.heed()
}

// saveSetup keeps how others are reached, and reaches them so from now on.
func (p *phone) saveSetup(s call.Setup) {
	before := p.own.Setup
	p.own.Setup = s
	p.store()
	p.reach()
	p.later(call.SetupChanged{Setup: s, Able: p.able()})                         // a relay opens a route
	s.Accounts, s.Relay, s.Bridge, s.Wifi = nil, call.Account{}, "", call.Wifi{} // passwords are not the link's to know
	if set := p.cfg.Link.Set; set != nil && !sameLink(before, s) {
		p.background(func(context.Context) func() {
			err := set(s)
			return func() {
				if err != nil {
					p.note(Note{Event: "alert", Why: err.Error()})
				}
			}
		})
	}
}

func sameLink(a, b call.Setup) bool {
	return a.Static == b.Static && a.Address == b.Address && a.Router == b.Router && a.DNS == b.DNS
}

func (p *phone) store() {
	text, err := json.Marshal(p.own)
	p.remember(func(b *phonebook.Book) error {
		if err != nil {
			return err
		}
		return b.SetSettings(text)
	})
}

// reach takes the owner's accounts and route beside those of the configuration. The line is opened anew when no call is
// in its way.
func (p *phone) reach() {
	accounts := slices.Clone(p.given.accounts)
	for _, a := range p.own.Setup.Accounts {
		if conf, ok := accountOf(a); ok && !slices.ContainsFunc(accounts, func(b sipua.Account) bool { return b.Name == conf.Name }) {
			accounts = append(accounts, conf)
		}
	}
	same := func(a, b sipua.Account) bool {
		return a.Name == b.Name && a.URI == b.URI && a.Password == b.Password && a.Pin == b.Pin && a.Gateway == b.Gateway
	}
	closed := (p.given.closed || p.own.Setup.AccountsOnly) && len(accounts) > 0 // without an account nobody at all would be heard
	p.stale = p.stale || closed != p.cfg.Closed || !slices.EqualFunc(p.cfg.Accounts, accounts, same)
	p.cfg.Accounts, p.cfg.Closed = accounts, closed
	p.cfg.Reach.Servers = append(slices.Clone(p.given.servers), serversOf(p.own.Setup)...)
	p.join()
	p.cfg.Reach.RelayOnly = p.given.relayOnly || p.own.Setup.Route == "relay"
}

// accountOf is an account as the line wants it; false: it cannot be used.
func accountOf(a call.Account) (conf sipua.Account, ok bool) {
	conf, err := sipua.ParseAccount("sip:" + a.User + "@" + a.Server + ";transport=" + a.Transport)
	if err != nil {
		return conf, false
	}
	conf.Password, conf.Gateway = a.Password, a.Gateway
	if a.Pin != "" {
		pin, err := hex.DecodeString(a.Pin)
		if err != nil || len(pin) != len(conf.Pin) {
			return conf, false // never an account without the check that its owner asked for
		}
		conf.Pin = [sha256.Size]byte(pin)
	}
	return conf, true
}

// Ports of servers that the owner did not name (RFC 8489, Section 18.6).
const (
	stunPort    = "3478"
	stunTLSPort = "5349"
)

// serversOf are the owner's STUN and TURN servers. One that cannot be read is none.
func serversOf(s call.Setup) (servers []nat.Server) {
	with := func(server, port string) string {
		if _, _, err := net.SplitHostPort(server); err != nil {
			return net.JoinHostPort(strings.Trim(server, "[]"), port)
		}
		return server
	}
	if s.STUN != "" {
		if server, err := nat.ParseSTUN(with(s.STUN, stunPort)); err == nil {
			servers = append(servers, server)
		}
	}
	if r := s.Relay; r.Server != "" {
		port := stunPort
		if r.Transport == "tls" {
			port = stunTLSPort
		}
		if server, err := nat.ParseSTUN(with(r.Server, port)); err == nil {
			server.Relay, server.Transport, server.User, server.Password = true, r.Transport, r.User, r.Password
			servers = append(servers, server)
		}
	}
	return servers
}

// able is what of the setup can be changed here.
func (p *phone) able() call.Able {
	a := call.Able{Link: p.cfg.Link.Set != nil, Wifi: p.radio.air.Radio && p.cfg.Link.Join != nil, Routes: []string{"direct"}}
	a.Clock = p.cfg.SetClock != nil
	a.Tor = p.cfg.Onion != nil
	if slices.ContainsFunc(p.cfg.Reach.Servers, func(s nat.Server) bool { return s.Relay }) {
		a.Routes = append(a.Routes, "relay")
	}
	return a
}

// renewLine opens the line anew when its accounts have changed and nobody is on it.
func (p *phone) renewLine() {
	if !p.stale || p.current != 0 || p.voice != nil || p.other != (talk{}) {
		return
	}
	p.stale = false
	clear(p.accounts)
	p.refused = ""
	if p.line != nil {
		at := p.line.Addr()
		p.closeLine()
		if err := p.openLine(at); err != nil {
			p.note(Note{Event: "alert", Why: err.Error()})
		}
	}
	p.tellNetwork()
}

// measure finds out what is running, in the background: the program reads itself.
func (p *phone) measure() {
	r := p.cfg.Running
	r.Notes = append(slices.Clone(r.Notes), p.cfg.Notices...)
	if len(p.cfg.Notices) > 0 {
		r.Trouble = p.cfg.Notices[0]
	}
	p.running = r
	p.tellRunning()
	p.background(func(context.Context) func() {
		if r.Version == "" {
			r.Version = version()
		}
		if r.Image == "" && p.cfg.About == nil {
			r.Image = selfHash()
		}
		return func() {
			p.running.Version, p.running.Image = r.Version, cmp.Or(p.running.Image, r.Image)
			p.tellRunning()
		}
	})
	if p.cfg.About != nil {
		go p.lookAtSystem()
	}
}

// tellRunning shows what is running, Tor included.
func (p *phone) tellRunning() {
	r := p.running
	r.Notes = append(slices.Clone(r.Notes), p.torNotes()...)
	p.handle(call.RunningChanged{Running: r})
}

// version is what the builder wrote into the program.
func version() string {
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return b.Main.Version
}

// selfHash is the SHA-256 of this very program; empty when it cannot be read.
func selfHash() string {
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// statsEvery is how often the figures of a call are renewed.
const statsEvery = time.Second

// tellStats gives the figures of the current call to the machine.
func (p *phone) tellStats() {
	c := p.talking()
	if c == nil || !p.voice.secure || time.Since(p.told) < statsEvery {
		return
	}
	p.told = time.Now()
	s := c.Stats()
	p.handle(call.Stats{Lost: s.LossPercent / 100, Delay: s.Playout.Delay, Jitter: s.Jitter, RTT: s.RTT, Bitrate: s.Bitrate,
		Codec: "Opus", Route: p.voice.route()})
	p.noteDelay(p.voice, s)
}

// routeOf is how calls with somebody at an address go; empty: as usual.
func (p *phone) routeOf(address string) string {
	if p.book == nil {
		return ""
	}
	id := p.book.ContactAt(address)
	for _, c := range p.book.Contacts() {
		if c.ID == id {
			return c.Route
		}
	}
	return ""
}

// route is how the media goes.
func (v *voice) route() string {
	if v.over != nil && v.over.bundle != nil {
		return torAll
	}
	if v.agent != nil {
		if w, ok := v.agent.Way(); ok && w.Relayed {
			return "relay"
		}
	} else if v.over != nil {
		return torAll
	}
	return "direct"
}
