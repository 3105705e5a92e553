package onion

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTorrc(t *testing.T) {
	c := Config{Dir: "/data/tor"}
	want := `DataDirectory /data/tor/data
SocksPort unix:"/data/tor/socks/s" IsolateSOCKSAuth ExtendedErrors OnionTrafficOnly
ClientOnly 1
AvoidDiskWrites 1
DormantTimeoutEnabled 0
Log warn stdout
SafeLogging 1
Sandbox 1
`
	if got := c.torrc(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	c.Bridges = []string{"Bridge obfs4 192.0.2.1:443 AAAA cert=x"}
	c.Transports = map[string]string{"obfs4": "/usr/bin/obfs4proxy"}
	got := c.torrc()
	if strings.Contains(got, "Sandbox") || !strings.Contains(got, "\nUseBridges 1\nBridge obfs4 192.0.2.1:443 AAAA cert=x\nClientTransportPlugin obfs4 exec /usr/bin/obfs4proxy\n") {
		t.Errorf("with a bridge: %s", got)
	}
}

func TestCheck(t *testing.T) {
	for what, c := range map[string]Config{
		"relative folder":       {Dir: "tor"},
		"folder with a space":   {Dir: "/a b"},
		"folder with a quote":   {Dir: `/a"b`},
		"long folder":           {Dir: "/" + strings.Repeat("x", maxPath-len("/target/99-65535"))},
		"two lines in a bridge": {Dir: "/a", Bridges: []string{"obfs4 192.0.2.1:443\nSandbox 0"}},
		"two lines in Extra":    {Dir: "/a", Extra: []string{"a\rb"}},
		"transport's arguments": {Dir: "/a", Transports: map[string]string{"x": "/bin/sh -c"}},
	} {
		if err := c.check(); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := (Config{Dir: "/" + strings.Repeat("x", maxPath-len("//target/99-65535"))}).check(); err != nil {
		t.Errorf("the longest folder: %v", err)
	}
}

// TestFolders: nobody else may look into them, and an amnesic Tor begins with an empty one.
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, dataDir, "state")
	os.MkdirAll(filepath.Dir(old), 0o700)
	os.WriteFile(old, []byte("guards"), 0o600)
	start(t, &script{}, Config{Dir: dir}).Close()
	if _, err := os.Stat(old); err != nil {
		t.Errorf("the guards are gone: %v", err)
	}
	for _, d := range []string{dataDir, socksDir, targetDir} {
		if info, err := os.Stat(filepath.Join(dir, d)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", d, info, err)
		}
	}
	tor := start(t, &script{}, Config{Dir: dir, Amnesic: true})
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an amnesic Tor has a past: %v", err)
	}
	os.WriteFile(old, []byte("guards"), 0o600)
	tor.Close()
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an amnesic Tor left something: %v", err)
	}
}
