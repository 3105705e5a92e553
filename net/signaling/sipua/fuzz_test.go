package sipua

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sotto/net/netem"
	"sotto/net/signaling"
)

func corpus(f *testing.F) {
	files, err := filepath.Glob("testdata/rfc4475/*.dat")
	if err != nil || len(files) == 0 {
		f.Fatal("no corpus", err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	for _, m := range rfc5118 {
		f.Add(m.bytes())
	}
}

// Whatever comes in a datagram, a running call with others stays up, a stranger's message leaves a bounded trace, and an
// answer is one that our own parser reads.
func FuzzDatagram(f *testing.F) {
	corpus(f)
	f.Add([]byte(textRequest("1", "text/plain", "hello")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > maxMessage {
			return
		}
		w := newWorld(t, netem.Config{}, 1)
		w.autoAnswer(w.bob())
		id := w.dial()
		w.run(time.Second)
		a := w.alice()
		a.texts.types = []string{"text/plain"}
		a.deliver(w, raw, stranger)
		a.deliver(w, raw, w.hop(w.bob()))
		for _, p := range a.packets {
			if !bytes.HasPrefix(p.data, []byte("SIP/2.0 ")) {
				t.Fatalf("it made us ask: %q", p.data)
			}
			if len(p.data) > 2*len(raw)+1000 {
				t.Fatalf("%d bytes are answered with %d", len(raw), len(p.data))
			}
		}
		for _, e := range a.events {
			text, isText := e.(signaling.TextReceived)
			if _, ok := e.(signaling.Incoming); !ok && !isText || len(text.Body) > signaling.MaxText {
				t.Fatalf("it made %T", e)
			}
		}
		if k := a.calls[id]; k == nil || k.state != up {
			t.Fatal("the call is gone")
		}
		w.run(10 * time.Minute)
	})
}

// A stream is cut the same way however it is sliced, and never holds more than one message.
func FuzzStream(f *testing.F) {
	corpus(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		cut := func(step int) (out [][]byte, end streamEvent) {
			var s stream
			for i := 0; i < len(raw); i += step {
				s.write(raw[i:min(i+step, len(raw))])
				for {
					m, what := s.next()
					if what == streamMore {
						break
					}
					if what == streamBad {
						return out, what
					}
					if what == streamMessage {
						if len(m) > maxMessage {
							t.Fatalf("a message of %d bytes", len(m))
						}
						out = append(out, m)
					}
				}
				if len(s.buf) > maxMessage+step {
					t.Fatalf("%d bytes wait", len(s.buf))
				}
			}
			return out, streamMore
		}
		whole, end := cut(len(raw) + 1)
		pieces, end2 := cut(7)
		if len(whole) != len(pieces) || end != end2 {
			t.Fatalf("%d messages in one piece (%d), %d in many (%d)", len(whole), end, len(pieces), end2)
		}
		for i := range whole {
			if !bytes.Equal(whole[i], pieces[i]) {
				t.Fatalf("message %d differs", i)
			}
		}
	})
}

// A peer in a call may write what it likes into it: the call goes on as it was or ends with one Ended, and nothing grows.
func FuzzPeer(f *testing.F) {
	f.Add("INVITE", "Content-Type: application/sdp\r\n", string(wire(describe(6000))))
	f.Add("UPDATE", "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n", "")
	f.Add("BYE", "", "")
	f.Add("NOTIFY", "Event: message-summary\r\n", "Messages-Waiting: yes\r\n")
	f.Add("INFO", "Contact: *\r\nRequire: x\r\n", "x")
	f.Fuzz(func(t *testing.T, method, headers, body string) {
		w := newWorld(t, netem.Config{}, 1)
		w.autoAnswer(w.bob())
		id := w.dial()
		w.run(time.Second)
		a := w.alice().calls[id]
		w.alice().got = nil
		for seq := range 4 {
			raw := method + " sip:alice@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;rport;branch=z9hG4bK" + string(rune('a'+seq)) +
				"\r\nFrom: " + a.remoteURI + ";tag=" + a.remoteTag + "\r\nTo: " + a.localURI + ";tag=" + a.localTag +
				"\r\nCall-ID: " + a.callID + "\r\nCSeq: " + string(rune('5'+seq)) + " " + method + "\r\n" + headers + "\r\n" + body
			w.alice().deliver(w, []byte(raw), w.hop(w.bob()))
			w.run(10 * time.Second)
		}
		ended := 0
		for _, e := range w.alice().got {
			switch e.(type) {
			case signaling.Ended:
				ended++
			case signaling.Held, signaling.Moved:
			default:
				t.Fatalf("it made %T", e)
			}
		}
		if ended > 1 || (ended == 0) != (a.state == up) {
			t.Fatalf("%d times ended, state %d", ended, a.state)
		}
		if len(w.alice().servers) > 8 || len(w.alice().calls) > 1 {
			t.Fatalf("%d transactions, %d calls", len(w.alice().servers), len(w.alice().calls))
		}
		w.run(time.Hour)
		if a.state == up && a.session.interval == 0 && ended != 0 {
			t.Fatal("up and ended")
		}
	})
}
