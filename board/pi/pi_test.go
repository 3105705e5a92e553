package pi

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"sotto/hal"
)

// TestThePageIsTheCode compares the wiring table that people solder by with the pins that the program drives.
func TestThePageIsTheCode(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	page := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \| (\d+) \| GPIO(\d+) \|$`).FindAllStringSubmatch(string(b), -1) {
		page[m[1]+", "+m[2]] = m[3] + " " + m[4]
	}
	want := map[string]int{"panel, DC": PinData, "panel, BLK (light)": PinBacklight, "call key, to ground": PinCall,
		"secure lamp, LED and 330 Ω to ground": PinLamp, "hook switch, closed to ground: on hook": PinHook,
		"jack contact, closed to ground: nothing plugged in": PinJack}
	for i, r := range Rows {
		want[fmt.Sprintf("keypad, row %d", i+1)] = r
	}
	for i, c := range Cols {
		want[fmt.Sprintf("keypad, column %d", i+1)] = c
	}
	used := map[string]string{}
	for line, pin := range page {
		if other, taken := used[pin]; taken {
			t.Errorf("%s and %s share a pin", line, other)
		}
		used[pin] = line
		header, gpio, _ := strings.Cut(pin, " ")
		if header != headerPin[gpio] {
			t.Errorf("%s: GPIO%s is pin %s of the header, not %s", line, gpio, headerPin[gpio], header)
		}
	}
	for line, gpio := range want {
		_, got, _ := strings.Cut(page[line], " ")
		if got != fmt.Sprint(gpio) {
			t.Errorf("%s: GPIO%s on the page, GPIO%d in the program", line, got, gpio)
		}
	}
	if len(page) < 24 {
		t.Errorf("the page has %d lines of wiring", len(page))
	}
}

// headerPin is the header of every Raspberry Pi with 40 pins, by GPIO.
var headerPin = map[string]string{"0": "27", "1": "28", "2": "3", "3": "5", "4": "7", "5": "29", "6": "31", "7": "26", "8": "24",
	"9": "21", "10": "19", "11": "23", "12": "32", "13": "33", "16": "36", "17": "11", "18": "12", "19": "35", "20": "38",
	"21": "40", "22": "15", "23": "16", "24": "18", "25": "22", "26": "37", "27": "13"}

// TestEveryKeyIsOnThePad: with the call key, the hook switch and the pad a person reaches every key of the handset.
func TestEveryKeyIsOnThePad(t *testing.T) {
	have := map[hal.Key]bool{hal.KeyCall: true, hal.KeyHook: true}
	for _, row := range Layout {
		if len(row) != len(Cols) {
			t.Errorf("a row of %d keys on %d columns", len(row), len(Cols))
		}
		for _, k := range row {
			if have[k] {
				t.Errorf("%s is there twice", k)
			}
			have[k] = true
		}
	}
	for k := hal.KeyDigit0; k <= hal.KeyHook; k++ {
		if !have[k] {
			t.Errorf("nobody can press %s", k)
		}
	}
}
