package console

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// OpusAlone are the sections of linphonec's configuration that leave it no other codec: it adds those that are not named.
func OpusAlone() string {
	conf := "[audio_codec_0]\nmime=opus\nrate=48000\nchannels=2\nenabled=1\nrecv_fmtp=useinbandfec=1\n"
	for i, c := range []string{"speex 32000 1", "speex 16000 1", "speex 8000 1", "PCMU 8000 1", "PCMA 8000 1", "GSM 8000 1", "G722 8000 1",
		"BV16 8000 1", "L16 44100 1", "L16 44100 2", "CODEC2 8000 1", "iLBC 8000 1", "AMR 8000 1", "AMR-WB 16000 1", "G729 8000 1"} {
		f := strings.Fields(c)
		conf += fmt.Sprintf("[audio_codec_%d]\nmime=%s\nrate=%s\nchannels=%s\nenabled=0\n", i+1, f[0], f[1], f[2])
	}
	return conf
}

// Linphonec runs Belledonne's linphonec (Debian's linphone-cli) with a configuration and a home of its own in a folder, that is
// with a new ZID. under is what it runs under, as ip netns exec; more are further arguments.
func Linphonec(folder, config string, under []string, more ...string) (*Console, error) {
	home, rc := filepath.Join(folder, "home"), filepath.Join(folder, "linphonerc")
	for _, d := range []string{".local/share/linphone", ".config/linphone"} { // without them it never listens
		if err := os.MkdirAll(filepath.Join(home, d), 0o700); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(rc, []byte(config), 0o600); err != nil {
		return nil, err
	}
	args := slices.Concat(under, []string{"linphonec", "-c", rc}, more)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+home, "TERM=dumb")
	c, err := Start("linphonec", cmd)
	if err != nil {
		return nil, err
	}
	c.quit = "quit"
	return c, nil
}

// Registered asks a linphonec until it is registered.
func (c *Console) Registered(limit time.Duration) error {
	for end := time.Now().Add(limit); ; c.Say("status register") {
		_, err := c.Await(200*time.Millisecond, "registered, identity")
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}
