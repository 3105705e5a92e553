package vault

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// quick is too cheap for a telephone, and right for a test.
var quick = Params{Time: 1, Memory: 8, Threads: 1}

var (
	device = bytes.Repeat([]byte{3}, keySize)
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

const content = `{"contacts":[{"name":"Bob","address":"sip:bob@10.0.0.2"}],"secret":"retained"}`

func newVault(t *testing.T, d Disk, pin string) *Vault {
	t.Helper()
	v := reopen(t, d)
	if err := v.Create(pin, quick, []byte(content)); err != nil {
		t.Fatal(err)
	}
	return v
}

func reopen(t *testing.T, d Disk) *Vault {
	t.Helper()
	v, err := Open(d, "vault", device)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func empty() *brittle { return &brittle{files: map[string][]byte{}} }

func TestUnlock(t *testing.T) {
	d := empty()
	newVault(t, d, "4711")
	v := reopen(t, d)
	if !v.Exists() || !v.HasPIN() {
		t.Fatal("the vault is not there")
	}
	if err := v.Save([]byte("x")); !errors.Is(err, ErrLocked) {
		t.Fatalf("saved while locked: %v", err)
	}
	if _, err := v.Unlock("4712", noon); !errors.Is(err, ErrWrongPIN) {
		t.Fatalf("wrong PIN: %v", err)
	}
	got, err := v.Unlock("4711", noon)
	if err != nil || string(got) != content {
		t.Fatalf("%q %v", got, err)
	}
	if err := v.Save([]byte("new")); err != nil {
		t.Fatal(err)
	}
	v.Lock()
	if err := v.Save([]byte("x")); !errors.Is(err, ErrLocked) {
		t.Fatalf("saved after Lock: %v", err)
	}
	if got, err := v.Unlock("4711", noon); string(got) != "new" || err != nil {
		t.Fatalf("%q %v", got, err)
	}
	if other, _ := Open(d, "vault", bytes.Repeat([]byte{4}, keySize)); other != nil {
		if _, err := other.Unlock("4711", noon); !errors.Is(err, ErrWrongPIN) {
			t.Fatalf("without the device secret: %v", err)
		}
	}
}

// TestCardTellsNothing looks for every word of the content, PIN and device secret in what lies on the card, and for the
// content's length.
// A medium that takes nothing more opens without a PIN, and stays shut with one: a try that is not counted is free.
func TestFullMedium(t *testing.T) {
	for pin, want := range map[string]error{"": nil, "4711": errPower} {
		d := empty()
		newVault(t, d, pin)
		v := reopen(t, d)
		d.cut = d.steps + 1
		if _, err := v.Unlock(pin, noon); !errors.Is(err, want) {
			t.Errorf("with PIN %q a full medium gives %v", pin, err)
		}
	}
}

func TestCardTellsNothing(t *testing.T) {
	d := empty()
	v := newVault(t, d, "4711")
	short := len(d.files["vault.a"])
	if err := v.Save([]byte(strings.Repeat(content, 20))); err != nil {
		t.Fatal(err)
	}
	if long := len(d.files["vault.b"]); long != short {
		t.Errorf("one contact is %d bytes on the card, twenty are %d", short, long)
	}
	for name, file := range d.files {
		for _, word := range []string{"Bob", "10.0.0.2", "contacts", "retained", "4711", string(device)} {
			if bytes.Contains(file, []byte(word)) {
				t.Errorf("%s holds %q", name, word)
			}
		}
	}
	if err := v.SetDuress("4711", "0000"); err != nil {
		t.Fatal(err)
	}
	if with := len(d.files["vault.a"]); with != short {
		t.Error("the length tells that there is a duress PIN")
	}
}

func TestWrongPINsWait(t *testing.T) {
	d := empty()
	newVault(t, d, "4711")
	v, now := reopen(t, d), noon
	var waits []time.Duration
	for range 9 {
		if _, err := v.Unlock("0000", now); !errors.Is(err, ErrWrongPIN) {
			t.Fatal(err)
		}
		wait := v.Wait(now)
		waits = append(waits, wait)
		if wait > 0 {
			var we *WaitError
			if _, err := v.Unlock("4711", now.Add(wait-1)); !errors.As(err, &we) {
				t.Fatalf("a PIN is taken before the wait is over: %v", err)
			}
		}
		now = now.Add(wait)
	}
	if fmt.Sprint(waits) != "[0s 0s 5s 15s 30s 1m0s 5m0s 15m0s 1h0m0s]" {
		t.Errorf("waits: %v", waits)
	}
	v = reopen(t, d) // pulling the plug begins the wait again
	if wait := v.Wait(now); wait != time.Hour {
		t.Errorf("after a power cut one waits %v", wait)
	}
	if _, err := v.Unlock("4711", now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if wait := reopen(t, d).Wait(now); wait != 0 {
		t.Errorf("after the right PIN one waits %v", wait)
	}
}

// TestNoFreeTry cuts the power at each step of a wrong try: whenever the answer could be known, the try was counted.
func TestNoFreeTry(t *testing.T) {
	made := empty()
	newVault(t, made, "4711")
	for cut := 1; ; cut++ {
		d := made.copied(cut)
		v := reopen(t, d)
		_, err := v.Unlock("0000", noon)
		again := reopen(t, d.boot())
		if errors.Is(err, ErrWrongPIN) && again.tries.wrong != 1 {
			t.Fatalf("cut at %d: the answer was given, %d tries are counted", cut, again.tries.wrong)
		}
		if d.steps < cut { // the power stayed
			if cut < 30 {
				t.Fatalf("only %d steps: nothing is written", cut)
			}
			return
		}
	}
}

// copied is the same disk, with another moment of the power cut.
func (d *brittle) copied(cut int) *brittle {
	c := &brittle{files: map[string][]byte{}, cut: cut, lazy: true}
	for n, b := range d.files {
		c.files[n] = bytes.Clone(b)
	}
	return c
}

func TestEraseAfterWrongPINs(t *testing.T) {
	d := empty()
	v := newVault(t, d, "4711")
	if v.Left() != -1 {
		t.Fatalf("erases without being asked: %d", v.Left())
	}
	if err := v.SetEraseAfter("0815", 5); !errors.Is(err, ErrWrongPIN) {
		t.Fatalf("set without the PIN: %v", err)
	}
	if err := v.SetEraseAfter("4711", 5); err != nil {
		t.Fatal(err)
	}
	now := noon
	for i := range 5 {
		if left := v.Left(); left != 5-i {
			t.Fatalf("%d tries left, want %d", left, 5-i)
		}
		if _, err := v.Unlock("0000", now); !errors.Is(err, ErrWrongPIN) {
			t.Fatal(err)
		}
		now = now.Add(2 * time.Hour)
	}
	gone(t, d, "4711")
	if got, err := reopen(t, d).Unlock("", now); err != nil || len(got) != 0 {
		t.Fatalf("the empty telephone: %q %v", got, err)
	}
}

func TestDuressPIN(t *testing.T) {
	d := empty()
	v := newVault(t, d, "4711")
	if err := v.SetDuress("4711", "4711"); err == nil {
		t.Fatal("the duress PIN may be the PIN")
	}
	if err := v.SetDuress("4711", "9999"); err != nil {
		t.Fatal(err)
	}
	if got, err := reopen(t, d).Unlock("4711", noon); string(got) != content || err != nil {
		t.Fatalf("the real PIN: %q %v", got, err)
	}
	v = reopen(t, d)
	got, err := v.Unlock("9999", noon)
	if err != nil || len(got) != 0 {
		t.Fatalf("the duress PIN: %q %v", got, err)
	}
	if err := v.Save([]byte("a new life")); err != nil {
		t.Fatal(err)
	}
	gone(t, d, "4711")
	if got, err := reopen(t, d).Unlock("9999", noon); string(got) != "a new life" || err != nil {
		t.Fatalf("%q %v", got, err)
	}
}

// gone sees that neither generation opens with the PIN any more.
func gone(t *testing.T, d *brittle, pin string) {
	t.Helper()
	for _, slot := range slots {
		_, file, _ := parseGeneration(d.files["vault"+slot])
		h, _, err := parseSealed(file)
		if err != nil {
			t.Fatal(err)
		}
		kek := h.derive(pin, device)
		if h.take(0, kek) != nil {
			t.Errorf("vault%s still opens with the PIN of before", slot)
		}
		kek.free()
	}
}

func TestChangePIN(t *testing.T) {
	d := empty()
	v := newVault(t, d, "4711")
	if err := v.ChangePIN("0000", "1234", quick); !errors.Is(err, ErrWrongPIN) {
		t.Fatal(err)
	}
	if err := v.ChangePIN("4711", "1234", quick); err != nil {
		t.Fatal(err)
	}
	gone(t, d, "4711")
	if got, err := reopen(t, d).Unlock("1234", noon); string(got) != content || err != nil {
		t.Fatalf("%q %v", got, err)
	}
}

// TestPowerCutAtEveryStepOfTheVault cuts the power at each step of making, saving and sealing anew: the vault opens with
// the old or the new PIN and holds the old or the new content, and is never neither.
func TestPowerCutAtEveryStepOfTheVault(t *testing.T) {
	made := empty()
	newVault(t, made, "4711")
	jobs := map[string]struct {
		do   func(v *Vault) error
		want [2][2]string // PIN and content before and after
	}{
		"save":       {func(v *Vault) error { return v.Save([]byte("new")) }, [2][2]string{{"4711", content}, {"4711", "new"}}},
		"change PIN": {func(v *Vault) error { return v.ChangePIN("4711", "1234", quick) }, [2][2]string{{"4711", content}, {"1234", content}}},
		"duress":     {func(v *Vault) error { return v.SetDuress("4711", "9999") }, [2][2]string{{"4711", content}, {"4711", content}}},
		"erase":      {func(v *Vault) error { return v.erase("9999") }, [2][2]string{{"4711", content}, {"9999", ""}}},
	}
	for name, job := range jobs {
		whole := made.copied(0)
		run := func(d *brittle) error {
			v := reopen(t, d)
			kek := v.head.derive("4711", device)
			v.key = v.head.take(0, kek)
			kek.free()
			return job.do(v)
		}
		if err := run(whole); err != nil || whole.steps < 130 {
			t.Fatalf("%s: %v in %d steps", name, err, whole.steps)
		}
		for cut := 1; cut <= whole.steps; cut++ {
			d := made.copied(cut)
			err := run(d)
			if err != nil && !errors.Is(err, errPower) {
				t.Fatalf("%s: %v", name, err)
			}
			opened := ""
			disk := d.boot()
			for _, w := range job.want {
				if got, err := reopen(t, disk).Unlock(w[0], noon.Add(24*time.Hour)); err == nil && string(got) == w[1] {
					opened = w[0] + " " + w[1]
				}
			}
			if opened == "" || err == nil && opened != job.want[1][0]+" "+job.want[1][1] {
				t.Fatalf("%s cut at %d of %d (%v): opens with %q", name, cut, whole.steps, err, opened)
			}
		}
	}
}

// TestEveryByteCounts flips each byte of a file: it does not open, and nothing crashes.
func TestEveryByteCounts(t *testing.T) {
	d := empty()
	newVault(t, d, "4711")
	_, file, _ := parseGeneration(d.files["vault.a"])
	for i := range file {
		if i > headerSize+64 && i%61 != 0 {
			continue
		}
		bad := bytes.Clone(file)
		bad[i] ^= 0x80
		if opensWith(bad, "4711") {
			t.Fatalf("opens with byte %d flipped", i)
		}
	}
	if !opensWith(file, "4711") {
		t.Fatal("the untouched file does not open: the test is blind")
	}
}

func opensWith(file []byte, pin string) bool {
	h, body, err := parseSealed(file)
	if err != nil || h.params != quick {
		return false
	}
	kek := h.derive(pin, device)
	defer kek.free()
	key := h.take(0, kek)
	if key == nil {
		return false
	}
	defer key.free()
	_, err = h.open(key, body)
	return err == nil
}

func TestSecretMemory(t *testing.T) {
	m := newMemory(keySize)
	copy(m.bytes, "very secret")
	if s := fmt.Sprintf("%v %s", m, m); strings.Contains(s, "very") {
		t.Error(s)
	}
	if m.mapped == nil {
		t.Fatal("the kernel gave no page")
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	start := fmt.Sprintf("%x-", addressOf(m.bytes))
	_, entry, found := strings.Cut(string(maps), start)
	flags := strings.SplitN(entry[strings.Index(entry, "VmFlags:"):], "\n", 2)[0]
	if !found || !strings.Contains(flags, " dd") || !strings.Contains(flags, " lo") {
		t.Errorf("the page may be swapped or dumped: %v %s", found, flags)
	}
	m.free()
	m.free()
	(*memory)(nil).free()
}

func TestDeviceSecretIsMadeOnce(t *testing.T) {
	f, err := OpenFolder(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := DeviceSecret(f)
	b, err2 := DeviceSecret(f)
	if err != nil || err2 != nil || len(a) != keySize || !bytes.Equal(a, b) || bytes.Equal(a, make([]byte, keySize)) {
		t.Fatalf("%d bytes, equal %v, %v %v", len(a), bytes.Equal(a, b), err, err2)
	}
}

func TestCalibrate(t *testing.T) {
	perMiB := func(ms float64) func(Params) time.Duration {
		return func(p Params) time.Duration {
			return time.Duration(ms * float64(p.Time) * float64(p.Memory) / 1024 * float64(time.Millisecond))
		}
	}
	for _, c := range []struct {
		ms   float64
		want Params
	}{
		{0.5, Params{3, 128 << 10, 1}}, {3.5, Params{2, 128 << 10, 1}}, {5, Params{3, 64 << 10, 1}},
		{10, Params{3, 32 << 10, 1}}, {1000, Params{2, 32 << 10, 1}},
	} {
		p := Calibrate(time.Second, perMiB(c.ms))
		if p != c.want || !p.sane() || p.Memory < Cheapest.Memory {
			t.Errorf("%v ms a MiB: %+v, want %+v", c.ms, p, c.want)
		}
	}
}

// FuzzSealed reads hostile files. What is not from us does not open; the costs that it asks for are bounded.
func FuzzSealed(f *testing.F) {
	// A vault of PIN 4711 that was made once: the fuzzer's processes must agree on what is ours.
	file, err := os.ReadFile("testdata/sealed")
	if err != nil {
		f.Fatal(err)
	}
	if !opensWith(file, "4711") {
		f.Fatal("the vault in testdata does not open")
	}
	f.Add(file)
	f.Add(file[:headerSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		h, body, err := parseSealed(b)
		if err != nil {
			return
		}
		if !h.params.sane() || h.params.Memory > maxMemory {
			t.Fatalf("accepted %+v", h.params)
		}
		if got := append(h.append(nil), body...); !bytes.Equal(got, b) {
			t.Fatal("what is read is not what is written for it")
		}
		if h.params == quick && !bytes.Equal(b, file) && opensWith(b, "4711") {
			t.Fatal("a file that is not ours opens")
		}
	})
}
