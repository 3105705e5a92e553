//go:build hil

package hil

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sotto/firmware/update"
)

// owner is who signs updates of the bench: two keys, an image that knows them, and the system that comes after it.
type owner struct {
	id    [2][8]byte
	keys  [2]ed25519.PrivateKey
	files string // the public halves
	image string // the card as it is flashed
	next  []byte // the slot of the version after it

	kernel string // own or debian: that of the image which make image left
}

// The versions of the bench's own images, in seconds of 2033 and 2034.
const (
	versionNow  = 2000000000
	versionNext = 2030000000
)

var (
	makeOwner sync.Once
	theOwner  *owner
	ownerErr  error
)

// ownerOf makes the owner's images once for the whole suite.
func ownerOf(t *testing.T) *owner {
	t.Helper()
	makeOwner.Do(func() { theOwner, ownerErr = newOwner() })
	if ownerErr != nil {
		t.Fatal(ownerErr)
	}
	return theOwner
}

func newOwner() (*owner, error) {
	dir := filepath.Join(root, "build/hil-owner")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	o := &owner{image: filepath.Join(dir, "now.img"), kernel: "own"}
	manifest, err := os.ReadFile(filepath.Join(root, "build/sotto-qemuvirt.img.json"))
	if err != nil {
		return nil, err
	}
	if strings.Contains(string(manifest), `"kernel": "debian"`) {
		o.kernel = "debian"
	}
	var files []string
	for i := range o.keys {
		public, secret, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		o.id[i], o.keys[i] = [8]byte{byte(i + 1)}, secret
		files = append(files, filepath.Join(dir, fmt.Sprintf("%d.pub", i)))
		text := update.PublicKey{ID: o.id[i], Key: [32]byte(public)}.Text()
		if err := os.WriteFile(files[i], []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	o.files = strings.Join(files, " ")
	for _, v := range []struct {
		name    string
		version int
	}{{"now", versionNow}, {"next", versionNext}} {
		handset := filepath.Join(dir, v.name+"-arm64")
		if err := inRoot([]string{fmt.Sprintf("SOURCE_DATE_EPOCH=%d", v.version), "OUT=" + handset, "TOR=1"},
			"tools/setup/handset.sh", "arm64"); err != nil {
			return nil, err
		}
		if err := inRoot(nil, "build/mkimage", "--board", "qemuvirt", "--kernel", o.kernel, "--handset", handset, "--keys", o.files,
			"--out", filepath.Join(dir, v.name+".img")); err != nil {
			return nil, err
		}
	}
	o.next, err = os.ReadFile(filepath.Join(dir, "next.slot"))
	return o, err
}

// inRoot runs a step of the build.
func inRoot(env []string, name string, args ...string) error {
	cmd := exec.Command(filepath.Join(root, name), args...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("hil: %s: %w: %s", name, err, out)
	}
	return nil
}

// card is a fresh card of the owner's.
func (o *owner) card(t *testing.T) *card {
	t.Helper()
	c, err := copyCard(o.image, filepath.Join(t.TempDir(), "card.img"), "qemuvirt")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// stick is a USB stick's worth of update: the bundle as it would be written to it.
func (o *owner) stick(t *testing.T, m update.Manifest, image []byte, signers int) string {
	t.Helper()
	if m.Size == 0 {
		m.Size, m.SHA256 = int64(len(image)), sha256.Sum256(image)
	}
	text := m.Append(nil)
	var signatures []string
	for i := range signers {
		signatures = append(signatures, update.Sign(o.id[i], o.keys[i], text, "the bench"))
	}
	b, err := update.Bundle(text, signatures)
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, image...)
	b = append(b, make([]byte, (512-len(b)%512)%512)...)
	path := filepath.Join(t.TempDir(), "stick.img")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// plugged is QEMU's words for sticks; the guest sees them as /dev/vdb and so on.
func plugged(sticks ...string) (words []string) {
	for i, s := range sticks {
		words = append(words, "-drive", fmt.Sprintf("if=none,id=stick%d,format=raw,readonly=on,file=%s", i, s),
			"-device", fmt.Sprintf("virtio-blk-pci,drive=stick%d", i))
	}
	return words
}

// nextManifest is that of the version after the card's.
func nextManifest() update.Manifest {
	return update.Manifest{Board: "qemuvirt", Version: versionNext, Name: "bench 2"}
}

// broken is a slot whose kernel finds half an initramfs and panics.
func broken(t *testing.T, slot []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	img, half := filepath.Join(dir, "slot"), filepath.Join(dir, "initramfs.img")
	c := &card{path: img}
	if err := os.WriteFile(img, append(bytes.Clone(slot), make([]byte, 64<<20-len(slot))...), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := c.readAt(0, "initramfs.img")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(half, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mcopy", "-o", "-i", img, half, "::initramfs.img").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	whole, err := os.ReadFile(img)
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.TrimRight(whole, "\x00"), make([]byte, 512)...)
}
