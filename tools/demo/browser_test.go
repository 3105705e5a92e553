//go:build browser

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const root = "../.."

// openDemo serves the page with handsets that have met nobody, and opens it.
func openDemo(t *testing.T) (b *browser, addr string) {
	t.Helper()
	port, err := freePort("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	addr = fmt.Sprintf("127.0.0.1:%d", port)
	cmd := exec.Command(filepath.Join(root, "build/demo"), "--sim", filepath.Join(root, "build/sim"), "--http", addr,
		"--speech", filepath.Join(root, "tools/call/speech"), "--state", t.TempDir())
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; run: make demo-test", err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if out.Len() > 0 {
			t.Logf("demo: %s", out.String())
		}
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if r, err := http.Get("http://" + addr + "/"); err == nil {
			r.Body.Close()
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	b = openBrowser(t)
	b.do("Page.navigate", map[string]any{"url": "http://" + addr + "/"})
	b.idle()
	return b, addr
}

// idle waits for both handsets and puts away what a new one may ask.
func (b *browser) idle() {
	b.t.Helper()
	for _, who := range []string{"Alice", "Bob"} {
		b.await(who, `\S`, 20*time.Second)
		b.mouse(who, "end", 30*time.Millisecond)
	}
}

// call lets Alice call Bob and gives both codes, as the handsets' own events tell them.
func (b *browser) call() (alice, bob string) {
	b.t.Helper()
	b.mouse("Alice", "2", time.Second) // a long press on 2 is speed dial
	b.await("Bob", `(?i)incoming|calling|answer`, 10*time.Second)
	b.mouse("Bob", "call", 50*time.Millisecond)
	b.until(15*time.Second, "two codes", "codes.Alice && codes.Bob && !codes.over")
	b.eval("codes.Alice", &alice)
	b.eval("codes.Bob", &bob)
	return alice, bob
}

// hangUp ends a call on both sides.
func (b *browser) hangUp() {
	b.t.Helper()
	b.mouse("Alice", "end", 50*time.Millisecond)
	b.until(10*time.Second, "the call's end", "codes.over && !last.view.calling")
	for _, who := range []string{"Alice", "Bob"} {
		b.await(who, `(?i)ended|hung up|menu|names`, 10*time.Second)
	}
	time.Sleep(300 * time.Millisecond)
	b.mouse("Alice", "end", 30*time.Millisecond) // the screen that tells the end may go
	b.mouse("Bob", "end", 30*time.Millisecond)
	time.Sleep(300 * time.Millisecond)
}

// symbols of the code on the keys, in the order in which pressing again gives them.
var symbols = map[string]string{"1": "1", "2": "abc", "3": "def3", "4": "ghi4", "5": "jk5", "6": "mno6", "7": "pqrs7", "8": "tu8", "9": "wxyz9"}

// reads is the half of the code that a handset lets its owner say.
func (b *browser) reads(who string) (half string) {
	b.t.Helper()
	b.eval(fmt.Sprintf(`(() => { const n = notes.findLast(n => n.who === %q && n.event === 'secure');
		return n.role === 'initiator' ? n.sas.slice(0, 2) : n.sas.slice(2); })()`, who), &half)
	if len(half) != 2 {
		b.t.Fatalf("%s reads %q", who, half)
	}
	return half
}

// hears lets somebody type a half by mouse.
func (b *browser) hears(who, half string) {
	b.t.Helper()
	before := ""
	for _, symbol := range half {
		for key, on := range symbols {
			i := strings.IndexRune(on, symbol)
			if i < 0 {
				continue
			}
			if key == before {
				time.Sleep(1200 * time.Millisecond) // or it would be another symbol of that key
			}
			for range i + 1 {
				b.mouse(who, key, 10*time.Millisecond)
			}
			before = key
		}
	}
}

// TestTwoPeopleUseThePage plays four calls by mouse and keyboard in a real browser: an honest one, compared; one with an
// attacker between people who have met; one with an attacker between people who have not, and the one after him. It leaves
// pictures.
func TestTwoPeopleUseThePage(t *testing.T) {
	b, addr := openDemo(t)
	honestCall(t, b)
	b.click("#attacker")
	alice, bob := b.call()
	if alice == bob {
		t.Errorf("with an attacker both codes are %s", alice)
	}
	for _, who := range []string{"Alice", "Bob"} {
		b.await(who, `KEY CHANGED`, 5*time.Second)
	}
	b.hangUp()
	attackOnStrangers(t, b)
	b.eval("document.querySelector('#attacker').focus()", nil)
	b.key(" ", 32, 1)
	b.until(5*time.Second, "the attacker's leaving", "!last.view.armed")
	if alice, bob = b.call(); alice != bob {
		t.Errorf("without the attacker: codes %s and %s", alice, bob)
	}
	for _, who := range []string{"Alice", "Bob"} { // he left, and that is seen too
		b.await(who, `OTHER PHONE|KEY CHANGED`, 5*time.Second)
	}
	strangersPages(t, addr)
	if len(b.complaints) > 0 {
		t.Errorf("the browser complains %d times, first: %s", len(b.complaints), b.complaints[0])
	}
}

// honestCall: equal codes, no clear speech, loss as it is set, the browser's own voice; and both compare.
func honestCall(t *testing.T, b *browser) {
	alice, bob := b.call()
	if alice != bob || len(alice) != 4 {
		t.Errorf("codes %q and %q", alice, bob)
	}
	b.until(10*time.Second, "a verdict over 100 packets: no speech", `last.view.speech.verdict === 'none' && last.view.speech.packets === 100
		&& document.getElementById('speech').textContent === 'none' && last.view.sizes.length === 1 && !last.view.thief`)
	var lost int
	if b.eval("last.view.measures[0].lost + last.view.measures[1].lost", &lost); lost != 0 {
		t.Errorf("%d packets lost on a good wire", lost)
	}
	b.eval("document.querySelector('[name=loss]').focus()", nil)
	b.key("ArrowRight", 39, 25)
	b.until(15*time.Second, "a loss near 25 %", "last.set.loss === 25 && last.view.measures.every(m => m.lost > .1 * m.sent && m.lost < .4 * m.sent)")
	b.shot(picture("demo.png"))
	narrowPage(t, b)
	b.eval("document.querySelector('[name=loss]').focus()", nil)
	b.key("Home", 36, 1)
	b.until(5*time.Second, "no loss any more", "last.set.loss === 0")
	fromAlice, fromBob := b.reads("Alice"), b.reads("Bob")
	for who, half := range map[string]string{"Alice": fromBob, "Bob": fromAlice} {
		b.mouse(who, "softL", 50*time.Millisecond)
		b.await(who, `(?i)type`, 3*time.Second)
		b.hears(who, half)
		b.await(who, `Code is right|(?i)checked`, 5*time.Second)
	}
	b.hangUp()
}

// attackOnStrangers: two factory-new handsets, and nothing but the code tells.
func attackOnStrangers(t *testing.T, b *browser) {
	b.click("#renew")
	b.until(20*time.Second, "new handsets", "!document.getElementById('renew').disabled && !last.view.calling")
	b.idle()
	alice, bob := b.call()
	if alice == bob {
		t.Errorf("with an attacker both codes are %s", alice)
	}
	b.until(10*time.Second, "the attacker's hearing both", `last.view.thief?.speech.verdict === 'readable' && last.view.speech.verdict === 'none'
		&& last.view.thief.heard.every(h => h.frames > 50 && h.wave.some(a => a > 5) && h.wave.every(a => a < 80))`)
	var silent bool
	if b.eval("alerts.length === 0", &silent); !silent {
		t.Error("a handset noticed what it cannot notice")
	}
	b.click("input[name=speak][value=Alice]")
	// Chromium's fake microphone beeps at full scale, which the recorded voice never reaches, and is silent between.
	b.until(10*time.Second, "the browser's microphone in the attacker's ear, and the call in the browser's", `last.view.thief.heard[0].wave.slice(-50).some(a => a > 85)
		&& last.view.thief.heard[0].wave.slice(-50).filter(a => a === 0).length > 25 && document.getElementById('ear').value > 1`)
	b.click(`input[name=speak][value=""]`)
	fromBob := b.reads("Bob")
	b.mouse("Alice", "softL", 50*time.Millisecond)
	b.await("Alice", `(?i)type`, 3*time.Second)
	b.hears("Alice", fromBob)
	b.await("Alice", `(?i)again`, 5*time.Second)
	b.hears("Alice", fromBob)
	b.await("Alice", `SOMEONE LISTENS`, 5*time.Second)
	b.until(5*time.Second, "the page's word for it", "document.getElementById('codes').textContent.startsWith('DIFFERENT')")
	b.shot(picture("demo-attack.png"))
	b.hangUp()
}

// narrowPage: on a telephone's screen nothing sticks out to the side.
func narrowPage(t *testing.T, b *browser) {
	b.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": false})
	var width int
	if b.eval("document.documentElement.scrollWidth", &width); width != 390 {
		t.Errorf("on 390 pixels the page is %d wide", width)
	}
	b.shot(filepath.Join(root, "build", "demo-narrow.png"))
	b.do("Emulation.clearDeviceMetricsOverride", map[string]any{})
}

// picture is where a picture goes: to build/, or to the folder that DEMO_PICTURES names.
func picture(name string) string {
	if dir := os.Getenv("DEMO_PICTURES"); dir != "" {
		return filepath.Join(dir, name)
	}
	return filepath.Join(root, "build", name)
}

// strangersPages: no other page of the browser presses a key, reads the stream, takes the microphone or shows the handsets.
func strangersPages(t *testing.T, addr string) {
	for _, path := range []string{"/Alice/key", "/set", "/new", "/Alice/sound", "/news"} {
		r, _ := http.NewRequest("POST", "http://"+addr+path, strings.NewReader("key=2&action=down"))
		if path == "/news" || path == "/Alice/sound" {
			r.Method = "GET"
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://evil.test")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s by another page: %s", path, answer.Status)
		}
	}
	for _, path := range []string{"/", "/Alice/"} {
		answer, err := http.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if p := answer.Header.Get("Content-Security-Policy"); !strings.Contains(p, "default-src 'none'") || strings.Contains(p, "unsafe") {
			t.Errorf("%s: policy %q", path, p)
		}
	}
}
