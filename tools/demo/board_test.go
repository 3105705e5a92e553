package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"sotto/tools/loopback"
	"sotto/tools/wiretap"
)

// TestASecondDemoFindsRoom: where the usual port is taken, another is used.
func TestASecondDemoFindsRoom(t *testing.T) {
	var pairs [2]*pair
	for i := range pairs {
		p, err := newPair("no-simulator", "speech", t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.close)
		path, err := wiretap.Open(p.ends)
		if err != nil {
			t.Fatalf("number %d at %v: %v", i+1, p.ends, err)
		}
		t.Cleanup(path.Close)
		pairs[i] = p
	}
	if pairs[0].ends[0].Face == pairs[1].ends[0].Face {
		t.Errorf("both are at %v", pairs[0].ends[0].Face)
	}
}

// TestSwitchesHaveEnds: what is outside of the scales is refused and changes nothing.
func TestSwitchesHaveEnds(t *testing.T) {
	p, err := newPair("no-simulator", "speech", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	path, err := wiretap.Open(p.ends)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(path.Close)
	b := &board{pair: p, path: path}
	h := loopback.Guard(b.routes())
	set := func(loss, delay, jitter, attacker string) int {
		form := url.Values{"loss": {loss}, "delay": {delay}, "jitter": {jitter}, "attacker": {attacker}}
		r := httptest.NewRequest("POST", "/set", strings.NewReader(form.Encode()))
		r.Host = "127.0.0.1:8080"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	if code := set("40", "500", "200", "on"); code != http.StatusNoContent {
		t.Fatalf("the ends of the scales: %d", code)
	}
	want := settings{40, 500, 200, true}
	for _, bad := range [][4]string{{"41", "0", "0", "off"}, {"-1", "0", "0", "off"}, {"0", "501", "0", "off"},
		{"0", "0", "201", "off"}, {"", "0", "0", "off"}, {"0", "0", "0", "maybe"}, {"NaN", "0", "0", "off"}} {
		if code := set(bad[0], bad[1], bad[2], bad[3]); code != http.StatusBadRequest || b.set != want {
			t.Errorf("%v: %d, switches %+v", bad, code, b.set)
		}
	}
	if v, err := path.View(0); err != nil || !v.Armed {
		t.Errorf("the attacker was not told: %+v %v", v, err)
	}
}
