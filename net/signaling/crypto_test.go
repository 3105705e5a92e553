package signaling

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"sotto/net/protect"
)

// The example of RFC 4568, Section 4.1, without its lifetime and identifier, and a key of 256 bits.
const (
	key128 = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
	key256 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLQ=="
)

func gateway(proto string, lines ...string) []byte {
	s := "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\nm=audio 4000 " + proto + " 96\na=rtpmap:96 opus/48000/2\n"
	for _, l := range lines {
		s += l + "\n"
	}
	return []byte(crlf(s))
}

// Without being asked for, keys of a description are not there: what Parse and Marshal do is what they did.
func TestKeysOnlyWhereAsked(t *testing.T) {
	line := "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key128
	if _, err := Parse(gateway("RTP/SAVP", line)); !errors.Is(err, ErrProfile) {
		t.Errorf("RTP/SAVP: %v", err)
	}
	with, err := Parse(gateway("RTP/AVP", line))
	if err != nil {
		t.Fatal(err)
	}
	if without, _ := Parse(gateway("RTP/AVP")); !reflect.DeepEqual(with, without) {
		t.Errorf("%+v and %+v", with, without)
	}
	for _, d := range []Description{ours(), ours().AnswerTo(with)} {
		if b, _ := d.Marshal(); bytes.Contains(b, []byte("crypto")) {
			t.Errorf("keys in\n%s", b)
		}
	}
}

