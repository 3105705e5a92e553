//go:build browser

package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// browser is one tab of headless Chromium, driven by the DevTools protocol.
type browser struct {
	t    *testing.T
	conn net.Conn
	id   int

	complaints []string // exceptions, and what the content policy refused
}

// openBrowser starts Chromium with an empty profile and attaches to its first tab.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	cmd := exec.Command("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
		"--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
		"--window-size=1440,1310", "--remote-debugging-port=0", "--user-data-dir="+t.TempDir(), "about:blank")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("chromium: %v; run: make test-packages", err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	found := make(chan string, 1)
	go func() {
		sc := bufio.NewScanner(stderr)
		for sc.Scan() {
			if m := regexp.MustCompile(`ws://([^/]+)/`).FindStringSubmatch(sc.Text()); m != nil {
				found <- m[1]
			}
		}
	}()
	var host string
	select {
	case host = <-found:
	case <-time.After(30 * time.Second):
		t.Fatal("chromium named no DevTools port within 30 s")
	}
	out, err := exec.Command("curl", "-s", "-X", "PUT", "http://"+host+"/json/new?about:blank").Output()
	if err != nil {
		t.Fatal(err)
	}
	var tab struct{ WebSocketDebuggerURL string }
	if err := json.Unmarshal(out, &tab); err != nil {
		t.Fatal(err)
	}
	conn, _, _, err := ws.Dial(context.Background(), tab.WebSocketDebuggerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	b := &browser{t: t, conn: conn}
	b.do("Log.enable", nil)
	b.do("Runtime.enable", nil)
	return b
}

// do sends one command and waits for its result.
func (b *browser) do(method string, params map[string]any) json.RawMessage {
	b.t.Helper()
	b.id++
	msg, _ := json.Marshal(map[string]any{"id": b.id, "method": method, "params": params})
	b.conn.SetDeadline(time.Now().Add(20 * time.Second))
	if err := wsutil.WriteClientText(b.conn, msg); err != nil {
		b.t.Fatal(err)
	}
	for {
		data, err := wsutil.ReadServerText(b.conn)
		if err != nil {
			b.t.Fatal(err)
		}
		var reply struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
			Method string
			Params struct {
				Entry struct{ Source, Level, Text string }
			}
		}
		if json.Unmarshal(data, &reply) != nil {
			continue
		}
		e := reply.Params.Entry
		if reply.Method == "Runtime.exceptionThrown" || e.Level == "error" && e.Source != "network" {
			b.complaints = append(b.complaints, string(data))
		}
		if reply.ID == b.id {
			if reply.Error != nil {
				b.t.Fatalf("%s: %s", method, reply.Error.Message)
			}
			return reply.Result
		}
	}
}

// eval runs an expression in the page and decodes its value.
func (b *browser) eval(expr string, v any) {
	b.t.Helper()
	res := b.do("Runtime.evaluate", map[string]any{"expression": expr, "returnByValue": true})
	var r struct {
		Result struct{ Value json.RawMessage }
	}
	if err := json.Unmarshal(res, &r); err != nil {
		b.t.Fatal(err)
	}
	if v != nil && len(r.Result.Value) > 0 {
		if err := json.Unmarshal(r.Result.Value, v); err != nil {
			b.t.Fatalf("%s: %v in %s", expr, err, res)
		}
	}
}

// screen is the text that a handset's screen shows: the image's alternative text.
func (b *browser) screen(handset string) (text string) {
	b.eval(fmt.Sprintf(`document.querySelector('iframe[src="%s/"]').contentDocument?.getElementById('screen')?.alt || ''`, handset), &text)
	return text
}

// await waits until a handset's screen matches.
func (b *browser) await(handset, expr string, limit time.Duration) string {
	b.t.Helper()
	re := regexp.MustCompile(expr)
	for end := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		if s := b.screen(handset); re.MatchString(s) {
			return s
		} else if time.Now().After(end) {
			b.t.Fatalf("%s: no %q within %v; the screen shows:\n%s", handset, expr, limit, s)
		}
	}
}

// place is the middle of a handset's key, in the coordinates of the tab.
func (b *browser) place(handset, key string) (x, y float64) {
	var p []float64
	b.eval(fmt.Sprintf(`(() => { const f = document.querySelector('iframe[src="%s/"]'), o = f.getBoundingClientRect(),
		r = f.contentDocument.querySelector('[data-key="%s"]').getBoundingClientRect();
		return [o.x + r.x + r.width / 2, o.y + r.y + r.height / 2]; })()`, handset, key), &p)
	if len(p) != 2 {
		b.t.Fatalf("%s has no key %s", handset, key)
	}
	return p[0], p[1]
}

// lit says whether the drawn key is shown pressed.
func (b *browser) lit(handset, key string) (yes bool) {
	b.eval(fmt.Sprintf(`document.querySelector('iframe[src="%s/"]').contentDocument.querySelector('[data-key="%s"]').classList.contains('down')`,
		handset, key), &yes)
	return yes
}

// mouse holds the mouse on a key for a while.
func (b *browser) mouse(handset, key string, hold time.Duration) {
	b.t.Helper()
	x, y := b.place(handset, key)
	event := func(kind string) {
		b.do("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1})
	}
	event("mousePressed")
	for end := time.Now().Add(2 * time.Second); !b.lit(handset, key); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("%s: key %s is pressed and the drawn device does not show it", handset, key)
		}
	}
	time.Sleep(hold)
	event("mouseReleased")
}

// key presses a key of the computer's keyboard, so many times; it goes to what has the focus.
func (b *browser) key(name string, code, times int) {
	b.t.Helper()
	for range times {
		for _, kind := range []string{"rawKeyDown", "keyUp"} {
			b.do("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": name, "windowsVirtualKeyCode": code})
		}
	}
}

// click presses the mouse on something of the page outside of the handsets.
func (b *browser) click(selector string) {
	b.t.Helper()
	var p []float64
	b.eval(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({ block: 'nearest' });
		const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, selector), &p)
	if len(p) != 2 {
		b.t.Fatalf("the page has no %s", selector)
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		b.do("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": p[0], "y": p[1], "button": "left", "clickCount": 1})
	}
}

// until waits for an expression to be true.
func (b *browser) until(limit time.Duration, what, expr string) {
	b.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		var yes bool
		if b.eval("!!("+expr+")", &yes); yes {
			return
		}
		if time.Now().After(end) {
			var state string
			b.eval(`JSON.stringify({ codes, alerts, view: last && { ...last.view, packets: last.view.packets.length } })`, &state)
			b.t.Fatalf("within %v: not %s; the page knows %s", limit, what, state)
		}
	}
}

// shot writes a picture of the page, as far down as it goes.
func (b *browser) shot(file string) {
	b.t.Helper()
	var size [2]float64
	b.eval("[innerWidth, Math.min(innerHeight, Math.ceil(document.querySelector('main').getBoundingClientRect().bottom) + 8)]", &size)
	var r struct{ Data string }
	if err := json.Unmarshal(b.do("Page.captureScreenshot", map[string]any{"format": "png",
		"clip": map[string]any{"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}}), &r); err != nil {
		b.t.Fatal(err)
	}
	png, err := base64.StdEncoding.DecodeString(r.Data)
	if err != nil || len(png) < 10000 {
		b.t.Fatalf("no picture: %v, %d octets", err, len(png))
	}
	if err := os.WriteFile(file, png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
