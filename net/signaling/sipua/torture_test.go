package sipua

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sotto/net/netem"
)

// outcome is what a telephone does with a datagram: "drop", or the status of its one answer.
func outcome(t *testing.T, raw []byte) string {
	t.Helper()
	w := newWorld(t, netem.Config{}, 1)
	w.bob().deliver(w, raw, stranger)
	if len(w.bob().events) != 0 || len(w.bob().calls) != 0 {
		t.Errorf("it rings: %s", eventNames(w.bob().events))
	}
	switch len(w.bob().packets) {
	case 0:
		return "drop"
	case 1:
		_, rest, _ := strings.Cut(string(w.bob().packets[0].data), " ")
		code, _, _ := strings.Cut(rest, " ")
		return code
	}
	return fmt.Sprint(len(w.bob().packets), " answers")
}

// RFC 4475, all 49 messages. Valid INVITEs offer no codec that we have, hence 488, and one has a To tag and belongs to no
// call, hence 481; a telephone is no registrar, hence 405.
var rfc4475 = map[string]string{
	// Section 3.1.1: valid messages.
	"wsinv": "481", "intmeth": "405", "esc01": "488", "escnull": "405", "esc02": "405", "lwsdisp": "200", "longreq": "488",
	"dblreq": "405", "semiuri": "200", "transports": "200", "mpart01": "405", "unreason": "drop", "noreason": "drop",
	// Section 3.1.2: invalid messages. Responses and ACKs get no answer.
	"badinv01": "400", "clerr": "400", "ncl": "400", "scalar02": "400", "scalarlg": "drop", "quotbal": "400",
	"ltgtruri": "400", "lwsruri": "400", "lwsstart": "400", "trws": "400", "escruri": "400", "baddate": "400",
	"regbadct": "400", "badaspec": "400", "baddn": "400", "badvers": "505", "mismatch01": "400", "mismatch02": "400",
	"bigcode": "drop",
	// Section 3.2: transaction layer. A branch that is only the cookie is one of RFC 2543.
	"badbranch": "200",
	// Section 3.3: application layer.
	"insuf": "400", "unkscm": "416", "novelsc": "416", "unksm2": "405", "bext01": "420", "invut": "415",
	"regaut01": "405", "multi01": "400", "mcl01": "400", "bcast": "drop", "zeromf": "200", "cparam01": "405",
	"cparam02": "405", "regescrt": "405", "sdp01": "488",
	// Section 3.4: RFC 2543.
	"inv2543": "488",
}

func TestRFC4475(t *testing.T) { torture(t, "rfc4475", rfc4475, 49) }

func torture(t *testing.T, folder string, want map[string]string, n int) {
	files, err := filepath.Glob("testdata/" + folder + "/*.dat")
	if err != nil || len(files) != n || len(want) != n {
		t.Fatalf("%d files and %d expectations, want %d (%v)", len(files), len(want), n, err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".dat")
		t.Run(name, func(t *testing.T) {
			if got := outcome(t, raw); got != want[name] {
				_, fault := parse(raw, stranger)
				t.Errorf("got %s, want %s (%+v)", got, want[name], fault)
			}
		})
	}
}

// The valid ones must be read, not only answered.
func TestValidMessagesAreRead(t *testing.T) {
	for _, name := range []string{"wsinv", "intmeth", "esc01", "escnull", "esc02", "lwsdisp", "longreq", "dblreq", "semiuri",
		"transports", "mpart01", "unreason", "noreason", "inv2543"} {
		raw, err := os.ReadFile("testdata/rfc4475/" + name + ".dat")
		if err != nil {
			t.Fatal(err)
		}
		m, f := parse(raw, stranger)
		if f != nil {
			t.Errorf("%s: %+v", name, f)
			continue
		}
		switch name {
		case "wsinv":
			if got := tagOf(m.req.To().Params); got != "1918181833n" {
				t.Errorf("wsinv: To tag %q", got)
			}
			if got := m.req.From().DisplayName; got != `J Rosenberg \\\"` {
				t.Errorf("wsinv: From %q", got)
			}
			if vias := values(m.req, "Via"); len(vias) != 3 || !strings.HasSuffix(vias[2], "branch=z9hG4bK30239") {
				t.Errorf("wsinv: Via %q", vias)
			}
		case "intmeth":
			if m.req.Method != "!interesting-Method0123456789_*+`.%indeed'~" {
				t.Errorf("intmeth: %q", m.req.Method)
			}
		case "unreason", "noreason":
			if m.res == nil {
				t.Errorf("%s: no response", name)
			}
		case "dblreq":
			if len(m.req.Body()) != 0 {
				t.Errorf("dblreq: the second message was read as a body of %d bytes", len(m.req.Body()))
			}
		}
	}
}
