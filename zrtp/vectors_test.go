package zrtp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"os"
	"strings"
	"testing"
)

// octets is a JSON string of hexadecimal digits.
type octets []byte

func (o *octets) UnmarshalText(b []byte) (err error) {
	*o, err = hex.DecodeString(string(b))
	return err
}

type vectorSide struct {
	H0, H1, H2, H3, ZID, SV, PV, Hello, RS1, RS2, Aux, PBX, IDs octets
	HelloHash                                                   octets `json:"hello_hash"`
}

type vectorKeys struct {
	SRTPKeyI, SRTPSaltI, SRTPKeyR, SRTPSaltR, MACKeyI, MACKeyR, ZRTPKeyI, ZRTPKeyR octets
	ZRTPSess, SASHash, Exported, RS1                                               octets
	SASB32                                                                         string `json:"sas_b32"`
}

type vectorShort struct {
	InitiatorH0    octets `json:"initiator_h0"`
	ResponderH0    octets `json:"responder_h0"`
	InitiatorHello octets `json:"initiator_hello"`
	ResponderHello octets `json:"responder_hello"`
	RS1, Nonce     octets
	PresharedKey   octets `json:"preshared_key"`
	KeyID, Commit  octets
	TotalHash      octets `json:"total_hash"`
	S0             octets
	Keys           vectorKeys
	Confirm1       octets
	Confirm2       octets
}

type vectorSession struct {
	Name, KA, Hash, Cipher, Auth, SAS                           string
	Initiator, Responder                                        vectorSide
	Commit, HVI, DHPart1, DHPart2, DHResult, S1, S2, S3, S0     octets
	TotalHash                                                   octets `json:"total_hash"`
	KDFContext                                                  octets `json:"kdf_context"`
	Keys                                                        vectorKeys
	IV1, IV2, Confirm1, Confirm2, Conf2ACK, HelloACK, PBXSecret octets
	GoClearI                                                    octets `json:"goclear_from_initiator"`
	GoClearR                                                    octets `json:"goclear_from_responder"`
	SessAfterClear                                              octets `json:"zrtpsess_after_goclear"`
	SRTPS                                                       octets `json:"srtps_from_00x16_salt_01x14"`
	Relay                                                       octets `json:"sasrelay_from_responder"`
	Packet                                                      struct {
		Seq  uint16
		SSRC octets
		Hex  octets
	} `json:"packet_example"`
	Multistream, Preshared vectorShort
}

type vectorFile struct {
	Primitives struct {
		CRC32C map[string]octets
		Base32 map[string]string
		KDF    []struct {
			Hash, Label string
			KI, Context octets
			Bits        int
			Out         octets
		}
		CFB []struct{ Key, IV, PT, CT octets }
	}
	Sessions []vectorSession
}

func readJSON(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func vectors(t testing.TB) *vectorFile {
	v := new(vectorFile)
	readJSON(t, "sessions.json", v)
	return v
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %x\nwant %x", what, got, want)
	}
}

func TestPrimitives(t *testing.T) {
	v := vectors(t).Primitives
	for in, want := range v.CRC32C {
		sum := crc32.Checksum([]byte(in), castagnoli)
		same(t, "crc "+in, []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}, want)
	}
	for in, want := range v.Base32 {
		b, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := SASB32.render(b); got != want {
			t.Errorf("base32 %s: %s, want %s", in, got, want)
		}
	}
	for _, k := range v.KDF {
		h, err := ParseHash(k.Hash)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "kdf "+k.Hash+" "+k.Label, newKDF(h, k.KI, k.Context).derive(k.Label, k.Bits/8), k.Out)
	}
	for _, c := range v.CFB {
		if len(c.Key) == 24 {
			continue // AES2 is not offered: SRTP has no AES-192 here
		}
		data := bytes.Clone(c.PT)
		cfb(c.Key, c.IV, data, true)
		same(t, "cfb encrypt", data, c.CT)
		cfb(c.Key, c.IV, data, false)
		same(t, "cfb decrypt", data, c.PT)
	}
}

