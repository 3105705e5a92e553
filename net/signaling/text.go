package signaling

// MaxText is the greatest body of a text in bytes. RFC 3428, Section 8: a MESSAGE should not be longer than 1300 bytes.
const MaxText = 1300

// TextID is a handle for one text on one Line, sent or received. It is never sent to anybody and never used twice.
type TextID uint64

// Text is one short message that goes by the signaling, outside any call. Whoever carries the signaling can read the body:
// what is private must be sealed before it comes here.
type Text struct {
	To          string // as in Dial
	Account     string // as in Dial
	ContentType string // "text/plain;charset=utf-8"
	Body        []byte // MaxText bytes at most
}

// TextReceived tells that somebody sends a text. It waits a few seconds for the phone's AnswerText.
type TextReceived struct {
	Text        TextID
	From        Party
	Account     string // name of the account that it came through; empty for a direct one
	ContentType string // one of those that the Line was told to take, in lower case, without parameters
	Body        []byte // MaxText bytes at most; anything may be in it
	Secure      bool   // the signaling came over TLS
}

// TextSent tells what became of a text of ours. It comes exactly once for each.
type TextSent struct {
	Text   TextID
	Cause  Cause // NoCause: taken by the other side
	Stored bool  // taken by somebody on the way, who promises to try (202)
}

func (TextReceived) event() {}
func (TextSent) event()     {}
