package phone

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sotto/firmware/call"
	"sotto/firmware/phonebook"
	"sotto/firmware/provision"
	"sotto/net/link"
)

// setUp is a set-up file of the owner, from the card or a stick, until it was taken or refused.
type setUp struct {
	file  []byte
	seen  bool           // somebody was told of it
	ready provision.File // read, and shown
	plan  stored         // what settings and set-up become
}

// taken is the last set-up file that was taken: the same is not offered twice, and an older one never.
type taken struct {
	Serial uint64
	Sum    [sha256.Size]byte
}

// readSetUp looks at a set-up file as soon as the memory is open.
func (p *phone) readSetUp() {
	s := &p.setUp
	if s.file == nil || s.seen || p.book == nil {
		return
	}
	s.seen = true
	switch {
	case sha256.Sum256(s.file) == p.own.Taken.Sum: // it stayed on the card
		s.file = nil
	case provision.Sealed(s.file):
		p.handle(call.SetUpSealed{})
	default:
		p.openSetUp("")
	}
}

// openSetUp checks the file, in the background: a code takes a second.
func (p *phone) openSetUp(code string) {
	file := p.setUp.file
	terms := provision.Terms{Policy: p.cfg.Owners, ZID: p.book.ZID(), Newest: p.own.Taken.Serial}
	p.background(func(context.Context) func() {
		f, err := provision.Open(file, code, terms)
		return func() {
			if p.book == nil || !bytes.Equal(file, p.setUp.file) {
				return // locked meanwhile, or another file came
			}
			if err == nil {
				p.setUp.ready = f
				p.setUp.plan, err = p.planned(f)
			}
			if err != nil {
				p.note(Note{Event: "alert", Why: err.Error()})
				p.handle(call.SetUpRefused{Why: refusal(err)})
				return
			}
			p.handle(call.SetUpRead{Signers: f.SignedBy, Changes: changes(f)})
		}
	})
}

// refusal is the reason as the screen knows it.
func refusal(err error) string {
	switch {
	case errors.Is(err, provision.ErrUnsigned):
		return "unsigned"
	case errors.Is(err, provision.ErrCode):
		return "code"
	case errors.Is(err, provision.ErrOlder):
		return "older"
	case errors.Is(err, provision.ErrOther):
		return "other"
	}
	return "format"
}

// changes are what a file brings, for people; passwords are not shown.
func changes(f provision.File) (all []call.Change) {
	add := func(kind call.Label, what []string) {
		if len(what) > 0 {
			all = append(all, call.Change{Kind: kind, What: what})
		}
	}
	var accounts, contacts, settings []string
	for _, a := range f.Accounts {
		conf, _ := provided(a.URI) // it was read before
		account := conf.User + "@" + conf.Server
		if conf.Gateway { // its calls may be heard by the server: who accepts the file must see that
			account += " gateway"
		}
		accounts = append(accounts, account)
	}
	for _, c := range f.Contacts {
		contacts = append(contacts, c.Name+" "+c.Address)
	}
	for _, s := range f.Settings {
		if s.Name == wifiPassword {
			continue
		}
		settings = append(settings, s.Name+" "+s.Value)
	}
	add("accounts", accounts)
	add("contacts", contacts)
	add("settings", settings)
	return all
}

// planned is what the owner's settings become. A file with anything that this telephone does not know is not taken.
func (p *phone) planned(f provision.File) (stored, error) {
	next := p.own
	next.Setup.Accounts = slices.Clone(next.Setup.Accounts)
	for _, a := range f.Accounts {
		conf, ok := provided(a.URI)
		if !ok {
			return next, fmt.Errorf("%w: account %s", provision.ErrFormat, a.Name)
		}
		same := func(b call.Account) bool { return b.User == conf.User && b.Server == conf.Server }
		if i := slices.IndexFunc(next.Setup.Accounts, same); i >= 0 {
			next.Setup.Accounts[i] = conf // where it was: the first one takes plain numbers
		} else {
			next.Setup.Accounts = append(next.Setup.Accounts, conf)
		}
	}
	for _, s := range f.Settings {
		if !adjust(&next, s.Name, s.Value) {
			return next, fmt.Errorf("%w: setting %s", provision.ErrFormat, s.Name)
		}
	}
	next.Taken = taken{f.Serial, sha256.Sum256(p.setUp.file)}
	return next, nil
}

