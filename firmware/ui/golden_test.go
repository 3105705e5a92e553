package ui

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/firmware/call"
)

var updateGolden = flag.Bool("update", false, "write the pictures that the tests compare with")

// displays are the sizes that screens are drawn for.
var displays = []struct {
	name string
	size image.Point
}{{"240x240", image.Pt(240, 240)}, {"240x320", image.Pt(240, 320)}, {"128x64", image.Pt(128, 64)}}

// gallery is every screen, reached by keys and events as a person and a peer would.
var gallery = append([]galleryScreen{
	{"idle", func(p *phone) {}},
	{"idle-missed", func(p *phone) {
		p.press("#")
		p.press("softR")
		p.hold("#")
		for range 2 {
			p.event(call.IncomingCall{From: call.Party{Name: "Bob"}}, call.LineEnded{Cause: call.PeerCancelled})
		}
		p.press("softR")
		p.pass(time.Minute)
	}},
	{"idle-no-network", func(p *phone) { p.event(call.NetworkChanged{}) }},
	{"idle-trouble", func(p *phone) {
		p.event(call.RunningChanged{Running: call.Running{Trouble: "The update to 1.2.0 did not start well: this is the earlier system"}})
	}},
	{"idle-mailbox", func(p *phone) { p.event(call.MailboxChanged{Mailbox: call.Mailbox{Waiting: true, New: 2}}) }},
	{"dialling", func(p *phone) { p.press("1", "9", "2", "*", "1", "6", "8", "*", "1", "*", "2", "0") }},
	{"dialling-contact", func(p *phone) { p.press("1", "2", "3", "4") }},
	{"dialling-search", func(p *phone) { p.press("2", "down", "down") }},
	{"calling", func(p *phone) { p.hold("2") }},
	{"ringing", func(p *phone) { p.hold("2"); p.event(call.Ringing{}) }},
	{"incoming", func(p *phone) { p.event(call.IncomingCall{From: call.Party{Address: bob.Address}, Contact: bob.ID}) }},
	{"incoming-stranger", func(p *phone) {
		p.event(call.IncomingCall{From: call.Party{Name: "Ihre Sparkasse Musterstadt, Abteilung Betrug", Address: "sip:9f2c41@192.0.2.77:5062"}})
	}},
	{"connecting", func(p *phone) {
		p.event(call.IncomingCall{From: call.Party{Address: bob.Address}, Contact: bob.ID})
		p.press("call")
	}},
	{"going-secure", func(p *phone) { p.calling() }},
	{"secure-first", func(p *phone) { p.calling(first); p.pass(7 * time.Second) }},
	{"secure-known", func(p *phone) {
		p.calling(with(first, func(s *call.Secure) { s.FirstCall, s.Initiator = false, false }))
		p.pass(75 * time.Second)
	}},
	{"secure-words", func(p *phone) { p.calling(with(first, func(s *call.Secure) { s.SAS = "button:Galveston" })) }},
	{"secure-whole", func(p *phone) {
		p.calling(first)
		p.press("ok")
		p.choose("whole")
	}},
	{"verifying", func(p *phone) { p.calling(first); p.press("softL", "6", "6") }},
	{"verifying-words", func(p *phone) {
		p.calling(with(first, func(s *call.Secure) { s.SAS, s.Initiator = "button:Galveston", false }))
		p.press("softL", "2", "2")
	}},
	{"verifying-again", func(p *phone) { p.calling(first); p.press("softL", "1", "1") }},
	{"code-right", func(p *phone) { p.calling(first); p.press("softL", "6", "6", "3", "ok") }},
	{"checked", func(p *phone) {
		p.calling(first)
		p.press("softL", "6", "6", "3", "ok")
		p.pass(20 * time.Second)
	}},
	{"verified", func(p *phone) {
		p.calling(with(first, func(s *call.Secure) { s.FirstCall, s.Verified, s.Name = false, true, "Bob" }))
		p.pass(3723 * time.Second)
	}},
	{"verified-plus", func(p *phone) {
		p.calling(with(first, func(s *call.Secure) { s.Verified, s.Authentic = true, true }))
		p.press("right")
		p.pass(10 * time.Second)
	}},
	{"muted", func(p *phone) { p.calling(with(first, func(s *call.Secure) { s.Verified = true })); p.press("left") }},
	{"alert", func(p *phone) { p.calling(first, call.Alert{Why: "altered message"}) }},
	{"disclosure", func(p *phone) { p.calling(with(first, func(s *call.Secure) { s.Disclosure = true })) }},
	{"on-hold", func(p *phone) { p.calling(first); p.press("call") }},
	{"held-there", func(p *phone) { p.calling(with(first, verified), call.PeerHeld{On: true}) }},
	{"second-call", func(p *phone) { p.calling(with(first, verified)); p.pass(90 * time.Second); p.event(carolCalls) }},
	{"second-answered", func(p *phone) {
		p.calling(with(first, verified), carolCalls)
		p.press("call")
		p.event(call.Answered{}, first)
		p.pass(12 * time.Second)
	}},
	{"second-swapped", func(p *phone) {
		p.calling(with(first, verified), carolCalls)
		p.press("call")
		p.event(call.Answered{}, first)
		p.press("call")
	}},
	{"second-ended", func(p *phone) {
		p.calling(with(first, verified), carolCalls)
		p.press("call")
		p.event(call.Answered{}, first, call.LineEnded{Cause: call.PeerHungUp})
	}},
	{"intercom", func(p *phone) {
		p.intercom()
		p.event(call.Answered{}, with(first, func(s *call.Secure) { verified(s); s.Name = "Bob" }))
	}},
	{"reject-how", func(p *phone) {
		p.event(call.IncomingCall{From: call.Party{Address: bob.Address}, Contact: bob.ID})
		p.press("ok")
	}},
	{"options", func(p *phone) { p.calling(first); p.press("ok", "down") }},
	{"options-two-calls", func(p *phone) {
		p.calling(with(first, verified), carolCalls)
		p.press("call")
		p.event(call.Answered{}, with(first, verified))
		p.press("softL")
		p.find("swap")
	}},
	{"algorithms", func(p *phone) { p.calling(first); p.press("ok", "up", "ok") }},
	{"key-changed", func(p *phone) { p.calling(call.CacheMismatch{}, first) }},
	{"key-changed-verifying", func(p *phone) { p.calling(call.CacheMismatch{}, first); p.press("softL") }},
	{"other-phone", func(p *phone) { p.calling(with(first, func(s *call.Secure) { s.OtherDevice = true })) }},
	{"other-person", func(p *phone) { p.calling(with(first, func(s *call.Secure) { s.Name, s.OtherPerson = "Carol", true })) }},
	{"someone-listens", func(p *phone) { p.calling(first); p.press("softL", "1", "1", "1", "1") }},
	{"ended", func(p *phone) {
		p.calling(first)
		p.pass(754 * time.Second)
		p.event(call.LineEnded{Cause: call.PeerHungUp})
	}},
	{"ended-cannot-encrypt", func(p *phone) { p.calling(call.PeerCannotEncrypt{}) }},
	{"ended-unreachable", func(p *phone) { p.hold("3"); p.event(call.LineEnded{Cause: call.Unreachable}) }},
	{"ended-code-differs", func(p *phone) { p.calling(first); p.press("softL", "1", "1", "1", "1", "softR") }},
	{"ended-missed", func(p *phone) {
		p.event(call.IncomingCall{From: call.Party{Address: bob.Address}, Contact: bob.ID}, call.LineEnded{Cause: call.PeerCancelled})
	}},
	{"menu", func(p *phone) { p.press("softL", "down") }},
	{"contacts", func(p *phone) { p.press("softR", "down") }},
	{"contact", func(p *phone) { p.press("softR", "down", "ok") }},
	{"safety-number", func(p *phone) { p.press("softR", "down", "ok"); p.choose("number") }},
	{"pairing-number", func(p *phone) {
		p.press("softR", "down", "ok")
		p.choose("pair", "pair.show")
		p.event(call.PairingNumber{Number: "1820577310409215"})
	}},
	{"pairing-typed", func(p *phone) {
		p.press("softR", "down", "ok")
		p.choose("pair", "pair.type")
		p.typeKeys("1820577310409215")
	}},
	{"paired", func(p *phone) { p.calling(with(first, func(s *call.Secure) { s.Paired = true })) }},
	{"contact-route", func(p *phone) {
		contacts := append([]call.Contact(nil), book...)
		contacts[1].Onion = true
		p.event(call.ContactsChanged{Contacts: contacts})
		p.press("softR", "down", "ok")
		p.choose("route")
	}},
	{"contact-intercom", func(p *phone) { p.press("softR", "down", "ok"); p.choose("intercom") }},
	{"contact-delete", func(p *phone) { p.press("softR", "down", "ok", "up", "ok") }},
	{"contact-name", func(p *phone) { p.press("softR", "up", "ok", "9", "9", "9", "9", "ok", "2", "2", "6") }},
	{"log", func(p *phone) { p.event(call.LogChanged{Entries: pastCalls(p.now)}); p.press("call") }},
	{"log-entry", func(p *phone) { p.event(call.LogChanged{Entries: pastCalls(p.now)}); p.press("call", "ok") }},
	{"log-empty", func(p *phone) { p.press("call") }},
	{"settings", func(p *phone) { p.menu("settings"); p.press("down") }},
	{"languages", func(p *phone) { p.menu("settings", "language") }},
	{"sounds", func(p *phone) { p.menu("settings", "sounds") }},
	{"ring-tones", func(p *phone) { p.menu("settings", "sounds", "tune", "3") }},
	{"calls", func(p *phone) { p.menu("settings", "calls") }},
	{"who-may-ring", func(p *phone) { p.menu("settings", "calls", "quiet") }},
	{"mailbox-number", func(p *phone) { p.menu("settings", "calls", "voicemail"); p.typeKeys("*86") }},
	{"network", func(p *phone) { p.menu("settings", "network") }},
	{"network-address", func(p *phone) { p.menu("settings", "network", "dhcp"); p.typeKeys("192*0*2*7") }},
	{"network-fixed", func(p *phone) {
		p.menu("settings", "network", "dhcp")
		p.typeKeys("192*0*2*71124")
		p.press("ok")
	}},
	{"routes", func(p *phone) { p.menu("settings", "network", "route") }},
	{"accounts", func(p *phone) { p.menu("settings", "accounts") }},
	{"account", func(p *phone) { p.menu("settings", "accounts", "alice@example.test") }},
	{"account-password", func(p *phone) {
		p.menu("settings", "accounts", "alice@example.test", "password")
		p.hold("softR")
		p.press("#", "2", "3", "3")
	}},
	{"account-refused", func(p *phone) {
		p.event(call.NetworkChanged{Network: call.Network{Up: true, Why: call.NotTrusted}})
	}},
	{"time", func(p *phone) { p.menu("settings", "time", "hours12") }},
	{"time-server", func(p *phone) {
		p.event(call.SetupChanged{Setup: call.Setup{Clock: "time.example.test"}, Able: call.Able{Clock: true}})
		p.menu("settings", "time", "clock")
		p.press("ok")
	}},
	{"time-zones", func(p *phone) { p.menu("settings", "time", "zone"); p.find("Europe/Berlin") }},
	{"first-language", func(p *phone) { p.firstStart(0) }},
	{"first-pin", func(p *phone) { p.firstStart(1) }},
	{"first-account", func(p *phone) { p.firstStart(2) }},
	{"first-test-call", func(p *phone) { p.firstStart(3) }},
	{"statistics", func(p *phone) {
		p.calling(with(first, verified), call.Stats{Lost: 0.012, Delay: 41 * time.Millisecond, Jitter: 3 * time.Millisecond,
			RTT: 28 * time.Millisecond, Bitrate: 24000, Codec: "Opus", Route: "direct"})
		p.press("ok")
		p.choose("stats")
	}},
	{"large-text", func(p *phone) {
		p.menu("settings", "screen", "large")
		p.press("end")
		p.calling(first)
	}},
	{"contrast", func(p *phone) {
		p.menu("settings", "screen", "contrast")
		p.press("end")
		p.calling(first)
	}},
	{"german", func(p *phone) {
		p.menu("settings", "language", "Deutsch")
		p.press("end")
		p.calling(call.CacheMismatch{}, first)
	}},
	{"address", func(p *phone) { p.menu("address") }},
	{"about", func(p *phone) { p.menu("about") }},
	{"set-up-code", func(p *phone) { p.event(call.SetUpSealed{}) }},
	{"set-up", func(p *phone) { p.event(setUpRead) }},
	{"set-up-refused", func(p *phone) { p.event(call.SetUpRefused{Why: "unsigned"}) }},
	{"set-up-taken", func(p *phone) { p.event(call.SetUpTaken{}) }},
	{"self-test", func(p *phone) {
		p.menu("test")
		p.event(call.TestChanged{Results: []call.TestResult{{Part: "microphone", Done: true, OK: true}, {Part: "speaker", Done: true, OK: true},
			{Part: "random", Done: true, OK: true}, {Part: "network", Done: true, Detail: "-"}, {Part: "nat"}}})
	}},
	{"block", func(p *phone) {
		p.event(call.LogChanged{Entries: pastCalls(p.now)})
		p.press("call", "down", "ok", "up", "ok")
	}},
	{"settings-pin", func(p *phone) { p.menu("settings", "safety"); p.find("pin.change") }},
	{"erase-warning", func(p *phone) { p.menu("settings", "safety", "erase") }},
	{"duress-warning", func(p *phone) { p.menu("settings", "safety", "duress") }},
	{"locked", func(p *phone) { p.event(call.Locked{}) }},
	{"pin", func(p *phone) { p.event(call.Locked{}); p.press("1", "2", "3", "4") }},
	{"pin-wrong", func(p *phone) {
		p.event(call.Locked{})
		p.press("1", "2", "3", "4", "ok")
		p.event(call.PINChecked{Left: 7})
	}},
	{"pin-wait", func(p *phone) {
		p.event(call.Locked{})
		p.press("1", "2", "3", "4", "ok")
		p.event(call.PINChecked{Wait: 90 * time.Second, Left: -1})
	}},
}, slices.Concat(messageScreens, wordScreens, stateScreens, serverScreens, friendlyScreens, servedScreens, wifiScreens, accountScreens)...)

