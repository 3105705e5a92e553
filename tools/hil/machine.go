//go:build hil

package hil

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// setup is what a machine is made of.
type setup struct {
	name  string
	card  *card
	words string // added to the card's command line
	port  *port  // of the switch; nil is no cable
	sound string // "" or the name of a pair of sinks (see sound.go)
	spy   bool
	air   string   // settings of hostapd: the handset has a radio instead of the cable, and the cable is the access point's
	extra []string // for QEMU
}

// machine is a running QEMU.
type machine struct {
	t       *testing.T
	setup   setup
	dir     string
	cmd     *exec.Cmd
	qmp     net.Conn
	answers *bufio.Reader
	mu      sync.Mutex
	log     []line
	done    chan struct{}
	started time.Time
	shots   int
}

// line is a line of the console and when it came.
type line struct {
	at   time.Time
	text string
}

// start switches a machine on.
func start(t *testing.T, s setup) *machine {
	t.Helper()
	m := &machine{t: t, setup: s, dir: t.TempDir(), done: make(chan struct{})}
	cmdline, err := s.card.kernelFiles(m.dir)
	if err != nil {
		t.Fatal(err)
	}
	initrd := filepath.Join(m.dir, "initramfs.img")
	if s.spy {
		var f front
		if err := errors.Join(f.program("spy", filepath.Join(root, "build/spy-arm64")), f.before(initrd)); err != nil {
			t.Fatal(err)
		}
		cmdline += " rdinit=/spy"
	}
	if s.air != "" {
		if err := air(initrd, s.air); err != nil {
			t.Fatal(err)
		}
		cmdline += " rdinit=/air"
	}
	args := []string{"qemu-system-aarch64", "-nodefaults", "-display", "none", "-no-reboot",
		"-kernel", filepath.Join(m.dir, "kernel8.img"), "-initrd", initrd, "-append", strings.TrimSpace(cmdline + " " + s.words),
		"-qmp", "unix:" + filepath.Join(m.dir, "qmp") + ",server=on,wait=off"}
	args = append(args, m.hardware()...)
	m.cmd = exec.Command(filepath.Join(root, "build/cache/qemu-run"), append(args, s.extra...)...)
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	complaints, err := os.Create(filepath.Join(m.dir, "qemu.err"))
	if err != nil {
		t.Fatal(err)
	}
	m.cmd.Stderr = complaints
	m.started = time.Now()
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.off)
	go m.read(bufio.NewScanner(out))
	m.connect()
	return m
}

// hardware is the board as QEMU knows it.
func (m *machine) hardware() []string {
	s := m.setup
	var a []string
	if s.card.board == "qemuvirt" {
		a = []string{"-M", "virt", "-cpu", "cortex-a53", "-smp", "2", "-m", "256", "-serial", "stdio",
			"-drive", "if=none,id=card,format=raw,file=" + s.card.path, "-device", "virtio-blk-pci,drive=card",
			"-device", "virtio-gpu-pci", "-device", "virtio-keyboard-pci", "-device", "virtio-rng-pci",
			"-device", "pcie-root-port,id=plug,chassis=1"}
	} else {
		a = []string{"-M", "raspi3b", "-dtb", filepath.Join(m.dir, "qemu.dtb"), "-serial", "null", "-serial", "stdio",
			"-drive", "if=sd,format=raw,file=" + s.card.path, "-device", "usb-kbd"}
	}
	if s.port != nil {
		a = append(a, "-netdev", s.port.netdev())
		if s.card.board == "qemuvirt" {
			a = append(a, "-device", "virtio-net-pci,netdev=n,romfile=,mac="+s.port.mac.String())
		} else {
			a = append(a, "-device", "usb-net,netdev=n,mac="+s.port.mac.String())
		}
	}
	if s.sound != "" {
		a = append(a, "-audiodev", audiodev(s.sound), "-device", soundDevice)
	}
	return a
}

const soundDevice = "virtio-sound-pci,id=snd,bus=plug,audiodev=a,streams=2"

// read keeps the console.
func (m *machine) read(s *bufio.Scanner) {
	defer close(m.done)
	s.Buffer(make([]byte, 64<<10), 1<<20)
	for s.Scan() {
		m.mu.Lock()
		m.log = append(m.log, line{time.Now(), strings.TrimRight(s.Text(), "\r")})
		m.mu.Unlock()
	}
}

// connect opens QEMU's control socket.
func (m *machine) connect() {
	m.t.Helper()
	for until := time.Now().Add(slow * 20 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("unix", filepath.Join(m.dir, "qmp"))
		if err != nil {
			continue
		}
		m.qmp, m.answers = c, bufio.NewReader(c)
		if _, err := m.answers.ReadString('\n'); err != nil {
			m.t.Fatal(err)
		}
		m.do("qmp_capabilities", map[string]any{})
		return
	}
	complaints, _ := os.ReadFile(filepath.Join(m.dir, "qemu.err"))
	m.t.Fatalf("%s: QEMU does not start: %s", m.setup.name, complaints)
}

// do runs a QMP command; an error ends the test.
func (m *machine) do(command string, arguments map[string]any) {
	m.t.Helper()
	q, err := json.Marshal(map[string]any{"execute": command, "arguments": arguments})
	if err != nil {
		m.t.Fatal(err)
	}
	_ = m.qmp.SetDeadline(time.Now().Add(slow * 30 * time.Second))
	if _, err := m.qmp.Write(append(q, '\n')); err != nil {
		m.t.Fatalf("%s: %s: %v; the console:\n%s", m.setup.name, command, err, m.console())
	}
	for {
		l, err := m.answers.ReadString('\n')
		if err != nil {
			m.t.Fatalf("%s: %s: %v; the console:\n%s", m.setup.name, command, err, m.console())
		}
		if strings.Contains(l, `"error"`) {
			m.t.Fatalf("%s: %s: %s", m.setup.name, command, l)
		}
		if strings.Contains(l, `"return"`) {
			return
		}
	}
}