// provided reads "sip:USER:PASSWORD@SERVER;transport=tls", and ";gateway" behind it.
func provided(uri string) (a call.Account, ok bool) {
	uri, a.Gateway = strings.CutSuffix(uri, ";gateway")
	rest, ok := strings.CutPrefix(uri, "sip:")
	at := strings.LastIndexByte(rest, '@')
	if !ok || at < 0 {
		return a, false
	}
	a.User, a.Password, _ = strings.Cut(rest[:at], ":")
	server, transport, given := strings.Cut(rest[at+1:], ";transport=")
	a.Server, a.Transport = server, "tls"
	if given {
		a.Transport = transport
	}
	_, ok = accountOf(a)
	if a.Gateway && a.Transport != "tls" {
		return a, false
	}
	return a, ok && slices.Contains([]string{"tls", "tcp", "udp"}, a.Transport)
}

// wifiPassword is the setting of that.
const wifiPassword = "wifipassword"

// valid tells whether a network can be called so and have that password.
func valid(w call.Wifi) bool { return link.Network{SSID: w.Name, Password: w.Password}.Valid() }

// adjust sets one setting by its name in set-up files.
func adjust(to *stored, name, value string) bool {
	on := map[string]*bool{"silent": &to.Silent, "rising": &to.Rising, "keytones": &to.KeyTones, "large": &to.Large,
		"contrast": &to.Contrast, "hours12": &to.Hours12, "words": &to.Words, "forgetful": &to.Setup.Forgetful}
	if b := on[name]; b != nil {
		*b = value == "on"
		return value == "on" || value == "off"
	}
	number := map[string]*int{"volume": &to.Volume, "lock": &to.LockAfter, "forget": &to.Forget}
	if n := number[name]; n != nil {
		v, err := strconv.Atoi(value)
		*n = v
		return err == nil && v >= 0 && v <= 100
	}
	switch name {
	case "language":
		to.Language = value
		return slices.ContainsFunc(call.Languages[:], func(l struct{ Code, Name string }) bool { return l.Code == value })
	case "zone":
		to.Zone = value
		return slices.Contains(call.Zones[:], value)
	case "voicemail":
		to.Voicemail = value
		return true
	case "route":
		to.Setup.Route = value
		return value == "direct" || value == "relay"
	case "clock":
		to.Setup.Clock = value
		return true
	case "bridge":
		to.Setup.Bridge = value
		return call.ValidBridge(value)
	case "wifi":
		to.Setup.Wifi = call.Wifi{Name: value}
		return valid(to.Setup.Wifi)
	case wifiPassword: // behind the name
		to.Setup.Wifi.Password = value
		return value != "" && valid(to.Setup.Wifi)
	case "stun":
		to.Setup.STUN = value
		return len(serversOf(call.Setup{STUN: value})) == 1
	}
	return false
}

// doSetUp carries out what the person says to a set-up file.
func (p *phone) doSetUp(a call.Action) bool {
	switch a := a.(type) {
	case call.OpenSetUp:
		if p.book != nil && p.setUp.file != nil {
			p.openSetUp(a.Code)
		}
	case call.TakeSetUp:
		p.takeSetUp()
	default:
		return false
	}
	return true
}

// takeSetUp does what the file says. That it was taken is kept last: a cut before it has the file offered again, and then it
// changes nothing that it changed already.
func (p *phone) takeSetUp() {
	f, plan := p.setUp.ready, p.setUp.plan
	if p.book == nil || f.Serial == 0 {
		return
	}
	p.setUp = setUp{}
	p.remember(func(b *phonebook.Book) error {
		for _, c := range f.Contacts {
			if _, err := b.Provision(c.Name, c.Address, c.Speed); err != nil {
				return err
			}
		}
		return nil
	})
	p.own.Taken = plan.Taken
	p.saveSettings(plan.Settings)
	p.saveSetup(plan.Setup)
	p.later(call.SettingsChanged{Settings: plan.Settings})
	p.later(call.SetUpTaken{})
}
