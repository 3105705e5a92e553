package boot

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sotto/net/link"
)

// The telephone has no rights. What it may wish of PID 1 it says by a line of its own, a wish a line: another address for
// the cable, a Wi-Fi for the radio, and the time. A telephone that was taken over can do no worse: it can lose its network,
// join another, and set the clock to any time after the image was made.

const (
	wishF      = 4                 // file descriptor of the telephone's end
	linkWish   = runDir + "/cable" // what the telephone wished of the cable; the link's process reads it
	linkMemory = "cable"           // the same, as boot remembers it
	longWish   = 512               // bytes
	latest     = 40 * 365 * 24 * time.Hour
)

// wishes is the telephone's end.
type wishes struct {
	mu      sync.Mutex
	line    net.Conn
	answers *bufio.Reader
}

// openWishes takes over the descriptor that PID 1 gave.
func openWishes() (*wishes, error) {
	unix.CloseOnExec(wishF)
	f := os.NewFile(wishF, "wishes")
	line, err := net.FileConn(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("boot: %w", err)
	}
	return &wishes{line: line, answers: bufio.NewReader(line)}, nil
}

// ask says a wish and waits for the answer.
func (w *wishes) ask(wish string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := fmt.Fprintf(w.line, "%s\n", wish); err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	answer, err := w.answers.ReadString('\n')
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	if answer = strings.TrimSpace(answer); answer != "ok" {
		return fmt.Errorf("%w: %s", errRefused, answer)
	}
	return nil
}

// setLink gives the cable another address, now and at every start from now on; no address is DHCP.
func (w *wishes) setLink(address, router, dns string) error {
	o := map[string]string{"address": address, "router": router, "dns": dns}
	if address == "" {
		o = map[string]string{"address": "dhcp"}
	}
	if _, err := linkConfig(o); err != nil {
		return err
	}
	return w.ask("cable " + linkText(o))
}

// setClock sets the clock of the board.
func (w *wishes) setClock(t time.Time) error {
	return w.ask("clock " + strconv.FormatInt(t.UnixNano(), 10))
}

func linkText(o map[string]string) string {
	var words []string
	for _, k := range linkKeys {
		if o[k] != "" {
			words = append(words, k+"="+o[k])
		}
	}
	return strings.Join(words, " ")
}

var linkKeys = []string{"address", "router", "dns"}

// parseLink reads what linkText wrote, and nothing else.
func parseLink(text string) (o map[string]string, err error) {
	o = map[string]string{}
	for _, w := range strings.Fields(text) {
		k, v, _ := strings.Cut(w, "=")
		o[k] = v
	}
	if linkText(o) != text || text == "" {
		return nil, errWish
	}
	_, err = linkConfig(o)
	return o, err
}

var errWish = errors.New("boot: the telephone may not wish that")

// grants is what PID 1 needs to grant wishes.
type grants struct {
	built     time.Time
	remembers bool
	radio     *radio
}

// heed grants the telephone's wishes, one after the other, until it is gone.
func (g grants) heed(line net.Conn) {
	defer line.Close()
	s := bufio.NewScanner(line)
	s.Buffer(make([]byte, longWish), longWish)
	for s.Scan() {
		answer := "ok"
		if err := g.grant(s.Text()); err != nil {
			answer = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		if _, err := fmt.Fprintf(line, "%s\n", answer); err != nil {
			return
		}
	}
}

func (g grants) grant(wish string) error {
	verb, rest, _ := strings.Cut(wish, " ")
	switch verb {
	case "cable":
		if _, err := parseLink(rest); err != nil {
			return err
		}
		if g.remembers {
			if err := remember(linkMemory, rest); err != nil {
				return fmt.Errorf("boot: %w", err)
			}
		}
		return replace(linkWish, []byte(rest))
	case "wifi":
		return g.radio.grant(rest)
	case "look":
		return g.radio.look(time.Now())
	case "clock":
		t, err := wishedTime(rest, g.built)
		if err != nil {
			return err
		}
		ts := unix.NsecToTimespec(t.UnixNano())
		if err := unix.ClockSettime(unix.CLOCK_REALTIME, &ts); err != nil {
			return fmt.Errorf("boot: %w", err)
		}
		say("the clock was set by the network")
		return nil
	}
	return errWish
}

// wishedTime is a time that may be set: not before the image was made, and not so late that it must be an error.
func wishedTime(text string, built time.Time) (time.Time, error) {
	ns, err := strconv.ParseInt(text, 10, 64)
	t := time.Unix(0, ns)
	if err != nil || t.Before(built) || t.After(built.Add(latest)) {
		return t, errWish
	}
	return t, nil
}

// cable is the address of the cable as the telephone wished it, or else as the card says.
func cable(o map[string]string) (text string, c link.Config, err error) {
	b, _ := os.ReadFile(linkWish) // without a wish there is no file
	if wished, err := parseLink(string(b)); err == nil {
		o = wished
	}
	c, err = linkConfig(o)
	return string(b), c, err
}

// recallCable is what the telephone wished in an earlier life.
func (f *first) recallCable() {
	text := recall(linkMemory)
	if _, err := parseLink(text); f.data && err == nil {
		f.tell(replace(linkWish, []byte(text)))
	}
}
