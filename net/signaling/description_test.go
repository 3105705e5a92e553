package signaling

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"sotto/net/onion/bundle"
)

const helloHash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// What linphonec 5.1 writes, with the line ends of SDP.
var linphone = crlf(`v=0
o=bob 2890 1337 IN IP4 10.71.0.2
s=Talk
c=IN IP4 10.71.0.2
t=0 0
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
a=record:off
m=audio 7078 RTP/AVP 96 97
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:97 telephone-event/48000
a=rtcp:7079
a=zrtp-hash:1.10 ` + helloHash + `
a=rtcp-fb:* trr-int 1000
a=rtcp-fb:* ccm tmmbr
`)

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func ours() Description {
	return Description{RTP: netip.MustParseAddrPort("10.0.0.1:4000"), RTCP: netip.MustParseAddrPort("10.0.0.1:4001"),
		Mux: true, PayloadType: OpusType, DTMF: DTMFType, Ptime: 20, FEC: true, CBR: true,
		Hashes: []ZRTPHash{mustHash("1.10 " + helloHash)}, Session: 7, Version: 1}
}

func mustHash(s string) ZRTPHash {
	h, err := parseHash(s)
	if err != nil {
		panic(err)
	}
	return h
}

func TestOfferOnTheWire(t *testing.T) {
	b, err := ours().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	want := crlf(`v=0
o=- 7 1 IN IP4 10.0.0.1
s=-
c=IN IP4 10.0.0.1
t=0 0
m=audio 4000 RTP/AVP 96 101
a=rtpmap:96 opus/48000/2
a=fmtp:96 cbr=1;useinbandfec=1
a=rtpmap:101 telephone-event/48000
a=fmtp:101 0-15
a=ptime:20
a=zrtp-hash:1.10 ` + helloHash + `
a=rtcp-mux
a=sendrecv
`)
	if string(b) != want {
		t.Errorf("got\n%s\nwant\n%s", b, want)
	}
}

func TestThereAndBack(t *testing.T) {
	d := ours()
	d.RTP, d.RTCP = netip.MustParseAddrPort("[2001:db8::1]:5000"), netip.MustParseAddrPort("[2001:db8::1]:5007")
	d.Mux = false
	d.Direction = SendOnly
	d.ICE = &ICE{Ufrag: "abcd", Pwd: "0123456789abcdefghij+/", Candidates: []string{"1 1 UDP 99 10.0.0.1 4000 typ host"}}
	b, err := d.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	got.layout = nil
	if !reflect.DeepEqual(got, d) {
		t.Errorf("got %+v, want %+v", got, d)
	}
}

func TestParseLinphone(t *testing.T) {
	d, err := Parse([]byte(linphone))
	if err != nil {
		t.Fatal(err)
	}
	want := Description{RTP: netip.MustParseAddrPort("10.71.0.2:7078"), RTCP: netip.MustParseAddrPort("10.71.0.2:7079"),
		PayloadType: 96, DTMF: 97, Ptime: 20, FEC: true, Hashes: []ZRTPHash{mustHash("1.10 " + helloHash)},
		Session: 2890, Version: 1337, layout: []mediaLine{{"audio", "RTP/AVP", "96", true}}}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("got %+v, want %+v", d, want)
	}
}

