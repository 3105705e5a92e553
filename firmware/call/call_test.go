package call

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var updateGolden = flag.Bool("update", false, "write the transcripts that the tests compare with")

// conversations are calls as the machine sees them: what happens, after how long.
var conversations = []struct {
	name string
	what []any // Event, or time.Duration to let pass
}{
	{"outgoing-secure", []any{Press{Key2}, Hold{Key2}, Ringing{}, Answered{}, firstCall, 65 * time.Second, Press{KeyEnd}, 9 * time.Second}},
	{"incoming-declined", []any{IncomingCall{From: Party{"Eve", "sip:eve@192.0.2.1"}}, Press{Key5}, Press{KeySoftRight}, LineEnded{Declined}}},
	{"incoming-missed", []any{IncomingCall{From: Party{"Eve", "sip:eve@192.0.2.1"}}, LineEnded{PeerCancelled}, Press{KeySoftRight}}},
	{"incoming-nobody-answers", []any{IncomingCall{From: Party{"Eve", "sip:eve@192.0.2.1"}}, 3 * time.Minute}},
	{"no-way-found", []any{Press{Key2}, Hold{Key2}, MediaFailed{NoMedia}, LineEnded{NoMedia}}},
	{"busy-there", []any{Press{Key2}, Hold{Key2}, LineEnded{Busy}, Press{KeyCall}, Press{KeyEnd}}},
	{"cannot-encrypt", []any{Press{Key2}, Hold{Key2}, Answered{}, 10 * time.Second}},
	{"to-server-only", []any{Press{Key2}, Hold{Key2}, Answered{}, EncryptedToServer{"AES1/HS80"}, Press{Key5}, firstCall, CacheMismatch{}, Press{KeyEnd}}},
	{"secure-stays", []any{Press{Key2}, Hold{Key2}, Answered{}, firstCall, EncryptedToServer{"AES1/HS80"}, Press{KeyEnd}}},
	{"known-calls-by-a-server", []any{IncomingCall{From: Party{"Eve", "sip:eve@192.0.2.1"}, ServerOnly: true, Known: true}}},
	{"rewritten-on-the-way", []any{Press{Key2}, Hold{Key2}, Answered{}, Alert{string(Rewritten)}, 10 * time.Second}},
	{"key-changed-and-verified", []any{Press{Key2}, Hold{Key2}, Answered{}, CacheMismatch{}, firstCall, Press{KeySoftLeft},
		Press{Key6}, Press{Key6}, Press{Key3}, time.Second, Press{KeyEnd}}},
	{"someone-listens", []any{Press{Key2}, Hold{Key2}, Answered{}, firstCall, Press{Key1}, Press{Key1}, Press{Key1}, Press{Key1},
		Press{KeyEnd}}},
	{"network-lost-and-back", []any{Press{Key2}, Hold{Key2}, Answered{}, firstCall, WayLost{}, 15 * time.Second, WayLost{}, 15 * time.Second,
		WayFound{}, 20 * time.Second, Press{KeyEnd}}},
	{"network-lost-for-good", []any{Press{Key2}, Hold{Key2}, Answered{}, firstCall, WayLost{}, 21 * time.Second}},
	{"network-lost-under-two", []any{Press{Key2}, Hold{Key2}, Answered{}, firstCall, IncomingCall{From: Party{"Eve", "sip:eve@192.0.2.1"}},
		Press{KeyCall}, Answered{}, firstCall, WayLost{}, Beside{WayLost{}}, 15 * time.Second, WayFound{}, 6 * time.Second, Press{KeyEnd}}},
	{"second-call-waits", []any{Press{Key2}, Hold{Key2}, Answered{}, firstCall, IncomingCall{From: Party{"Eve", "sip:eve@192.0.2.1"}},
		LineEnded{SessionExpired}}},
	{"second-call-answered", []any{Press{Key2}, Hold{Key2}, Answered{}, firstCall, IncomingCall{From: Party{"Eve", "sip:eve@192.0.2.1"}},
		Press{KeyCall}, Answered{}, firstCall, Press{KeyCall}, Beside{LineEnded{PeerHungUp}}, Press{KeyCall}, Press{KeyEnd}}},
	{"second-call-goes-on", []any{Press{Key2}, Hold{Key2}, Answered{}, firstCall, IncomingCall{From: Party{"Eve", "sip:eve@192.0.2.1"}},
		LineEnded{PeerHungUp}, Press{KeyCall}, Answered{}, firstCall, Press{KeyEnd}}},
	{"second-call-nobody-answers", []any{Press{Key2}, Hold{Key2}, Answered{}, firstCall, IncomingCall{From: Party{"Eve", "sip:eve@192.0.2.1"}},
		Press{Key5}, 3 * time.Minute, Press{KeyEnd}}},
	{"locked-during-a-call", []any{Press{Key2}, Hold{Key2}, Answered{}, firstCall, Locked{}, Press{KeyEnd}, Press{KeySoftRight},
		Press{Key1}, Press{Key2}, Press{Key3}, Press{Key4}, Press{KeyOK}, PINChecked{Left: 9}, PINChecked{OK: true}}},
}

