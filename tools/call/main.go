// Command call lets two simulated handsets call each other over loopback with recorded speech and judges the result:
// build/call --sim build/sim --out build/call-run. It prints both screens and one JSON line.
//
// It promises that the exit status is 0 only if both ends went secure, show the same code, and each heard the other's
// speech with STOI of at least 0.90; 1 if the call was worse than that, 2 if it could not be tried.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sotto/tools/bench/stoi"
	"sotto/tools/puppet"
)

// minSTOI is the intelligibility that counts as "the speech arrived".
const minSTOI = 0.90

// result is the one JSON line.
type result struct {
	OK          bool    `json:"ok"`
	Secure      bool    `json:"secure"`
	SASEqual    bool    `json:"sas_equal"`
	SAS         string  `json:"sas"`
	KA          string  `json:"ka"`
	Hash        string  `json:"hash"`
	Cipher      string  `json:"cipher"`
	Auth        string  `json:"auth"`
	HandshakeMS float64 `json:"handshake_ms"`
	AliceToBob  float64 `json:"stoi_alice_to_bob"`
	BobToAlice  float64 `json:"stoi_bob_to_alice"`
	Error       string  `json:"error,omitempty"`
}

func main() {
	sim := flag.String("sim", "build/sim", "the simulator's program")
	out := flag.String("out", "build/call-run", "folder for state and recordings; emptied first")
	speech := flag.String("speech", "tools/call/speech", "folder with alice.wav and bob.wav")
	talk := flag.Duration("talk", 16*time.Second, "how long they talk")
	flag.Parse()
	if err := os.RemoveAll(*out); err != nil {
		fmt.Fprintln(os.Stderr, "call:", err)
		os.Exit(2)
	}
	r, err := try(*sim, *out, *speech, *talk)
	if err != nil {
		r.Error = err.Error()
	}
	r.OK = err == nil && r.Secure && r.SASEqual && r.AliceToBob >= minSTOI && r.BobToAlice >= minSTOI
	line, _ := json.Marshal(r)
	fmt.Println(string(line))
	switch {
	case r.OK:
	case err != nil && !r.Secure && r.SAS == "":
		os.Exit(2)
	default:
		os.Exit(1)
	}
}

// try makes the call; what it returns is filled as far as it came.
func try(sim, out, speech string, talk time.Duration) (r result, err error) {
	ports, err := puppet.FreePorts(2)
	if err != nil {
		return r, err
	}
	sip := [2]string{fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])}
	mics := [2]string{filepath.Join(speech, "alice.wav"), filepath.Join(speech, "bob.wav")}
	alice, err := puppet.Start(sim, out, "Alice", sip[0], mics[0], "--contact", "Bob=sip:bob@"+sip[1])
	if err != nil {
		return r, err
	}
	defer func() { err = first(err, alice.Stop()) }()
	bob, err := puppet.Start(sim, out, "Bob", sip[1], mics[1], "--contact", "Alice=sip:alice@"+sip[0])
	if err != nil {
		return r, err
	}
	defer func() { err = first(err, bob.Stop()) }()

	if _, err := alice.Await(10*time.Second, "ready"); err != nil {
		return r, err
	}
	if _, err := bob.Await(10*time.Second, "ready"); err != nil {
		return r, err
	}
	alice.Say("hold 2")
	if _, err := bob.Await(10*time.Second, "ringing"); err != nil {
		return r, err
	}
	bob.Say("press call")
	if err := r.keys(alice, bob); err != nil {
		return r, err
	}
	alice.Say("screen")
	bob.Say("screen")
	for _, h := range []*puppet.Handset{alice, bob} {
		s, err := h.Await(5*time.Second, "screen")
		if err != nil {
			return r, err
		}
		fmt.Printf("--- %s ---\n%s\n", h.Name, s.Text)
	}
	fmt.Fprintf(os.Stderr, "call: both talk for %v\n", talk)
	time.Sleep(talk)
	alice.Say("press end")
	for _, h := range []*puppet.Handset{alice, bob} {
		if _, err := h.Await(10*time.Second, "ended"); err != nil {
			return r, err
		}
	}
	return r, r.speech(alice, bob, mics)
}

// keys waits until both are secure and compares what they show.
func (r *result) keys(alice, bob *puppet.Handset) error {
	answered, err := alice.Await(10*time.Second, "answered")
	if err != nil {
		return err
	}
	a, err := alice.Await(15*time.Second, "secure", "ended")
	if err != nil {
		return err
	}
	b, err := bob.Await(15*time.Second, "secure", "ended")
	if err != nil {
		return err
	}
	r.Secure = a.Kind == "secure" && b.Kind == "secure"
	if !r.Secure {
		return fmt.Errorf("the call ended before it was secure: %s%s", a.Cause, b.Cause)
	}
	r.SAS, r.KA, r.Hash, r.Cipher, r.Auth = a.SAS, a.KA, a.Hash, a.Cipher, a.Auth
	r.SASEqual = a.SAS == b.SAS && a.SAS != ""
	r.HandshakeMS = float64(int((max(a.T, b.T)-answered.T)*1e4)) / 10
	return nil
}

// speech measures what each heard against what the other said.
func (r *result) speech(alice, bob *puppet.Handset, mics [2]string) (err error) {
	if r.AliceToBob, err = stoi.Files(mics[0], bob.Speaker); err != nil {
		return fmt.Errorf("what Bob heard: %w", err)
	}
	if r.BobToAlice, err = stoi.Files(mics[1], alice.Speaker); err != nil {
		return fmt.Errorf("what Alice heard: %w", err)
	}
	return nil
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
