package tornet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// keys makes a node's folder and, for an authority, its keys. The signing keys are kept for the next network: they are RSA
// and the slowest part of it.
func (n *Network) keys(ctx context.Context, m *node) error {
	if err := os.MkdirAll(filepath.Join(m.dir, "keys"), 0o700); err != nil {
		return err
	}
	if !m.authority {
		return nil
	}
	kept := filepath.Join(n.options.Root, "build/cache/tornet-keys", m.name)
	certificate, err := n.certificate(ctx, kept)
	if err != nil {
		return err
	}
	for _, f := range []string{"authority_signing_key", "authority_certificate"} {
		b, err := os.ReadFile(filepath.Join(kept, f))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(m.dir, "keys", f), b, 0o600); err != nil {
			return err
		}
	}
	for line := range strings.Lines(certificate) {
		if f, ok := strings.CutPrefix(line, "fingerprint "); ok {
			m.v3 = strings.TrimSpace(f)
		}
	}
	m.fingerprint, err = n.fingerprint(ctx, m)
	return err
}

// certificate is that of an authority, made when there is none or an old one.
func (n *Network) certificate(ctx context.Context, dir string) (string, error) {
	file := filepath.Join(dir, "authority_certificate")
	if info, err := os.Stat(file); err == nil && time.Since(info.ModTime()) < keysLive {
		b, err := os.ReadFile(file)
		return string(b), err
	}
	// Another process may do the same: whoever comes last puts a whole set in place.
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	at := func(name string) string { return filepath.Join(fresh, name) }
	cmd := n.command(ctx, "tor-gencert", "--create-identity-key", "--passphrase-fd", "0", "-m", "12",
		"-i", at("authority_identity_key"), "-s", at("authority_signing_key"), "-c", at("authority_certificate"))
	cmd.Stdin = strings.NewReader("testnet\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("tor-gencert: %w: %s", err, out)
	}
	os.RemoveAll(dir)
	if err := os.Rename(fresh, dir); err != nil && !os.IsExist(err) {
		return "", err
	}
	b, err := os.ReadFile(file)
	return string(b), err
}

// fingerprint makes a relay identity and asks for it.
func (n *Network) fingerprint(ctx context.Context, m *node) (string, error) {
	cmd := n.command(ctx, "tor", "--quiet", "--ignore-missing-torrc", "-f", "/nonexistent", "--list-fingerprint",
		"--ORPort", "1", "--DataDirectory", m.dir, "--Nickname", m.name,
		"--DirAuthority", "x 127.0.0.1:1 ffffffffffffffffffffffffffffffffffffffff")
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("tor --list-fingerprint: %w: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if f, ok := strings.CutPrefix(line, m.name+" "); ok {
			return strings.ReplaceAll(strings.TrimSpace(f), " ", ""), nil
		}
	}
	return "", fmt.Errorf("tor --list-fingerprint says %q", out)
}
