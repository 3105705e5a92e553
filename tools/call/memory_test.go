package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"sotto/firmware/media"
	"sotto/hal/haltest"
	"sotto/net/protect"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
	"sotto/tools/puppet"
	"sotto/zrtp"
)

// TestKeysLeaveMemory calls a handset, learns every key of the call from the other end, finds keys in the handset's
// memory while it talks, and none of them once it has hung up.
func TestKeysLeaveMemory(t *testing.T) {
	ports, err := puppet.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	bob, err := puppet.Start(sim, t.TempDir(), "Bob", fmt.Sprintf("127.0.0.1:%d", ports[0]), "speech/bob.wav")
	if err != nil {
		t.Fatal(err)
	}
	defer bob.Stop()
	must(t, bob, "ready")
	knower := dialKnowing(t, ports[0])
	must(t, bob, "ringing")
	bob.Say("press call")
	must(t, bob, "secure")
	needles := knower.needles(t)
	time.Sleep(time.Second)
	during := search(t, bob.Cmd.Process.Pid, needles)
	t.Logf("in a call of %d keys these are in memory: %v", len(needles), during)
	if len(during) < 4 { // both directions' session keys at least, or else the search finds nothing whatever is there
		t.Errorf("the search found only %v", during)
	}
	bob.Say("press end")
	must(t, bob, "ended")
	var after []string
	for until := time.Now().Add(3 * time.Second); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
		if after = search(t, bob.Cmd.Process.Pid, needles); len(after) == 0 {
			return
		}
	}
	t.Errorf("three seconds after hanging up these are still in memory: %v", after)
}

// knower is a caller that keeps what it learns: its random numbers, the ZRTP packets and the SRTP keys.
type knower struct {
	mu     sync.Mutex
	drawn  [][]byte
	sent   map[string][]byte // ZRTP messages by their type
	got    map[string][]byte
	keys   media.Keys
	secure chan struct{}
}

