package update

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func file(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestMinisign reads keys and signatures that minisign 0.11 made, of both kinds.
func TestMinisign(t *testing.T) {
	manifest := []byte(file(t, "manifest.txt"))
	for _, c := range []struct {
		key, sig, comment string
		prehashed         bool
	}{{"key1.pub", "key1.minisig", "owner one", true}, {"key2.pub", "key2-legacy.minisig", "owner two", false}} {
		k, err := ParsePublicKey(file(t, c.key))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(file(t, c.key), k.String()) {
			t.Errorf("the key's ID is shown as %s, minisign shows another", k)
		}
		s, err := ParseSignature(file(t, c.sig))
		if err != nil || s.Comment != c.comment || s.Prehashed != c.prehashed {
			t.Fatalf("%+v %v", s, err)
		}
		if !s.Verify(k, manifest) {
			t.Errorf("%s: a good signature is refused", c.sig)
		}
		for i := range manifest {
			bad := bytes.Clone(manifest)
			bad[i] ^= 1
			if s.Verify(k, bad) {
				t.Fatalf("byte %d of the manifest is not signed", i)
			}
		}
		s.Comment += "!"
		if s.Verify(k, manifest) {
			t.Error("the trusted comment is not signed")
		}
	}
	m, err := ParseManifest(manifest)
	if err != nil || m != (Manifest{"rpizero2w", 7, "1.4.2", 5, sha256.Sum256([]byte("image")), ""}) {
		t.Fatalf("%+v %v", m, err)
	}
}

// signer is an owner's key.
type signer struct {
	pub PublicKey
	key ed25519.PrivateKey
}

func newSigner(t testing.TB) signer {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := signer{key: key}
	copy(s.pub.Key[:], pub)
	copy(s.pub.ID[:], pub)
	return s
}

func image(version uint64) []byte { return fmt.Appendf(nil, "image of version %d, whole", version) }

// bundle makes a bundle of that version for that board.
func bundle(t testing.TB, board string, version uint64, signers ...signer) []byte {
	t.Helper()
	img := image(version)
	m := Manifest{board, version, fmt.Sprint("1.", version), int64(len(img)), sha256.Sum256(img), ""}
	text := m.Append(nil)
	var sigs []string
	for _, s := range signers {
		sigs = append(sigs, Sign(s.pub.ID, s.key, text, "test"))
	}
	b, err := Bundle(text, sigs)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, img...)
}

var errPower = errors.New("power cut")

// rig is a machine with two slots, whose power goes at step cut. Its boot loader is that of a Raspberry Pi.
type rig struct {
	t          *testing.T
	slots      [2][]byte
	good, once int // slot that starts; slot of the next start, or -1
	here       int
	trial      bool
	store      []byte
	cut, steps int
}

func (r *rig) step() error {
	r.steps++
	if r.cut > 0 && r.steps >= r.cut {
		return errPower
	}
	return nil
}

type rigSlot struct {
	r *rig
	n int
}

func (s rigSlot) Size() int64 { return 64 }
func (s rigSlot) Sync() error { return s.r.step() }

func (s rigSlot) WriteAt(b []byte, at int64) (int, error) {
	if s.n == s.r.here {
		s.r.t.Fatal("the running slot is written to")
	}
	for i, c := range b {
		if err := s.r.step(); err != nil {
			return i, err
		}
		s.r.slots[s.n][at+int64(i)] = c
	}
	return len(b), nil
}

func (s rigSlot) ReadAt(b []byte, at int64) (int, error) {
	return copy(b, s.r.slots[s.n][at:]), nil
}

func (r *rig) Running() (int, bool, error) { return r.here, r.trial, nil }
func (r *rig) TryOnce(slot int) error {
	if err := r.step(); err != nil {
		return err
	}
	r.once = slot
	return nil
}
func (r *rig) Commit(slot int) error {
	if err := r.step(); err != nil {
		return err
	}
	r.good = slot
	return nil
}
func (r *rig) Save(b []byte) error {
	if err := r.step(); err != nil {
		return err
	}
	r.store = bytes.Clone(b)
	return nil
}

// boot starts the machine and tells which version runs. What does not boot is the end of the telephone.
func (r *rig) boot() uint64 {
	r.t.Helper()
	r.here, r.trial = r.good, false
	if r.once >= 0 {
		r.here, r.trial, r.once = r.once, true, -1
	}
	for v := range uint64(20) {
		if bytes.HasPrefix(r.slots[r.here], append(image(v), 0)) {
			return v
		}
	}
	r.t.Fatalf("cut at %d: slot %d does not boot: %q", r.cut, r.here, r.slots[r.here])
	return 0
}