func TestAnswerMirrorsTheOffer(t *testing.T) {
	offer, err := Parse([]byte(crlf(`v=0
o=x 1 1 IN IP4 10.0.0.9
s=-
t=0 0
m=video 4002 RTP/AVP 100
c=IN IP4 10.0.0.9
m=audio 4004 RTP/SAVP 111
c=IN IP4 10.0.0.9
a=rtpmap:111 opus/48000/2
m=audio 4006 RTP/AVPF 0 120 126
c=IN IP4 10.0.0.8
a=rtpmap:120 opus/48000/2
a=rtpmap:126 telephone-event/48000
a=sendonly
a=rtcp-mux
`)))
	if err != nil {
		t.Fatal(err)
	}
	if offer.RTP.String() != "10.0.0.8:4006" || !offer.Direction.Hold() {
		t.Errorf("chose %v %v", offer.RTP, offer.Direction)
	}
	b, err := ours().AnswerTo(offer).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	_, lines, _ := strings.Cut(string(b), "t=0 0\r\n")
	want := crlf(`m=video 0 RTP/AVP 100
m=audio 0 RTP/SAVP 111
m=audio 4000 RTP/AVPF 120 126
a=rtpmap:120 opus/48000/2
a=fmtp:120 cbr=1;useinbandfec=1
a=rtpmap:126 telephone-event/48000
a=fmtp:126 0-15
a=ptime:20
a=zrtp-hash:1.10 ` + helloHash + `
a=rtcp-mux
a=recvonly
`)
	if lines != want {
		t.Errorf("got\n%s\nwant\n%s", lines, want)
	}
}

func TestAnswerTakesNothingThatWasNotOffered(t *testing.T) {
	offer, err := Parse([]byte(linphone))
	if err != nil {
		t.Fatal(err)
	}
	d := ours()
	d.ICE = &ICE{Ufrag: "abcd", Pwd: "0123456789abcdefghijkl"}
	a := d.AnswerTo(offer)
	if a.Mux || a.RTCP != netip.MustParseAddrPort("10.0.0.1:4001") || a.ICE != nil || a.DTMF != 97 {
		t.Errorf("answered %+v", a)
	}
}

