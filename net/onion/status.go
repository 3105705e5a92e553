package onion

import (
	"strconv"
	"strings"
	"time"
)

// Status is what the screen shows about Tor.
type Status struct {
	Running   bool          // the child lives and obeys
	Percent   int           // of bootstrap, 0..100
	Phase     string        // of bootstrap, Tor's word for it: "conn_done", "loading_descriptors", "done"
	Connected bool          // a circuit was built since Tor started
	Published int           // of our services: how many have told the directories where they are
	Services  int           // how many should
	ClockSkew time.Duration // our clock minus the network's, where Tor complains about it; 0 when it does not
	Version   string        // of Tor, as "0.4.9.11"
	Restarts  int           // how often Tor had to be started again
}

// Ready tells whether a dial makes sense.
func (s Status) Ready() bool { return s.Running && s.Percent == 100 && s.Connected }

// Reachable tells whether contacts can find all of our services.
func (s Status) Reachable() bool { return s.Ready() && s.Published == s.Services }

// read takes in one line of GETINFO's answer; what it does not know it leaves alone.
func (s *Status) read(line string) {
	key, value, _ := strings.Cut(line, "=")
	switch key {
	case "version":
		s.Version, _, _ = strings.Cut(value, " ")
	case "status/circuit-established":
		s.Connected = value == "1"
	case "status/bootstrap-phase":
		if n, err := strconv.Atoi(argument(value, "PROGRESS")); err == nil && n >= 0 && n <= 100 {
			s.Percent = n
		}
		s.Phase = argument(value, "TAG")
	}
}

// argument finds the value of NAME=value among words; quoted values end at their quote.
func argument(words, name string) string {
	_, v, ok := strings.Cut(" "+words, " "+name+"=")
	if !ok {
		return ""
	}
	if quoted, ok := strings.CutPrefix(v, `"`); ok {
		v, _, _ = strings.Cut(quoted, `"`)
		return v
	}
	v, _, _ = strings.Cut(v, " ")
	return v
}

// event is what an asynchronous line of Tor means to us.
type event struct {
	service string        // id of a service whose descriptor is on its way
	upload  step          // what became of it
	skewed  bool          // Tor complains about the clock
	skew    time.Duration // by this much
}

// step is how far one upload has come.
type step uint8

const (
	uploadNone step = iota
	uploadSent
	uploadDone
	uploadFailed
)

var steps = map[string]step{"UPLOAD": uploadSent, "UPLOADED": uploadDone, "FAILED": uploadFailed}

// uploads are those of a service to the directories that are responsible for it.
type uploads struct{ sent, done, failed int }

// take counts one.
func (u *uploads) take(s step) {
	switch s {
	case uploadSent:
		u.sent++
	case uploadDone:
		u.done++
	case uploadFailed:
		u.failed++
	}
}

// enough tells whether callers will find the service: a caller asks one directory after another, so the last of them need
// not have it yet.
func (u *uploads) enough() bool {
	return u.done > 0 && (u.done+u.failed >= u.sent || 4*u.done >= 3*u.sent)
}

// readEvent understands the few events that we ask for.
//
//	HS_DESC UPLOAD <id> UNKNOWN <directory> <descriptor> HSDIR_INDEX=<index>
//	HS_DESC UPLOADED <id> UNKNOWN <directory>
//	HS_DESC FAILED <id> UNKNOWN <directory> REASON=UPLOAD_REJECTED
//	STATUS_GENERAL WARN CLOCK_SKEW SKEW=<seconds> SOURCE=...
func readEvent(line string) event {
	f := strings.Fields(line)
	switch {
	case len(f) >= 3 && f[0] == "HS_DESC" && steps[f[1]] != uploadNone:
		if f[1] == "FAILED" && argument(line, "REASON") != "UPLOAD_REJECTED" {
			return event{} // a failed fetch, most likely: the words are the same
		}
		return event{service: f[2], upload: steps[f[1]]}
	case len(f) >= 4 && strings.HasPrefix(f[0], "STATUS_") && f[2] == "CLOCK_SKEW":
		n, err := strconv.ParseInt(argument(line, "SKEW"), 10, 32)
		if err != nil {
			return event{}
		}
		// control-spec: the time that we are ahead of the other side; negative when we are behind.
		return event{skewed: true, skew: time.Duration(n) * time.Second}
	}
	return event{}
}
