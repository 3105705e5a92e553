package main

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"sotto/codec"
	"sotto/codec/opus"
	"sotto/net/protect"
)

// bareRounds is how often a call and the bare telephone are measured in turn: a machine is not always as fast.
const bareRounds = 3

// bare is what a minute of a call costs with nothing but libopus, SRTP and system calls, at the settings of a call: at the
// pace of a call, with the same sound card and over the same path, each time just after a call; and in a loop as fast as it
// goes, where everything stays in the processor's caches. The bound is against the first: both have the same waits.
func (r *run) bare(p program) error {
	start, err := r.startCost()
	if err != nil {
		return err
	}
	var minutes, ratios []float64
	for i := range bareRounds {
		heard, err := r.call(fmt.Sprintf("cost%d", i), p.pair(), r.voice, time.Minute, nil)
		if err != nil {
			return err
		}
		paced, err := r.barePaced(20 * time.Second)
		if err != nil {
			return err
		}
		call := (heard[0].CPU+heard[1].CPU).Seconds()/2 - start
		minutes, ratios = append(minutes, paced), append(ratios, call/paced)
	}
	source, err := r.clip()
	if err != nil {
		return err
	}
	loop, err := bareCost(source, 3000)
	if err != nil {
		return err
	}
	r.figures.set(p.name, "cpu_of_start_s", start)
	r.figures.set(p.name, "bare_minute_s", percentile(minutes, 50))
	r.figures.set(p.name, "bare_minute_unpaced_s", loop.Seconds())
	r.figures.set(p.name, "cpu_over_bare", percentile(ratios, 50))
	r.figures.set(p.name, "cpu_over_bare_least", percentile(ratios, 0))
	r.figures.set(p.name, "cpu_over_bare_most", percentile(ratios, 100))
	return nil
}

// startCost is the processor time of a simulator that starts, shows its idle screen and ends, in seconds, the mean of three:
// a call of a minute has it once, and a bare telephone has nothing to start.
func (r *run) startCost() (seconds float64, err error) {
	const times, idle = 3, 2 * time.Second
	for i := range times {
		cmd := exec.Command(r.sim, "--sip", "127.0.0.1:5099", "--state", filepath.Join(r.work, fmt.Sprintf("start%d", i)), "--mic", r.voice,
			"--speaker", filepath.Join(r.work, "start.wav"), "--script", "-")
		script, err := cmd.StdinPipe()
		if err != nil {
			return 0, err
		}
		time.AfterFunc(idle, func() { script.Close() }) // the end of the script is the end of the program
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("start of %s: %w: %s", r.sim, err, out)
		}
		seconds += (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds() / times
	}
	return seconds, nil
}

// steady is the encoder of a call between two of us on a good path: nobody reports loss.
func steady() opus.EncoderConfig {
	c := opus.DefaultEncoder()
	c.Loss = 0
	return c
}

// bareCost encodes, protects, sends, receives, unprotects and decodes so many frames of 20 ms.
func bareCost(source []int16, frames int) (time.Duration, error) {
	enc, err := opus.NewEncoder(steady())
	if err != nil {
		return 0, err
	}
	dec, err := opus.NewDecoder()
	if err != nil {
		return 0, err
	}
	out, err := protect.New(bareKeys())
	if err != nil {
		return 0, err
	}
	in, err := protect.New(bareKeys())
	if err != nil {
		return 0, err
	}
	a, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	defer a.Close()
	to := a.LocalAddr().(*net.UDPAddr).AddrPort()
	n := codec.FrameSamples(20)
	packet, wire, buf, plain := make([]byte, 1400), make([]byte, 0, 1500), make([]byte, 1500), make([]byte, 0, 1500)
	pcm := make([]int16, n)
	begin := processorTime()
	for i := range frames {
		at := i * n % (len(source) - n)
		k, err := enc.Encode(packet[12:], source[at:at+n])
		if err != nil {
			return 0, err
		}
		copy(packet, []byte{0x80, 96, byte(i >> 8), byte(i), 0, 0, byte(i >> 8), byte(i), 0, 0, 0, 1})
		secret, err := out.ProtectRTP(wire, packet[:12+k])
		if err != nil {
			return 0, err
		}
		if _, err := a.WriteToUDPAddrPort(secret, to); err != nil {
			return 0, err
		}
		m, _, err := a.ReadFromUDPAddrPort(buf)
		if err != nil {
			return 0, err
		}
		clear, err := in.UnprotectRTP(plain, buf[:m])
		if err != nil {
			return 0, err
		}
		if err := dec.Decode(pcm, clear[12:]); err != nil {
			return 0, fmt.Errorf("frame %d: %w", i, err)
		}
	}
	return processorTime() - begin, nil
}

// bareKeys are no secret.
func bareKeys() protect.Keys {
	key, salt := make([]byte, 32), make([]byte, 14)
	return protect.Keys{Profile: protect.AES3HS80, SendKey: key, SendSalt: salt, RecvKey: key, RecvSalt: salt, RemoteSSRC: 1}
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