// dialKnowing calls the handset on that port of loopback. What it opens ends with the test.
func dialKnowing(t *testing.T, port int) *knower {
	t.Helper()
	k := &knower{sent: map[string][]byte{}, got: map[string][]byte{}, secure: make(chan struct{})}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	const ssrc = 0x4b4e4f57
	session, err := zrtp.NewSession(&zrtp.Config{ZID: zrtp.ZID{1, 2, 3}, SSRC: ssrc, Rand: k, Hashes: []zrtp.Hash{zrtp.HashS256},
		KeyAgreements: []zrtp.KeyAgreement{zrtp.KeyAgreementX255}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	line, err := sipua.New(sipua.Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Name: "knower"})
	if err != nil {
		t.Fatal(err)
	}
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	line.Dial(signaling.Dial{To: fmt.Sprintf("sip:bob@127.0.0.1:%d", port), Offer: signaling.Description{RTP: at, RTCP: at, Mux: true,
		PayloadType: signaling.OpusType, Ptime: 20, Session: 1, Version: 1,
		Hashes: []signaling.ZRTPHash{{Version: "1.10", Hash: session.HelloHash()}}}})
	w := &watchedWire{conn: conn, k: k}
	var call *media.Call
	var done sync.WaitGroup
	done.Go(func() {
		for ev := range line.Events() {
			a, ok := ev.(signaling.Answered)
			if !ok {
				continue
			}
			w.remote = a.Remote.RTP
			if call, err = media.Start(media.Config{PCM: haltest.NewSinePCM(440), RTP: w, Session: session, Protect: k.protect,
				SSRC: ssrc, PayloadType: a.Remote.PayloadType, Ptime: 20}); err != nil {
				t.Errorf("the knowing end: %v", err)
				return
			}
			done.Go(func() {
				for range call.Events() {
				}
			})
		}
	})
	t.Cleanup(func() {
		line.Close()
		conn.Close()
		if call != nil {
			call.Close()
		}
		done.Wait()
	})
	return k
}

// Read draws random octets and keeps them.
func (k *knower) Read(b []byte) (int, error) {
	n, err := io.ReadFull(rand.Reader, b)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drawn = append(k.drawn, bytes.Clone(b))
	return n, err
}

// protect keeps the keys and makes the contexts as a handset does.
func (k *knower) protect(keys media.Keys) (media.Protector, error) {
	k.mu.Lock()
	if k.keys.Cipher == 0 && len(k.keys.Send.Key) == 0 {
		k.keys = keys
		k.keys.Send = zrtp.SRTPKey{Key: bytes.Clone(keys.Send.Key), Salt: bytes.Clone(keys.Send.Salt)}
		k.keys.Receive = zrtp.SRTPKey{Key: bytes.Clone(keys.Receive.Key), Salt: bytes.Clone(keys.Receive.Salt)}
		close(k.secure)
	}
	k.mu.Unlock()
	profile := protect.AES1HS80
	if len(keys.Send.Key) == 32 {
		profile = protect.AES3HS80
	}
	return protect.New(protect.Keys{Profile: profile, SendKey: keys.Send.Key, SendSalt: keys.Send.Salt, RecvKey: keys.Receive.Key,
		RecvSalt: keys.Receive.Salt, RemoteSSRC: keys.RemoteSSRC})
}

// keep files a ZRTP packet under its message's type; other packets pass.
func (k *knower) keep(in map[string][]byte, packet []byte) {
	// RFC 6189, Section 5: a header of 12 octets, then a message with its type at octet 4, and a CRC of 4 octets at the end.
	if len(packet) < 12+12+4 || packet[0]>>4 != 1 {
		return
	}
	message := packet[12 : len(packet)-4]
	k.mu.Lock()
	defer k.mu.Unlock()
	in[strings.TrimSpace(string(message[4:12]))] = bytes.Clone(message)
}

// needle is a secret and what it is called.
type needle struct {
	name   string
	octets []byte
}

// needles are the secrets of the call, derived as RFC 6189, Section 4.5, and RFC 3711, Section 4.3, say.
func (k *knower) needles(t *testing.T) []needle {
	t.Helper()
	<-k.secure
	k.mu.Lock()
	defer k.mu.Unlock()
	all := append(k.sessionKeys("send", k.keys.Send), k.sessionKeys("receive", k.keys.Receive)...)
	result := k.dhResult(t)
	return append(all, needle{"DHResult", result}, needle{"s0", k.s0(t, result)})
}

// dhResult finds the private key among what was drawn: the one whose public key was sent.
func (k *knower) dhResult(t *testing.T) []byte {
	t.Helper()
	ours, theirs := k.sent["DHPart1"], k.got["DHPart2"]
	if ours == nil {
		ours, theirs = k.sent["DHPart2"], k.got["DHPart1"]
	}
	// RFC 6189, Section 5.5: H1 of 32 octets and four identifiers of 8 stand before pv.
	const pv = 12 + 32 + 4*8
	for _, d := range k.drawn {
		if len(d) != 32 {
			continue
		}
		private, err := ecdh.X25519().NewPrivateKey(d)
		if err != nil || !bytes.Equal(private.PublicKey().Bytes(), ours[pv:pv+32]) {
			continue
		}
		public, err := ecdh.X25519().NewPublicKey(theirs[pv : pv+32])
		if err != nil {
			t.Fatal(err)
		}
		result, err := private.ECDH(public)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	t.Fatal("the private key was not drawn as 32 octets")
	return nil
}

// s0 is RFC 6189, Section 4.4.1.4, without any shared secret, and it is right only when an SRTP key follows from it.
func (k *knower) s0(t *testing.T, result []byte) []byte {
	t.Helper()
	// Both may have sent a Commit; the initiator is who sent DHPart2, and it encrypts what it sends with its own key.
	initiator, responder, master := k.got, k.sent, k.keys.Receive.Key
	if k.sent["DHPart2"] != nil {
		initiator, responder, master = k.sent, k.got, k.keys.Send.Key
	}
	// RFC 6189, Section 5.2: the version, the client identifier and H3 stand before the ZID of a Hello; Section 5.4: H2 before
	// that of a Commit.
	hello, commit := responder["Hello"], initiator["Commit"]
	zidI, zidR := commit[12+32:][:12], hello[12+4+16+32:][:12]
	total := sha256.New()
	for _, m := range [][]byte{hello, commit, responder["DHPart1"], initiator["DHPart2"]} {
		total.Write(m)
	}
	context := append(append(bytes.Clone(zidI), zidR...), total.Sum(nil)...)
	h := sha256.New()
	h.Write([]byte{0, 0, 0, 1})
	h.Write(result)
	h.Write([]byte("ZRTP-HMAC-KDF"))
	h.Write(context)
	h.Write(make([]byte, 3*4)) // len(s1), len(s2), len(s3)
	s0 := h.Sum(nil)
	m := hmac.New(sha256.New, s0)
	m.Write([]byte{0, 0, 0, 1})
	m.Write([]byte("Initiator SRTP master key\x00"))
	m.Write(context)
	m.Write(binary.BigEndian.AppendUint32(nil, uint32(8*len(master))))
	if !bytes.Equal(m.Sum(nil)[:len(master)], master) {
		t.Fatal("s0 was not derived as the handsets do")
	}
	return s0
}

// sessionKeys are what SRTP makes of a master key (RFC 3711, Section 4.3.1), and the master key itself. Salts are no keys.
func (k *knower) sessionKeys(name string, key zrtp.SRTPKey) []needle {
	all := []needle{{name + " master key", key.Key}}
	for label, part := range []struct {
		name string
		size int
	}{0: {"SRTP key", len(key.Key)}, 1: {"SRTP authentication", 20}, 3: {"SRTCP key", len(key.Key)}, 4: {"SRTCP authentication", 20}} {
		if part.size == 0 {
			continue
		}
		iv := make([]byte, 16)
		copy(iv, key.Salt)
		iv[7] ^= byte(label)
		block, err := aes.NewCipher(key.Key)
		if err != nil {
			panic(err)
		}
		out := make([]byte, part.size)
		cipher.NewCTR(block, iv).XORKeyStream(out, out)
		all = append(all, needle{name + " " + part.name, out})
	}
	return all
}

// watchedWire is the media's way, with the ZRTP messages kept.
type watchedWire struct {
	conn   *net.UDPConn
	remote netip.AddrPort
	k      *knower
}

func (w *watchedWire) ReadPacket(dst []byte) (int, error) {
	n, _, err := w.conn.ReadFromUDPAddrPort(dst)
	w.k.keep(w.k.got, dst[:n])
	return n, err
}

func (w *watchedWire) WritePacket(packet []byte) error {
	w.k.keep(w.k.sent, packet)
	_, err := w.conn.WriteToUDPAddrPort(packet, w.remote)
	return err
}

// search names the needles that stand in the process's writable memory, as they are or as big-endian words turned round,
// which is how AES in Go's own code has them.
func search(t *testing.T, pid int, needles []needle) (found []string) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	seen := map[string]int{}
	total := 0
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil || !strings.HasPrefix(mode, "rw") {
			continue
		}
		region := make([]byte, min(to-from, 1<<30))
		n, _ := mem.ReadAt(region, int64(from)) // what was never touched cannot be read
		total += n
		for _, s := range needles {
			c := bytes.Count(region[:n], s.octets)
			if turned := turn(s.octets); turned != nil {
				c += bytes.Count(region[:n], turned)
			}
			seen[s.name] += c
		}
	}
	if total < 1<<20 {
		t.Fatalf("only %d octets of memory could be read", total)
	}
	for _, s := range needles {
		if seen[s.name] > 0 {
			found = append(found, fmt.Sprintf("%s (%d)", s.name, seen[s.name]))
		}
	}
	return found
}

// turn reverses each word of four octets.
func turn(b []byte) []byte {
	out := bytes.Clone(b)
	for i := 0; i+4 <= len(out); i += 4 {
		out[i], out[i+1], out[i+2], out[i+3] = out[i+3], out[i+2], out[i+1], out[i]
	}
	return out
}
