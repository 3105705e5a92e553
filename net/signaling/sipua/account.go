package sipua

import (
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"
	"sotto/net/signaling"
)

type account struct {
	name, user, display, aor string
	callID                   string
	limit                    limiter
	next                     time.Time
	seenAs                   netip.AddrPort
}

// Account is one account at a registrar.
type Account struct{ Name string }

func (c *core) tlsConfig(name string) *tls.Config       { return nil }
func (c *core) setAccounts([]Account) error             { return nil }
func (c *core) flowLost(h hop, now time.Time)           {}
func (c *core) pong(h hop, now time.Time)               {}
func (c *core) accountResolved(name string, hops []hop) {}

func (a *account) ready() bool  { return false }
func (a *account) tick(c *core) {}

func (k *call) addressBy(c *core, a *account, to string) signaling.Cause {
	return signaling.NotRegistered
}
func (k *call) authenticate(c *core, res *sip.Response, from hop) bool { return false }
func (c *core) accountOf(m message) *account                           { return nil }
func (c *core) notifyIn(m message)                                     {}

func (a *account) leave(c *core) {}
