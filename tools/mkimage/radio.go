package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// What drives the radio: wpa_supplicant (tools/wpa), and the program of the chip itself, which its maker gives away without
// source. It runs in the chip, on the other side of a bus, and sees what a stranger on the air sees: sealed speech.
const (
	supplicant = "lib/sotto/wpa_supplicant"
	wpa        = "build/cache/wpa-arm64"
	chips      = "build/cache/firmware-brcm"
)

func (in *inputs) radio() (files []file, err error) {
	take := func(name, from string) {
		b, e := os.ReadFile(from)
		if e != nil && err == nil {
			err = fmt.Errorf("%w (tools/mkimage/image.sh fetches it)", e)
		}
		files = append(files, file{name, b})
	}
	take(supplicant, filepath.Join(wpa, "wpa_supplicant"))
	take(supplicant+".conf", "tools/wpa/wpa_supplicant.conf")
	if name := machines[in.board].radio; name != "" {
		chip, _, _ := strings.Cut(name, ".")
		for _, f := range []string{chip + ".bin", chip + ".clm_blob", name + ".txt"} {
			take("lib/firmware/brcm/brcmfmac"+f, filepath.Join(chips, "usr/lib/firmware/brcm/brcmfmac"+f))
		}
		licence, e := makersLicence()
		if e != nil && err == nil {
			err = e
		}
		files = append(files, file{"lib/firmware/brcm/LICENSE", licence})
	}
	text, e := os.ReadFile(filepath.Join(wpa, "versions.txt"))
	if e != nil && err == nil {
		err = e
	}
	in.list.libraries(string(text))
	return files, err
}

// makersLicence is the paragraph of Debian's list that goes with the chips' programs wherever they go.
func makersLicence() ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(chips, "usr/share/doc/firmware-brcm80211/copyright"))
	if err != nil {
		return nil, err
	}
	_, b, found := bytes.Cut(b, []byte("\nLicense: binary-redist-Cypress\n CYPRESS"))
	b, _, ended := bytes.Cut(b, []byte("\nLicense: "))
	if !found || !ended {
		return nil, fmt.Errorf("%s: the licence of the chips' programs was not found", chips)
	}
	return append([]byte(" CYPRESS"), append(b, '\n')...), nil
}
