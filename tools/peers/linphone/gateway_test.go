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

	"sotto/hal"
	"sotto/hal/haltest"
	"sotto/tools/bench/stoi"
	"sotto/tools/selfsigned"
	"sotto/tools/wire"
)

// Calls with keys that the server has: baresip, which knows SDES and no ZRTP, is the gateway, behind kamailio. Our account is over
// TLS, the gateway's is not: servers and what is behind them are not ours to judge, which is why such a call is what it is.
// linphonec, which knows both, must never come to it.

const registrarPort, registrarTLS = 5070, 5071

// registrar runs kamailio beside the peer, and returns the authority's file.
func registrar(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := selfsigned.Write(dir, peerIP); err != nil {
		t.Fatal(err)
	}
	conf, err := os.ReadFile("../sip/servers/kamailio.cfg")
	if err != nil {
		t.Fatal(err)
	}
	// An alias without a port would make the gateway's own port, on the same address, one of the registrar's.
	text := strings.NewReplacer(`alias="example.test"`, fmt.Sprintf(`alias="%s:%d"`, peerIP, registrarPort), "127.0.0.1:SIPPORT", fmt.Sprintf("%s:%d", peerIP, registrarPort), "127.0.0.1:TLSPORT", fmt.Sprintf("%s:%d", peerIP, registrarTLS),
		"ALGORITHM", "MD5", "example.test", peerIP, "CERTFILE", dir+"/cert.pem", "KEYFILE", dir+"/key.pem").Replace(string(conf))
	if err := os.WriteFile(dir+"/kamailio.cfg", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	server := spawn(t, peerHost, "kamailio", "kamailio", "-DD", "-E", "-f", dir+"/kamailio.cfg", "-P", dir+"/pid", "-Y", dir, "-w", dir, "-m", "32", "-M", "4",
		"-A", "WITH_DIGEST")
	t.Cleanup(server.Interrupt)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if exec.Command("ip", "netns", "exec", peerHost, "bash", "-c", fmt.Sprintf("exec 3<>/dev/tcp/%s/%d", peerIP, registrarTLS)).Run() == nil {
			return dir + "/cert.pem"
		}
		if time.Now().After(end) {
			t.Fatal("kamailio does not listen")
		}
	}
}

const gatewayConfig = `poll_method epoll
sip_listen %[1]s:5060
audio_source aufile,%[2]s/mic.wav
audio_player aubridge,nobody
audio_alert aubridge,nobody
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 2
auplay_channels 2
snd_path %[2]s
module_path %[3]s
module opus.so
module aufile.so
module aubridge.so
module srtp.so
module sndfile.so
module_app menu.so
module_app account.so
`

// gateway is baresip registered as "gate" with a way of encryption, which calls somebody as it starts if to is not empty.
// Its folder has what it hears.
func gateway(t *testing.T, said, encryption, to string) (c *program, folder string) {
	t.Helper()
	folder = t.TempDir()
	modules, err := filepath.Glob("/usr/lib*/baresip/modules")
	if err != nil || len(modules) == 0 {
		t.Fatal("baresip has no modules: apt install baresip-core")
	}
	pcm, err := haltest.ReadWAV(said)
	if err != nil {
		t.Fatal(err)
	}
	if err := haltest.WriteStereoWAV(filepath.Join(folder, "mic.wav"), pcm); err != nil {
		t.Fatal(err)
	}
	account := fmt.Sprintf("<sip:gate@%[1]s>;auth_user=gate;auth_pass=secret;outbound=\"sip:%[1]s:%[2]d\";regint=600;answermode=auto;"+
		"mediaenc=%[3]s;audio_codecs=opus/48000/2\n", peerIP, registrarPort, encryption)
	for name, text := range map[string]string{"config": fmt.Sprintf(gatewayConfig, peerIP, folder, modules[0]), "accounts": account} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"baresip", "-f", folder}
	if to != "" {
		args = append(args, "-e", "/dial "+to)
	}
	c = spawn(t, peerHost, "baresip", args...)
	t.Cleanup(c.Interrupt) // it reads no input
	c.await(15*time.Second, "200 OK")
	return c, folder
}

// heardBy is the only recording of what baresip decoded.
func heardBy(t *testing.T, folder string) string {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(folder, "dump-*-dec.wav"))
	if len(names) != 1 {
		t.Fatalf("baresip has %d recordings", len(names))
	}
	return names[0]
}