// TestPublishedKDF checks the KDF values that GNU ZRTP and bzrtp publish, and the H chain and a=zrtp-hash of their trace.
func TestPublishedKDF(t *testing.T) {
	var v struct {
		KDF []struct {
			KI, Context octets
			Label       string
			Bits        int
			Out         octets
		}
		Trace map[string]octets
		HR    []octets          `json:"H_responder_12345678"`
		HI    []octets          `json:"H_initiator_87654321"`
		Hash  map[string]octets `json:"hello_hash"`
		Keys  struct{ MACKeyI, MACKeyR, ZRTPKeyI, ZRTPKeyR octets }
	}
	readJSON(t, "published-bzrtp-patterns.json", &v)
	for _, k := range v.KDF {
		same(t, k.Label, newKDF(HashS256, k.KI, k.Context).derive(k.Label, k.Bits/8), k.Out)
	}
	for name, p := range v.Trace {
		ssrc, m, err := consumePacket(p)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		kind, err := consumeFrame(m)
		if err != nil || kind == msgUnknown {
			t.Fatalf("%s: kind %v, %v", name, kind, err)
		}
		chain := v.HI
		if ssrc == 0x12345678 {
			chain = v.HR
		}
		if key := map[messageType]int{msgHello: 2, msgCommit: 1, msgDHPart1: 0, msgDHPart2: 0}; key[kind] != 0 || kind == msgDHPart1 {
			if !chainMACValid(chain[key[kind]], m) {
				t.Errorf("%s: chain MAC", name)
			}
		}
		if kind == msgHello {
			same(t, "hello hash", digest(HashS256, m), v.Hash[hex.EncodeToString(p[8:12])])
		}
	}
	for name, k := range map[string][3]octets{"confirm1": {v.Keys.MACKeyR, v.Keys.ZRTPKeyR, v.HR[0]},
		"confirm2": {v.Keys.MACKeyI, v.Keys.ZRTPKeyI, v.HI[0]}} {
		plain, ok := openEnvelope(v.Trace[name][headerSize:len(v.Trace[name])-crcSize], HashS256, k[0], k[1])
		if !ok {
			t.Fatalf("%s: MAC", name)
		}
		c, err := consumeConfirm(plain)
		if err != nil {
			t.Fatal(err)
		}
		same(t, name+" H0", c.h0[:], k[2])
	}
}

func TestSASWords(t *testing.T) {
	data, err := os.ReadFile("testdata/sas-words.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		var v struct {
			SASValue, B256   octets
			B32, Words, Full string
		}
		var raw map[string]any
		if err := json.Unmarshal([]byte(line), &raw); err != nil {
			t.Fatal(err)
		}
		if raw["sasvalue"] != nil {
			if err := json.Unmarshal([]byte(strings.Replace(line, `"B256"`, `"full"`, 1)), &v); err != nil {
				t.Fatal(err)
			}
			if got := SASB32.render(v.SASValue); got != v.B32 {
				t.Errorf("B32 %x: %s, want %s", v.SASValue, got, v.B32)
			}
			if got := SASB256.render(v.SASValue); got != v.Full {
				t.Errorf("B256 %x: %s, want %s", v.SASValue, got, v.Full)
			}
		} else if raw["b256"] != nil {
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				t.Fatal(err)
			}
			n++
			if got := SASB256.render(v.B256); got != v.Words {
				t.Errorf("B256 %x: %s, want %s", v.B256, got, v.Words)
			}
		}
	}
	if n != 256 {
		t.Errorf("%d word pairs, want 256", n)
	}
}

// TestVectorKeys derives every value of every session from its public and secret inputs.
func TestVectorKeys(t *testing.T) {
	for _, v := range vectors(t).Sessions {
		t.Run(v.Name, func(t *testing.T) { v.check(t) })
	}
}

func (v *vectorSession) algorithms(t testing.TB) (ka KeyAgreement, h Hash, c Cipher) {
	t.Helper()
	ka, err := ParseKeyAgreement(v.KA)
	if err != nil {
		t.Fatal(err)
	}
	if h, err = ParseHash(v.Hash); err != nil {
		t.Fatal(err)
	}
	if c, err = ParseCipher(v.Cipher); err != nil {
		t.Fatal(err)
	}
	return ka, h, c
}

