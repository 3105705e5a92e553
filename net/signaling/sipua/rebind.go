package sipua

import (
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// Of this implementation.
const (
	registerWait = 50 * time.Millisecond  // between two looks whether an account is registered again
	againMin     = 500 * time.Millisecond // before the second try: a new network may not be ready at once
)

// Rebind takes the line to another address, or tells that the network was away and has come back with the same. Connections
// are made anew and accounts are registered again. Calls that are up stay: from a new address each needs an Update, which is
// sent when its account is registered, and by which the peer learns where we are. Calls that were only beginning end with
// NoNetwork if the address is another. After an error nothing has changed. Errors: *ListenError.
func (u *UA) Rebind(listenAt netip.AddrPort) (err error) {
	u.ask(func() { err = u.rebind(listenAt) })
	return err
}

func (u *UA) rebind(at netip.AddrPort) error {
	changed := at != u.net.local
	if !changed {
		for _, c := range u.net.conns {
			u.net.drop(c)
		}
		clear(u.net.byAddr) // of those that are being made, too
		u.core.rebound(changed, time.Now())
		return nil
	}
	t, err := listen(at, !u.config.AccountsOnly)
	if err != nil {
		return err
	}
	old := u.net
	t.last = old.last // a connection is never taken for one of before
	u.use(t)
	old.release()
	go old.finish()
	u.core.rebound(changed, time.Now())
	return nil
}

// rebound goes on over other sockets; changed: with another address.
func (c *core) rebound(changed bool, now time.Time) {
	c.now = now
	for key, t := range c.clients {
		if t.req.Method == sip.REGISTER || t.req.Method == sip.SUBSCRIBE || t.req.Method == sip.OPTIONS { // they name an address that may be gone
			delete(c.clients, key)
		}
	}
	for _, k := range c.calls {
		k.hop.flow = 0
		switch {
		case k.state == up && k.change.busy: // its Contact may be the old address, and its answer is lost
			delete(c.clients, clientKey(k.client.branch, k.client.req.Method))
			k.change.busy = false
			if k.change.want == nil {
				k.change.want = &k.change.sent
			}
			if !changed { // else there will be an Update
				k.change.at = c.now
			}
		case !changed:
		case k.state == dialing:
			k.giveUp(c)
			k.end(c, signaling.NoNetwork)
		case k.state == offered || k.state == accepted:
			k.server.respond(c, 480, "Temporarily Unavailable", nil)
			k.end(c, signaling.NoNetwork)
		}
	}
	for _, a := range c.accounts {
		a.again(c, changed)
	}
}

// again registers anew, unless the server does not want us.
func (a *account) again(c *core, changed bool) {
	if a.state == refused {
		return
	}
	a.hop.flow, a.alive, a.renew = 0, alive{}, time.Time{}
	a.tries, a.retry, a.told = 0, againMin, false
	a.box.running = false
	if changed {
		a.seenAs = netip.AddrPort{}
	}
	a.start(c)
}

// unregistered reports that an account is about to tell its server where we are now: before that no Contact of ours would
// be right.
func (k *call) unregistered() bool {
	a := k.account
	return a != nil && !a.seenAs.IsValid() && (a.state == registering || a.state == offline)
}