// ourAccount starts the simulator with an account, and records the wire. state is its memory.
func ourAccount(t *testing.T, ca, state, transport, more string, flags ...string) (sim *program, speaker, capture string) {
	t.Helper()
	dir := t.TempDir()
	capture, speaker = filepath.Join(dir, "wire.pcap"), filepath.Join(dir, "speaker.wav")
	dump := spawn(t, ourHost, "tcpdump", "tcpdump", "-i", "slpa", "-U", "-w", capture)
	dump.await(5*time.Second, "listening on")
	t.Cleanup(dump.Interrupt)
	port := map[bool]int{true: registrarTLS, false: registrarPort}[transport == "tls"]
	sim = spawn(t, ourHost, "sim", append([]string{root + "/build/sim", "--name", "sotto", "--sip", ourIP + ":5060",
		"--state", state, "--mic", filepath.Join(root, "tools/call/speech/alice.wav"), "--speaker", speaker, "--ca", ca,
		"--account", fmt.Sprintf("sip:sotto:secret@%s:%d;transport=%s%s", peerIP, port, transport, more),
		"--contact", fmt.Sprintf("Gate=sip:gate@%s:%d", peerIP, port), "--script", "-"}, flags...)...)
	sim.await(10*time.Second, `"event":"registered"`)
	return sim, speaker, capture
}

// TestGateway: both directions, speech and wire, and the words on the screen.
func TestGateway(t *testing.T) {
	for _, weCall := range []bool{true, false} {
		t.Run(fmt.Sprintf("we call=%v", weCall), func(t *testing.T) {
			hosts(t)
			ca := registrar(t)
			said := speech(t, "bob.wav")
			var folder string
			var peer, sim *program
			var speaker, capture string
			if weCall {
				peer, folder = gateway(t, said, "srtp-mand", "")
				sim, speaker, capture = ourAccount(t, ca, filepath.Join(t.TempDir(), "state"), "tls", ";gateway")
				sim.Say("hold 2")
			} else {
				sim, speaker, capture = ourAccount(t, ca, filepath.Join(t.TempDir(), "state"), "tls", ";gateway")
				peer, folder = gateway(t, said, "srtp-mand", "sip:sotto@"+peerIP)
				sim.await(10*time.Second, `"event":"ringing"`)
				sim.Say("screen")
				sim.await(10*time.Second, `To server only`)
				sim.Say("press call")
			}
			t.Log(sim.await(20*time.Second, `(?m)^.*"event":"server-only".*$`)[0])
			sim.Say("screen")
			sim.await(5*time.Second, `TO SERVER ONLY`)
			if strings.Contains(sim.All(), `"event":"secure"`) || strings.Contains(sim.All(), "SECURE?") {
				t.Errorf("it says that it is secure:\n%s", sim.All())
			}
			time.Sleep(talk)
			sim.Say("press end")
			sim.await(10*time.Second, `"event":"ended"`)
			sim.Say("quit")
			time.Sleep(time.Second)
			peer.Interrupt()
			peer.End()
			intelligible(t, filepath.Join(root, "tools/call/speech/alice.wav"), heardBy(t, folder))
			intelligible(t, said, speaker)
			sealed(t, capture)
		})
	}
}

// aroundHole is what is asked of speech with a second or two missing in it.
const aroundHole = 0.6

// TestGatewayAndAnotherNetwork: a call to the server only outlives its network, too, over a new connection to that server, with the
// keys that it had, and never looks like more than it is.
func TestGatewayAndAnotherNetwork(t *testing.T) {
	hosts(t)
	ca := registrar(t)
	said := speech(t, "bob.wav")
	peer, folder := gateway(t, said, "srtp-mand", "")
	sim, speaker, capture := ourAccount(t, ca, filepath.Join(t.TempDir(), "state"), "tls", ";gateway", "--roam")
	sim.Say("hold 2")
	sim.await(20*time.Second, `"event":"server-only"`)
	time.Sleep(time.Second)
	run(t, "ip", "-n", ourHost, "addr", "flush", "dev", "slpa")
	time.Sleep(time.Second)
	run(t, "ip", "-n", ourHost, "addr", "add", "10.72.0.3/24", "dev", "slpa")
	run(t, "ip", "-n", ourHost, "route", "replace", "default", "dev", "slpa")
	sim.await(15*time.Second, `(?s)"why":"network lost".*"event":"registered"`)
	time.Sleep(talk)
	sim.Say("screen")
	sim.await(5*time.Second, `(?s)"event":"registered".*"event":"registered".*TO SERVER ONLY`)
	if strings.Contains(sim.All(), `"event":"secure"`) || strings.Contains(sim.All(), "SECURE?") || strings.Contains(sim.All(), `"event":"ended"`) {
		t.Errorf("it says:\n%s", sim.All())
	}
	sim.Say("press end")
	sim.await(10*time.Second, `"event":"ended"`)
	sim.Say("quit")
	time.Sleep(time.Second)
	peer.Interrupt()
	peer.End()
	atLeast(t, filepath.Join(root, "tools/call/speech/alice.wav"), heardBy(t, folder), aroundHole)
	atLeast(t, said, speaker, aroundHole)
	sealed(t, capture)
	all, err := wire.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	there := map[bool]int{} // from the new address, and to it
	for _, d := range all {
		if from := d.Src.Addr().String() == "10.72.0.3"; wire.Kind(d.Payload) == "RTP" && (from || d.Dst.Addr().String() == "10.72.0.3") {
			there[from]++
		}
	}
	if there[true] < 200 || there[false] < 200 {
		t.Errorf("packets of media from the new address and to it: %v", there)
	}
}

