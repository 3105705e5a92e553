package phone

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"image"
	"math"
	"time"

	"sotto/codec"
	"sotto/codec/opus"
	"sotto/firmware/call"
	"sotto/firmware/ui"
	"sotto/net/protect"
	"sotto/zrtp"
)

// SelfCheck proves on the machine itself what a wrong compiler, a wrong library or a broken memory would spoil: random
// numbers, a whole key agreement, SRTP, the codec and a picture. It opens no device and takes well under a second on a PC.
func SelfCheck() error {
	for _, part := range []struct {
		name  string
		check func() error
	}{
		{"random numbers", checkRandom}, {"key agreement", checkAgreement}, {"SRTP", checkProtect},
		{"Opus", checkOpus}, {"screen", checkScreen},
	} {
		if err := part.check(); err != nil {
			return fmt.Errorf("phone: self-check of %s: %w", part.name, err)
		}
	}
	return nil
}

func checkRandom() error {
	var a, b [32]byte
	if _, err := rand.Read(a[:]); err != nil {
		return err
	}
	if _, err := rand.Read(b[:]); err != nil {
		return err
	}
	if a == b {
		return errors.New("the same number twice")
	}
	return nil
}

// checkAgreement lets two sessions talk in memory and compares what they show.
func checkAgreement() error {
	at := time.Unix(0, 0)
	var pair [2]*zrtp.Session
	for i := range pair {
		var err error
		cfg := zrtp.Config{ZID: zrtp.ZID{byte(i + 1)}, SSRC: uint32(i + 1), ClientID: clientID, Rand: rand.Reader}
		if pair[i], err = zrtp.NewSession(&cfg, at); err != nil {
			return err
		}
		pair[i].Start(at)
	}
	var codes [2]string
	packet := make([]byte, zrtp.MaxPacketSize)
	for range 400 { // simulated steps of 50 ms: ample for a key agreement without loss
		for i, s := range pair {
			for n, ok := s.Outgoing(packet); ok; n, ok = s.Outgoing(packet) {
				if err := pair[1-i].Handle(packet[:n], at); err != nil {
					return err
				}
			}
			for ev, ok := s.NextEvent(); ok; ev, ok = s.NextEvent() {
				switch e := ev.(type) {
				case zrtp.SASReady:
					codes[i] = e.SAS
				case zrtp.Failed:
					return e.Err
				}
			}
		}
		if codes[0] != "" && codes[1] != "" {
			break
		}
		at = at.Add(50 * time.Millisecond)
		pair[0].Tick(at)
		pair[1].Tick(at)
	}
	if codes[0] == "" || codes[0] != codes[1] {
		return errors.New("the codes differ")
	}
	return nil
}

func checkProtect() error {
	key, salt := make([]byte, 32), make([]byte, 14)
	k := protect.Keys{Profile: protect.AES3HS80, SendKey: key, SendSalt: salt, RecvKey: key, RecvSalt: salt, RemoteSSRC: 7}
	c, err := protect.New(k)
	if err != nil {
		return err
	}
	clear := append([]byte{0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7}, "what is said"...)
	secret, err := c.ProtectRTP(nil, clear)
	if err != nil || bytes.Contains(secret, []byte("said")) {
		return fmt.Errorf("not encrypted: %v", err)
	}
	again, err := c.UnprotectRTP(nil, secret)
	if err != nil || !bytes.Equal(again, clear) {
		return fmt.Errorf("not decrypted: %v", err)
	}
	return nil
}

// checkOpus sends a tone through the codec and looks at its strength.
func checkOpus() error {
	enc, err := opus.NewEncoder(opus.DefaultEncoder())
	if err != nil {
		return err
	}
	dec, err := opus.NewDecoder()
	if err != nil {
		return err
	}
	frame, out := make([]int16, codec.FrameSamples(codec.DefaultPtime)), make([]int16, codec.FrameSamples(codec.DefaultPtime))
	payload := make([]byte, codec.MaxPayload)
	var energy float64
	for n := range 10 {
		for i := range frame {
			frame[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(n*len(frame)+i)/codec.SampleRate))
		}
		size, err := enc.Encode(payload, frame)
		if err != nil {
			return err
		}
		if err := dec.Decode(out, payload[:size]); err != nil {
			return err
		}
		energy = 0
		for _, s := range out {
			energy += float64(s) * float64(s) / float64(len(out))
		}
	}
	if rms := math.Sqrt(energy); rms < 4000 || rms > 8000 { // 8000/sqrt(2) is 5657
		return fmt.Errorf("a tone came back with strength %.0f", rms)
	}
	return nil
}

func checkScreen() error {
	m := call.New(call.Config{Name: "check"})
	m.Handle(nil, call.Tick{}, time.Unix(0, 0))
	img := image.NewRGBA(image.Rect(0, 0, 240, 240))
	if ui.Render(img, m.Snapshot()).Empty() {
		return errors.New("nothing was drawn")
	}
	return nil
}
