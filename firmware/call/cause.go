package call

// Cause is why a call ended, or never began, in the words of the log and of the simulator. The screen has its own words
// for each in every language. Those that the signaling knows bear its names.
type Cause string

// The causes.
const (
	NoCause        Cause = "none"
	HungUp         Cause = "hung up"
	PeerHungUp     Cause = "peer hung up"
	Cancelled      Cause = "cancelled"
	PeerCancelled  Cause = "caller gave up"
	Busy           Cause = "busy"
	Declined       Cause = "declined"
	NoAnswer       Cause = "no answer"
	NotFound       Cause = "not found"
	Unreachable    Cause = "unreachable"
	NoNetwork      Cause = "no network"
	NotRegistered  Cause = "not registered"
	NotAuthorized  Cause = "not authorized"
	NotAcceptable  Cause = "not acceptable"
	CannotEncrypt  Cause = "peer cannot encrypt"
	Redirected     Cause = "redirected"
	BadAddress     Cause = "bad address"
	NoAddress      Cause = "no address left" // who called over Tor did not say where to call back
	TooMany        Cause = "too many calls"
	ProtocolError  Cause = "protocol error"
	ServerError    Cause = "server error"
	NotTrusted     Cause = "server not trusted"
	NoMedia        Cause = "media failed"
	NoRelay        Cause = "no relay" // only a relay may be used, and none can be
	TorNotReady    Cause = "tor not ready"
	NotLetIn       Cause = "not let in"          // the peer's Tor address wants a key that we do not have
	Rewritten      Cause = "addresses rewritten" // a router on the way rewrites calls (SIP ALG)
	SessionExpired Cause = "connection lost"
	Stopped        Cause = "stopped"
	NeedsTLS       Cause = "needs TLS"            // a gateway that the account may reach, but not over this connection
	KeyFailed      Cause = "key agreement failed" // ZRTP gave up, or somebody disturbed it
	KeyRefused     Cause = "key changed"          // the user hung up on the alarm
	CodeDiffers    Cause = "code differs"         // somebody is listening
)

// Causes is every cause that a screen may have to explain.
var Causes = [...]Cause{HungUp, PeerHungUp, Cancelled, PeerCancelled, Busy, Declined, NoAnswer, NotFound, Unreachable,
	NoNetwork, NotRegistered, NotAuthorized, NotAcceptable, CannotEncrypt, Redirected, BadAddress, NoAddress, TooMany, ProtocolError,
	ServerError, NotTrusted, NoMedia, NoRelay, TorNotReady, NotLetIn, Rewritten, SessionExpired, Stopped, NeedsTLS, KeyFailed, KeyRefused, CodeDiffers}

// ordinary causes need no explanation: their screen goes by itself.
func (c Cause) ordinary() bool {
	return c == HungUp || c == PeerHungUp || c == Cancelled || c == Declined
}