// galleryScreen is a screen and how it is reached.
type galleryScreen struct {
	name  string
	reach func(p *phone)
}

var running = call.Running{Version: "0.2.0", Built: "2026-11-23", Board: "rpizero2w", Kernel: "6.12.107", Slot: "A", Signer: "RWQf6LRCGA9i5",
	Image: "1f3a77c092be5d10e4c2f9a8b7160d3c5e4f20918a7b6c5d4e3f2a1b0c9d8e7f"}

var setUpRead = call.SetUpRead{Signers: []string{"0123456789ABCDEF"}, Changes: []call.Change{{Kind: "accounts", What: []string{"alice@example.test"}},
	{Kind: "contacts", What: []string{"Bob sip:bob@192.0.2.7"}}, {Kind: "settings", What: []string{"language de"}}}}

// firstStart is a new telephone, that many steps into its guide.
func (p *phone) firstStart(steps int) {
	p.m = call.New(call.Config{Name: "Alice", First: true, Settings: p.m.Snapshot().Settings})
	p.event(call.NetworkChanged{Network: call.Network{Up: true, Registered: true}})
	if steps > 0 {
		p.press("softR")
	}
	for range steps - 1 {
		p.press("softR")
	}
}

// menu opens the menu and chooses a row of each list.
func (p *phone) menu(labels ...call.Label) {
	p.press("softL")
	p.choose(labels...)
}

