//go:build interop

package linphone

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sotto/tools/peers/console"
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

// program is one that runs in a namespace, reads commands and writes text.
type program struct {
	*console.Console
	t *testing.T
}

// spawn starts args in namespace ns.
func spawn(t *testing.T, ns, name string, args ...string) *program {
	t.Helper()
	c, err := console.Start(name, exec.Command("ip", append([]string{"netns", "exec", ns}, args...)...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.End)
	return &program{c, t}
}

// await waits for the expression in the output and returns its groups.
func (p *program) await(limit time.Duration, expr string) []string {
	p.t.Helper()
	groups, err := p.Await(limit, expr)
	if err != nil {
		p.t.Fatalf("%v; it said:\n%s", err, p.All())
	}
	return groups
}

// linphonec starts the peer with its own home, that is with a new ZID, and more lines for its [sip] section.
func linphonec(t *testing.T, speech string, sipLines ...string) (c *program, recording string) {
	t.Helper()
	return linphonecWith(t, speech, peerConfig(sipLines))
}

// linphonecWith starts it with a configuration.
func linphonecWith(t *testing.T, speech, config string) (c *program, recording string) {
	t.Helper()
	dir := t.TempDir()
	recording = filepath.Join(dir, "heard.wav")
	l, err := console.Linphonec(dir, config, []string{"ip", "netns", "exec", peerHost})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.End)
	c = &program{l, t}
	c.await(10*time.Second, "linphonec>")
	c.Say("soundcard use files", "play "+speech, "record "+recording, "autoanswer enable")
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
	b.WriteString(console.OpusAlone())
	return b.String()
}