func (v *vectorSession) check(t *testing.T) {
	ka, h, c := v.algorithms(t)
	make := func(s *vectorSide, peer *vectorSide) {
		a, err := ka.group().make(bytes.NewReader(s.SV), Initiator, len(s.SV))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "pv", a.part2(), s.PV)
		result, err := a.result(peer.PV, h)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "DHResult", result, v.DHResult)
		chain, err := newHashChain(bytes.NewReader(s.H0))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "H3", chain[3][:], s.H3)
		same(t, "hello hash", digest(HashS256, s.Hello), s.HelloHash)
	}
	make(&v.Initiator, &v.Responder)
	make(&v.Responder, &v.Initiator)
	same(t, "hvi", digest(h, v.DHPart2, v.Responder.Hello)[:32], v.HVI)
	zi, zr := ZID(v.Initiator.ZID), ZID(v.Responder.ZID)
	context := kdfContext(h, zi, zr, v.Responder.Hello, v.Commit, v.DHPart1, v.DHPart2)
	same(t, "context", context, v.KDFContext)
	s0 := sharedSecretDH(h, Secret(v.DHResult).clone(), context,
		&shared{s1: Secret(v.S1), s2: Secret(v.S2), s3: Secret(v.S3)})
	same(t, "s0", s0, v.S0)
	k := deriveKeys(h, c, s0, context, true)
	v.Keys.check(t, &k)
	same(t, "sess", k.session, v.Keys.ZRTPSess)
	cl := call{zids: [2]ZID{zi, zr}, session: k.session, alg: Algorithms{Hash: h}}
	s := Session{call: &cl}
	same(t, "pbxsecret", s.pbxSecret(), v.PBXSecret)
	same(t, "GoClear i", createGoClear(h, k.mac[0]), v.GoClearI)
	same(t, "GoClear r", createGoClear(h, k.mac[1]), v.GoClearR)
	relay := sasRelay{flags: 0, scheme: SASB32, sasHash: [32]byte(k.sasHash)}
	if plain, ok := openEnvelope(v.Relay, h, k.mac[1], k.zrtp[1]); ok {
		got, err := consumeRelay(plain)
		if err != nil {
			t.Fatal(err)
		}
		relay.flags, relay.scheme, relay.sasHash = got.flags, got.scheme, got.sasHash
	} else {
		t.Error("SASrelay MAC")
	}
	same(t, "relay", sealEnvelope(msgSASrelay, h, k.mac[1], k.zrtp[1], v.IV1, relay.plaintext()), v.Relay)
	srtps := srtpSecret(h, &SDES{make0(16, 0), make0(14, 1)}, zi, zr)
	same(t, "srtps", srtps, v.SRTPS)
	(&cl).sasHash = nil
	s.close.clearing = true
	s.cleared()
	same(t, "ZRTPSess after GoClear", cl.session, v.SessAfterClear)
	var packet [MaxPacketSize]byte
	n := createPacket(packet[:], v.Initiator.Hello, v.Packet.Seq, 0xdeadbeef)
	same(t, "packet", packet[:n], v.Packet.Hex)
	v.checkShort(t, h, c, zi, zr)
}

func make0(n int, b byte) Secret { return bytes.Repeat([]byte{b}, n) }

// checkShort checks the Multistream and Preshared exchanges that follow the session.
func (v *vectorSession) checkShort(t *testing.T, h Hash, c Cipher, zi, zr ZID) {
	psk := presharedKey(h, Secret(v.Preshared.RS1), Secret(v.Initiator.Aux), Secret(v.Initiator.PBX))
	same(t, "preshared_key", psk, v.Preshared.PresharedKey)
	same(t, "keyID", keyID(h, psk), v.Preshared.KeyID)
	for _, x := range []struct {
		v     *vectorShort
		key   Secret
		label string
		first bool
	}{{&v.Multistream, Secret(v.Keys.ZRTPSess), "ZRTP MSK", false}, {&v.Preshared, psk, "ZRTP PSK", true}} {
		context := kdfContext(h, zi, zr, x.v.ResponderHello, x.v.Commit)
		s0 := newKDF(h, x.key, context).derive(x.label, h.size())
		same(t, x.label, s0, x.v.S0)
		k := deriveKeys(h, c, s0, context, x.first)
		x.v.Keys.check(t, &k)
		if x.v.Confirm1 == nil { // the Preshared vectors end with the keys
			if x.v != &v.Preshared {
				t.Error("no Confirm1")
			}
		} else if plain, ok := openEnvelope(x.v.Confirm1, h, k.mac[1], k.zrtp[1]); !ok {
			t.Error(x.label, "Confirm1 MAC")
		} else if got, err := consumeConfirm(plain); err != nil || !bytes.Equal(got.h0[:], x.v.ResponderH0) {
			t.Error(x.label, "H0", err)
		}
		parsed, err := consumeCommit(x.v.Commit)
		if err != nil {
			t.Fatal(err)
		}
		chain, err := newHashChain(bytes.NewReader(x.v.InitiatorH0))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "commit", createCommit(&parsed, &chain), x.v.Commit)
	}
}

func (v *vectorKeys) check(t *testing.T, k *keys) {
	t.Helper()
	for i, want := range [2][4]octets{{v.SRTPKeyI, v.SRTPSaltI, v.MACKeyI, v.ZRTPKeyI},
		{v.SRTPKeyR, v.SRTPSaltR, v.MACKeyR, v.ZRTPKeyR}} {
		same(t, "srtpkey", k.srtp[i].Key, want[0])
		same(t, "srtpsalt", k.srtp[i].Salt, want[1])
		same(t, "mackey", k.mac[i], want[2])
		same(t, "zrtpkey", k.zrtp[i], want[3])
	}
	if v.ZRTPSess == nil {
		return
	}
	same(t, "ZRTPSess", k.session, v.ZRTPSess)
	same(t, "exported", k.exported, v.Exported)
	same(t, "rs1", k.newRS1, v.RS1)
	same(t, "sashash", k.sasHash, v.SASHash)
	if got := SASB32.render(k.sasHash); got != v.SASB32 {
		t.Errorf("SAS %s, want %s", got, v.SASB32)
	}
}
