//go:build interop

package linphone

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// Names and addresses of the two hosts.
const (
	ourHost, peerHost = "sotto-lp-a", "sotto-lp-b"
	ourIP, peerIP     = "10.72.0.1", "10.72.0.2"
)

// run executes a command and fails the test with its output.
func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// hosts makes two network namespaces joined by one wire.
func hosts(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("network namespaces want root; run: sudo make interop")
	}
	down := func() {
		exec.Command("ip", "netns", "del", ourHost).Run()
		exec.Command("ip", "netns", "del", peerHost).Run()
	}
	down()
	t.Cleanup(down)
	run(t, "ip", "netns", "add", ourHost)
	run(t, "ip", "netns", "add", peerHost)
	run(t, "ip", "link", "add", "slpa", "netns", ourHost, "type", "veth", "peer", "name", "slpb", "netns", peerHost)
	for _, h := range []struct{ ns, ip, dev string }{{ourHost, ourIP, "slpa"}, {peerHost, peerIP, "slpb"}} {
		run(t, "ip", "-n", h.ns, "link", "set", "lo", "up")
		run(t, "ip", "-n", h.ns, "addr", "add", h.ip+"/24", "dev", h.dev)
		run(t, "ip", "-n", h.ns, "link", "set", h.dev, "up")
		run(t, "ip", "-n", h.ns, "route", "add", "default", "dev", h.dev)
	}
}

// console is a program in a namespace that reads commands and writes text.
type console struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser

	mu   sync.Mutex
	text strings.Builder
	grew chan struct{}
}

// spawn starts args in namespace ns; its output is kept whole.
func spawn(t *testing.T, ns, name string, env []string, args ...string) *console {
	t.Helper()
	c := &console{t: t, name: name, grew: make(chan struct{}, 1)}
	c.cmd = exec.Command("ip", append([]string{"netns", "exec", ns}, args...)...)
	c.cmd.Env = append(os.Environ(), env...)
	c.stdin, _ = c.cmd.StdinPipe()
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.cmd.Stderr = c.cmd.Stdout
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		r := bufio.NewReader(out)
		b := make([]byte, 4096)
		for {
			n, err := r.Read(b)
			c.mu.Lock()
			c.text.Write(b[:n])
			c.mu.Unlock()
			select {
			case c.grew <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(c.kill)
	return c
}

// kill ends it: by the end of its input, by a signal as people send, by force.
func (c *console) kill() {
	c.stdin.Close()
	done := make(chan struct{})
	go func() { c.cmd.Wait(); close(done) }()
	for _, end := range []func(){func() { c.cmd.Process.Signal(os.Interrupt) }, func() { c.cmd.Process.Kill() }} {
		select {
		case <-done:
			return
		case <-time.After(2500 * time.Millisecond):
			end()
		}
	}
	<-done
}

func (c *console) say(lines ...string) { io.WriteString(c.stdin, strings.Join(lines, "\n")+"\n") }

func (c *console) all() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// await waits for the expression in the output and returns its groups.
func (c *console) await(limit time.Duration, expr string) []string {
	c.t.Helper()
	re := regexp.MustCompile(expr)
	deadline := time.After(limit)
	for {
		if m := re.FindStringSubmatch(c.all()); m != nil {
			return m
		}
		select {
		case <-c.grew:
		case <-deadline:
			c.t.Fatalf("%s: no %q within %v; it said:\n%s", c.name, expr, limit, c.all())
		}
	}
}

// linphonec starts the peer with its own home, that is with a new ZID, and more lines for its [sip] section.
func linphonec(t *testing.T, speech string, sipLines ...string) (c *console, recording string) {
	t.Helper()
	return linphonecWith(t, speech, peerConfig(sipLines))
}

// linphonecWith starts it with a configuration.
func linphonecWith(t *testing.T, speech, config string) (c *console, recording string) {
	t.Helper()
	dir := t.TempDir()
	home := filepath.Join(dir, "home")
	for _, d := range []string{".local/share/linphone", ".config/linphone"} {
		if err := os.MkdirAll(filepath.Join(home, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	rc := filepath.Join(dir, "linphonerc")
	if err := os.WriteFile(rc, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	recording = filepath.Join(dir, "heard.wav")
	c = spawn(t, peerHost, "linphonec", []string{"HOME=" + home, "TERM=dumb"}, "linphonec", "-c", rc)
	c.await(10*time.Second, "linphonec>")
	c.say("soundcard use files", "play "+speech, "record "+recording, "autoanswer enable")
	return c, recording
}

// peerConfig is linphonec without server, video and sound card, with ZRTP mandatory and Opus alone.
func peerConfig(sipLines []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[sip]\nsip_port=5060\nsip_tcp_port=5060\nsip_tls_port=0\nbind_address=%s\ndefault_proxy=-1\n", peerIP)
	fmt.Fprintf(&b, "contact=sip:peer@%s:5060\nguess_hostname=0\nuse_ipv6=0\nmedia_encryption=zrtp\n", peerIP)
	b.WriteString("media_encryption_mandatory=1\nregister_only_when_network_is_up=0\n")
	b.WriteString(strings.Join(sipLines, "\n") + "\n")
	b.WriteString("[rtp]\naudio_rtp_port=7078\naudio_jitt_comp=60\naudio_adaptive_jitt_comp_enabled=1\n")
	b.WriteString("[net]\nfirewall_policy=0\nmtu=0\n[sound]\nechocancellation=0\nagc=0\nlocal_ring=\nremote_ring=\n")
	b.WriteString("[video]\nenabled=0\ncapture=0\ndisplay=0\nautomatically_initiate=0\nautomatically_accept=0\n[misc]\nuuid=\n")
	for i, codec := range []string{"opus 48000 2", "speex 16000 1", "speex 8000 1", "PCMU 8000 1", "PCMA 8000 1",
		"GSM 8000 1", "G722 8000 1", "speex 32000 1", "BV16 8000 1", "L16 44100 1", "L16 44100 2", "CODEC2 8000 1", "iLBC 8000 1"} {
		f := strings.Fields(codec)
		enabled := 0
		if i == 0 {
			enabled = 1
		}
		fmt.Fprintf(&b, "[audio_codec_%d]\nmime=%s\nrate=%s\nchannels=%s\nenabled=%d\n", i, f[0], f[1], f[2], enabled)
	}
	return b.String()
}
