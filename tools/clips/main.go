// Command clips makes what firmware/spoken says, with espeak-ng and sox: build/clips FOLDER. Run from the root of the
// repository by make clips; the result is kept with the source, for builds need neither program then.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"sotto/codec"
	"sotto/codec/opus"
	"sotto/firmware/spoken"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "clips:", err)
		os.Exit(2)
	}
}

// alphabet is that of the four-symbol code (RFC 6189, Section 5.1.6), and spelling how people of a language spell it: the
// letter, then a word that begins with it.
const alphabet = "abcdefghijkmnopqrstuwxyz13456789"

var spelling = map[string]string{
	"en": "Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Mike November Oscar Papa Quebec Romeo Sierra Tango " +
		"Uniform Whiskey X-ray Yankee Zulu",
	"de": "Anton Berta Cäsar Dora Emil Friedrich Gustav Heinrich Ida Julius Kaufmann Martha Nordpol Otto Paula Quelle Richard " +
		"Samuel Theodor Ulrich Wilhelm Xanthippe Ypsilon Zacharias",
	"fr": "Anatole Berthe Célestin Désiré Eugène François Gaston Henri Irma Joseph Kléber Marcel Nicolas Oscar Pierre Quintal " +
		"Raoul Suzanne Thérèse Ursule William Xavier Yvonne Zoé",
	"es": "Antonio Barcelona Carmen Dolores Enrique Francia Gerona Historia Inés José Kilo Madrid Navarra Oviedo París Querido " +
		"Ramón Sábado Tarragona Ulises Washington Xiquena Yegua Zaragoza",
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want one folder to write to")
	}
	for _, language := range spoken.Languages {
		names := strings.Split(alphabet, "")
		texts := strings.Split(alphabet, "")
		for i, word := range strings.Fields(spelling[language]) {
			texts[i] = strings.ToUpper(names[i]) + ", " + word
		}
		if err := write(filepath.Join(args[0], language+".clips"), language, names, texts); err != nil {
			return err
		}
	}
	source, err := os.ReadFile("zrtp/saswords.go")
	if err != nil {
		return err
	}
	list := wordList(string(source))
	if len(list) != 512 {
		return fmt.Errorf("zrtp/saswords.go has %d words, want 512", len(list))
	}
	return write(filepath.Join(args[0], "words.clips"), "en", list, list)
}

// wordList is what stands between the quotation marks of the two constants.
func wordList(source string) (list []string) {
	for _, s := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(source, -1) {
		list = append(list, strings.Fields(s[1])...)
	}
	return list
}

func write(file, voice string, names, texts []string) error {
	var b []byte
	for i, name := range names {
		pcm, err := speak(voice, texts[i])
		if err != nil {
			return err
		}
		c, err := encode(strings.ToLower(name), pcm)
		if err != nil {
			return err
		}
		b = c.Append(b)
	}
	fmt.Printf("%s: %d clips, %d octets\n", file, len(names), len(b))
	return os.WriteFile(file, b, 0o644)
}

// speak is the voice's sound at 48 kHz, without the silence around it.
func speak(voice, text string) ([]int16, error) {
	say := exec.Command("espeak-ng", "-v", voice, "-s", "150", "--stdout", text)
	wav, err := say.Output()
	if err != nil {
		return nil, fmt.Errorf("espeak-ng: %w", err)
	}
	// A header of a stream has no length: sox is told what comes behind its 44 octets.
	convert := exec.Command("sox", "-t", "raw", "-r", "22050", "-e", "signed", "-b", "16", "-c", "1", "-", "-t", "raw", "-r", "48000", "-",
		"silence", "1", "0.01", "0.5%", "reverse", "silence", "1", "0.01", "0.5%", "reverse", "norm", "-6")
	convert.Stdin = bytes.NewReader(wav[min(44, len(wav)):])
	convert.Stderr = os.Stderr
	raw, err := convert.Output()
	if err != nil {
		return nil, fmt.Errorf("sox: %w", err)
	}
	pcm := make([]int16, len(raw)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return pcm, nil
}

// ptime is that of the clips in milliseconds: long packets are small ones.
const ptime = 60

func encode(name string, pcm []int16) (spoken.Clip, error) {
	enc, err := opus.NewEncoder(opus.EncoderConfig{Bitrate: 10000, Complexity: 10})
	if err != nil {
		return spoken.Clip{}, err
	}
	c := spoken.Clip{Name: name}
	frame := make([]int16, codec.FrameSamples(ptime))
	for len(pcm) > 0 {
		clear(frame)
		pcm = pcm[copy(frame, pcm):]
		b := make([]byte, 1275)
		n, err := enc.Encode(b, frame)
		if err != nil {
			return spoken.Clip{}, err
		}
		c.Packets = append(c.Packets, b[:n])
	}
	return c, nil
}
