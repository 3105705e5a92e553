package peers

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	peer "sotto/tools/peers/console"
)

// Linphone is two of Belledonne's linphonec, with ZRTP mandatory and Opus alone.
type Linphone struct{ sides [2]*console }

// linphonerc is the configuration: no key exchange but ZRTP, no codec but Opus, an adaptive jitter buffer as it comes.
const linphonerc = `[sip]
sip_port=%[1]d
sip_tcp_port=0
sip_tls_port=0
bind_address=%[2]s
contact=sip:bench@%[2]s:%[1]d
guess_hostname=0
use_ipv6=0
default_proxy=-1
media_encryption=zrtp
media_encryption_mandatory=1
register_only_when_network_is_up=0
[rtp]
audio_rtp_port=7078
audio_adaptive_jitt_comp_enabled=1
[net]
firewall_policy=0
[sound]
echocancellation=0
agc=0
local_ring=
remote_ring=
[video]
enabled=0
capture=0
display=0
`

// Start implements Pair.
func (l *Linphone) Start(a, b Party) error {
	if err := need("linphonec"); err != nil {
		return err
	}
	for i, p := range []Party{a, b} {
		if err := p.fresh(); err != nil {
			return err
		}
		// Without this folder it never listens.
		if err := os.MkdirAll(p.path("home/.local/share/linphone"), 0o700); err != nil {
			return err
		}
		rc := fmt.Sprintf(linphonerc, sipPort, p.Address) + peer.OpusAlone()
		if err := os.WriteFile(p.path("linphonerc"), []byte(rc), 0o600); err != nil {
			return err
		}
		cmd := p.Command("linphonec", "-c", p.path("linphonerc"))
		cmd.Env = append(os.Environ(), "HOME="+p.path("home"), "TERM=dumb")
		var err error
		if l.sides[i], err = newConsole(p, cmd); err != nil {
			return err
		}
	}
	time.Sleep(2 * time.Second)
	for i, p := range []Party{a, b} {
		l.sides[i].say("soundcard use files", "play "+p.Mic, "record "+p.path("speaker.wav"))
	}
	l.sides[1].say("autoanswer enable")
	time.Sleep(time.Second)
	return nil
}

// Call implements Pair.
func (l *Linphone) Call() error {
	l.sides[0].say(fmt.Sprintf("call sip:bench@%s:%d", l.sides[1].party.Address, sipPort))
	for _, c := range l.sides {
		if err := c.await("is fully encrypted", 25*time.Second); err != nil {
			return err
		}
		c.watch(follow{file: c.party.Mic, bytesASec: monoASec, ahead: readBlock}, follow{file: c.party.path("speaker.wav"), bytesASec: monoASec})
	}
	return nil
}

// Processes implements Pair.
func (l *Linphone) Processes() [2]int {
	return [2]int{l.sides[0].cmd.Process.Pid, l.sides[1].cmd.Process.Pid}
}

// Stop implements Pair.
func (l *Linphone) Stop() (heard [2]Heard, err error) {
	for i, c := range l.sides {
		if c == nil {
			continue
		}
		if i == 0 {
			c.say("terminate")
			time.Sleep(500 * time.Millisecond)
		}
		memory := peak(c.cmd.Process.Pid)
		c.say("quit")
		heard[i] = c.end()
		heard[i].MemoryKB = memory
	}
	return heard, nil
}

// console is a program that is told by lines on its standard input.
type console struct {
	party   Party
	cmd     *exec.Cmd
	in      *os.File
	log     *os.File
	watched chan [2]float64 // starts of microphone and speaker
}

func newConsole(p Party, cmd *exec.Cmd) (*console, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(p.path("log"))
	if err != nil {
		return nil, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r, log, log
	err = cmd.Start()
	r.Close()
	return &console{party: p, cmd: cmd, in: w, log: log}, err
}

func (c *console) say(lines ...string) {
	fmt.Fprint(c.in, strings.Join(lines, "\n")+"\n")
}

// await waits until the program has said something.
func (c *console) await(text string, limit time.Duration) error {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		b, err := os.ReadFile(c.party.path("log"))
		if err != nil {
			return err
		}
		if strings.Contains(string(b), text) {
			return nil
		}
	}
	return fmt.Errorf("peers: %s never said %q: see %s", c.cmd.Path, text, c.party.path("log"))
}

// end waits for the program's end.
func (c *console) end() Heard {
	c.in.Close()
	stop(c.cmd, nil)
	c.log.Close()
	h := Heard{Recording: c.party.path("speaker.wav"), Process: c.cmd.Process.Pid}
	h.usage(c.cmd)
	if c.watched != nil {
		starts := <-c.watched
		h.MicStart, h.SpeakerStart = starts[0], starts[1]
	}
	return h
}
