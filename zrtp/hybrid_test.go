package zrtp

import (
	"bytes"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"testing"
)

// hybridVector is one key agreement of POSTQUANTUM.md with every intermediate value.
type hybridVector struct {
	Hash                                            string
	X25519Initiator, MLKEMSeed, Nonce               octets // drawn by the initiator, in this order
	X25519Responder, MLKEMRandom                    octets // drawn by the responder
	CommitKey, Ciphertext                           octets
	X25519Result, X25519Secret, MLKEMSecret, Result octets
}

// run computes everything that follows from the drawn values.
func (v *hybridVector) run(t *testing.T) (got hybridVector) {
	t.Helper()
	h, err := ParseHash(v.Hash)
	if err != nil {
		t.Fatal(err)
	}
	got = *v
	i, err := makeHybrid(bytes.NewReader(append(append(bytes.Clone(v.X25519Initiator), v.MLKEMSeed...), v.Nonce...)), Initiator, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := makeHybrid(bytes.NewReader(v.X25519Responder), Responder, 0)
	if err != nil {
		t.Fatal(err)
	}
	got.CommitKey = i.commitKey()
	got.Ciphertext, err = r.(*hybridResponder).encapsulate(got.CommitKey, h, func(ek *mlkem.EncapsulationKey768) ([]byte, []byte) {
		secret, ct, err := mlkemtest.Encapsulate768(ek, v.MLKEMRandom)
		if err != nil {
			t.Fatal(err)
		}
		got.MLKEMSecret = bytes.Clone(secret)
		return secret, ct
	})
	if err != nil {
		t.Fatal(err)
	}
	got.Nonce = i.part2()
	a, err := i.result(got.Ciphertext, h)
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.result(got.Nonce, h)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "both sides", a, b)
	got.Result = octets(a)
	public, err := ecdh.X25519().NewPublicKey(got.Ciphertext[:32])
	if err != nil {
		t.Fatal(err)
	}
	dh, err := i.(*hybridInitiator).x.ECDH(public)
	if err != nil {
		t.Fatal(err)
	}
	got.X25519Result = dh
	x, err := dhkemSecret(h, dh, got.Ciphertext[:32], got.CommitKey[:32])
	if err != nil {
		t.Fatal(err)
	}
	got.X25519Secret = octets(x)
	return got
}

func TestHybridVectors(t *testing.T) {
	var file struct{ Vectors []hybridVector }
	readJSON(t, "hybrid.json", &file)
	if len(file.Vectors) != 4 {
		t.Fatalf("%d vectors, want 4", len(file.Vectors))
	}
	for _, v := range file.Vectors {
		got := v.run(t)
		same(t, v.Hash+" commit key", got.CommitKey, v.CommitKey)
		same(t, v.Hash+" ciphertext", got.Ciphertext, v.Ciphertext)
		same(t, v.Hash+" X25519 result", got.X25519Result, v.X25519Result)
		same(t, v.Hash+" X25519 secret", got.X25519Secret, v.X25519Secret)
		same(t, v.Hash+" ML-KEM secret", got.MLKEMSecret, v.MLKEMSecret)
		same(t, v.Hash+" DHResult", got.Result, v.Result)
	}
}

// TestHybridSizes: everything fits a datagram of 1,452 octets, so that nothing is fragmented.
func TestHybridSizes(t *testing.T) {
	g := KeyAgreementXM76.group()
	for name, x := range map[string][2]int{
		"Commit":  {headerSize + commitDHSize + g.commitSize + crcSize, 1348},
		"DHPart1": {headerSize + dhPartFixedSize + g.part1Size + crcSize, 1220},
		"DHPart2": {headerSize + dhPartFixedSize + g.part2Size + crcSize, 116},
	} {
		if x[0] != x[1] {
			t.Errorf("%s: %d octets, want %d", name, x[0], x[1])
		}
	}
}
