package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sotto/codec"
	"sotto/codec/opus"
	"sotto/hal"
	"sotto/hal/haltest"
	"sotto/net/protect"
	"sotto/tools/bench/peers"
)

// The bare telephone: two threads that wait in system calls, a socket, an encoder and a decoder. It has no jitter buffer,
// no key agreement, no screen, and does not survive a lost packet.
const barePort = 7078

// barePaced lets two bare telephones talk and returns the mean processor time of a minute of one, in seconds.
func (r *run) barePaced(talk time.Duration) (seconds float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	sides := [2]peers.Party{{Address: "127.0.0.1"}, {Address: "127.0.0.2"}}
	if r.path != nil {
		sides = [2]peers.Party{{Address: r.path.A.Address, Namespace: r.path.A.Namespace}, {Address: r.path.B.Address, Namespace: r.path.B.Namespace}}
	}
	var out [2]strings.Builder
	var wait [2]func() error
	for i, p := range sides {
		cmd := p.Command(self, "bare", "--mic", r.voice, "--speaker", filepath.Join(r.work, fmt.Sprintf("bare%d.wav", i)),
			"--local", p.Address, "--remote", sides[1-i].Address, "--for", talk.String())
		cmd.Stdout, cmd.Stderr = &out[i], os.Stderr
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		wait[i] = cmd.Wait
	}
	for i := range wait {
		if e := wait[i](); e != nil && err == nil {
			err = e
		}
		used, e := strconv.ParseFloat(strings.TrimSpace(out[i].String()), 64)
		if e != nil && err == nil {
			err = e
		}
		seconds += used / 2
	}
	return seconds, err
}

// bareMain is one bare telephone: bench bare --local A --remote B. It prints the seconds of processor time a minute.
func bareMain(args []string) int {
	fs := flag.NewFlagSet("bare", flag.ExitOnError)
	mic := fs.String("mic", "", "WAV `file` to say")
	speaker := fs.String("speaker", "", "WAV `file` for what is heard")
	local := fs.String("local", "", "`address` to bind")
	remote := fs.String("remote", "", "`address` of the other")
	long := fs.Duration("for", 20*time.Second, "`length` of the call")
	_ = fs.Parse(args)
	card, err := haltest.OpenWAV(haltest.WAVConfig{Mic: *mic, Speaker: *speaker, Loop: true})
	if err != nil {
		return fail(err)
	}
	defer card.Close()
	fd, to, err := bareSocket(*local, *remote)
	if err != nil {
		return fail(err)
	}
	frames := int(*long / (20 * time.Millisecond))
	used, failed := make(chan time.Duration, 2), make(chan error, 2)
	for _, half := range []func() error{
		func() error { return bareSend(card, fd, to, frames) },
		func() error { return bareReceive(card, fd, frames) },
	} {
		go func() {
			runtime.LockOSThread()
			begin := threadTime()
			failed <- half()
			used <- threadTime() - begin
		}()
	}
	total := time.Duration(0)
	for range 2 {
		if err := <-failed; err != nil {
			return fail(err)
		}
		total += <-used
	}
	fmt.Println(total.Seconds() * float64(time.Minute) / float64(*long))
	return 0
}

func bareSocket(local, remote string) (fd int, to unix.Sockaddr, err error) {
	var at [2]unix.SockaddrInet4
	for i, s := range []string{local, remote} {
		a, err := netip.ParseAddr(s)
		if err != nil || !a.Is4() {
			return 0, nil, fmt.Errorf("bench: address %q: %w", s, err)
		}
		at[i] = unix.SockaddrInet4{Port: barePort, Addr: a.As4()}
	}
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return 0, nil, err
	}
	return fd, &at[1], errors.Join(unix.Bind(fd, &at[0]),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}))
}

// bareSend is microphone, encoder, SRTP, socket.
func bareSend(card hal.PCM, fd int, to unix.Sockaddr, frames int) error {
	enc, err := opus.NewEncoder(steady())
	if err != nil {
		return err
	}
	out, err := protect.New(bareKeys())
	if err != nil {
		return err
	}
	pcm, packet, secret := make([]int16, codec.FrameSamples(20)), make([]byte, 1400), make([]byte, 0, 1500)
	for i := range frames {
		if err := card.ReadFrame(pcm); err != nil {
			return err
		}
		k, err := enc.Encode(packet[12:], pcm)
		if err != nil {
			return err
		}
		copy(packet, []byte{0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
		binary.BigEndian.PutUint16(packet[2:], uint16(i))
		binary.BigEndian.PutUint32(packet[4:], uint32(i*len(pcm)))
		b, err := out.ProtectRTP(secret, packet[:12+k])
		if err != nil {
			return err
		}
		if err := unix.Sendto(fd, b, 0, to); err != nil && !errors.Is(err, unix.ECONNREFUSED) { // the other has not begun, or has ended
			return err
		}
	}
	return nil
}

// bareReceive is socket, SRTP, decoder, speaker.
func bareReceive(card hal.PCM, fd, frames int) error {
	dec, err := opus.NewDecoder()
	if err != nil {
		return err
	}
	in, err := protect.New(bareKeys())
	if err != nil {
		return err
	}
	pcm, buf, plain := make([]int16, codec.FrameSamples(20)), make([]byte, 1500), make([]byte, 0, 1500)
	for begin, heard := time.Now(), 0; heard < frames-10 && time.Since(begin) < time.Duration(frames+50)*20*time.Millisecond; {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			continue // nothing for a while
		}
		clear, err := in.UnprotectRTP(plain, buf[:n])
		if err != nil {
			return err
		}
		if err := dec.Decode(pcm, clear[12:]); err != nil {
			return err
		}
		if err := card.WriteFrame(pcm); err != nil {
			return err
		}
		heard++
	}
	return nil
}

// threadTime is what this thread has used.
func threadTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
