//go:build interop

package natlab

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// linphone is a running linphonec, with servers and security as ours: ICE, STUN and TURN, ZRTP or no call, Opus alone.
type linphone struct {
	in   io.WriteCloser
	mu   sync.Mutex
	text bytes.Buffer
	from int // what came before is forgotten
}

func (p *linphone) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *linphone) say(lines ...string) { io.WriteString(p.in, strings.Join(lines, "\n")+"\n") }

// said is what it has said since forget.
func (p *linphone) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.text.Bytes()[p.from:])
}

// forget lets await look only at what is said from now on.
func (p *linphone) forget() {
	p.mu.Lock()
	p.from = p.text.Len()
	p.mu.Unlock()
}

// await waits until it has said some words.
func (p *linphone) await(limit time.Duration, words string) error {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if strings.Contains(p.said(), words) {
			return nil
		}
	}
	return fmt.Errorf("linphonec: no %q within %v", words, limit)
}

// linphoneConfig: the account's user, its transport and TURN's.
const linphoneConfig = `[sip]
sip_port=%[1]d
sip_tcp_port=%[1]d
sip_tls_port=0
bind_address=%[2]v
default_proxy=0
guess_hostname=0
use_ipv6=0
media_encryption=zrtp
media_encryption_mandatory=1
register_only_when_network_is_up=0
[proxy_0]
reg_proxy=<sip:%[3]v:5060;transport=%[5]s>
reg_route=<sip:%[3]v:5060;transport=%[5]s;lr>
reg_identity=sip:%[4]s@%[3]v
reg_expires=600
reg_sendregister=1
[auth_info_0]
username=hs
passwd=secret
realm=example.test
domain=example.test
[net]
mtu=0
nat_policy_ref=lab
[nat_policy_0]
ref=lab
stun_server=%[3]v:3478
stun_server_username=hs
protocols=stun,turn,ice
turn_enable_udp=%[6]d
turn_enable_tcp=%[7]d
[rtp]
audio_rtp_port=7078
audio_jitt_comp=60
[sound]
echocancellation=0
agc=0
local_ring=
remote_ring=
[video]
enabled=0
capture=0
display=0
automatically_initiate=0
automatically_accept=0
[audio_codec_0]
mime=opus
rate=48000
channels=2
enabled=1
recv_fmtp=useinbandfec=1
`

const linphonePort = 5070

// linphonec starts the peer in a namespace, and waits until it is registered.
func (l *lab) linphonec(t *testing.T, n, user, transport string) (*linphone, error) {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"home/.local/share/linphone", "home/.config/linphone"} { // without them it never listens
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	byUDP := map[bool]int{true: 1}
	conf := fmt.Sprintf(linphoneConfig, linphonePort, l.addr[n], serverAddr, user, transport, byUDP[transport == "udp"], byUDP[transport != "udp"])
	for i, codec := range strings.Split("speex 16000,speex 8000,PCMU 8000,PCMA 8000,GSM 8000,G722 8000,speex 32000,BV16 8000,L16 44100", ",") {
		name, rate, _ := strings.Cut(codec, " ")
		conf += fmt.Sprintf("[audio_codec_%d]\nmime=%s\nrate=%s\nchannels=1\nenabled=0\n", i+1, name, rate)
	}
	if err := os.WriteFile(dir+"/linphonerc", []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &linphone{}
	cmd := exec.Command("ip", "netns", "exec", "ntlab"+n, "linphonec", "-c", dir+"/linphonerc")
	cmd.Env = append(os.Environ(), "HOME="+dir+"/home", "TERM=dumb")
	cmd.Stdout, cmd.Stderr = p, p
	var err error
	if p.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.say("quit")
		p.in.Close()
		done := make(chan struct{})
		go func() { cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			cmd.Process.Kill()
			<-done
		}
	})
	speech, err := filepath.Abs(root + "/tools/call/speech/alice.wav")
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); !strings.Contains(p.said(), "registered, identity"); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			return nil, fmt.Errorf("linphonec: %s is not registered by %s", user, transport)
		}
		p.say("status register")
	}
	p.say("soundcard use files", "play "+speech, "record "+dir+"/heard.wav")
	return p, nil
}
