package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"sotto/firmware/provision"
	"sotto/firmware/update"
)

// A telephone takes this factor and no much greater one: 2^15 costs it 32 MiB and about a second.
const sealWork = 15

// setUp signs a set-up file. A second owner signs what the first one wrote; the last may seal it under a code.
func setUp(args []string, out io.Writer) error {
	v, _, err := flags("provision", args, "key secret key", "passphrase? "+passphraseHelp, "file set-up file, with the signatures it has",
		"code? file with the code that opens it; not sealed without", "o signed file to write", "stick? image of a bare stick to write besides")
	if err != nil {
		return err
	}
	k, err := readKey(*v["key"], *v["passphrase"])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(*v["file"])
	if err != nil {
		return err
	}
	if provision.Sealed(text) {
		return errors.New("the file is sealed; sign it before")
	}
	message, signatures := provision.Cut(text)
	f, err := provision.Parse(message)
	if err != nil {
		return fmt.Errorf("%s cannot be told to a telephone: %w", *v["file"], err)
	}
	comment := fmt.Sprintf("set-up %d, %d accounts, %d contacts, %d settings", f.Serial, len(f.Accounts), len(f.Contacts), len(f.Settings))
	whole := append(bytes.Clone(message), signatures...)
	whole = append(whole, update.Sign(k.id, k.secret, message, comment)...)
	code, err := passphrase(*v["code"])
	if err != nil {
		return err
	}
	if code != "" {
		if whole, err = seal(whole, code); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "signed with key %s: %s\n", k.public(), comment)
	if err := create(*v["o"], whole, 0o600); err != nil || *v["stick"] == "" {
		return err
	}
	return create(*v["stick"], provision.Stick(whole), 0o600)
}

func seal(text []byte, code string) ([]byte, error) {
	r, err := age.NewScryptRecipient(code)
	if err != nil {
		return nil, err
	}
	r.SetWorkFactor(sealWork)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, r)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(text)
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}
