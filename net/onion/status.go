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
	Published int           // of our services: how many have told a directory where they are
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
	uploaded string        // id of a service whose descriptor a directory took
	skewed   bool          // Tor complains about the clock
	skew     time.Duration // by this much
}

// readEvent understands the few events that we ask for.
//
//	HS_DESC UPLOADED <id> UNKNOWN <directory>
//	STATUS_GENERAL WARN CLOCK_SKEW SKEW=<seconds> SOURCE=...
func readEvent(line string) event {
	f := strings.Fields(line)
	switch {
	case len(f) >= 3 && f[0] == "HS_DESC" && f[1] == "UPLOADED":
		return event{uploaded: f[2]}
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
