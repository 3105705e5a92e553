package sipua

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// What an account has to do with calls.

// through reports whether a message came from the server of the account.
func (a *account) through(from hop) bool {
	if a.state != registered && a.state != registering || from.proto != a.hop.proto {
		return false
	}
	if from.proto.reliable() {
		return from.flow != 0 && from.flow == a.hop.flow || from.proto == tcp && from.addr.Addr() == a.hop.addr.Addr()
	}
	return from.addr == a.hop.addr
}

// accountOf finds the account that a request came through.
func (c *core) accountOf(m message) *account {
	for _, a := range c.accounts {
		if a.through(m.from) && (m.req.Recipient.User == a.user || m.req.To().Address.User == a.user) {
			return a
		}
	}
	return nil
}

// addressBy calls through an account: a number or a name is completed by the account's domain.
func (k *call) addressBy(c *core, a *account, to string) signaling.Cause {
	t, ok := a.complete(to)
	if !ok {
		return signaling.BadAddress
	}
	k.account = a
	k.target = t.uri
	k.remoteURI = "<" + plainURI(&t.uri) + ">"
	k.begin(c, a.hop)
	return signaling.NoCause
}

// complete makes an address of what was dialled.
func (a *account) complete(to string) (target, bool) {
	if !strings.ContainsAny(to, "@:") {
		if to == "" || strings.Trim(to, "0123456789*#+-. abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
			return target{}, false
		}
		to = strings.NewReplacer("#", "%23", " ", "").Replace(to)
		u := sip.Uri{Scheme: a.target.uri.Scheme, User: to, Host: a.target.uri.Host}
		to = u.String()
	}
	t, err := parseTarget(to)
	return t, err == nil
}

// authenticate answers the challenge to an INVITE, once, if it is the account's own server that asks, for the account's
// own realm.
func (k *call) authenticate(c *core, res *sip.Response, from hop) bool {
	name, value, ok := k.credentials(c, res, from, "INVITE")
	if !ok || k.challenged {
		return false
	}
	k.challenged = true
	k.invite(c, name, value)
	return true
}

// credentials are the header that answers a challenge within a call.
func (k *call) credentials(c *core, res *sip.Response, from hop, method string) (name, value string, ok bool) {
	if k.account == nil {
		return "", "", false
	}
	return k.account.credentials(c, res, from, method, k.target.String())
}

// credentials are the header that answers a challenge of the account's own server.
func (a *account) credentials(c *core, res *sip.Response, from hop, method, uri string) (name, value string, ok bool) {
	if !a.through(from) {
		return "", "", false
	}
	ch := challengeFor(res, a.Realm)
	if ch == nil {
		return "", "", false
	}
	name, value = ch.answer(method, uri, a.AuthUser, a.Password, c.rand)
	return name, value, true
}
