// Package spoken says a short authentication string aloud, for those who cannot read the screen.
//
// It promises to say every symbol of both kinds of code, one at a time, in the language of the screen; a language that it
// has no clips of is said in English, and so are the words of the longer code, which are English. The clips were made by
// espeak-ng (tools/clips) and are part of the program: nothing is fetched, and nothing that is said leaves the telephone.
// It cannot hide from the room what the loudspeaker says.
package spoken

import (
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"sotto/codec"
	"sotto/codec/opus"
)

//go:embed clips
var clips embed.FS

// Languages that there are clips of, by their codes. The first is for all others.
var Languages = [...]string{"en", "de", "fr", "es"}

const (
	words = "words" // the clips of the PGP word list
	pause = 350 * time.Millisecond

	maxPacket = 1275 // octets, RFC 6716, Section 3.2.1
)

// Errors.
var (
	ErrSymbol = errors.New("spoken: no clip of that symbol")
	ErrClips  = errors.New("spoken: damaged clips")
)

// Clip is a recording: its name and its Opus packets.
type Clip struct {
	Name    string
	Packets [][]byte
}

// Append writes a clip: name, number of packets, packets, each with its length before it.
func (c Clip) Append(b []byte) []byte {
	b = append(append(b, byte(len(c.Name))), c.Name...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.Packets)))
	for _, p := range c.Packets {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(p))), p...)
	}
	return b
}

// Parse reads what Append wrote, clip after clip.
func Parse(b []byte) (all []Clip, err error) {
	for len(b) > 0 {
		n := int(b[0])
		if len(b) < 1+n+2 {
			return nil, ErrClips
		}
		c := Clip{Name: string(b[1 : 1+n])}
		count := int(binary.BigEndian.Uint16(b[1+n:]))
		b = b[1+n+2:]
		for range count {
			if len(b) < 2 {
				return nil, ErrClips
			}
			size := int(binary.BigEndian.Uint16(b))
			if size == 0 || size > maxPacket || len(b) < 2+size {
				return nil, ErrClips
			}
			c.Packets = append(c.Packets, b[2:2+size])
			b = b[2+size:]
		}
		all = append(all, c)
	}
	return all, nil
}

// Say is the sound of a code, or of a part of it, at 48 kHz. Symbols of four-symbol codes are letters and digits; words
// are parted by colons or spaces.
func Say(language, code string) ([]int16, error) {
	names, set := symbols(code), language
	if len(names) > 0 && len(names[0]) > 1 {
		set = words
	}
	b, err := clips.ReadFile("clips/" + set + ".clips")
	if err != nil {
		if b, err = clips.ReadFile("clips/" + Languages[0] + ".clips"); err != nil {
			return nil, fmt.Errorf("spoken: %w", err)
		}
	}
	all, err := Parse(b)
	if err != nil {
		return nil, err
	}
	known := make(map[string]Clip, len(all))
	for _, c := range all {
		known[c.Name] = c
	}
	var sound []int16
	for i, name := range names {
		c, ok := known[strings.ToLower(name)]
		if !ok {
			return nil, ErrSymbol
		}
		if i > 0 {
			sound = append(sound, make([]int16, pause*codec.SampleRate/time.Second)...)
		}
		if sound, err = c.decode(sound); err != nil {
			return nil, err
		}
	}
	return sound, nil
}

// symbols are what is said one by one.
func symbols(code string) []string {
	if strings.ContainsAny(code, ": ") || len(code) > 4 {
		return strings.FieldsFunc(code, func(r rune) bool { return r == ':' || r == ' ' })
	}
	return strings.Split(code, "")
}

func (c Clip) decode(sound []int16) ([]int16, error) {
	d, err := opus.NewDecoder()
	if err != nil {
		return nil, fmt.Errorf("spoken: %w", err)
	}
	for _, p := range c.Packets {
		n := codec.PayloadSamples(p)
		if n <= 0 {
			return nil, ErrClips
		}
		at := len(sound)
		sound = append(sound, make([]int16, n)...)
		if err := d.Decode(sound[at:], p); err != nil {
			return nil, ErrClips
		}
	}
	return sound, nil
}
