package wiretap

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/tools/wire"
	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// see is the path's view, or the end of the test.
func see(t *testing.T, p *Path) View {
	t.Helper()
	v, err := p.View(0)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// kinds are the kinds of packets in order, without repetitions.
func kinds(v View) (all []string) {
	for _, p := range v.Packets {
		if !slices.Contains(all, p.Kind) {
			all = append(all, p.Kind)
		}
	}
	return all
}

func TestTheWireCarriesACallAndShowsNoSpeech(t *testing.T) {
	p, v := lay(t)
	a, b := v[0], v[1]
	if got := see(t, p); got.Sizes == nil || got.Packets == nil || got.Calling {
		t.Errorf("the page wants lists, also empty ones: %+v", got)
	}
	offer, answer := call(t, a, b, "one")
	for _, m := range []struct{ text, has, hasNot string }{
		{offer, a.end.Face.String(), a.end.Real.Addr().String()}, {offer, b.end.Real.Addr().String(), b.end.Face.Addr().String()},
		{answer, b.end.Face.String(), b.end.Real.Addr().String()},
	} {
		if !strings.Contains(m.text, m.has) || strings.Contains(m.text, m.hasNot) {
			t.Errorf("want %s and not %s in:\n%s", m.has, m.hasNot, m.text)
		}
	}
	if hash := a.session.HelloHash(); !strings.Contains(offer, hex.EncodeToString(hash[:])) {
		t.Error("an honest wire changed the hash of the Hello")
	}
	if a.sas.SAS == "" || a.sas.SAS != b.sas.SAS {
		t.Errorf("codes %q and %q", a.sas.SAS, b.sas.SAS)
	}
	sent := a.speak(60, false)
	pump(3*time.Second, func() bool { return len(b.payloads) == len(sent) }, a, b)
	if !slices.Equal(b.payloads, sent) {
		t.Errorf("%d of %d packets heard", len(b.payloads), len(sent))
	}
	got := see(t, p)
	if got.Speech.Verdict != wire.Unreadable || got.Speech.Packets != 60 || len(got.Sizes) != 1 || got.Thief != nil || !got.Calling {
		t.Errorf("%+v, sizes %v", got.Speech, got.Sizes)
	}
	for _, want := range []string{"SIP INVITE", "SIP 200 OK", "ZRTP Hello", "ZRTP Commit", "ZRTP DHPart1", "ZRTP Confirm1", "RTP"} {
		if !slices.Contains(kinds(got), want) {
			t.Errorf("no %s among %v", want, kinds(got))
		}
	}
	a.sip.WriteToUDPAddrPort([]byte("BYE sip:b SIP/2.0\r\nCall-ID: one\r\n\r\n"), b.end.Face)
	pump(time.Second, func() bool { return !see(t, p).Calling }, a, b)
	if see(t, p).Calling {
		t.Error("the call has ended and the wire does not know it")
	}
}

func TestSpeechInClearIsSeen(t *testing.T) {
	p, v := lay(t)
	call(t, v[0], v[1], "clear")
	v[0].speak(60, true)
	pump(3*time.Second, func() bool { return v[1].rejected == 60 }, v[0], v[1])
	if got := see(t, p); got.Speech.Verdict != wire.Readable {
		t.Errorf("60 packets in clear: %+v", got.Speech)
	}
}

func TestWeatherIsMeasured(t *testing.T) {
	p, v := lay(t)
	call(t, v[0], v[1], "weather")
	if got := see(t, p); got.Measures[0].Lost != 0 || got.Measures[0].Delay > 100 {
		t.Errorf("a wire without weather: %+v", got.Measures)
	}
	if err := p.SetWeather(Weather{Loss: 0.25, Delay: 150 * time.Millisecond, Jitter: 60 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	v[0].speak(400, false)
	pump(2*time.Second, func() bool { return see(t, p).Measures[0].Delay > 150 && len(v[1].payloads) > 270 }, v[0], v[1])
	m := see(t, p).Measures[0]
	if part := float64(m.Lost) / float64(m.Sent); part < 0.17 || part > 0.33 {
		t.Errorf("a quarter is to be lost: %+v", m)
	}
	if m.Delay < 150 || m.Delay > 400 {
		t.Errorf("150 to 210 ms are to pass: %+v", m)
	}
}

func TestTheManInTheMiddleHearsAndOnlyTheCodeTells(t *testing.T) {
	p, v := lay(t)
	a, b := v[0], v[1]
	if err := p.SetAttacker(true); err != nil {
		t.Fatal(err)
	}
	offer, _ := call(t, a, b, "attacked")
	if hash := a.session.HelloHash(); strings.Contains(offer, hex.EncodeToString(hash[:])) {
		t.Error("the offer arrived with Alice's own hash")
	}
	if a.sas.SAS == b.sas.SAS || a.sas.SAS == "" {
		t.Errorf("codes %q and %q", a.sas.SAS, b.sas.SAS)
	}
	if a.sas.CacheMismatch || b.sas.CacheMismatch {
		t.Error("a first call cannot mismatch")
	}
	agreed := func() (ok bool) { // a victim may be there before he is: what is said then, he cannot pass on yet
		p.do(func() { ok = p.call.attack.legs[0].secure && p.call.attack.legs[1].secure })
		return ok
	}
	if !pump(3*time.Second, agreed, a, b) {
		t.Fatal("he has not agreed with both")
	}
	sent, back := a.speak(60, false), b.speak(60, false)
	pump(3*time.Second, func() bool { return len(b.payloads) == len(sent) && len(a.payloads) == len(back) }, a, b)
	if !slices.Equal(b.payloads, sent) || !slices.Equal(a.payloads, back) {
		t.Errorf("the attack is noticed: %d and %d packets heard", len(a.payloads), len(b.payloads))
	}
	got := see(t, p)
	if got.Speech.Verdict != wire.Unreadable {
		t.Errorf("the wire beside him: %+v", got.Speech)
	}
	l := got.Thief
	if l == nil || l.Codes != [2]string{a.sas.SAS, b.sas.SAS} || l.Speech.Verdict != wire.Readable {
		t.Fatalf("what he has: %+v", l)
	}
	for i, h := range l.Heard { // a tone of 8000 has -15 dB
		if h.Frames != 60 || h.Level < -20 || h.Level > -10 || h.Wave[59] < 15 {
			t.Errorf("end %d: he hears %d packets at %d dB", i, h.Frames, h.Level)
		}
	}
}

func TestAPairThatMetBeforeNoticesHim(t *testing.T) {
	p, v := lay(t)
	call(t, v[0], v[1], "clean")
	v[0].speak(5, false)
	v[1].speak(5, false)
	if !pump(3*time.Second, func() bool { return len(v[0].payloads) > 0 && len(v[1].payloads) > 0 }, v[0], v[1]) {
		t.Fatal("they do not hear each other")
	}
	if err := p.SetAttacker(true); err != nil {
		t.Fatal(err)
	}
	if see(t, p).Attacked {
		t.Error("he got into a call whose keys are agreed")
	}
	call(t, v[0], v[1], "attacked")
	for i, w := range v {
		if !w.sas.CacheMismatch {
			t.Errorf("end %d has no mismatch: %+v", i, w.sas)
		}
	}
	if err := p.SetAttacker(false); err != nil {
		t.Fatal(err)
	}
	call(t, v[0], v[1], "clean again")
	if v[0].sas.SAS != v[1].sas.SAS || v[0].sas.CacheMismatch {
		t.Errorf("after him: %+v %+v", v[0].sas, v[1].sas)
	}
}

// TestForgottenHeBorrowsNobodysName: after Forget the attacker knows no identity, so that new handsets notice nothing.
func TestForgottenHeBorrowsNobodysName(t *testing.T) {
	p, v := lay(t)
	call(t, v[0], v[1], "clean")
	if err := errors.Join(p.Forget(), p.SetAttacker(true)); err != nil {
		t.Fatal(err)
	}
	if got := see(t, p); got.Calling || got.Attacked || len(got.Sizes) != 0 {
		t.Errorf("a call is remembered: %+v", got)
	}
	for i, w := range v {
		w.zid, w.cache = zrtp.ZID{'n', byte(i)}, zrtptest.Cache{}
	}
	call(t, v[0], v[1], "attacked")
	for i, w := range v {
		if w.sas.CacheMismatch || !w.sas.NewDevice {
			t.Errorf("end %d: %+v", i, w.sas)
		}
		if z, _ := w.session.PeerZID(); z == (zrtp.ZID{'v', byte(1 - i)}) {
			t.Error("he still uses a name that he overheard before")
		}
	}
}

// TestDescriptionsKeepTheirLength: a SIP message must not grow, for Content-Length tells its size.
func TestDescriptionsKeepTheirLength(t *testing.T) {
	var hash [32]byte
	for _, m := range []string{"", "INVITE x SIP/2.0\r\n\r\na=zrtp-hash:1.10 " + strings.Repeat("ab", 32) + "\r\n",
		"a=zrtp-hash:1.10 cut", "a=zrtp-hash:1.10 " + strings.Repeat("c", 64) + "a=zrtp-hash:1.10 " + strings.Repeat("d", 64)} {
		got := withHash(m, hash)
		if len(got) != len(m) || strings.Contains(got, "abab") || strings.Contains(got, "cccc") || strings.Contains(got, "dddd") {
			t.Errorf("%q became %q", m, got)
		}
	}
	if audioPort("\r\n\r\nm=audio 65535 RTP/AVP 96\r\n") != 0 || audioPort("m=audio 7 in a header\r\n\r\n") != 0 {
		t.Error("a port was found that is none")
	}
}