func pastCalls(now time.Time) []call.Entry {
	peer := call.Party{Name: "Bob", Address: bob.Address}
	return []call.Entry{
		{When: now.Add(-5 * time.Minute), Peer: peer, Contact: bob.ID, Incoming: true, Answered: true, Talked: 754 * time.Second,
			Cause: call.PeerHungUp, Trust: call.Verified},
		{When: now.Add(-50 * time.Minute), Peer: call.Party{Address: "sip:9f2c41@192.0.2.77:5062"}, Incoming: true,
			Missed: true, Cause: call.PeerCancelled},
		{When: now.Add(-30 * time.Hour), Peer: call.Party{Name: "Carol"}, Answered: true, Cause: call.CodeDiffers,
			Trust: call.Broken, Alarm: call.Listened},
	}
}

// reached is the snapshot of a screen of the gallery.
func reached(t *testing.T, i int, settings call.Settings) call.Snapshot {
	p := newPhone(t, call.Config{Settings: settings, HasPIN: true,
		Running: running, Setup: call.Setup{Accounts: []call.Account{{Server: "example.test", User: "alice", Password: "secret", Transport: "tls"}}},
		Able: call.Able{Link: true, Routes: []string{"direct", "relay", "tor"}}})
	gallery[i].reach(p)
	return p.m.Snapshot()
}