var firstCall = Secure{SAS: "ybnd", Initiator: true, FirstCall: true, KA: "X255"}

// TestTranscripts plays each conversation and compares what the machine did with testdata/calls.
func TestTranscripts(t *testing.T) {
	for _, c := range conversations {
		file := filepath.Join("testdata", "calls", c.name+".txt")
		got := transcript(c.what)
		if *updateGolden {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || got != string(want) {
			t.Errorf("%s (%v): got\n%s", file, err, got)
		}
	}
}

func transcript(what []any) string {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	m := New(Config{Name: "Alice", Contacts: twoContacts})
	m.Handle(nil, Tick{}, now)
	var b strings.Builder
	for _, w := range what {
		var actions []Action
		if d, ok := w.(time.Duration); ok {
			fmt.Fprintf(&b, "%v pass\n", d)
			for end := now.Add(d); ; {
				if next := m.Deadline(); next.IsZero() || next.After(end) {
					now = end
					break
				}
				now = m.Deadline()
				actions = m.Handle(actions, Tick{}, now)
			}
		} else {
			fmt.Fprintf(&b, "%s\n", strings.TrimPrefix(fmt.Sprintf("%T%+v", w, w), "call."))
			actions = m.Handle(nil, w.(Event), now)
		}
		for _, a := range actions {
			fmt.Fprintf(&b, "    %s\n", strings.TrimPrefix(fmt.Sprintf("%T%+v", a, a), "call."))
		}
		fmt.Fprintf(&b, "  = %v\n", m.Snapshot().State)
	}
	return b.String()
}

func TestPINsAreNotPrinted(t *testing.T) {
	for _, a := range []Action{CheckPIN{"4711"}, ChangePIN{"4711", "4711"}, SetDuress{"4711", "4711"}, SetEraseAfter{"4711", 3},
		Pair{"1", "4711"}, SaveSetup{Setup{Accounts: []Account{{Password: "4711"}}}}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if s := fmt.Sprintf(verb, a); strings.Contains(s, "4711") {
				t.Errorf("%T with %s: %s", a, verb, s)
			}
		}
	}
}

func TestDeadlineOfATelephoneLeftAlone(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 30, 0, time.UTC)
	m := New(Config{Name: "Alice", HasPIN: true, Settings: Settings{LockAfter: 5, Language: "en"}})
	m.Handle(nil, Tick{}, now)
	var lights []int
	locked := false
	for end := now.Add(6 * time.Minute); m.Deadline().Before(end); {
		now = m.Deadline()
		for _, a := range m.Handle(nil, Tick{}, now) {
			switch a := a.(type) {
			case SetBacklight:
				lights = append(lights, a.Percent)
			case Lock:
				locked = true
				m.Handle(nil, Locked{}, now)
			}
		}
	}
	if fmt.Sprint(lights) != "[20 0]" || !locked || m.Snapshot().State != Closed {
		t.Errorf("light %v, locked %v, state %v", lights, locked, m.Snapshot().State)
	}
}

func TestMultitap(t *testing.T) {
	for keys, want := range map[string]string{"2": "A", "22": "B", "2222222": "Â", "22>2": "Ba", "2203": "B D", "22033>3": "B Ed"} {
		var ty typing
		for _, k := range keys {
			if k == '>' {
				ty.open = false
				continue
			}
			ty.tap(Key(k-'0'), &nameSymbols, maxInput)
		}
		if ty.String() != want {
			t.Errorf("%s gives %q, want %q", keys, ty.String(), want)
		}
	}
}

// TestCodeCanBeTyped sees that each symbol that a code may have is on a key.
func TestCodeCanBeTyped(t *testing.T) {
	const zbase32 = "ybndrfg8ejkmcpqxot1uwisza345h769"
	all := strings.Join(codeSymbols[:], "")
	for _, r := range zbase32 {
		if strings.Count(all, string(r)) != 1 {
			t.Errorf("%c is on %d keys", r, strings.Count(all, string(r)))
		}
	}
	if len(all) != len(zbase32) {
		t.Errorf("%d symbols on the keys, %d in codes", len(all), len(zbase32))
	}
}