// An offer, its answer, and the keys that both ends have then: of each suite, over both profiles.
func TestCryptoThereAndBack(t *testing.T) {
	for _, strict := range []bool{false, true} {
		for i, suite := range suites {
			caller, err := NewCrypto(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			body, err := ours().MarshalServer(caller, strict)
			if err != nil {
				t.Fatal(err)
			}
			if i > 0 { // a gateway that knows only the other
				body = []byte(strings.Replace(string(body), suites[0].name, "F8_128_HMAC_SHA1_80", 1))
			}
			offer, offered, err := ParseServer(body)
			if err != nil || offer.SAVP() != strict {
				t.Fatalf("%v\n%s", err, body)
			}
			called, err := offered.AnswerTo(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			offered.First()
			if body, err = ours().AnswerTo(offer).MarshalServer(called, false); err != nil {
				t.Fatal(err)
			}
			answer, answered, err := ParseServer(body)
			if err != nil || answer.SAVP() != strict || answer.CheckAnswer(ours()) != nil {
				t.Fatalf("%v\n%s", err, body)
			}
			if err := caller.Agree(answered); err != nil {
				t.Fatal(err)
			}
			a, err := ServerKeys(caller, answered)
			b, err2 := ServerKeys(called, offered)
			if err != nil || err2 != nil || a.Profile != suite.profile || b.Profile != suite.profile {
				t.Fatalf("%v, %v, %v, %v", err, err2, a, b)
			}
			if !bytes.Equal(a.SendKey, b.RecvKey) || !bytes.Equal(a.RecvSalt, b.SendSalt) || bytes.Equal(a.SendKey, a.RecvKey) {
				t.Error("the two ends have not the same keys")
			}
			if _, err := protect.New(*a); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestCryptoOfOthers(t *testing.T) {
	const suite = "AES_CM_128_HMAC_SHA1_80"
	for _, tt := range []struct {
		line   string
		usable bool
		err    error
	}{
		{"1 " + suite + " inline:" + key128, true, nil},
		{"7  " + suite + "  inline:" + key128 + "|2^31", true, nil},
		{"1 " + suite + " inline:" + key128 + "|16777216 WSH=64", true, nil},
		{"1 AES_256_CM_HMAC_SHA1_80 inline:" + key256, true, nil},
		{"1 AES_256_CM_HMAC_SHA1_80 inline:" + strings.TrimRight(key256, "="), true, nil},
		{"1 " + suite + " inline:" + key128 + "|2^20", false, nil},     // ends within a long call
		{"1 " + suite + " inline:" + key128 + "|2^31|1:4", false, nil}, // an identifier in each packet
		{"1 " + suite + " inline:" + key128 + "|1:4", false, nil},      //
		{"1 " + suite + " inline:" + key128 + ";inline:" + key128, false, nil},
		{"1 " + suite + " inline:" + key128 + " UNENCRYPTED_SRTP", false, nil},
		{"1 " + suite + " inline:" + key128 + " UNAUTHENTICATED_SRTP", false, nil},
		{"1 " + suite + " inline:" + key128 + " KDR=1", false, nil},
		{"1 AES_CM_128_HMAC_SHA1_32 inline:" + key128, false, nil},
		{"1 NULL_HMAC_SHA1_80 inline:" + key128, false, nil},
		{"1 AEAD_AES_256_GCM inline:AAAA", false, nil},
		{"1 " + suite + " inline:" + key128[:36], false, ErrCrypto},
		{"1 " + suite + " inline:" + key128[:39] + "!", false, ErrCrypto},
		{"1 " + suite + " inline:" + key256, false, ErrCrypto},
		{"1 " + suite + " prompt:" + key128, false, ErrCrypto},
		{"x " + suite + " inline:" + key128, false, ErrCrypto},
		{"1234567890 " + suite + " inline:" + key128, false, ErrCrypto},
		{"1 " + suite, false, ErrCrypto},
		{"", false, ErrCrypto},
	} {
		if _, usable, err := parseCrypto(tt.line); usable != tt.usable || !errors.Is(err, tt.err) {
			t.Errorf("%q: usable %v, %v", tt.line, usable, err)
		}
	}
}

// What cannot be used is passed over; what has nothing else is refused, and so is what goes too far.
func TestCryptoOfDescriptions(t *testing.T) {
	good := "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" + key128
	other := "a=crypto:1 AEAD_AES_256_GCM inline:AAAA"
	many := make([]string, maxCrypto+1)
	for i := range many {
		many[i] = fmt.Sprintf("a=crypto:%d AES_CM_128_HMAC_SHA1_80 inline:%s", i+1, key128)
	}
	for _, tt := range []struct {
		proto string
		lines []string
		keys  int
		err   error
	}{
		{"RTP/SAVP", []string{other, good}, 1, nil},
		{"RTP/SAVPF", []string{good}, 1, nil},
		{"RTP/AVP", []string{good}, 1, nil},
		{"RTP/AVP", []string{other}, 0, nil},
		{"RTP/AVP", nil, 0, nil},
		{"RTP/SAVP", []string{other}, 0, ErrProfile},
		{"RTP/SAVP", nil, 0, ErrProfile},
		{"UDP/TLS/RTP/SAVP", []string{good}, 0, ErrProfile},
		{"RTP/SAVP", []string{good, good}, 0, ErrCrypto},
		{"RTP/AVP", []string{"a=crypto:1 x"}, 0, ErrCrypto},
		{"RTP/SAVP", many, 0, ErrTooLarge},
		{"RTP/SAVP", []string{good + strings.Repeat(" ", maxCryptoLine)}, 0, ErrTooLarge},
	} {
		_, keys, err := ParseServer(gateway(tt.proto, tt.lines...))
		if !errors.Is(err, tt.err) || tt.keys == 0 && keys != nil || tt.keys > 0 && len(keys.lines) != tt.keys {
			t.Errorf("%s %q: %v", tt.proto, tt.lines, err)
		}
	}
	// A line that ZRTP can protect goes before one that comes with keys, wherever it stands.
	both := string(gateway("RTP/SAVP", good)) + crlf("m=audio 4002 RTP/AVP 97\na=rtpmap:97 opus/48000/2\n")
	if d, keys, err := ParseServer([]byte(both)); err != nil || d.SAVP() || keys != nil || d.PayloadType != 97 {
		t.Errorf("of two lines: %+v, %v", d, err)
	}
}

// An answer that gives us back our own key, or another suite, or another tag, or two keys, is none.
func TestHostileAnswers(t *testing.T) {
	mine, err := NewCrypto(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	line := func(s string) []string { return []string{"a=crypto:" + s} }
	for name, lines := range map[string][]string{
		"reflected":     line(mine.attributes()[0]),
		"another tag":   line("9 AES_CM_128_HMAC_SHA1_80 inline:" + key128),
		"another suite": line("2 AES_CM_128_HMAC_SHA1_80 inline:" + key128),
		"two":           {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key128, "a=crypto:2 AES_256_CM_HMAC_SHA1_80 inline:" + key256},
		"none":          nil,
	} {
		_, theirs, err := ParseServer(gateway("RTP/AVP", lines...))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := mine.Agree(theirs); !errors.Is(err, ErrCrypto) || len(mine.lines) != len(suites) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ServerKeys(mine, theirs); err == nil {
			t.Errorf("%s: there are keys", name)
		}
	}
	_, theirs, _ := ParseServer(gateway("RTP/AVP", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+key128))
	if err := mine.Agree(theirs); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		line string
		err  error
	}{
		"the same":        {"1 AES_CM_128_HMAC_SHA1_80 inline:" + key128, nil},
		"under a new tag": {"5 AES_CM_128_HMAC_SHA1_80 inline:" + key128, nil},
		"another key":     {"1 AES_CM_128_HMAC_SHA1_80 inline:" + strings.ToUpper(key128), ErrCrypto},
		"another suite":   {"1 AES_256_CM_HMAC_SHA1_80 inline:" + key256, ErrCrypto},
	} {
		_, now, err := ParseServer(gateway("RTP/AVP", "a=crypto:"+tt.line))
		if err != nil {
			t.Fatal(err)
		}
		if err := mine.Follow(theirs, now); !errors.Is(err, tt.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := mine.Follow(theirs, nil); !errors.Is(err, ErrCrypto) {
		t.Errorf("keys taken away: %v", err)
	}
}

func TestCryptoHidesAndWipes(t *testing.T) {
	c, _ := NewCrypto(rand.Reader)
	secret := strings.TrimPrefix(strings.Fields(c.attributes()[0])[2], "inline:")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		if s := fmt.Sprintf(verb, c); strings.Contains(s, secret) || s != "signaling.Crypto" {
			t.Errorf("%s shows %s", verb, s)
		}
	}
	key := c.lines[1].key
	c.Wipe()
	if len(c.lines) != 0 || !bytes.Equal(key, make([]byte, len(key))) {
		t.Error("not wiped")
	}
	(*Crypto)(nil).Wipe()
}

// Whatever a gateway writes: ParseServer takes all that Parse takes but for bad keys, and what it takes can be answered with keys
// that the other end then has.
func FuzzParseServer(f *testing.F) {
	f.Add(gateway("RTP/SAVP", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+key128+"|2^31"))
	f.Add(gateway("RTP/AVP", "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:"+key256+" WSH=1", "a=crypto:2 x y z"))
	f.Add(gateway("RTP/SAVPF", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+key128+"|2^31|1:4 KDR=0"))
	f.Fuzz(func(t *testing.T, in []byte) {
		plain, plainErr := Parse(in)
		offer, offered, err := ParseServer(in)
		if err != nil {
			if CauseOf(err) == NoCause || offered != nil {
				t.Fatal("an error without a cause, or with keys")
			}
			return
		}
		if plainErr == nil && !reflect.DeepEqual(plain, offer) || plainErr != nil && (!offer.SAVP() || offered == nil) {
			t.Fatalf("%v: %+v and %+v", plainErr, plain, offer)
		}
		if offered == nil {
			return
		}
		ourKeys, err := offered.AnswerTo(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		out, err := ours().AnswerTo(offer).MarshalServer(ourKeys, false)
		if err != nil {
			t.Fatal(err)
		}
		answer, answered, err := ParseServer(out)
		if err != nil || answer.SAVP() != offer.SAVP() {
			t.Fatalf("%v in our answer\n%s\nto\n%q", err, out, in)
		}
		if err := offered.Agree(answered); err != nil {
			t.Fatal(err)
		}
		if k, err := ServerKeys(offered, answered); err != nil || len(k.SendKey) != k.Profile.KeyLen() || len(k.RecvSalt) != saltLen {
			t.Fatalf("%v, %v", k, err)
		}
	})
}