func newRig(t *testing.T, version uint64) *rig {
	r := &rig{t: t, once: -1}
	for i := range r.slots {
		r.slots[i] = make([]byte, 64)
	}
	copy(r.slots[0], image(version))
	return r
}

func (r *rig) updater(p Policy, running uint64) *Updater {
	r.t.Helper()
	u, err := NewUpdater(p, r, r, r.store, running)
	if err != nil {
		r.t.Fatal(err)
	}
	return u
}

func (r *rig) both() [2]Slot { return [2]Slot{rigSlot{r, 0}, rigSlot{r, 1}} }

func TestUpdateIsTriedAndKept(t *testing.T) {
	one, two := newSigner(t), newSigner(t)
	p := Policy{"testboard", []PublicKey{one.pub, two.pub}, 2}
	r := newRig(t, 3)
	u := r.updater(p, r.boot())
	m, err := u.Install(bytes.NewReader(bundle(t, "testboard", 4, one, two)), r.both(), nil)
	if err != nil || m.Version != 4 {
		t.Fatal(m, err)
	}
	if v := r.boot(); v != 4 || !r.trial {
		t.Fatalf("version %d runs, on trial %v", v, r.trial)
	}
	u = r.updater(p, 4)
	if _, err := u.Install(bytes.NewReader(bundle(t, "testboard", 5, one, two)), r.both(), nil); !errors.Is(err, ErrOnTrial) {
		t.Fatalf("the slot that is known to run was overwritten during a trial: %v", err)
	}
	if o, name, err := u.Started(); o != Committed || name != "1.4" || err != nil {
		t.Fatal(o, name, err)
	}
	if v := r.boot(); v != 4 || r.trial {
		t.Fatalf("version %d runs, on trial %v", v, r.trial)
	}
	if o, _, err := r.updater(p, 4).Started(); o != NoUpdate || err != nil {
		t.Fatal(o, err)
	}
}

func TestUpdateThatDoesNotStartIsRolledBack(t *testing.T) {
	one := newSigner(t)
	p := Policy{"testboard", []PublicKey{one.pub}, 1}
	r := newRig(t, 3)
	u := r.updater(p, r.boot())
	if _, err := u.Install(bytes.NewReader(bundle(t, "testboard", 4, one)), r.both(), nil); err != nil {
		t.Fatal(err)
	}
	r.boot() // version 4 hangs; the watchdog resets the board
	if v := r.boot(); v != 3 {
		t.Fatalf("version %d runs", v)
	}
	u = r.updater(p, 3)
	if o, name, err := u.Started(); o != RolledBack || name != "1.4" || err != nil {
		t.Fatal(o, name, err)
	}
	if o, _, _ := r.updater(p, 3).Started(); o != NoUpdate {
		t.Fatal("told twice")
	}
}

func TestRefusals(t *testing.T) {
	one, two, stranger := newSigner(t), newSigner(t), newSigner(t)
	p := Policy{"testboard", []PublicKey{one.pub, two.pub}, 2}
	whole := bundle(t, "testboard", 9, one, two)
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-1] ^= 1
	long := bundle(t, "testboard", 9, one, two)
	for name, c := range map[string]struct {
		bundle []byte
		want   error
	}{
		"one signature":            {bundle(t, "testboard", 9, one), ErrUnsigned},
		"the same key twice":       {bundle(t, "testboard", 9, one, one), ErrUnsigned},
		"a stranger's key":         {bundle(t, "testboard", 9, one, stranger), ErrUnsigned},
		"no signature":             {bundle(t, "testboard", 9), ErrUnsigned},
		"another board":            {bundle(t, "rpi4", 9, one, two), ErrBoard},
		"an older version":         {bundle(t, "testboard", 3, one, two), ErrOlder},
		"the same version":         {bundle(t, "testboard", 8, one, two), ErrOlder},
		"cut short":                {whole[:len(whole)-1], ErrCut},
		"a flipped bit":            {flipped, ErrCut},
		"not a bundle":             {[]byte("PK\x03\x04 something else entirely"), ErrFormat},
		"nothing":                  {nil, ErrFormat},
		"only a head":              {whole[:40], ErrFormat},
		"nothing is wrong with it": {long, nil},
	} {
		r := newRig(t, 8)
		before := bytes.Clone(r.slots[1])
		_, err := r.updater(p, r.boot()).Install(bytes.NewReader(c.bundle), r.both(), nil)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if c.want != nil && r.once >= 0 {
			t.Errorf("%s: it is tried all the same", name)
		}
		if c.want != nil && c.want != ErrCut && !bytes.Equal(r.slots[1], before) {
			t.Errorf("%s: the slot was written to before the check", name)
		}
	}
	if (Policy{"testboard", nil, 0}).Signed(nil, nil) {
		t.Error("a policy that wants no signature takes everything")
	}
}