// TestNoGateway: where the owner has not allowed it, or where the server's keys would cross the network in clear, nothing is said
// and the screen tells why.
func TestNoGateway(t *testing.T) {
	for _, c := range []struct{ name, transport, more, why string }{
		{"not allowed", "tls", "", `"why":"peer cannot encrypt"|"cause":"not acceptable`},
		{"without TLS", "udp", ";gateway", `needs TLS|only over TLS`},
	} {
		t.Run(c.name, func(t *testing.T) {
			hosts(t)
			ca := registrar(t)
			gateway(t, speech(t, "bob.wav"), "srtp-mand", "")
			sim, _, capture := ourAccount(t, ca, filepath.Join(t.TempDir(), "state"), c.transport, c.more)
			sim.Say("hold 2")
			sim.await(20*time.Second, `"event":"ended"`)
			t.Log(sim.All())
			if strings.Contains(sim.All(), "server-only") || strings.Contains(sim.All(), `"event":"hearing"`) {
				t.Errorf("something was said:\n%s", sim.All())
			}
			if !regexp.MustCompile(c.why).MatchString(sim.All()) {
				t.Errorf("no word of %q:\n%s", c.why, sim.All())
			}
			sim.Say("quit")
			time.Sleep(500 * time.Millisecond)
			silent(t, capture)
		})
	}
}

// TestGatewaysWithZRTP: a peer that knows both, and asks for the server's keys, gets those of the two ends.
func TestGatewaysWithZRTP(t *testing.T) {
	hosts(t)
	ca := registrar(t)
	conf := strings.NewReplacer("default_proxy=-1", "default_proxy=0", "media_encryption=zrtp", "media_encryption=srtp").Replace(peerConfig(nil)) +
		fmt.Sprintf("[proxy_0]\nreg_proxy=<sip:%[1]s:%[2]d>\nreg_route=<sip:%[1]s:%[2]d;lr>\nreg_identity=sip:gate@%[1]s\nreg_expires=600\nreg_sendregister=1\n"+
			"[auth_info_0]\nusername=gate\npasswd=secret\nrealm=%[1]s\ndomain=%[1]s\n", peerIP, registrarPort)
	peer, _ := linphonecWith(t, speech(t, "bob.wav"), conf)
	if err := peer.Registered(15 * time.Second); err != nil {
		t.Fatalf("%v: %s", err, peer.All())
	}
	sim, _, _ := ourAccount(t, ca, filepath.Join(t.TempDir(), "state"), "tls", ";gateway")
	peer.Say("call sip:sotto@" + peerIP)
	sim.await(10*time.Second, `"event":"ringing"`)
	sim.Say("press call")
	sim.await(15*time.Second, `"event":"secure"`)
	time.Sleep(2 * time.Second)
	if strings.Contains(sim.All(), "server-only") {
		t.Errorf("the server's keys were used:\n%s", sim.All())
	}
	sim.Say("press end", "quit")
	peer.Say("quit")
}

// intelligible compares from the second on at which it was heard best: nobody hears what was said before there were keys.
func intelligible(t *testing.T, said, heard string) { t.Helper(); atLeast(t, said, heard, minSTOI) }

// atLeast asks for that much.
func atLeast(t *testing.T, said, heard string, want float64) {
	t.Helper()
	source, err := haltest.ReadWAV(said)
	if err != nil {
		t.Fatal(err)
	}
	recording, err := haltest.ReadWAV(heard)
	if err != nil {
		t.Fatal(err)
	}
	best := 0.0
	for second := range 7 {
		if r, err := stoi.Measure(source[second*hal.SampleRate:], recording); err == nil {
			best = max(best, r.Mean)
		}
	}
	t.Logf("%s: STOI %.3f", filepath.Base(said), best)
	if best < want {
		t.Errorf("STOI %.3f, want %.2f at least", best, want)
	}
}

// silent: no media and no key is on our wire.
func silent(t *testing.T, capture string) {
	t.Helper()
	if r := judge(t, capture); r.Media > 0 || len(r.Leaks) > 0 {
		t.Errorf("wire: %d RTP packets, leaks: %v", r.Media, r.Leaks)
	}
}

// sealed: no speech and no key is in clear on our wire.
func sealed(t *testing.T, capture string) {
	t.Helper()
	r := judge(t, capture)
	clear := slices.DeleteFunc(r.Leaks, func(l string) bool { return strings.HasSuffix(l, "before any key was confirmed") }) // by ZRTP: these keys are the server's
	if r.Media < 500 || len(clear) > 0 {
		t.Errorf("wire: %d RTP packets, leaks: %v", r.Media, clear)
	}
}

func judge(t *testing.T, capture string) wire.Report {
	t.Helper()
	raw, err := os.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "inline:") {
		t.Error("a key is on our wire in clear")
	}
	all, err := wire.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	r := wire.Judge(all)
	t.Logf("wire: %d RTP packets, sizes %v", r.Media, r.Sizes)
	return r
}