// TestGolden compares each screen with its picture, pixel by pixel. go test ./firmware/ui -update writes them anew.
func TestGolden(t *testing.T) {
	for _, d := range displays {
		var known []string
		for i, g := range gallery {
			frame := image.NewRGBA(image.Rectangle{Max: d.size})
			Render(frame, reached(t, i, call.Settings{}))
			file := filepath.Join("testdata", d.name, g.name+".png")
			known = append(known, g.name+".png")
			if *updateGolden {
				writePNG(t, file, frame)
				continue
			}
			comparePNG(t, file, frame)
		}
		files, _ := os.ReadDir(filepath.Join("testdata", d.name))
		for _, f := range files {
			if !slices.Contains(known, f.Name()) {
				t.Errorf("testdata/%s/%s is the picture of no screen", d.name, f.Name())
			}
		}
	}
}

func writePNG(t *testing.T, file string, img image.Image) {
	t.Helper()
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func comparePNG(t *testing.T, file string, got *image.RGBA) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Errorf("%v; go test -update writes it", err)
		return
	}
	defer f.Close()
	want, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	differ := 0
	for y := range got.Rect.Dy() {
		for x := range got.Rect.Dx() {
			if color.RGBAModel.Convert(want.At(x, y)) != got.At(x, y) {
				differ++
			}
		}
	}
	if differ > 0 || want.Bounds() != got.Bounds() {
		t.Errorf("%s: %d pixels differ", file, differ)
	}
}

// TestScreensPage keeps SCREENS.md, the page that shows every screen, in step with the gallery.
func TestScreensPage(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("# Every screen\nMade by the tests: each picture is reached by key presses in golden_test.go and compared pixel by pixel.\n\n" +
		"| screen | 240x240 | 128x64 | says |\n| --- | --- | --- | --- |\n")
	for i, g := range gallery {
		says := strings.NewReplacer("\n", "<br>", "|", "\\|", "_", "\\_").Replace(Text(reached(t, i, call.Settings{})))
		fmt.Fprintf(&b, "| %s | ![](testdata/240x240/%[1]s.png) | ![](testdata/128x64/%[1]s.png) | %s |\n", g.name, says)
	}
	if *updateGolden {
		if err := os.WriteFile("SCREENS.md", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile("SCREENS.md"); err != nil || !bytes.Equal(got, b.Bytes()) {
		t.Errorf("SCREENS.md is not what the gallery gives (%v); go test -update writes it", err)
	}
}
