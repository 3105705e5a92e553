//go:build hil

package hil

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestCall lets two handsets call each other: keys on their keyboards, a cable between them, speech into their
// microphones and out of their speakers, and what their screens show.
func TestCall(t *testing.T) {
	h := newHub(t)
	var m [2]*machine
	for i, name := range []string{"alice", "bob"} {
		m[i] = start(t, setup{name: name, card: cardOf(t, "qemuvirt"), port: h.plug(), sound: name, words: "sotto.direct=1"})
	}
	alice, bob := m[0], m[1]
	note("## Two handsets call each other\n")
	for _, x := range m {
		x.rest(120 * time.Second)
	}
	pressed := connect(alice, bob)
	note("\nFrom the call key to both screens secure: %.1f s (with the bench's pauses between keys).\n\n", time.Since(pressed).Seconds())
	for _, x := range m {
		x.shot("secure")
		x.moves("ok") // Options
		x.choose("whole")
	}
	for _, x := range m {
		x.waitBar(barUnsure, "the whole code", 20*time.Second) // the menu has another top line
		time.Sleep(300 * time.Millisecond)
		x.shot("the whole code")
	}
	if err := sameCode(alice.screen(), bob.screen()); err != nil {
		t.Errorf("the codes on the two screens: %v", err)
	}
	talk(t)
	for _, f := range h.seen() {
		if bytes.Contains(f, []byte("Opus")) && !bytes.Contains(f, []byte("rtpmap")) {
			t.Error("clear speech on the cable")
		}
	}
	alice.press("end")
	time.Sleep(time.Second)
	alice.shot("the end")
	alice.waitBar(barPanel, "the idle screen after the call", 30*time.Second)
	bob.waitBar(barPanel, "the idle screen after the call", 30*time.Second)
	for _, x := range m {
		saveLog(t, x)
	}
}

// connect lets one handset call the other by its address, and returns when the call key was pressed.
func connect(from, to *machine) (pressed time.Time) {
	from.t.Helper()
	from.typed(strings.ReplaceAll(to.setup.port.addr.String(), ".", "*"))
	from.shot("the number")
	from.press("call")
	pressed = time.Now()
	to.waitBar(barBusy, "that it rings", 30*time.Second)
	to.shot("it rings")
	to.press("call")
	for _, m := range []*machine{from, to} {
		m.waitBar(barUnsure, "that the call is secure", 40*time.Second)
	}
	return pressed
}

// talk lets both speak at once and hears whether each voice arrives at the other ear: once in three times. An emulator that
// got no processor for a while cannot keep the time of a sound card.
func talk(t *testing.T) {
	t.Helper()
	for attempt := 1; ; attempt++ {
		err := exchange(t)
		if err == nil {
			return
		}
		note("%v (load of the host: %s).\n\n", err, load())
		if attempt == 3 {
			t.Error(err)
			return
		}
	}
}

// exchange is one attempt.
func exchange(t *testing.T) (err error) {
	t.Helper()
	speech := filepath.Join(root, "tools/call/speech")
	for _, name := range []string{"alice", "bob"} {
		defer speak(t, name, filepath.Join(speech, name+".wav"))()
	}
	time.Sleep(time.Second)
	var heard [2][]float64
	var wg sync.WaitGroup
	for i, name := range []string{"bob", "alice"} {
		wg.Go(func() { heard[i] = hear(t, name, 6*time.Second) })
	}
	wg.Wait()
	for i, who := range []string{"alice", "bob"} {
		keepWAV(t, who+"-heard", heard[i])
		got := loudness(heard[i], 48000)
		own := likeness(recording(t, filepath.Join(speech, who+".wav")), got)
		chance := likeness(recording(t, filepath.Join(speech, []string{"bob", "alice"}[i]+".wav")), got)
		note("What %s says, at the other's ear: likeness %.2f; of the other's voice: %.2f.\n\n", who, own, chance)
		if own < 0.45 || own < chance+0.1 {
			err = fmt.Errorf("what %s says arrives with likeness %.2f, the other voice has %.2f", who, own, chance)
		}
	}
	return err
}

// recording is the loudness of a WAV file.
func recording(t *testing.T, path string) []float64 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return loudness(samples(b[44:]), int(binary.LittleEndian.Uint32(b[24:])))
}