// off cuts the power.
func (m *machine) off() {
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
	<-m.done
	if m.qmp != nil {
		_ = m.qmp.Close()
	}
}

// qcodes are QEMU's names of the keys that hal/evdev takes for the handset's.
var qcodes = map[string]string{"*": "kp_multiply", "#": "kp_divide", "call": "f5", "end": "esc", "ok": "ret", "up": "up",
	"down": "down", "left": "left", "right": "right", "softL": "f1", "softR": "f2"}

// press presses keys of the handset, one after the other.
func (m *machine) press(keys ...string) {
	m.t.Helper()
	for _, k := range keys {
		q := k
		if c, ok := qcodes[k]; ok {
			q = c
		}
		for _, down := range []bool{true, false} {
			m.do("input-send-event", map[string]any{"events": []any{map[string]any{"type": "key", "data": map[string]any{
				"down": down, "key": map[string]any{"type": "qcode", "data": q}}}}})
			time.Sleep(120 * time.Millisecond)
		}
	}
}

// typed presses the characters of a text.
func (m *machine) typed(text string) {
	m.t.Helper()
	m.press(strings.Split(text, "")...)
}

// screen is what the handset shows, as its own 240x320 pixels. QEMU writes the plain format: it makes a PNG while the
// machine stands still.
func (m *machine) screen() image.Image {
	m.t.Helper()
	path := filepath.Join(m.dir, "screen.ppm")
	m.do("screendump", map[string]any{"filename": path, "format": "ppm"})
	b, err := os.ReadFile(path)
	if err != nil {
		m.t.Fatal(err)
	}
	var w, h, most int
	if _, err := fmt.Sscanf(string(b[:min(len(b), 64)]), "P6\n%d %d\n%d\n", &w, &h, &most); err != nil || most != 255 || len(b) < 3*w*h {
		m.t.Fatalf("%s: a picture of %d octets begins %q: %v", m.setup.name, len(b), b[:min(len(b), 20)], err)
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	pixels := b[len(b)-3*w*h:]
	for i := range w * h {
		copy(img.Pix[4*i:], pixels[3*i:3*i+3])
		img.Pix[4*i+3] = 0xff
	}
	return handsetPart(img)
}

// handsetPart cuts the handset's frame out of the monitor's picture, as hal/framebuffer put it there.
func handsetPart(img *image.RGBA) image.Image {
	b := img.Bounds()
	scale := max(1, min(b.Dx()/240, b.Dy()/320))
	at := image.Pt((b.Dx()-240*scale)/2, (b.Dy()-320*scale)/2)
	out := image.NewRGBA(image.Rect(0, 0, 240, 320))
	for y := range 320 {
		for x := range 240 {
			out.SetRGBA(x, y, img.RGBAAt(at.X+x*scale, at.Y+y*scale))
		}
	}
	return out
}

// slow is how much slower than an idle bench a bench may be before a wait is given up. It only defers a failure: no wait of
// this suite is for something that must not come.
const slow = 3

// wait returns the first line of the console that matches.
func (m *machine) wait(pattern string, patience time.Duration) line {
	m.t.Helper()
	re := regexp.MustCompile(pattern)
	for until := time.Now().Add(slow * patience); ; time.Sleep(20 * time.Millisecond) {
		m.mu.Lock()
		for _, l := range m.log {
			if re.MatchString(l.text) {
				m.mu.Unlock()
				return l
			}
		}
		m.mu.Unlock()
		if time.Now().After(until) {
			m.t.Fatalf("%s: the console never said %q; it said:\n%s", m.setup.name, pattern, m.console())
		}
	}
}

// said tells whether the console has a line that matches.
func (m *machine) said(pattern string) bool {
	re := regexp.MustCompile(pattern)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.log {
		if re.MatchString(l.text) {
			return true
		}
	}
	return false
}

func (m *machine) console() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	for _, l := range m.log {
		fmt.Fprintln(&b, l.text)
	}
	return b.String()
}

// shown waits for the idle screen on the monitor and returns when it was seen, by the kernel's clock. Looking takes time from
// the guest, so it begins when the system has its memory.
func (m *machine) shown() time.Duration {
	m.t.Helper()
	m.wait("memory is there|nothing will be remembered", 60*time.Second)
	_, at := m.waitBar(barPanel, "the idle screen", 60*time.Second)
	up := m.uptime(at)
	drawn := m.wait(`^.{0,4}sotto [0-9.]+ screen is there`, 60*time.Second)
	m.t.Logf("%s: idle screen on the monitor %.2f s after the kernel's start, %.2f s after the emulator's; all screens drawn at %.2f s",
		m.setup.name, up.Seconds(), at.Sub(m.started).Seconds(), m.stamp(drawn).Seconds())
	return up
}

// stamp is the kernel's clock in a line of ours.
func (m *machine) stamp(l line) time.Duration {
	m.t.Helper()
	s, err := strconv.ParseFloat(strings.Fields(l.text)[1], 64)
	if err != nil {
		m.t.Fatal(err)
	}
	return time.Duration(s * float64(time.Second))
}

// uptime is the kernel's clock at a moment, reckoned from the first line that tells it.
func (m *machine) uptime(at time.Time) time.Duration {
	m.t.Helper()
	first := m.wait(`^.{0,4}sotto [0-9.]+ first process`, 60*time.Second)
	return m.stamp(first) + at.Sub(first.at)
}
