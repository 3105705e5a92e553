package phone

import (
	"slices"
	"strings"

	"sotto/firmware/call"
	"sotto/firmware/media"
	"sotto/firmware/phonebook"
	"sotto/net/protect"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
)

// Calls with keys that the server has, through an account whose owner has allowed it. The line sees to the connection, the media
// tries ZRTP first, the machine shows what it is; here it is decided with whom.

// served is what one call has to do with such keys.
type served struct {
	account string        // that the call goes through; empty: none
	keys    *protect.Keys // nil: none may be used, or they are in use
	cipher  string        // of keys
	up      bool          // the call goes on with them
}

// mayServe tells whether a call with an address through an account may end so: never with somebody whose telephone we know, nor
// with somebody for whom a number was agreed.
func (p *phone) mayServe(address, account string) bool {
	return account != "" && p.reachesGateways(account) && !p.knows(address, account) && p.auxSecret(address) == nil
}

func (p *phone) reachesGateways(account string) bool {
	return slices.ContainsFunc(p.cfg.Accounts, func(a sipua.Account) bool { return a.Name == account && a.Gateway })
}

// knows tells whether we have, or had, a telephone at an address: its contact has a device or a way over Tor, or a call with it had
// keys of the two ends. While the memory is closed nobody can tell, so it is so. Through an account a number and the same number
// at a server are one.
func (p *phone) knows(address, account string) bool {
	if p.book == nil {
		return true
	}
	same := func(other string) bool {
		return phonebook.SameAddress(other, address) || account != "" && userOf(other) != "" && userOf(other) == userOf(address) &&
			(!strings.Contains(other, "@") || !strings.Contains(address, "@"))
	}
	id := p.book.ContactAt(address)
	return slices.ContainsFunc(p.book.Contacts(), func(c phonebook.Contact) bool {
		return (id != "" && c.ID == id || same(c.Address)) && (c.Device != "" || c.Onion != phonebook.Onion{})
	}) || slices.ContainsFunc(p.book.Calls(), func(c phonebook.Call) bool {
		t := call.Trust(c.Trust)
		return same(c.Address) && t != call.Unknown && t != call.ServerOnly
	})
}

// userOf is the part of an address before the server, or all of a number.
func userOf(address string) string {
	address = strings.TrimPrefix(strings.TrimPrefix(address, "sips:"), "sip:")
	user, _, _ := strings.Cut(address, "@")
	return strings.ToLower(user)
}

// keepServer keeps the server's keys for a peer that has announced no ZRTP, until it answers in ZRTP.
func (v *voice) keepServer(k *protect.Keys) {
	v.served.keys.Wipe()
	v.served.keys = k
	if helloHash(v.remote) != nil {
		v.forgetServer()
	}
}

// forgetServer makes sure that the server's keys are never used.
func (v *voice) forgetServer() {
	v.served.keys.Wipe()
	v.served.keys = nil
}

// fallback is what the media takes where nobody answers in ZRTP; nil: nothing.
func (v *voice) fallback() (*media.Server, error) {
	if v.served.keys == nil {
		return nil, nil
	}
	v.served.cipher = v.served.keys.Profile.String()
	defer v.forgetServer()
	speech, err := protect.New(*v.served.keys)
	if err != nil {
		return nil, err
	}
	reports, err := protect.New(*v.served.keys)
	if err != nil {
		return nil, err
	}
	return &media.Server{Voice: speech, Reports: reports}, nil
}

// servedCall passes on that the call is encrypted to the server only.
func (p *phone) servedCall(v *voice) {
	v.served.up = true
	p.note(Note{Event: "server-only", Call: v.number, Cipher: v.served.cipher})
	p.tell(v, call.EncryptedToServer{Cipher: v.served.cipher})
}

// answerOn answers the call that rings, and allows the server's keys where they may be.
func (p *phone) answerOn(in *signaling.Incoming, d signaling.Description) {
	line := p.on(p.current)
	if !sipua.IsOnion(in.Call) && p.mayServe(in.From.URI, in.Account) {
		line.AnswerServerOnly(p.current, d)
		return
	}
	line.Answer(p.current, d)
}

// nobodyInZRTP ends a call: nobody has answered in ZRTP, and there are no other keys. Where nothing but the account's connection was
// in the way of them, the reason is that.
func (p *phone) nobodyInZRTP(v *voice) {
	p.note(Note{Event: "alert", Why: "peer cannot encrypt"})
	if v.served.account != "" && p.mayServe(v.address, v.served.account) && !p.overTLS(v.served.account) {
		p.tell(v, call.MediaFailed{Cause: call.NeedsTLS})
		return
	}
	p.tell(v, call.PeerCannotEncrypt{})
}