// TestVersionsNeverGoDown tries an old image after a newer one ran well, though the running slot is older again.
func TestVersionsNeverGoDown(t *testing.T) {
	one := newSigner(t)
	r := newRig(t, 3)
	r.store = []byte(`{"newest":6}`)
	u := r.updater(Policy{"testboard", []PublicKey{one.pub}, 1}, r.boot())
	if _, err := u.Install(bytes.NewReader(bundle(t, "testboard", 5, one)), r.both(), nil); !errors.Is(err, ErrOlder) {
		t.Fatal(err)
	}
}

func TestImageLargerThanSlot(t *testing.T) {
	r := newRig(t, 1)
	r.boot()
	if err := Write(bytes.NewReader(nil), Manifest{Size: 65}, rigSlot{r, 1}, nil); !errors.Is(err, ErrTooBig) {
		t.Fatal(err)
	}
}

// lying is a slot on a worn-out card.
type lying struct{ rigSlot }

func (s lying) ReadAt(b []byte, at int64) (int, error) {
	n, err := s.rigSlot.ReadAt(b, at)
	b[0] ^= 1
	return n, err
}

func TestWornOutCard(t *testing.T) {
	one := newSigner(t)
	r := newRig(t, 1)
	u := r.updater(Policy{"testboard", []PublicKey{one.pub}, 1}, r.boot())
	slots := [2]Slot{rigSlot{r, 0}, lying{rigSlot{r, 1}}}
	if _, err := u.Install(bytes.NewReader(bundle(t, "testboard", 2, one)), slots, nil); !errors.Is(err, ErrMedium) || r.once >= 0 {
		t.Fatal(err, r.once)
	}
}

// TestPowerCutAtEveryByteOfAnUpdate cuts the power at every step from the first byte to the last commit. The telephone
// always boots, runs the old or the new version, and can be updated afterwards.
func TestPowerCutAtEveryByteOfAnUpdate(t *testing.T) {
	one := newSigner(t)
	p := Policy{"testboard", []PublicKey{one.pub}, 1}
	b := bundle(t, "testboard", 4, one)
	seen := map[uint64]int{}
	life := func(r *rig) {
		v := r.boot()
		u := r.updater(p, v)
		if v == 3 && r.trial {
			t.Fatal("the old version is on trial")
		}
		if _, _, err := u.Started(); err != nil {
			return
		}
		if _, err := u.Install(bytes.NewReader(b), r.both(), nil); err != nil {
			return
		}
		r.updater(p, r.boot()).Started()
	}
	whole := newRig(t, 3)
	life(whole)
	if whole.steps < 30 || whole.boot() != 4 {
		t.Fatalf("%d steps: the rig is blind", whole.steps)
	}
	for cut := 1; cut <= whole.steps; cut++ {
		r := newRig(t, 3)
		r.cut = cut
		life(r)
		r.cut = 0 // the power is back
		v := r.boot()
		seen[v]++
		if _, _, err := r.updater(p, v).Started(); err != nil {
			t.Fatal(err)
		}
		if v = r.boot(); v == 3 {
			if _, err := r.updater(p, v).Install(bytes.NewReader(b), r.both(), nil); err != nil {
				t.Fatalf("cut at %d: no update is possible any more: %v", cut, err)
			}
			if _, _, err := r.updater(p, r.boot()).Started(); err != nil {
				t.Fatal(err)
			}
			v = r.boot()
		}
		if v != 4 || r.trial {
			t.Fatalf("cut at %d: in the end version %d runs, on trial %v", cut, v, r.trial)
		}
	}
	if seen[3] == 0 || seen[4] == 0 || seen[3]+seen[4] != whole.steps {
		t.Fatalf("after the cut ran: %v", seen)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(file(f, "manifest.txt")))
	f.Add([]byte(manifestHead + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err == nil && (!bytes.Equal(m.Append(nil), b) || m.Size <= 0 || !plain(m.Board)) {
			t.Fatalf("accepted %q as %+v", b, m)
		}
	})
}

// FuzzBundle reads hostile bundles: none is accepted but the one that was signed.
func FuzzBundle(f *testing.F) {
	k, err := ParsePublicKey(file(f, "key1.pub"))
	if err != nil {
		f.Fatal(err)
	}
	manifest := []byte(file(f, "manifest.txt"))
	good, err := Bundle(manifest, []string{file(f, "key1.minisig")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(file(f, "key2-legacy.minisig")))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ReadManifest(bytes.NewReader(b), Policy{"rpizero2w", []PublicKey{k}, 1}, 0)
		if err == nil && !bytes.Equal(m.Append(nil), manifest) {
			t.Fatalf("accepted %+v", m)
		}
	})
}
