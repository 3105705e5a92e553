//go:build hil && air

package hil

import (
	"bytes"
	"image"
	"strings"
	"testing"
	"time"

	"sotto/firmware/call"
)

const (
	ssid     = "Sotto test"
	password = "adgjmptw" // the keys 2 to 9
)

// hint is where a list says what becomes of what was chosen.
var hint = image.Rect(4, 245, 236, 283)

// waitHint waits until the line below the Wi-Fi's list says something.
func (m *machine) waitHint(l call.Label, patience time.Duration) {
	m.t.Helper()
	want := drawn(call.Snapshot{State: call.Listing, Title: "wifi", Notice: l, Rows: []call.Row{{Text: ssid}}, Selected: -1})
	for until := time.Now().Add(slow * patience); !shows(m.screen(), want, hint); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(until) {
			m.shot("never " + string(l))
			m.t.Fatalf("%s: the list never said %s. Console:\n%s", m.setup.name, l, m.console())
		}
	}
}

// waitRow waits until a row is in the list.
func (m *machine) waitRow(r call.Row, patience time.Duration) {
	m.t.Helper()
	for until := time.Now().Add(slow * patience); ; time.Sleep(200 * time.Millisecond) {
		if img := m.screen(); hasRow(img, r, false) || hasRow(img, r, true) {
			return
		}
		if time.Now().After(until) {
			m.shot("without " + r.Text)
			m.t.Fatalf("%s: no row %q came. Console:\n%s", m.setup.name, r.Text, m.console())
		}
	}
}

// TestWifi is a handset whose only way is the air: it is put into a network by keys, with a wrong password first, calls a
// handset on a cable, walks out of reach and back in that call, and takes a cable that is plugged in.
func TestWifi(t *testing.T) {
	h := newHub(t)
	note("## A handset on Wi-Fi\n")
	desk := h.plug() // the cable that alice gets later
	alice := start(t, setup{name: "alice", card: cardOf(t, "qemuvirt"), port: h.plug(), sound: "alice", words: "sotto.direct=1",
		air: point(ssid, password), extra: []string{"-device", "pcie-root-port,id=plug2,chassis=2", "-netdev", strings.Replace(desk.netdev(), "id=n,", "id=desk,", 1)}})
	bob := start(t, setup{name: "bob", card: cardOf(t, "qemuvirt"), port: h.plug(), sound: "bob", words: "sotto.direct=1"})
	bob.rest(180 * time.Second)
	alice.restAs(noNetwork(), "No network", 180*time.Second)
	if alice.said("wpa_supplicant Uid") {
		t.Error("the radio is on before anybody wanted it")
	}

	alice.moves("softL")
	for _, l := range []call.Label{"settings", "network", "wifi"} {
		alice.choose(l)
	}
	alice.shot("it listens")
	there := call.Row{Text: ssid, Detail: "4/4"}
	began := time.Now()
	alice.waitRow(there, 60*time.Second)
	note("\nThe network is in the list %.1f s after the page was opened. ", time.Since(began).Seconds())
	alice.shot("in reach")
	facts := alice.wait("AIR: wpa_supplicant Uid", 10*time.Second).text
	for _, want := range []string{"Uid=1004,1004,1004,1004", "NoNewPrivs=1", "Seccomp=2", "CapEff=0000000000003000"} {
		if !strings.Contains(facts, want) {
			t.Errorf("wpa_supplicant runs with %q, want %s", facts, want)
		}
	}

	alice.chooseRow(there)
	alice.typed("98765432")
	alice.press("ok")
	alice.waitHint("wifi.wrong", 60*time.Second)
	alice.shot("a wrong password")
	alice.chooseRow(call.Row{Text: ssid, Mark: call.MarkOff})
	alice.moves("softL") // forget
	alice.waitRow(there, 20*time.Second)
	alice.chooseRow(there)
	alice.typed("23456789")
	alice.press("ok")
	began = time.Now()
	alice.waitRow(call.Row{Text: ssid, Mark: call.MarkOn}, 60*time.Second)
	note("\nJoined %.1f s after the password, ", time.Since(began).Seconds())
	alice.shot("joined")
	alice.press("end")
	alice.rest(60 * time.Second)
	note("an address after %.1f s. ", time.Since(began).Seconds())

	connect(alice, bob)
	alice.shot("a call over Wi-Fi")
	talk(t)
	judgeAir(t, h, alice)
	alice.cable(false) // the access point's: it goes off
	alice.wait("the access point is off", 20*time.Second)
	time.Sleep(3 * time.Second)
	alice.shot("out of reach")
	goesOn(t, h, alice, bob, "In a call the access point goes off for 3 s and comes back", func() { alice.cable(true) })

	goesOn(t, h, alice, bob, "In a call a cable is plugged in", func() {
		alice.do("device_add", map[string]any{"driver": "virtio-net-pci", "netdev": "desk", "id": "eth", "bus": "plug2", "romfile": "", "mac": desk.mac.String()})
		h.move(alice.setup.port, desk)
	})
	alice.shot("on the cable")
	alice.press("end")
	bob.waitBar(barPanel, "the end of the call", 30*time.Second)
	if c := alice.console(); strings.Contains(c, ssid) || strings.Contains(c, password) {
		t.Error("the console tells the network's name or its password")
	}
	for _, m := range []*machine{alice, bob} {
		saveLog(t, m)
	}
}

// goesOn does something to a call and waits until fifty packets of speech have come each way after it.
func goesOn(t *testing.T, h *hub, a, b *machine, what string, do func()) {
	t.Helper()
	do()
	began := time.Now()
	before := [2]int{h.speaks(a.setup.port), h.speaks(b.setup.port)}
	for h.speaks(a.setup.port) < before[0]+50 || h.speaks(b.setup.port) < before[1]+50 {
		if time.Since(began) > slow*40*time.Second {
			a.shot("the call is gone")
			t.Fatalf("%s: %d and %d packets since. Console:\n%s", what, h.speaks(a.setup.port)-before[0], h.speaks(b.setup.port)-before[1], a.console())
		}
		time.Sleep(50 * time.Millisecond)
	}
	note("\n\n%s: 50 packets of speech have come each way %.1f s after. ", what, time.Since(began).Seconds())
	for _, m := range []*machine{a, b} {
		m.waitBar(barUnsure, "the call, still secure", 10*time.Second)
	}
}

// judgeAir looks at what the radio sent: another address than the one that the chip was born with, and no clear speech.
func judgeAir(t *testing.T, h *hub, m *machine) {
	t.Helper()
	from := m.setup.port
	n := 0
	for _, f := range h.seen() {
		if f[12] != 8 || f[13] != 0 || !bytes.Equal(f[26:30], from.addr.AsSlice()) {
			continue
		}
		n++
		if f[6]&2 == 0 || bytes.Equal(f[6:11], []byte{2, 0, 0, 0, 0}) || bytes.Equal(f[6:12], from.mac) {
			t.Fatalf("the radio calls itself %x", f[6:12])
		}
		if bytes.Contains(f, []byte("Opus")) && !bytes.Contains(f, []byte("rtpmap")) {
			t.Error("clear speech in the air")
		}
	}
	if n < 100 {
		t.Errorf("%d packets came from the radio", n)
	}
}
