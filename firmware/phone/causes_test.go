package phone

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"sotto/firmware/call"
	"sotto/firmware/ui"
	"sotto/net/onion"
	"sotto/net/signaling"
	"sotto/zrtp"
)

// TestEveryFailureOfTheLineHasWords: what the signaling gives as a cause is one that the screens know in every language.
func TestEveryFailureOfTheLineHasWords(t *testing.T) {
	for c := signaling.HungUp; c <= signaling.Stopped; c++ {
		if !slices.Contains(call.Causes[:], call.Cause(c.String())) {
			t.Errorf("no screen for %q", c)
		}
	}
	if s := (signaling.Stopped + 1).String(); s != signaling.NoCause.String() {
		t.Errorf("%q came after the last cause: it is not looked at here", s)
	}
}

// TestEveryFailureOfTorHasItsOwnWords: a revoked key is no wrong password, and a Tor that starts is no pulled cable.
func TestEveryFailureOfTorHasItsOwnWords(t *testing.T) {
	for err, want := range map[error]call.Cause{
		onion.ErrNotAuthorised: call.NotLetIn, onion.ErrNotReachable: call.Unreachable, onion.ErrNotReady: call.TorNotReady,
		onion.ErrClosed: call.TorNotReady, fmt.Errorf("x: %w", onion.ErrNotAuthorised): call.NotLetIn,
	} {
		if got := onionCause(err); got != want || !slices.Contains(call.Causes[:], got) {
			t.Errorf("%v: %q", err, got)
		}
	}
}

// TestEveryWarningHasWords shows each alert of ZRTP in a call: never the engine's own words.
func TestEveryWarningHasWords(t *testing.T) {
	for r := zrtp.AlertHelloHash; r <= zrtp.AlertBadSignature; r++ {
		s := call.Snapshot{State: call.Talking, Call: call.View{Alert: r.String(), Trust: call.Checked}, Settings: call.Settings{Language: "en"}}
		if text := ui.Text(s); !regexpWords.MatchString(text) {
			t.Errorf("%s:\n%s", r, text)
		}
	}
}

var regexpWords = regexp.MustCompile("Somebody disturbs this call|Not the phone that was announced|Refused: the peer wanted no encryption")
