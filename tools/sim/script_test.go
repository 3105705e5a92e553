package main

import (
	"strings"
	"testing"
	"time"
)

func TestScriptIsCheckedBeforeAnyKeyIsPressed(t *testing.T) {
	for script, want := range map[string]string{
		"press up\npress banana":   "line 2:",
		"dance":                    "not a verb",
		"sleep long":               "duration",
		"wait (unclosed 2s":        "regular expression",
		"wait":                     "regular expression",
		"type 12a4":                "digits",
		"shot":                     "file name",
		"press":                    "wants a key",
		"screen\n\n# note\nhold 2": "",
	} {
		_, err := parseScript(strings.NewReader(script))
		if want == "" && err != nil {
			t.Errorf("%q: %v", script, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: error %v, want %q in it", script, err, want)
		}
	}
}

func TestWaitTakesARegexWithSpaces(t *testing.T) {
	s, _, err := parseStep("wait SECURE +code [0-9] 1500ms")
	if err != nil || s.match.String() != "SECURE +code [0-9]" || s.time != 1500*time.Millisecond {
		t.Fatalf("%v %v %v", s.match, s.time, err)
	}
	s, _, err = parseStep("wait Idle")
	if err != nil || s.match.String() != "Idle" || s.time != 10*time.Second {
		t.Fatalf("%v %v %v", s.match, s.time, err)
	}
}
