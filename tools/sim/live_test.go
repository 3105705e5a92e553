package main

import (
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"sotto/firmware/phone"
	"sotto/hal"
)

// hum is a card that hears one value for ever.
type hum int16

func (h hum) ReadFrame(dst []int16) error {
	time.Sleep(time.Millisecond)
	for i := range dst {
		dst[i] = int16(h)
	}
	return nil
}
func (h hum) WriteFrame([]int16) error { return nil }
func (h hum) Close() error             { return nil }

// TestLiveSoundGoesBothWays: who connects is heard instead of the recording, and hears the loudspeaker; who leaves gives
// the microphone back to the recording.
func TestLiveSoundGoesBothWays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sound")
	v, err := listenLive(path)
	if err != nil {
		t.Fatal(err)
	}
	devices := phone.Devices{OpenPCM: func() (hal.PCM, error) { return hum(7), nil }}
	v.wrap(&devices)
	pcm, err := devices.OpenPCM()
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]int16, 480)
	heard := func() int16 {
		if err := pcm.ReadFrame(frame); err != nil {
			t.Fatal(err)
		}
		return frame[479]
	}
	if got := heard(); got != 7 {
		t.Fatalf("without a connection %d is heard, want the recording", got)
	}
	for round := int16(1); round <= 2; round++ { // the second connection takes the place of the first
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		samples := make([]byte, 2*livePrime)
		for i := 0; i < len(samples); i += 2 {
			binary.LittleEndian.PutUint16(samples[i:], uint16(1000*round))
		}
		conn.Write(samples)
		waitFor(t, "the live voice", func() bool { return heard() == 1000*round })
		waitFor(t, "silence after it", func() bool { return heard() == 0 })
		pcm.WriteFrame([]int16{11, 12, 13 + round})
		var b [6]byte
		conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		if _, err := io.ReadFull(conn, b[:]); err != nil || int16(binary.LittleEndian.Uint16(b[4:])) != 13+round {
			t.Errorf("the loudspeaker: %v %v", b, err)
		}
		if round == 2 {
			conn.Close()
			waitFor(t, "the recording again", func() bool { return heard() == 7 })
		}
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Second); !done(); {
		if time.Now().After(end) {
			t.Fatalf("no sign of %s", what)
		}
	}
}
