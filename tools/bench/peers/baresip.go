package peers

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sotto/hal/haltest"
)

// Baresip is two of baresip, with Opus and SRTP keyed by the signaling (Debian's has no ZRTP). What it heard is taken at
// its decoder, since none of its players keeps both the time and the sound: its last buffer is not in its delays.
type Baresip struct{ sides [2]*console }

const baresipConfig = `poll_method epoll
sip_listen %[1]s:%[2]d
audio_source aufile,%[3]s
audio_player aubridge,nobody
audio_alert aubridge,nobody
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 2
auplay_channels 2
jitter_buffer_delay 5-10
opus_bitrate 32000
snd_path %[4]s
module_path %[5]s
module opus.so
module aufile.so
module aubridge.so
module srtp.so
module sndfile.so
module_app menu.so
module_app account.so
`

// Start implements Pair.
func (b *Baresip) Start(one, two Party) error {
	if err := need("baresip"); err != nil {
		return err
	}
	modules, err := filepath.Glob("/usr/lib*/baresip/modules")
	if err != nil || len(modules) == 0 {
		return fmt.Errorf("%w: baresip's modules", ErrMissing)
	}
	for i, p := range []Party{one, two} {
		if err := p.fresh(); err != nil {
			return err
		}
		pcm, err := haltest.ReadWAV(p.Mic)
		if err != nil {
			return err
		}
		if err := haltest.WriteStereoWAV(p.path("mic.wav"), pcm); err != nil { // it wants two channels, as its Opus has
			return err
		}
		config := fmt.Sprintf(baresipConfig, p.Address, sipPort, p.path("mic.wav"), p.Folder, modules[0])
		account := fmt.Sprintf("<sip:bench@%s>;regint=0;answermode=auto;mediaenc=srtp-mand;audio_codecs=opus/48000/2\n", p.Address)
		if err := os.WriteFile(p.path("config"), []byte(config), 0o600); err != nil {
			return err
		}
		if err := os.WriteFile(p.path("accounts"), []byte(account), 0o600); err != nil {
			return err
		}
		b.sides[i] = &console{party: p}
	}
	// The caller dials as it starts: see Call.
	if b.sides[1], err = newConsole(two, two.Command("baresip", "-f", two.Folder)); err != nil {
		return err
	}
	time.Sleep(1500 * time.Millisecond)
	return nil
}

// Call implements Pair.
func (b *Baresip) Call() (err error) {
	one, two := b.sides[0].party, b.sides[1].party
	cmd := one.Command("baresip", "-f", one.Folder, "-e", fmt.Sprintf("/dial sip:bench@%s:%d", two.Address, sipPort))
	if b.sides[0], err = newConsole(one, cmd); err != nil {
		return err
	}
	for _, c := range b.sides {
		if err := c.await("Call established", 20*time.Second); err != nil {
			return err
		}
		mic, speaker, err := c.dumps()
		if err != nil {
			return err
		}
		c.watch(follow{file: mic, bytesASec: 4 * 48000}, follow{file: speaker, bytesASec: 4 * 48000})
	}
	return nil
}

// dumps finds the files into which baresip writes what goes into its encoder and what comes out of its decoder.
func (c *console) dumps() (mic, speaker string, err error) {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		enc, _ := filepath.Glob(c.party.path("dump-*-enc.wav"))
		dec, _ := filepath.Glob(c.party.path("dump-*-dec.wav"))
		if len(enc) == 1 && len(dec) == 1 {
			return enc[0], dec[0], nil
		}
	}
	return "", "", fmt.Errorf("peers: baresip records nothing in %s", c.party.Folder)
}

// Processes implements Pair.
func (b *Baresip) Processes() [2]int {
	return [2]int{b.sides[0].cmd.Process.Pid, b.sides[1].cmd.Process.Pid}
}

// Stop implements Pair.
func (b *Baresip) Stop() (heard [2]Heard, err error) {
	for i, c := range b.sides {
		if c == nil || c.cmd == nil {
			continue
		}
		memory := peak(c.cmd.Process.Pid)
		c.cmd.Process.Signal(os.Interrupt)
		heard[i] = c.end()
		heard[i].MemoryKB = memory
		_, speaker, e := c.dumps()
		if e != nil {
			return heard, e
		}
		heard[i].Recording = speaker
	}
	return heard, nil
}
