// Command sign makes an owner's signing keys, signed updates and signed set-ups:
// build/sign keygen|manifest|sign|bundle|verify|provision.
//
// It promises that keys and signatures are minisign's, so that either tool can be used, that a secret key is written with
// mode 0600 and never over another file, and that verify says exactly what a telephone would say. It never reads a
// passphrase from the command line, where other users see it. README.md tells an owner what to do.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"sotto/firmware/update"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sign:", err)
		os.Exit(2)
	}
}

var verbs = map[string]func(args []string, out io.Writer) error{
	"keygen": keygen, "manifest": manifest, "sign": sign, "bundle": bundle, "verify": verify, "provision": setUp,
}

func run(args []string, out io.Writer) error {
	if len(args) > 0 {
		if f, ok := verbs[args[0]]; ok {
			return f(args[1:], out)
		}
	}
	return errors.New("verbs are: keygen, manifest, sign, bundle, verify, provision; each has -h")
}

// flags reads the arguments of a verb and refuses a missing flag.
func flags(verb string, args []string, want ...string) (map[string]*string, []string, error) {
	set := flag.NewFlagSet("sign "+verb, flag.ContinueOnError)
	values := map[string]*string{}
	for _, w := range want {
		name, help, _ := strings.Cut(w, " ")
		values[strings.TrimSuffix(name, "?")] = set.String(strings.TrimSuffix(name, "?"), "", help)
	}
	if err := set.Parse(args); err != nil {
		return nil, nil, err
	}
	for _, w := range want {
		name, _, _ := strings.Cut(w, " ")
		if !strings.HasSuffix(name, "?") && *values[name] == "" {
			return nil, nil, fmt.Errorf("%s wants -%s", verb, name)
		}
	}
	return values, set.Args(), nil
}

const passphraseHelp = "file with the passphrase, - for standard input; without it the key is not encrypted"

func keygen(args []string, out io.Writer) error {
	v, _, err := flags("keygen", args, "key secret key to write; the public one gets .pub", "passphrase? "+passphraseHelp)
	if err != nil {
		return err
	}
	pass, err := passphrase(*v["passphrase"])
	if err != nil {
		return err
	}
	k, err := newKey()
	if err != nil {
		return err
	}
	text, err := k.seal(pass)
	if err != nil {
		return err
	}
	if err := create(*v["key"], []byte(text), 0o600); err != nil {
		return err
	}
	if err := create(*v["key"]+".pub", []byte(k.public().Text()), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(out, "key %s; public key in %s.pub\n", k.public(), *v["key"])
	return nil
}

func manifest(args []string, out io.Writer) error {
	v, _, err := flags("manifest", args, "board folder name of the board", "version a number that counts up", "name version for people",
		"image image of one slot", "o manifest to write")
	if err != nil {
		return err
	}
	m := update.Manifest{Board: *v["board"], Name: *v["name"]}
	if _, err := fmt.Sscan(*v["version"], &m.Version); err != nil {
		return fmt.Errorf("-version: %w", err)
	}
	if m.Size, m.SHA256, err = measure(*v["image"]); err != nil {
		return err
	}
	text := m.Append(nil)
	if _, err := update.ParseManifest(text); err != nil {
		return fmt.Errorf("board, name or image cannot be told to a telephone: %w", err)
	}
	out.Write(text)
	return create(*v["o"], text, 0o644)
}

func measure(image string) (size int64, sum [sha256.Size]byte, err error) {
	f, err := os.Open(image)
	if err != nil {
		return 0, sum, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return size, [sha256.Size]byte(h.Sum(nil)), err
}

func sign(args []string, out io.Writer) error {
	v, _, err := flags("sign", args, "key secret key", "passphrase? "+passphraseHelp, "manifest what to sign", "o signature to write")
	if err != nil {
		return err
	}
	k, err := readKey(*v["key"], *v["passphrase"])
	if err != nil {
		return err
	}
	message, err := os.ReadFile(*v["manifest"])
	if err != nil {
		return err
	}
	m, err := update.ParseManifest(message)
	if err != nil {
		return err
	}
	comment := fmt.Sprintf("Sotto %s (%d) for %s", m.Name, m.Version, m.Board)
	fmt.Fprintf(out, "signed with key %s: %s\n", k.public(), comment)
	return create(*v["o"], []byte(update.Sign(k.id, k.secret, message, comment)), 0o644)
}

// readKey opens the secret key of a file with the passphrase of another.
func readKey(file, passphraseFile string) (key, error) {
	pass, err := passphrase(passphraseFile)
	if err != nil {
		return key{}, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return key{}, err
	}
	return openKey(string(text), pass)
}

func bundle(args []string, out io.Writer) error {
	v, files, err := flags("bundle", args, "manifest manifest", "image image of one slot", "o bundle to write; signatures follow as arguments")
	if err != nil {
		return err
	}
	text, err := os.ReadFile(*v["manifest"])
	if err != nil {
		return err
	}
	m, err := update.ParseManifest(text)
	if err != nil {
		return err
	}
	size, sum, err := measure(*v["image"])
	if err != nil {
		return err
	}
	if size != m.Size || sum != m.SHA256 {
		return errors.New("the image is not the one of the manifest")
	}
	var signatures []string
	for _, f := range files {
		s, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		signatures = append(signatures, string(s))
	}
	head, err := update.Bundle(text, signatures)
	if err != nil {
		return err
	}
	image, err := os.Open(*v["image"])
	if err != nil {
		return err
	}
	defer image.Close()
	o, err := os.OpenFile(*v["o"], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err = io.Copy(o, io.MultiReader(bytes.NewReader(head), image)); err == nil {
		err = o.Sync()
	}
	fmt.Fprintf(out, "%s: %d signatures, %d bytes of image\n", *v["o"], len(signatures), size)
	return errors.Join(err, o.Close())
}

func verify(args []string, out io.Writer) error {
	v, keys, err := flags("verify", args, "board the telephone's board", "need how many keys must have signed", "newest? version that runs there",
		"bundle bundle to read; public keys follow as arguments")
	if err != nil {
		return err
	}
	p := update.Policy{Board: *v["board"]}
	var newest uint64
	if _, err := fmt.Sscan(*v["need"], &p.Need); err != nil {
		return fmt.Errorf("-need: %w", err)
	}
	if *v["newest"] != "" {
		if _, err := fmt.Sscan(*v["newest"], &newest); err != nil {
			return fmt.Errorf("-newest: %w", err)
		}
	}
	for _, f := range keys {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		k, err := update.ParsePublicKey(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		p.Keys = append(p.Keys, k)
	}
	f, err := os.Open(*v["bundle"])
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := update.ReadManifest(f, p, newest)
	if err != nil {
		return err
	}
	h := sha256.New()
	if n, err := io.Copy(h, f); err != nil || n != m.Size || !bytes.Equal(h.Sum(nil), m.SHA256[:]) {
		return errors.Join(update.ErrCut, err)
	}
	fmt.Fprintf(out, "good: %s (%d) for %s\n", m.Name, m.Version, m.Board)
	return nil
}

// create writes a new file and never replaces one.
func create(name string, content []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// passphrase reads the first line of a file; none when no file is named.
func passphrase(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	var b []byte
	var err error
	if name == "-" {
		b, err = io.ReadAll(os.Stdin)
	} else {
		b, err = os.ReadFile(name)
	}
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if line == "" {
		return "", errors.New("the passphrase is empty")
	}
	return line, nil
}
