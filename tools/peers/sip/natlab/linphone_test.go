//go:build interop && reach

package natlab

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"sotto/tools/peers/console"
)

// linphoneConfig is that of a linphonec with servers and security as ours: ICE, STUN and TURN, ZRTP or no call, Opus alone. It
// wants the account's user, its transport and TURN's.
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
`

const linphonePort = 5070

// linphonec starts the peer in a namespace, and waits until it is registered.
func (l *lab) linphonec(t *testing.T, n, user, transport string) (*console.Console, error) {
	t.Helper()
	dir := t.TempDir()
	byUDP := map[bool]int{true: 1}
	conf := fmt.Sprintf(linphoneConfig, linphonePort, l.addr[n], serverAddr, user, transport, byUDP[transport == "udp"], byUDP[transport != "udp"])
	p, err := console.Linphonec(dir, conf+console.OpusAlone(), []string{"ip", "netns", "exec", "ntlab" + n})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.End)
	speech, err := filepath.Abs(root + "/tools/call/speech/alice.wav")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Registered(20 * time.Second); err != nil {
		return nil, fmt.Errorf("%s by %s: %w", user, transport, err)
	}
	p.Say("soundcard use files", "play "+speech, "record "+dir+"/heard.wav")
	return p, nil
}

// linphones are two linphonec.
type linphones struct {
	a, b *console.Console
	to   string
}

func (p linphones) ring() error {
	p.a.Forget()
	p.b.Forget()
	p.a.Say("call " + p.to)
	_, err := p.b.Await(noMedia, "incoming call")
	return err
}

func (p linphones) answer() { p.b.Say("answer") }

func (p linphones) hangUp() error {
	p.a.Say("terminate")
	for _, c := range []*console.Console{p.a, p.b} {
		if _, err := c.Await(noMedia, " ended"); err != nil {
			return err
		}
	}
	return nil
}
