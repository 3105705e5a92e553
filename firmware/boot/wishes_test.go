package boot

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"testing"
	"time"
)

// TestATelephoneMayLittle talks to PID 1 as a telephone that was taken over.
func TestATelephoneMayLittle(t *testing.T) {
	ours, theirs := net.Pipe()
	built := time.Unix(1_790_000_000, 0)
	go grants{built: built, radio: &radio{}}.heed(ours)
	w := &wishes{line: theirs, answers: bufio.NewReader(theirs)}
	for _, wish := range []string{"", "reboot", "clock", "clock x", "clock 0", fmt.Sprint("clock ", built.Add(-time.Second).UnixNano()),
		fmt.Sprint("clock ", built.Add(latest+time.Second).UnixNano()), "cable ", "cable address=nowhere", "cable tor=1",
		"cable address=2001:db8::1/64", "cable router=192.0.2.1 address=192.0.2.7/24", "cable address=192.0.2.7/24  router=192.0.2.1",
		"cable address=dhcp x", "cable address=192.0.2.7/24 dns=name"} {
		if err := w.ask(wish); !errors.Is(err, errRefused) {
			t.Errorf("%q: %v", wish, err)
		}
	}
	_ = theirs.Close()
}

func TestWishedTime(t *testing.T) {
	built := time.Unix(1_790_000_000, 0)
	want := built.Add(time.Hour)
	if got, err := wishedTime(fmt.Sprint(want.UnixNano()), built); err != nil || !got.Equal(want) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestLinkText(t *testing.T) {
	o := map[string]string{"address": "192.0.2.7/24", "router": "192.0.2.1", "dns": "192.0.2.1,192.0.2.2"}
	text := linkText(o)
	got, err := parseLink(text)
	if err != nil || !maps.Equal(got, o) {
		t.Fatalf("%q was read as %v, %v", text, got, err)
	}
	c, err := linkConfig(got)
	if err != nil || c.Static.String() != o["address"] || c.Router.String() != o["router"] || len(c.DNS) != 2 {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = linkConfig(map[string]string{"address": "dhcp"}); err != nil || c.Static.IsValid() {
		t.Errorf("DHCP: %+v, %v", c, err)
	}
}

// TestWordsOfTheCard: the owner's words stand beside those of the command line, which has the last one.
func TestWordsOfTheCard(t *testing.T) {
	words := parseWords("# mine\nsotto.direct=1 sotto.tor=1 # both\nroot=/dev/sda\n\nsotto.address=192.0.2.7/24")
	want := map[string]string{"direct": "1", "tor": "0", "address": "192.0.2.7/24"}
	if got := merge(words, parseOptions("console=ttyS1 sotto.tor=0")); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSetUpOnAStick(t *testing.T) {
	const text = "sotto-provision 1\nserial 1\nfor all\nend\n\x00\x00"
	good := stickHead + "\x00\x00\x00" + string(rune(len(text))) + text
	if got := setUpOn(strings.NewReader(good + strings.Repeat("\x00", 512))); string(got) != text {
		t.Errorf("%q", got)
	}
	for _, bad := range []string{"", text, good[:len(good)-1], stickHead + "\x00\x00\x00\x00", stickHead + "\xff\xff\xff\xff" + text, "SOTTOUP1" + good[8:]} {
		if got := setUpOn(strings.NewReader(bad)); got != nil {
			t.Errorf("%q gave %q", bad, got)
		}
	}
}
