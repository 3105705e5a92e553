package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sotto/firmware/phone"
	"sotto/hal"
	"sotto/hal/haltest"
)

// loadWAVs opens what the microphone will hear, once: a missing or strange file is found before the first call.
func (d *device) loadWAVs(o options) (err error) {
	if o.mic != "" {
		if d.sound, err = haltest.OpenSound(o.mic); err != nil {
			return fmt.Errorf("--mic: %w", err)
		}
	}
	if o.speaker != "" {
		dir := filepath.Dir(o.speaker)
		if st, err := os.Stat(dir); err != nil || !st.IsDir() {
			return fmt.Errorf("--speaker %s: there is no folder %s", o.speaker, dir)
		}
	}
	return nil
}

// openPCM is the sound card of one call. Each call begins both files anew.
func (d *device) openPCM(o options) (hal.PCM, error) {
	return haltest.OpenWAV(haltest.WAVConfig{Sound: d.sound, Speaker: o.speaker, Loop: o.loop, Drift: o.drift,
		Started: func(dir haltest.Direction, wall time.Time) {
			d.print(phone.Note{T: phone.Stamp(time.Now()), Event: dir.String() + "-start", Wall: phone.Stamp(wall)})
		}})
}
