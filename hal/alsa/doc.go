// Package alsa is the handset's ear and mouth on a Linux sound card: hal.PCM and hal.Mixer by ioctls on /dev/snd, without
// libasound and without cgo.
//
// It promises that the card is the clock; that an overrun or underrun costs the frames that were lost and nothing else;
// that ear and mouth start together, so that their distance is the same in every call; that a fault of one does not stop
// the other; and that a card that is pulled out is heard as silence at the right pace until it is back.
//
// It never resamples and never mixes: the card must do 48 kHz S16. It allocates nothing after the first frame.
// It cannot know whether anything is plugged into the jack.
package alsa

import "sotto/hal"

const rate = hal.SampleRate
