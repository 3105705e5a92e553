//go:build interop

package linphone

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/tools/bench/stoi"
	"sotto/tools/wire"
)

// root of the repository, from this folder.
const root = "../../.."

// minSTOI is the intelligibility that counts as heard.
const minSTOI = 0.90

// talk is long enough for two chunks of the measure.
const talk = 11 * time.Second

// speech is a WAV of one of our clips at 48 kHz, as linphonec wants it.
func speech(t *testing.T, name string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), name)
	run(t, "sox", filepath.Join(root, "tools/call/speech", name), "-r", "48000", out)
	return out
}

// ours starts the simulator in our namespace and records the wire until the test ends.
func ours(t *testing.T) (sim *program, speaker, capture string) {
	t.Helper()
	dir := t.TempDir()
	capture, speaker = filepath.Join(dir, "wire.pcap"), filepath.Join(dir, "speaker.wav")
	dump := spawn(t, ourHost, "tcpdump", "tcpdump", "-i", "slpa", "-U", "-w", capture)
	dump.await(5*time.Second, "listening on")
	sim = spawn(t, ourHost, "sim", root+"/build/sim", "--name", "sotto", "--sip", ourIP+":5060",
		"--state", filepath.Join(dir, "state"), "--mic", filepath.Join(root, "tools/call/speech/alice.wav"),
		"--speaker", speaker, "--contact", "Peer=sip:peer@"+peerIP+":5060", "--script", "-")
	sim.await(10*time.Second, `"event":"ready"`)
	return sim, speaker, capture
}

// secured waits for both ends and checks that they show one code; it returns what our end said of the keys.
func secured(t *testing.T, sim, peer *program) string {
	t.Helper()
	theirs := peer.await(15*time.Second, `auth token is ([^\s]+)\.\s`)[1]
	line := sim.await(15*time.Second, `(?m)^.*"event":"secure".*$`)[0]
	mine := regexp.MustCompile(`"sas":"([^"]+)"`).FindStringSubmatch(line)
	if mine == nil || mine[1] != theirs {
		t.Fatalf("codes differ: we show %v, linphonec shows %s", mine, theirs)
	}
	return line
}

// understood lets a call be made up to three times until both have understood each other. linphonec plays its file by a clock of its own,
// and in one call of twenty stumbles over it. All else must be right in each call.
func understood(t *testing.T, call func() bool) {
	t.Helper()
	for range 3 {
		if call() {
			return
		}
	}
	t.Errorf("in three calls STOI was never %.2f both ways", minSTOI)
}

// heard checks the wire, and tells whether both directions of speech were understood.
func heard(t *testing.T, sim, peer *program, speaker, recording, capture, theirSpeech string) (both bool) {
	t.Helper()
	both = true
	time.Sleep(talk)
	sim.Say("press end")
	sim.await(10*time.Second, `"event":"ended"`)
	sim.Say("quit")
	peer.Say("quit")
	time.Sleep(time.Second)
	for _, d := range []struct{ what, said, got string }{
		{"linphonec heard us", filepath.Join(root, "tools/call/speech/alice.wav"), recording},
		{"we heard linphonec", theirSpeech, speaker},
	} {
		v, err := stoi.Files(d.said, d.got)
		t.Logf("%s: STOI %.3f (%v)", d.what, v, err)
		both = both && err == nil && v >= minSTOI
	}
	all, err := wire.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	ours := slices.DeleteFunc(slices.Clone(all), func(d wire.Datagram) bool { return d.Src.Addr().String() != ourIP })
	if names := wire.Asked(ours); len(names) > 0 {
		t.Errorf("wire: a name server was asked for %q, and none is configured", names)
	}
	r := wire.Judge(all)
	t.Logf("wire: %d RTP packets, sizes %v", r.Media, r.Sizes)
	if r.Media < 500 || len(r.Leaks) > 0 {
		t.Errorf("wire: %d RTP packets, leaks: %v", r.Media, r.Leaks)
	}
	for stream, sizes := range r.Sizes {
		if strings.HasPrefix(stream, ourIP) && len(sizes) != 1 {
			t.Errorf("our packets have sizes %v: the length follows the speech", sizes)
		}
	}
	return both
}

// TestLinphoneCallsUs and TestWeCallLinphone are the two directions with linphonec's default algorithms.
func TestLinphoneCallsUs(t *testing.T) {
	understood(t, func() bool {
		hosts(t)
		said := speech(t, "bob.wav")
		sim, speaker, capture := ours(t)
		peer, recording := linphonec(t, said)
		peer.Say("call sip:sotto@" + ourIP + ":5060")
		sim.await(10*time.Second, `"event":"ringing"`)
		sim.Say("press call")
		t.Log(secured(t, sim, peer))
		return heard(t, sim, peer, speaker, recording, capture, said)
	})
}

func TestWeCallLinphone(t *testing.T) {
	understood(t, func() bool {
		hosts(t)
		said := speech(t, "bob.wav")
		sim, speaker, capture := ours(t)
		peer, recording := linphonec(t, said)
		sim.Say("hold 2")
		t.Log(secured(t, sim, peer))
		return heard(t, sim, peer, speaker, recording, capture, said)
	})
}

// TestAlgorithms configures linphonec to prefer one thing and expects equal codes, and that thing where linphonec chose.
func TestAlgorithms(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"X255", "zrtp_key_agreements_suites=MS_ZRTP_KEY_AGREEMENT_X255", `"ka":"X255"`},
		{"X448 falls back or is agreed", "zrtp_key_agreements_suites=MS_ZRTP_KEY_AGREEMENT_X448", `"ka":"(X448|DH3k)"`},
		{"AES3", "zrtp_cipher_suites=MS_ZRTP_CIPHER_AES3", `"cipher":"AES3"`},
		{"S384", "zrtp_hash_suites=MS_ZRTP_HASH_S384", `"hash":"S384"`},
		{"HS32", "zrtp_auth_suites=MS_ZRTP_AUTHTAG_HS32", `"auth":"HS32"`},
		{"B256", "zrtp_sas_suites=MS_ZRTP_SAS_B256", `"sas":"[a-zA-Z]+:[a-zA-Z]+"`},
	} {
		for _, weCall := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/we call=%v", c.name, weCall), func(t *testing.T) {
				hosts(t)
				said := speech(t, "bob.wav")
				sim, _, _ := ours(t)
				peer, _ := linphonec(t, said, c.line)
				if weCall {
					sim.Say("hold 2")
				} else {
					peer.Say("call sip:sotto@" + ourIP + ":5060")
					sim.await(10*time.Second, `"event":"ringing"`)
					sim.Say("press call")
				}
				line := secured(t, sim, peer)
				// Who sent the Commit that counts chose from what both offer, and that is decided by chance (contention).
				if strings.Contains(line, `"role":"responder"`) && !regexp.MustCompile(c.want).MatchString(line) {
					t.Errorf("agreed on %s, want %s", line, c.want)
				}
				sim.Say("press end", "quit")
				peer.Say("quit")
			})
		}
	}
}

// TestMain refuses to test yesterday's program.
func TestMain(m *testing.M) {
	for _, tool := range []string{"linphonec", "tcpdump", "ip", "sox"} {
		if _, err := exec.LookPath(tool); err != nil {
			fmt.Fprintf(os.Stderr, "linphone: %s is missing; run: make test-packages\n", tool)
			os.Exit(1)
		}
	}
	if _, err := os.Stat(root + "/build/sim"); err != nil {
		fmt.Fprintln(os.Stderr, "linphone: build/sim is missing; run: make sim")
		os.Exit(1)
	}
	os.Exit(m.Run())
}
