//go:build hil

package hil

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The bench's ears and mouths: a private PulseAudio with two null sinks a machine. What is played into NAME-mic is what
// its microphone hears; the monitor of NAME-ear is what its speaker says.

var pulseDir string

// startPulse starts the sound server of the whole suite and returns what stops it.
func startPulse(names ...string) (stop func(), err error) {
	pulseDir, err = os.MkdirTemp("", "hilpulse") // a socket's path must be short
	if err != nil {
		return nil, err
	}
	script := fmt.Sprintf("load-module module-native-protocol-unix socket=%s/native auth-anonymous=1\n", pulseDir)
	for _, n := range names {
		for _, s := range []string{"mic", "ear"} {
			script += fmt.Sprintf("load-module module-null-sink sink_name=%s-%s rate=48000 channels=2 format=s16le\n", n, s)
		}
	}
	conf := filepath.Join(pulseDir, "default.pa")
	if err := os.WriteFile(conf, []byte(script), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command("pulseaudio", "-n", "-F", conf, "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes",
		"--use-pid-file=no", "--realtime=no", "--high-priority=no", "--log-target=file:"+filepath.Join(pulseDir, "log"))
	cmd.Env = append(os.Environ(), "HOME="+pulseDir, "XDG_RUNTIME_DIR="+pulseDir, "PULSE_RUNTIME_PATH="+pulseDir)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); _ = os.RemoveAll(pulseDir) }
	for range 100 {
		if _, err := os.Stat(filepath.Join(pulseDir, "native")); err == nil {
			return stop, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	stop()
	return nil, fmt.Errorf("hil: pulseaudio does not start")
}

// audiodev is QEMU's end.
func audiodev(name string) string {
	return fmt.Sprintf("pa,id=a,server=unix:%s/native,in.name=%s-mic.monitor,out.name=%s-ear,in.frequency=48000,out.frequency=48000,"+
		"in.latency=60000,out.latency=60000,timer-period=10000", pulseDir, name, name)
}

func pulse(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(args[0], append([]string{"--server=unix:" + pulseDir + "/native"}, args[1:]...)...)
	cmd.Env = append(os.Environ(), "HOME="+pulseDir)
	return cmd
}

// speak plays a recording into a machine's microphone until the test ends.
func speak(t *testing.T, name, wav string) (stop func()) {
	t.Helper()
	// Half the level: QEMU adds two channels for a guest that asks for one.
	cmd := pulse(t, "paplay", "--volume=32768", "--device="+name+"-mic", wav)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// hear records what a machine's speaker says for a while, as mono samples at 48 kHz.
func hear(t *testing.T, name string, length time.Duration) []float64 {
	t.Helper()
	cmd := pulse(t, "parec", "--raw", "--rate=48000", "--channels=1", "--format=s16le", "--device="+name+"-ear.monitor")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(length)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return samples(out.Bytes())
}

func samples(b []byte) []float64 {
	s := make([]float64, len(b)/2)
	for i := range s {
		s[i] = float64(int16(binary.LittleEndian.Uint16(b[2*i:])))
	}
	return s
}

// loudness is the level of each 20 ms, the shape by which speech is known again whatever a codec did to it.
func loudness(s []float64, rate int) []float64 {
	step := rate / 50
	var out []float64
	for ; len(s) >= step; s = s[step:] {
		sum := 0.0
		for _, v := range s[:step] {
			sum += v * v
		}
		out = append(out, math.Log10(1+math.Sqrt(sum/float64(step))))
	}
	return out
}

// likeness is the best correlation of what was heard with any stretch of what was said: 1 is the same, 0 is chance.
func likeness(said, heard []float64) float64 {
	best := -1.0
	for lag := 0; lag+len(heard) <= len(said); lag++ {
		best = max(best, correlation(said[lag:lag+len(heard)], heard))
	}
	return best
}

func correlation(a, b []float64) float64 {
	var ma, mb float64
	for i := range a {
		ma, mb = ma+a[i], mb+b[i]
	}
	ma, mb = ma/float64(len(a)), mb/float64(len(b))
	var ab, aa, bb float64
	for i := range a {
		x, y := a[i]-ma, b[i]-mb
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

// keepWAV keeps what was heard, for a person's ears.
func keepWAV(t *testing.T, name string, s []float64) {
	t.Helper()
	b := []byte("RIFF    WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\xbb\x00\x00\x00\x77\x01\x00\x02\x00\x10\x00data    ")
	binary.LittleEndian.PutUint32(b[4:], uint32(36+2*len(s)))
	binary.LittleEndian.PutUint32(b[40:], uint32(2*len(s)))
	for _, v := range s {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(v)))
	}
	if err := os.WriteFile(filepath.Join(reportDir, name+".wav"), b, 0o644); err != nil {
		t.Fatal(err)
	}
}
