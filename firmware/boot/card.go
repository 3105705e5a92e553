package boot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What an owner may put on the first partition of the card, with any computer: words for this telephone, which no update
// touches, and a set-up file.
const (
	wordsName  = "sotto.txt"
	setUpName  = "sotto.setup"
	optionFile = runDir + "/options" // the words of the card and of the kernel's command line
	setUpFile  = runDir + "/setup"   // for the telephone, which alone looks at it

	maxWords = 4 << 10
	maxSetUp = 256 << 10
)

// cardFiles is what the first partition holds.
type cardFiles struct {
	words, setUp, autoboot []byte
	err                    error
}

// readCard takes the files off the first partition, dev.
func readCard(dev string) (c cardFiles) {
	if dev == "" {
		return cardFiles{}
	}
	f, err := waitFor(dev, 3*time.Second)
	if err != nil {
		return cardFiles{err: err}
	}
	f.Close() // nothing was written
	err = mounted(dev, unix.MS_RDONLY, func(path string) error {
		var errs [3]error
		c.words, errs[0] = readUpTo(filepath.Join(filepath.Dir(path), wordsName), maxWords)
		c.setUp, errs[1] = readUpTo(filepath.Join(filepath.Dir(path), setUpName), maxSetUp)
		c.autoboot, errs[2] = readUpTo(path, maxWords)
		return errors.Join(errs[:]...)
	})
	c.err = err
	return c
}

// heedCard takes over what the card says, where there is memory for it. The command line has the last word.
func (f *first) heedCard(c cardFiles) {
	if f.data {
		f.tell(c.err)
		f.options = merge(parseWords(string(c.words)), f.options)
		if len(c.setUp) > 0 {
			say("a set-up file is on the card")
			f.tell(offer(c.setUp))
		}
	}
	var b strings.Builder
	for k, v := range f.options {
		fmt.Fprintf(&b, "sotto.%s=%s\n", k, v)
	}
	f.tell(replace(optionFile, []byte(b.String())))
}

// readUpTo reads a small file; one that is not there is an empty one.
func readUpTo(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("boot: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = errTooLong
	}
	if err != nil {
		return nil, fmt.Errorf("boot: %s: %w", filepath.Base(path), err)
	}
	return b, nil
}

var errTooLong = errors.New("boot: longer than such a file is")

// parseWords reads the words of sotto.txt, in lines as one likes; what follows a # is for people.
func parseWords(text string) map[string]string {
	var words []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words = append(words, strings.Fields(line)...)
	}
	return parseOptions(strings.Join(words, " "))
}

// merge is both; over wins.
func merge(under, over map[string]string) map[string]string {
	for k, v := range over {
		under[k] = v
	}
	return under
}

// offer leaves a set-up file where the telephone, and nobody else, reads it.
func offer(setUp []byte) error { return give(setUpFile, setUp, phoneUser) }

// stickHead begins a stick with a set-up file: it, the length in four octets, big-endian, and the file (tools/sign). A
// stick is read as it is, without a file system that a stranger could have made.
const stickHead = "SOTTOSU1"

// setUpOn reads the set-up file of a stick; nil: there is none.
func setUpOn(stick io.ReaderAt) []byte {
	head := make([]byte, len(stickHead)+4)
	if n, _ := stick.ReadAt(head, 0); n != len(head) || string(head[:len(stickHead)]) != stickHead {
		return nil
	}
	size := binary.BigEndian.Uint32(head[len(stickHead):])
	if size == 0 || size > maxSetUp {
		return nil
	}
	b := make([]byte, size)
	if n, _ := stick.ReadAt(b, int64(len(head))); n != len(b) {
		return nil
	}
	return b
}