func TestCheckAnswer(t *testing.T) {
	offer := ours()
	good, err := Parse([]byte(linphone))
	if err != nil {
		t.Fatal(err)
	}
	if err := good.CheckAnswer(offer); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(a, o *Description){
		"mux not offered": func(a, o *Description) { a.Mux, o.Mux = true, false },
		"ICE not offered": func(a, _ *Description) { a.ICE = &ICE{} },
		"two lines":       func(a, _ *Description) { a.layout = append(a.layout, mediaLine{}) },
	} {
		a, o := good, offer
		spoil(&a, &o)
		if err := a.CheckAnswer(o); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDirections(t *testing.T) {
	for _, tt := range []struct{ offer, policy, want Direction }{
		{SendRecv, SendRecv, SendRecv}, {SendOnly, SendRecv, RecvOnly}, {RecvOnly, SendRecv, SendOnly},
		{Inactive, SendRecv, Inactive}, {SendRecv, SendOnly, SendOnly}, {SendOnly, SendOnly, Inactive},
		{SendRecv, Inactive, Inactive}, {RecvOnly, SendOnly, SendOnly},
	} {
		d := Description{Direction: tt.policy}
		if got := d.AnswerTo(Description{Direction: tt.offer}).Direction; got != tt.want {
			t.Errorf("offer %v, policy %v: answered %v, want %v", tt.offer, tt.policy, got, tt.want)
		}
	}
}

func TestRefused(t *testing.T) {
	change := func(old, new string) string {
		if !strings.Contains(linphone, old) {
			t.Fatalf("no %q to change", old)
		}
		return strings.Replace(linphone, old, new, 1)
	}
	for _, tt := range []struct {
		name, sdp string
		want      error
		cause     Cause
	}{
		{"nothing", "", ErrNoAudio, NotAcceptable},
		{"no media", crlf("v=0\no=- 1 1 IN IP4 10.0.0.1\ns=-\nt=0 0\n"), ErrNoAudio, NotAcceptable},
		{"text", "hello", ErrSyntax, ProtocolError},
		{"NUL", change("s=Talk", "s=\x00"), ErrSyntax, ProtocolError},
		{"huge", linphone + strings.Repeat("a=x\r\n", 2000), ErrTooLarge, ProtocolError},
		{"many lines", linphone + strings.Repeat("a=\r\n", 250), ErrTooLarge, ProtocolError},
		{"many media", linphone + strings.Repeat("m=video 1 RTP/AVP 9\r\n", 8), ErrTooLarge, ProtocolError},
		{"SDES", change("RTP/AVP 96", "RTP/SAVP 96"), ErrProfile, PeerNotSecure},
		{"DTLS", change("RTP/AVP 96", "UDP/TLS/RTP/SAVPF 96"), ErrProfile, PeerNotSecure},
		{"no Opus", change("opus/48000/2", "PCMU/8000"), ErrNoOpus, NotAcceptable},
		{"Opus in mono", change("opus/48000/2", "opus/48000"), ErrNoOpus, NotAcceptable},
		{"Opus on a static type", strings.ReplaceAll(linphone, "96", "10"), ErrNoOpus, NotAcceptable},
		{"Opus where RTCP is", strings.ReplaceAll(linphone, "96", "72"), ErrNoOpus, NotAcceptable},
		{"port 0", change("audio 7078", "audio 0"), ErrNoAudio, NotAcceptable},
		{"port 65535 leaves none for RTCP", change("audio 7078", "audio 65535"), ErrAddress, ProtocolError},
		{"port range", change("audio 7078", "audio 7078/2"), ErrAddress, ProtocolError},
		{"host name", change("c=IN IP4 10.71.0.2", "c=IN IP4 tracker.example"), ErrAddress, ProtocolError},
		{"zone", change("c=IN IP4 10.71.0.2", "c=IN IP6 fe80::1%eth0"), ErrAddress, ProtocolError},
		{"multicast", change("c=IN IP4 10.71.0.2", "c=IN IP4 224.0.0.1"), ErrAddress, ProtocolError},
		{"broadcast", change("c=IN IP4 10.71.0.2", "c=IN IP4 255.255.255.255"), ErrAddress, ProtocolError},
		{"no address", change("c=IN IP4 10.71.0.2\r\n", ""), ErrAddress, ProtocolError},
		{"rtcp port 0", change("a=rtcp:7079", "a=rtcp:0"), ErrAddress, ProtocolError},
		{"short hash", change(helloHash, helloHash[2:]), ErrHash, ProtocolError},
		{"long hash", change(helloHash, helloHash+"00"), ErrHash, ProtocolError},
		{"hash of letters", change(helloHash, strings.Repeat("xy", 32)), ErrHash, ProtocolError},
		{"hash without version", change("1.10 ", ""), ErrHash, ProtocolError},
		{"five hashes", linphone + strings.Repeat("a=zrtp-hash:1.10 "+helloHash+"\r\n", 4), ErrHash, ProtocolError},
		{"short ICE password", linphone + crlf("a=ice-ufrag:abcd\na=ice-pwd:short\n"), ErrICE, ProtocolError},
		{"ICE password alone", linphone + crlf("a=ice-pwd:0123456789abcdefghijkl\n"), ErrICE, ProtocolError},
	} {
		_, err := Parse([]byte(tt.sdp))
		if !errors.Is(err, tt.want) || CauseOf(err) != tt.cause {
			t.Errorf("%s: got %v (%v), want %v", tt.name, err, CauseOf(err), tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "10.71") {
			t.Errorf("%s: the error tells an address: %v", tt.name, err)
		}
	}
}

func TestReadsTheRest(t *testing.T) {
	d, err := Parse([]byte(crlf(`v=0
o=x 1 1 IN IP4 10.0.0.9
s=-
c=IN IP4 0.0.0.0
t=0 0
a=recvonly
a=zrtp-hash:1.20 ` + strings.Repeat("ab", 32) + `
a=zrtp-hash:1.10 ` + helloHash + `
a=ice-lite
m=audio 4004 RTP/AVP 111
a=rtpmap:111 OPUS/48000/2
a=fmtp:111 stereo=0; cbr=1;useinbandfec=0; maxaveragebitrate=40000
a=ptime:400
a=maxptime:60
a=sendrecv
a=ice-ufrag:abcd
a=ice-pwd:0123456789abcdefghijkl
a=candidate:1 1 UDP 99 10.0.0.1 4000 typ host
`)))
	if err != nil {
		t.Fatal(err)
	}
	if d.Direction != SendOnly || d.Ptime != 60 || d.Bitrate != 40000 || !d.CBR || d.FEC || len(d.Hashes) != 2 || d.Hashes[1].Version != "1.10" ||
		d.ICE == nil || !d.ICE.Lite || len(d.ICE.Candidates) != 1 {
		t.Errorf("read %+v", d)
	}
}

func TestMarshalRefuses(t *testing.T) {
	d := ours()
	d.RTP = netip.AddrPort{}
	if _, err := d.Marshal(); !errors.Is(err, ErrAddress) {
		t.Error(err)
	}
	d = ours()
	d.PayloadType = 72
	if _, err := d.Marshal(); !errors.Is(err, ErrNoOpus) {
		t.Error(err)
	}
}

func TestCauseNames(t *testing.T) {
	seen := map[string]bool{}
	for c := NoCause; c <= Stopped; c++ {
		if c.String() == "" || seen[c.String()] {
			t.Errorf("cause %d is called %q", c, c)
		}
		seen[c.String()] = true
	}
	if Cause(255).String() != "none" {
		t.Error("an unknown cause has a name")
	}
}

// Whatever a peer writes, Parse ends with an error or with a description whose answer can be written and read again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(linphone))
	b, _ := ours().Marshal()
	f.Add(b)
	f.Add([]byte(crlf("v=0\no=- 0 0 IN IP6 ::1\ns=-\nc=IN IP6 ::1\nt=0 0\nm=audio 9 RTP/AVP 96\na=rtpmap:96 opus/48000/2\na=ice-ufrag:abcd\na=ice-pwd:0123456789abcdefghijkl\n")))
	f.Fuzz(func(t *testing.T, in []byte) {
		offer, err := Parse(in)
		if err != nil {
			if CauseOf(err) == NoCause {
				t.Fatal("an error without a cause")
			}
			return
		}
		out, err := ours().AnswerTo(offer).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		answer, err := Parse(out)
		if err != nil {
			t.Fatalf("%v in our answer\n%s\nto\n%q", err, out, in)
		}
		if answer.PayloadType != offer.PayloadType || len(answer.layout) != len(offer.layout) || answer.RTP != ours().RTP {
			t.Fatalf("the answer %+v does not fit the offer %+v", answer, offer)
		}
	})
}

// TestToken: the token of a bundle goes there and back; an answer brings none that was not offered, and not another.
func TestToken(t *testing.T) {
	offer := Description{RTP: netip.MustParseAddrPort("192.0.2.1:9"), RTCP: netip.MustParseAddrPort("192.0.2.1:9"), Mux: true,
		PayloadType: OpusType, Ptime: 40, Token: bundle.Token{1, 2, 15: 3}}
	body, err := offer.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(body)
	if err != nil || got.Token != offer.Token {
		t.Fatalf("%v after\n%s", err, body)
	}
	answer := offer.AnswerTo(got)
	if answer.Token != offer.Token || answer.CheckAnswer(offer) != nil {
		t.Error("an answer with the offered token is refused")
	}
	answer.Token[0]++
	if answer.CheckAnswer(offer) == nil {
		t.Error("an answer with another token is taken")
	}
	got.Token = bundle.Token{}
	if a := offer.AnswerTo(got); a.Token != (bundle.Token{}) {
		t.Error("a token is answered that was not offered")
	}
	for _, v := range []string{"", "00", strings.Repeat("0", 32), strings.Repeat("g", 32), strings.Repeat("1", 34)} {
		bad := strings.Replace(string(body), "onion-bundle:01020000000000000000000000000003", "onion-bundle:"+v, 1)
		if bad == string(body) {
			t.Fatal("the description has no token")
		}
		if _, err := Parse([]byte(bad)); !errors.Is(err, ErrToken) {
			t.Errorf("%q: %v", v, err)
		}
	}
}
