package spoken

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/codec"
)

// The alphabet of RFC 6189, Section 5.1.6, in its order.
const alphabet = "ybndrfg8ejkmcpqxot1uwisza345h769"

func TestEverySymbolIsSaid(t *testing.T) {
	for _, language := range Languages {
		heard := map[string][]int16{}
		for _, symbol := range strings.Split(alphabet, "") {
			pcm, err := Say(language, symbol)
			if err != nil {
				t.Fatalf("%s %s: %v", language, symbol, err)
			}
			audible(t, language+" "+symbol, pcm)
			for other, b := range heard {
				if slices.Equal(b, pcm) {
					t.Errorf("%s: %s sounds as %s", language, symbol, other)
				}
			}
			heard[symbol] = pcm
		}
	}
}

func TestEveryWordIsSaid(t *testing.T) {
	b, err := clips.ReadFile("clips/words.clips")
	if err != nil {
		t.Fatal(err)
	}
	all, err := Parse(b)
	if err != nil || len(all) != 512 {
		t.Fatalf("%d words, %v", len(all), err)
	}
	for _, c := range all {
		pcm, err := c.decode(nil)
		if err != nil {
			t.Fatal(c.Name, err)
		}
		audible(t, c.Name, pcm)
	}
}

// audible asks for a word's length and for a voice that is neither faint nor cut off at full scale.
func audible(t *testing.T, what string, pcm []int16) {
	t.Helper()
	long := time.Duration(len(pcm)) * time.Second / codec.SampleRate
	power, full := 0.0, 0
	for _, s := range pcm {
		power += float64(s) * float64(s)
		if s == math.MaxInt16 || s == math.MinInt16 {
			full++
		}
	}
	if rms := math.Sqrt(power / float64(len(pcm))); long < 150*time.Millisecond || long > 2500*time.Millisecond || rms < 500 || full > len(pcm)/100 {
		t.Errorf("%s: %v long, level %.0f, %d samples at full scale", what, long, rms, full)
	}
}

func TestSaysOneAfterTheOther(t *testing.T) {
	length := func(language, code string) int {
		t.Helper()
		pcm, err := Say(language, code)
		if err != nil {
			t.Fatal(code, err)
		}
		return len(pcm)
	}
	gap := int(pause * codec.SampleRate / time.Second)
	if got, want := length("de", "b7"), length("de", "b")+gap+length("de", "7"); got != want {
		t.Errorf("b7 takes %d samples, want %d", got, want)
	}
	if got, want := length("de", "Absurd:banjo"), length("fr", "absurd")+gap+length("en", "banjo"); got != want {
		t.Errorf("the words take %d samples, want %d", got, want)
	}
	if length("eo", "b") != length("en", "b") {
		t.Error("a language without clips is not said in English")
	}
	if n := length("en", ""); n != 0 {
		t.Errorf("nothing takes %d samples", n)
	}
}

func TestRefuses(t *testing.T) {
	for _, code := range []string{"0", "b!", "l", "../en", "banjo:xylophone"} {
		if _, err := Say("en", code); !errors.Is(err, ErrSymbol) {
			t.Errorf("%q: %v", code, err)
		}
	}
	if _, err := Say("../spoken", "b"); err != nil {
		t.Errorf("a strange language: %v", err)
	}
	whole := Clip{"b", [][]byte{{1, 2, 3}}}.Append(nil)
	for n := 1; n < len(whole); n++ {
		if _, err := Parse(whole[:n]); !errors.Is(err, ErrClips) {
			t.Errorf("%d of %d octets: %v", n, len(whole), err)
		}
	}
	if _, err := (Clip{"b", [][]byte{{}}}).decode(nil); !errors.Is(err, ErrClips) {
		t.Errorf("an empty packet: %v", err)
	}
}
