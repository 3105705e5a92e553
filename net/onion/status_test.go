package onion

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestStatus(t *testing.T) {
	var s Status
	for _, l := range []string{
		"version=0.4.9.11 (git-abc)",
		`status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=45 TAG=requesting_descriptors SUMMARY="Asking PROGRESS=99 for"`,
		"status/circuit-established=0", "OK", "nonsense", "",
	} {
		s.read(l)
	}
	if want := (Status{Percent: 45, Phase: "requesting_descriptors", Version: "0.4.9.11"}); s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
	s.read("status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=300 TAG=x")
	s.read("status/circuit-established=1")
	if s.Percent != 45 || !s.Connected {
		t.Errorf("%+v", s)
	}
	s = Status{Percent: 100, Connected: true}
	if s.Ready() {
		t.Error("ready without running")
	}
	s.Running, s.Services = true, 1
	if !s.Ready() || s.Reachable() {
		t.Errorf("%+v is ready %v, reachable %v", s, s.Ready(), s.Reachable())
	}
}

func TestEvents(t *testing.T) {
	id := strings.TrimSuffix(known[0], suffix)
	for line, want := range map[string]event{
		"HS_DESC UPLOADED " + id + " UNKNOWN $AAAA~relay":                      {service: id, upload: uploadDone},
		"HS_DESC UPLOAD " + id + " UNKNOWN $AAAA~relay x HSDIR_INDEX=AA":       {service: id, upload: uploadSent},
		"HS_DESC FAILED " + id + " UNKNOWN $AAAA~relay REASON=UPLOAD_REJECTED": {service: id, upload: uploadFailed},
		"HS_DESC FAILED " + id + " NO_AUTH $AAAA~relay x REASON=NOT_FOUND":     {},
		"HS_DESC REQUESTED " + id + " NO_AUTH $AAAA~relay x":                   {},
		"HS_DESC UPLOADED": {},
		"STATUS_GENERAL WARN CLOCK_SKEW SKEW=-7200 SOURCE=OR:192.0.2.1:443":        {skewed: true, skew: -2 * time.Hour},
		"STATUS_CLIENT WARN CLOCK_SKEW SKEW=3601 MIN_SKEW=10 SOURCE=NETWORKSTATUS": {skewed: true, skew: 3601 * time.Second},
		"STATUS_GENERAL WARN CLOCK_SKEW SKEW=now":                                  {},
		"STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=10 TAG=conn_done SUMMARY=\"x\"":   {},
		"": {},
	} {
		if got := readEvent(line); got != want {
			t.Errorf("%q: %+v, want %+v", line, got, want)
		}
	}
}

func TestCircuits(t *testing.T) {
	a, _ := ParseAddress(known[0])
	b, _ := ParseAddress(known[1])
	answer := "circuit-status=\r\n" +
		"7 BUILT $A~a BUILD_FLAGS=IS_INTERNAL PURPOSE=HS_SERVICE_REND HS_STATE=HSSR_JOINED REND_QUERY=" + a.id() + " TIME_CREATED=x\n" +
		"8 BUILT $A~a PURPOSE=HS_SERVICE_REND REND_QUERY=" + b.id() + "\n" +
		"9 BUILT $A~a PURPOSE=HS_SERVICE_INTRO REND_QUERY=" + a.id() + "\n" +
		"10 BUILT $A~a PURPOSE=HS_SERVICE_REND REND_QUERY=" + a.id()
	if got := circuitsTo([]string{answer, "OK"}, a); !slices.Equal(got, []string{"7", "10"}) {
		t.Errorf("circuits %v", got)
	}
	if got := circuitsTo([]string{"circuit-status=11 BUILT PURPOSE=HS_SERVICE_REND REND_QUERY=" + a.id(), "OK"}, a); !slices.Equal(got, []string{"11"}) {
		t.Errorf("the only circuit %v", got)
	}
	if got := circuitsTo([]string{"circuit-status=", "OK"}, a); got != nil {
		t.Errorf("no circuit %v", got)
	}
}

// TestUploads: the service is published when the directories have it, not when the first one has.
func TestUploads(t *testing.T) {
	for steps, want := range map[string]bool{"": false, "s": false, "sd": true, "d": true, "ssd": false, "ssdd": true, "ssssddd": true,
		"ssssddf": false, "ssssdffd": true, "ssff": false, "sdssd": false, "sdsddd": true} {
		var u uploads
		for _, c := range steps {
			u.take(map[rune]step{'s': uploadSent, 'd': uploadDone, 'f': uploadFailed}[c])
		}
		if u.enough() != want {
			t.Errorf("%q: %v, want %v", steps, u.enough(), want)
		}
	}
}
