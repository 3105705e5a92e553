package ui

import (
	"image"
	"strings"
	"testing"

	"sotto/firmware/call"
)

// FuzzStrangersText draws screens with what a stranger may call himself. Nothing panics, nothing leaves its place, and the
// state line and the soft keys say what they say without him.
func FuzzStrangersText(f *testing.F) {
	for _, s := range []string{"Bob", "", strings.Repeat("W", 300), "a\nSECURE\tb\x00", "\u202eecures", "日本語 😀 شكرا", "\xff\xfe", "i̇͟͟͟͟͟͟͟͟͟͟͟"} {
		for which := range byte(33) {
			f.Add(s, s, which)
		}
	}
	states := []call.State{call.Dialling, call.Calling, call.Incoming, call.GoingSecure, call.Talking, call.Verifying,
		call.Alarm, call.Ended, call.Listing, call.Reading, call.Entering}
	f.Fuzz(func(t *testing.T, name, address string, which byte) {
		name, address = name[:min(len(name), 400)], address[:min(len(address), 400)]
		d, state := displays[int(which)%len(displays)], states[int(which)/len(displays)%len(states)]
		s := hostile(state, name, address)
		staysInPlace(t, d.size, &s)
		Render(image.NewRGBA(image.Rectangle{Max: d.size}), s)
		if state >= call.Listing {
			return
		}
		harmless := hostile(state, "Bob", "sip:bob@10.0.0.2")
		mine, his := compose(&harmless), compose(&s)
		if mine.bar.text != his.bar.text || mine.left != his.left || mine.right != his.right {
			t.Fatalf("%v: the state line says %q", state, his.bar.text)
		}
		if a, b := firstLine(Text(harmless)), firstLine(Text(s)); a != b {
			t.Fatalf("%v: the first line is %q, not %q", state, b, a)
		}
	})
}

func staysInPlace(t *testing.T, size image.Point, s *call.Snapshot) {
	t.Helper()
	th := newTheme(size, false, false)
	sc := compose(s)
	for _, it := range th.layout(&sc) {
		if it.kind != kindSpace && (it.rect.Min.Y < th.bar || it.rect.Max.Y > size.Y-th.soft) {
			t.Fatalf("%v %v: %q at %v", s.State, size, it.text, it.rect)
		}
		for _, l := range it.said {
			if it.kind == kindText && th.width(it.style, l) > it.rect.Dx() {
				t.Fatalf("%v %v: %q leaves its place", s.State, size, l)
			}
		}
	}
}

func firstLine(s string) string { l, _, _ := strings.Cut(s, "\n"); return l }

// hostile is a snapshot whose every foreign text is somebody's choice.
func hostile(state call.State, name, address string) call.Snapshot {
	peer := call.Party{Name: name, Address: address}
	s := call.Snapshot{State: state, Own: "Alice", Left: "ok", Right: "back", Settings: call.DefaultSettings(), Selected: 0,
		Call: call.View{Peer: peer, Trust: call.First, Alarm: call.OtherPerson, AlarmName: name, Alert: name, Cause: call.Busy,
			Code: call.Code{Own: "yb", OwnFirst: true, Length: 2}}}
	switch state {
	case call.Talking, call.Verifying:
		s.Call.Alarm = call.NoAlarm
	case call.Dialling:
		s.Rows = []call.Row{{Text: name}, {Text: address}}
	case call.Listing:
		s.TitleText, s.Rows = name, []call.Row{{Text: name, Detail: address, Mark: call.MarkTrust}, {Text: address}}
	case call.Reading:
		s.TitleText, s.Lines, s.QR = name, []string{name, address}, address
	case call.Entering:
		s.Input = call.Input{Text: name}
	}
	return s
}
