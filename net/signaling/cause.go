package signaling

// Cause is why a call ended, or never began.
type Cause uint8

// The causes.
const (
	NoCause        Cause = iota
	HungUp               // we ended an answered call
	PeerHungUp           // the peer ended an answered call
	Cancelled            // we gave up while it rang
	PeerCancelled        // the caller gave up while it rang here: a missed call
	Busy                 // the called is in another call
	Declined             // the called said no
	NoAnswer             // it rang, and nobody answered
	NotFound             // the server or the telephone knows no such user
	Unreachable          // nobody answers at that address, or the way to it is closed
	NoNetwork            // this telephone has no network
	NotRegistered        // the account is not registered
	NotAuthorized        // the server refused name or password, or the caller
	NotAcceptable        // no common codec, or a profile that is not ours
	PeerNotSecure        // the peer offers something that ZRTP cannot protect
	Redirected           // the call was pointed to another party, which nobody asked for
	BadAddress           // that is no address
	TooMany              // too many calls at once
	ProtocolError        // the peer broke the protocol
	ServerError          // the server failed
	NotTrusted           // the server's certificate is wrong
	MediaFailed          // no way for the media could be found, or it broke
	SessionExpired       // the peer is gone without a word
	NeedsTLS             // a gateway that the account may reach over TLS only
	Stopped              // the line was closed
)

var causeNames = [...]string{
	NoCause: "none", HungUp: "hung up", PeerHungUp: "peer hung up", Cancelled: "cancelled",
	PeerCancelled: "caller gave up", Busy: "busy", Declined: "declined", NoAnswer: "no answer", NotFound: "not found",
	Unreachable: "unreachable", NoNetwork: "no network", NotRegistered: "not registered",
	NotAuthorized: "not authorized", NotAcceptable: "not acceptable", PeerNotSecure: "peer cannot encrypt",
	Redirected: "redirected", BadAddress: "bad address", TooMany: "too many calls", ProtocolError: "protocol error",
	ServerError: "server error", NotTrusted: "server not trusted", MediaFailed: "media failed",
	SessionExpired: "connection lost", Stopped: "stopped", NeedsTLS: "needs TLS",
}

// String is the cause in the words of the screen and of the simulator's JSON.
func (c Cause) String() string {
	if int(c) >= len(causeNames) {
		c = NoCause
	}
	return causeNames[c]
}
